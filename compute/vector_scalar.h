/*
 * The scalar vector kernels: the specification, and what any processor runs.
 */
#ifndef UT_COMPUTE_VECTOR_SCALAR_H
#define UT_COMPUTE_VECTOR_SCALAR_H

#include "compute/vector_ops.h"

void ut_vector_ops_init_scalar(struct ut_vector_ops *ops);

#endif
