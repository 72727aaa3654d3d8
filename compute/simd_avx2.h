/*
 * Eight floats at a time: the functions that several AVX2 kernels share.
 *
 * Only for files compiled with AVX2, FMA and F16C flags. Tails are masks, never reads past the end.
 */
#ifndef UT_COMPUTE_SIMD_AVX2_H
#define UT_COMPUTE_SIMD_AVX2_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "compute/gelu.h"

#define UT_INLINE static inline __attribute__((always_inline))

/* All bits of a lane for those of the next vector when `left` elements remain. */
UT_INLINE __m256i ut_lanes8(size_t left)
{
    static const int32_t ones[16] = { -1, -1, -1, -1, -1, -1, -1, -1 };

    return _mm256_loadu_si256((const __m256i *)(const void *)(ones + 8 - (left < 8 ? left : 8)));
}

/* The next eight of `left` elements, 0 in lanes past the end. */
UT_INLINE __m256 ut_load8(const float *x, size_t left)
{
    return left >= 8 ? _mm256_loadu_ps(x) : _mm256_maskload_ps(x, ut_lanes8(left));
}

UT_INLINE void ut_store8(float *y, __m256 v, size_t left)
{
    if (left >= 8)
        _mm256_storeu_ps(y, v);
    else
        _mm256_maskstore_ps(y, ut_lanes8(left), v);
}

/* v where the element is there, `other` past the end. */
UT_INLINE __m256 ut_keep8(__m256 v, __m256 other, size_t left)
{
    return left >= 8 ? v : _mm256_blendv_ps(other, v, _mm256_castsi256_ps(ut_lanes8(left)));
}

UT_INLINE float ut_sum8(__m256 v)
{
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));

    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

UT_INLINE float ut_max8(__m256 v)
{
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));

    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}

/* The largest magnitude by its bits: these order as the values do, and a NaN beats infinity. */
UT_INLINE float ut_max_magnitude8(const float *x, size_t n)
{
    __m256i magnitude = _mm256_set1_epi32(0x7fffffff), max = _mm256_setzero_si256();

    for (size_t i = 0; i < n; i += 8) {
        __m256i bits = _mm256_castps_si256(ut_load8(x + i, n - i));
        max = _mm256_max_epu32(max, _mm256_and_si256(bits, magnitude));
    }
    __m128i m = _mm_max_epu32(_mm256_castsi256_si128(max), _mm256_extracti128_si256(max, 1));
    m = _mm_max_epu32(m, _mm_shuffle_epi32(m, 0x4e));
    m = _mm_max_epu32(m, _mm_shuffle_epi32(m, 0xb1));
    return _mm_cvtss_f32(_mm_castsi128_ps(m));
}

/* 2^n for whole n in [-126, 127]. */
UT_INLINE __m256 ut_power8(__m256i n)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
}

/*
 * exp(x): x = n ln 2 + r, 2^n p(r), relative error below 2e-7; 0 below -87 and for NaN as NaN is.
 * SOURCE: Cephes expf (range reduction in two parts, degree 5).
 */
UT_INLINE __m256 ut_exp8(__m256 x)
{
    __m256 tiny = _mm256_cmp_ps(x, _mm256_set1_ps(-87.0f), _CMP_LT_OQ);
    /* Above 89 all is infinite; the second operand is what a NaN leaves. */
    x = _mm256_min_ps(_mm256_set1_ps(89.0f), _mm256_max_ps(_mm256_set1_ps(-88.0f), x));
    __m256 n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(1.44269504f)),
                               _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693359375f), x);
    r = _mm256_fnmadd_ps(n, _mm256_set1_ps(-2.12194440e-4f), r);
    __m256 p = _mm256_set1_ps(1.9875691500e-4f);
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.3981999507e-3f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(8.3334519073e-3f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(4.1665795894e-2f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.6666665459e-1f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(5.0000001201e-1f));
    p = _mm256_fmadd_ps(p, _mm256_mul_ps(r, r), _mm256_add_ps(r, _mm256_set1_ps(1.0f)));
    /* In two factors: n reaches 128, which one exponent cannot hold. */
    __m256i whole = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(whole, 1);
    p = _mm256_mul_ps(_mm256_mul_ps(p, ut_power8(half)), ut_power8(_mm256_sub_epi32(whole, half)));
    return _mm256_andnot_ps(tiny, p);
}

/* GELU, x Phi(x): compute/gelu.h. */
UT_INLINE __m256 ut_gelu8(__m256 x)
{
    __m256 limit = _mm256_set1_ps(UT_GELU_LIMIT);
    __m256 cut = _mm256_max_ps(_mm256_min_ps(x, limit), _mm256_sub_ps(_mm256_setzero_ps(), limit));
    __m256 t = _mm256_fmadd_ps(_mm256_mul_ps(cut, cut),
                               _mm256_set1_ps(2.0f / (UT_GELU_LIMIT * UT_GELU_LIMIT)),
                               _mm256_set1_ps(-1.0f));
    __m256 q = _mm256_set1_ps(ut_gelu_q[UT_GELU_DEGREE]);

#pragma GCC unroll 16
    for (int i = UT_GELU_DEGREE - 1; i >= 0; i--)
        q = _mm256_fmadd_ps(q, t, _mm256_set1_ps(ut_gelu_q[i]));
    return _mm256_mul_ps(x, _mm256_fmadd_ps(cut, q, _mm256_set1_ps(0.5f)));
}

#endif
