#include <immintrin.h>

#include "compute/peak_ops.h"

static size_t bf16(size_t n)
{
    __m512 sum[UT_PEAK_SUMS];
    __m512bh a = _mm512_cvtne2ps_pbh(_mm512_set1_ps(0.5f), _mm512_set1_ps(0.5f));

#pragma GCC unroll 12
    for (int j = 0; j < UT_PEAK_SUMS; j++)
        sum[j] = _mm512_setzero_ps();
    for (size_t i = 0; i < n; i++) {
#pragma GCC unroll 12
        for (int j = 0; j < UT_PEAK_SUMS; j++) {
            sum[j] = _mm512_dpbf16_ps(sum[j], a, a);
            __asm__ volatile("" : "+v"(sum[j]));
        }
    }
    return (size_t)2 * 32 * UT_PEAK_SUMS;
}

void ut_peak_ops_init_bf16(struct ut_peak_ops *ops)
{
    ops->bf16 = bf16;
}
