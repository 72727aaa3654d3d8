/* NEON forms of the linear kernels for aarch64. linear_scalar.c defines them. */
#ifndef UT_COMPUTE_LINEAR_NEON_H
#define UT_COMPUTE_LINEAR_NEON_H

#include "compute/linear_ops.h"

/* Overrides rows, products and the epilogue; zero stays 0. */
void ut_linear_ops_init_neon(struct ut_linear_ops *ops);

/* Overrides the int8 product. Needs the dot product instructions. */
void ut_linear_ops_init_dotprod(struct ut_linear_ops *ops);

#endif
