/*
 * The scalar attention kernels: the specification, and what any processor runs.
 */
#ifndef UT_COMPUTE_ATTENTION_SCALAR_H
#define UT_COMPUTE_ATTENTION_SCALAR_H

#include "compute/attention_ops.h"

void ut_attention_ops_init_scalar(struct ut_attention_ops *ops);

#endif
