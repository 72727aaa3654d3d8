/* AVX2 forms of the vector kernels. vector_scalar.c defines them. */
#ifndef UT_COMPUTE_VECTOR_AVX2_H
#define UT_COMPUTE_VECTOR_AVX2_H

#include "compute/vector_ops.h"

void ut_vector_ops_init_avx2(struct ut_vector_ops *ops);

#endif
