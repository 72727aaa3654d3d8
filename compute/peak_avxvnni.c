#include <immintrin.h>

#include "compute/peak_ops.h"

static size_t s8(size_t n)
{
    __m256i sum[UT_PEAK_SUMS], a = _mm256_set1_epi8(1);

#pragma GCC unroll 12
    for (int j = 0; j < UT_PEAK_SUMS; j++)
        sum[j] = _mm256_setzero_si256();
    for (size_t i = 0; i < n; i++) {
#pragma GCC unroll 12
        for (int j = 0; j < UT_PEAK_SUMS; j++) {
            sum[j] = _mm256_dpbusd_avx_epi32(sum[j], a, a);
            __asm__ volatile("" : "+x"(sum[j]));
        }
    }
    return (size_t)2 * 32 * UT_PEAK_SUMS;
}

void ut_peak_ops_init_avxvnni(struct ut_peak_ops *ops)
{
    ops->s8 = s8;
}
