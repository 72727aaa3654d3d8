/* AVX-512 VNNI forms of the hot kernels. */
#ifndef UT_COMPUTE_INTERIM_AVX512_H
#define UT_COMPUTE_INTERIM_AVX512_H

#include "compute/attention_ops.h"
#include "compute/linear_ops.h"

void ut_interim_avx512_linear(struct ut_linear_ops *ops);
void ut_interim_avx512_attention(struct ut_attention_ops *ops);

#endif
