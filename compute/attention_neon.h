/* NEON forms of the attention kernels, those in bf16 apart. attention_scalar.c defines them. */
#ifndef UT_COMPUTE_ATTENTION_NEON_H
#define UT_COMPUTE_ATTENTION_NEON_H

#include "compute/attention_ops.h"

void ut_attention_ops_init_neon(struct ut_attention_ops *ops);

#endif
