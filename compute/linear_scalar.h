/*
 * The scalar kernels of linear layers: the specification, and what any processor runs.
 */
#ifndef UT_COMPUTE_LINEAR_SCALAR_H
#define UT_COMPUTE_LINEAR_SCALAR_H

#include "compute/linear_ops.h"

void ut_linear_ops_init_scalar(struct ut_linear_ops *ops);

#endif
