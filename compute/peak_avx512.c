#include <immintrin.h>

#include "compute/peak_ops.h"

/* int8 stays with the 256-bit form: there is no AVX-512 kernel for it without VNNI. */
static size_t f32(size_t n)
{
    __m512 sum[UT_PEAK_SUMS], a = _mm512_set1_ps(0.5f);

#pragma GCC unroll 12
    for (int j = 0; j < UT_PEAK_SUMS; j++)
        sum[j] = _mm512_setzero_ps();
    for (size_t i = 0; i < n; i++) {
#pragma GCC unroll 12
        for (int j = 0; j < UT_PEAK_SUMS; j++) {
            sum[j] = _mm512_fmadd_ps(a, a, sum[j]);
            __asm__ volatile("" : "+v"(sum[j]));
        }
    }
    return (size_t)2 * 16 * UT_PEAK_SUMS;
}

static void read_bytes(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i += (size_t)8 * 64) {
#pragma GCC unroll 8
        for (size_t j = 0; j < 8; j++) {
            __m512i x = _mm512_load_si512(p + i + 64 * j);
            __asm__ volatile("" : : "v"(x));
        }
    }
}

void ut_peak_ops_init_avx512(struct ut_peak_ops *ops)
{
    ops->f32 = f32;
    ops->read = read_bytes;
}
