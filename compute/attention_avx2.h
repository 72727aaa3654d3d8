/* AVX2 forms of the attention kernels, those in bf16 apart. attention_scalar.c defines them. */
#ifndef UT_COMPUTE_ATTENTION_AVX2_H
#define UT_COMPUTE_ATTENTION_AVX2_H

#include "compute/attention_ops.h"

void ut_attention_ops_init_avx2(struct ut_attention_ops *ops);

#endif
