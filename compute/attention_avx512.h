/* AVX-512 forms of the attention kernels. attention_scalar.c defines them. */
#ifndef UT_COMPUTE_ATTENTION_AVX512_H
#define UT_COMPUTE_ATTENTION_AVX512_H

#include "compute/attention_ops.h"

void ut_attention_ops_init_avx512(struct ut_attention_ops *ops);

#endif
