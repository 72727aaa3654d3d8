/* AVX-512 forms of the attention kernels. attention_scalar.c defines them. */
#ifndef UT_COMPUTE_ATTENTION_AVX512_H
#define UT_COMPUTE_ATTENTION_AVX512_H

#include "compute/attention_ops.h"

void ut_attention_ops_init_avx512(struct ut_attention_ops *ops);
void ut_attention_ops_init_rows_avx512(struct ut_attention_ops *ops);

/* The bf16 forms: packing and softmax, then the products by AVX512_BF16 or by AMX tiles. */
void ut_attention_ops_init_pairs(struct ut_attention_ops *ops);
void ut_attention_ops_init_bf16(struct ut_attention_ops *ops);
void ut_attention_ops_init_amx(struct ut_attention_ops *ops);

#endif
