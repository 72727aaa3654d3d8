/* Weights at load, AVX-512 forms. */
#include <math.h>
#include <string.h>

#include "compute/linear_avx512.h"
#include "compute/simd_avx512.h"

static void read_q8_0(float *y, const void *blocks, size_t n)
{
    const uint8_t *block = blocks;

    for (size_t i = 0; i < n; i += 32, block += 34) {
        uint16_t half;
        memcpy(&half, block, sizeof half);
        __m512 d = _mm512_set1_ps(_cvtsh_ss(half));
        __m128i low = _mm_loadu_si128((const __m128i *)(const void *)(block + 2));
        __m128i high = _mm_loadu_si128((const __m128i *)(const void *)(block + 18));
        _mm512_storeu_ps(y + i, _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(low)), d));
        _mm512_storeu_ps(y + i + 16,
                         _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(high)), d));
    }
}

/* The largest magnitude, or what is not finite. */
static float max_magnitude(const float *x, size_t n)
{
    __m512i magnitude = _mm512_set1_epi32(0x7fffffff), max = _mm512_setzero_si512();

    for (size_t i = 0; i < n; i += 16) {
        __m512i bits = _mm512_castps_si512(_mm512_maskz_loadu_ps(ut_lanes16(n - i), x + i));
        max = _mm512_max_epu32(max, _mm512_and_si512(bits, magnitude));
    }
    int most = (int)_mm512_reduce_max_epu32(max);
    return _mm_cvtss_f32(_mm_castsi128_ps(_mm_cvtsi32_si128(most)));
}

static float pack_s8(int8_t *column, int32_t *sum, const float *x, size_t n)
{
    float amax = max_magnitude(x, n);
    bool finite = isfinite(amax), zeros = !finite || amax < 1e-30f;
    __m512 inverse = _mm512_set1_ps(zeros ? 0.0f : 127.0f / amax);
    __m512i sums = _mm512_setzero_si512();

    for (size_t i = 0; i < n; i += 16, column += 16 * UT_PANEL) {
        __mmask16 lanes = zeros ? 0 : ut_lanes16(n - i);
        __m512 v = _mm512_mul_ps(_mm512_maskz_loadu_ps(lanes, x + i), inverse);
        v = _mm512_max_ps(v, _mm512_set1_ps(-127.0f));
        __m512i q = _mm512_cvtps_epi32(_mm512_min_ps(v, _mm512_set1_ps(127.0f)));
        sums = _mm512_add_epi32(sums, q);
        int8_t bytes[16];
        _mm_storeu_si128((__m128i *)(void *)bytes, _mm512_cvtepi32_epi8(q));
        if (n - i >= 16) {
            for (size_t k = 0; k < 4; k++)
                memcpy(column + k * 4 * UT_PANEL, bytes + 4 * k, 4);
        } else {
            for (size_t k = 0; k < n - i; k++)
                column[k / 4 * 4 * UT_PANEL + k % 4] = bytes[k];
        }
    }
    *sum = _mm512_reduce_add_epi32(sums);
    if (!finite)
        return NAN;
    return zeros ? 0.0f : amax / 127.0f;
}

void ut_linear_ops_init_pack_avx512(struct ut_linear_ops *ops)
{
    ops->read_q8_0 = read_q8_0;
    ops->pack_s8 = pack_s8;
}
