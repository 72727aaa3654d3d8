#include <immintrin.h>

#include "compute/peak_ops.h"

/* As the kernel does it: pairs of bytes to 16 bits, pairs of those to 32, and a sum. */
static size_t s8(size_t n)
{
    __m256i sum[UT_PEAK_SUMS], a = _mm256_set1_epi8(1), ones = _mm256_set1_epi16(1);

#pragma GCC unroll 12
    for (int j = 0; j < UT_PEAK_SUMS; j++)
        sum[j] = _mm256_setzero_si256();
    for (size_t i = 0; i < n; i++) {
#pragma GCC unroll 12
        for (int j = 0; j < UT_PEAK_SUMS; j++) {
            __m256i pairs = _mm256_maddubs_epi16(a, a);
            __asm__ volatile("" : "+x"(pairs));
            sum[j] = _mm256_add_epi32(sum[j], _mm256_madd_epi16(pairs, ones));
            __asm__ volatile("" : "+x"(sum[j]));
        }
    }
    return (size_t)2 * 32 * UT_PEAK_SUMS;
}

static size_t f32(size_t n)
{
    __m256 sum[UT_PEAK_SUMS], a = _mm256_set1_ps(0.5f);

#pragma GCC unroll 12
    for (int j = 0; j < UT_PEAK_SUMS; j++)
        sum[j] = _mm256_setzero_ps();
    for (size_t i = 0; i < n; i++) {
#pragma GCC unroll 12
        for (int j = 0; j < UT_PEAK_SUMS; j++) {
            sum[j] = _mm256_fmadd_ps(a, a, sum[j]);
            __asm__ volatile("" : "+x"(sum[j]));
        }
    }
    return (size_t)2 * 8 * UT_PEAK_SUMS;
}

static void read_bytes(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i += (size_t)8 * 32) {
#pragma GCC unroll 8
        for (size_t j = 0; j < 8; j++) {
            __m256i x = _mm256_load_si256((const __m256i *)(const void *)(p + i + 32 * j));
            __asm__ volatile("" : : "x"(x));
        }
    }
}

void ut_peak_ops_init_avx2(struct ut_peak_ops *ops)
{
    ops->s8 = s8;
    ops->f32 = f32;
    ops->read = read_bytes;
}
