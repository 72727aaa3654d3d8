/* AVX-512 forms of the vector kernels. vector_scalar.c defines them. */
#ifndef UT_COMPUTE_VECTOR_AVX512_H
#define UT_COMPUTE_VECTOR_AVX512_H

#include "compute/vector_ops.h"

void ut_vector_ops_init_avx512(struct ut_vector_ops *ops);

#endif
