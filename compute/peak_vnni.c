#include <immintrin.h>

#include "compute/peak_ops.h"

static size_t s8(size_t n)
{
    __m512i sum[UT_PEAK_SUMS], a = _mm512_set1_epi8(1);

#pragma GCC unroll 12
    for (int j = 0; j < UT_PEAK_SUMS; j++)
        sum[j] = _mm512_setzero_si512();
    for (size_t i = 0; i < n; i++) {
#pragma GCC unroll 12
        for (int j = 0; j < UT_PEAK_SUMS; j++) {
            sum[j] = _mm512_dpbusd_epi32(sum[j], a, a);
            __asm__ volatile("" : "+v"(sum[j]));
        }
    }
    return (size_t)2 * 64 * UT_PEAK_SUMS;
}

void ut_peak_ops_init_vnni(struct ut_peak_ops *ops)
{
    ops->s8 = s8;
}
