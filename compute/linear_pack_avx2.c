/* Weights at load, AVX2 forms. */
#include <math.h>
#include <string.h>

#include "compute/linear_avx2.h"
#include "compute/simd_avx2.h"

UT_INLINE __m256 eight_bytes(const uint8_t *q, __m256 d)
{
    __m128i bytes = _mm_loadl_epi64((const __m128i *)(const void *)q);

    return _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes)), d);
}

static void read_q8_0(float *y, const void *blocks, size_t n)
{
    const uint8_t *block = blocks;

    for (size_t i = 0; i < n; i += 32, block += 34) {
        uint16_t half;
        memcpy(&half, block, sizeof half);
        __m256 d = _mm256_set1_ps(_cvtsh_ss(half));
        for (size_t j = 0; j < 32; j += 8)
            _mm256_storeu_ps(y + i + j, eight_bytes(block + 2 + j, d));
    }
}

static void read_f16(float *y, const void *halves, size_t n)
{
    const uint8_t *p = halves;
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        __m128i h = _mm_loadu_si128((const __m128i *)(const void *)(p + 2 * i));
        _mm256_storeu_ps(y + i, _mm256_cvtph_ps(h));
    }
    for (; i < n; i++) {
        uint16_t half;
        memcpy(&half, p + 2 * i, sizeof half);
        y[i] = _cvtsh_ss(half);
    }
}

UT_INLINE __m256i quantise8(const float *x, size_t i, size_t n, __m256 inverse)
{
    __m256 v = _mm256_mul_ps(i < n ? ut_load8(x + i, n - i) : _mm256_setzero_ps(), inverse);

    v = _mm256_max_ps(v, _mm256_set1_ps(-127.0f));
    return _mm256_cvtps_epi32(_mm256_min_ps(v, _mm256_set1_ps(127.0f)));
}

/* Sixteen at a time: four stores of what belongs together, or single bytes at the end. */
static int32_t pack_finite(int8_t *column, const float *x, size_t n, float inverse)
{
    __m256i sums = _mm256_setzero_si256();

    for (size_t i = 0; i < n; i += 16, column += 16 * UT_PANEL) {
        __m256i low = quantise8(x, i, n, _mm256_set1_ps(inverse));
        __m256i high = quantise8(x, i + 8, n, _mm256_set1_ps(inverse));
        sums = _mm256_add_epi32(sums, _mm256_add_epi32(low, high));
        __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xd8);
        __m128i q =
            _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
        int8_t bytes[16];
        _mm_storeu_si128((__m128i *)(void *)bytes, q);
        if (n - i >= 16) {
            for (size_t k = 0; k < 4; k++)
                memcpy(column + k * 4 * UT_PANEL, bytes + 4 * k, 4);
        } else {
            for (size_t k = 0; k < n - i; k++)
                column[k / 4 * 4 * UT_PANEL + k % 4] = bytes[k];
        }
    }
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
}

static float pack_s8(int8_t *column, int32_t *sum, const float *x, size_t n)
{
    float amax = ut_max_magnitude8(x, n);

    if (amax >= 1e-30f && isfinite(amax)) {
        *sum = pack_finite(column, x, n, 127.0f / amax);
        return amax / 127.0f;
    }
    for (size_t k = 0; k < n; k++)
        column[k / 4 * 4 * UT_PANEL + k % 4] = 0;
    *sum = 0;
    return isfinite(amax) ? 0 : NAN;
}

static void pack_f16(uint16_t *column, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i += 8) {
        size_t left = n - i < 8 ? n - i : 8;
        uint16_t halves[8];
        __m128i h =
            _mm256_cvtps_ph(ut_load8(x + i, left), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
        _mm_storeu_si128((__m128i *)(void *)halves, h);
        for (size_t k = 0; k < left; k++)
            column[(i + k) * UT_PANEL] = halves[k];
    }
}

void ut_linear_ops_init_pack_avx2(struct ut_linear_ops *ops)
{
    ops->read_q8_0 = read_q8_0;
    ops->read_f16 = read_f16;
    ops->pack_s8 = pack_s8;
    ops->pack_f16 = pack_f16;
}
