/* NEON forms of the vector kernels. vector_scalar.c defines them. */
#ifndef UT_COMPUTE_VECTOR_NEON_H
#define UT_COMPUTE_VECTOR_NEON_H

#include "compute/vector_ops.h"

void ut_vector_ops_init_neon(struct ut_vector_ops *ops);

#endif
