/*
 * Sixteen floats at a time: the functions that several AVX-512 kernels share.
 *
 * Only for files compiled with AVX-512 flags. Tails are masks, never reads past the end.
 */
#ifndef UT_COMPUTE_SIMD_AVX512_H
#define UT_COMPUTE_SIMD_AVX512_H

#include <immintrin.h>
#include <stddef.h>

#include "compute/gelu.h"

#define UT_INLINE static inline __attribute__((always_inline))

/* The lanes of the next vector when `left` elements remain. */
UT_INLINE __mmask16 ut_lanes16(size_t left)
{
    return (__mmask16)(left >= 16 ? 0xffffu : (1u << left) - 1);
}

/*
 * exp(x): x = n ln 2 + r, 2^n p(r), relative error below 2e-7; 0 below -87 and for NaN as NaN is.
 * SOURCE: Cephes expf (range reduction in two parts, degree 5).
 */
UT_INLINE __m512 ut_exp16(__m512 x)
{
    __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)), 8);
    __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
    r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);
    __m512 p = _mm512_set1_ps(1.9875691500e-4f);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.3981999507e-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(8.3334519073e-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(4.1665795894e-2f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.6666665459e-1f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.0000001201e-1f));
    p = _mm512_fmadd_ps(p, _mm512_mul_ps(r, r), _mm512_add_ps(r, _mm512_set1_ps(1.0f)));
    __mmask16 keep = _mm512_cmp_ps_mask(x, _mm512_set1_ps(-87.0f), _CMP_NLT_UQ);
    return _mm512_maskz_scalef_ps(keep, p, n);
}

/* GELU, x Phi(x): compute/gelu.h. */
UT_INLINE __m512 ut_gelu16(__m512 x)
{
    __m512 limit = _mm512_set1_ps(UT_GELU_LIMIT);
    __m512 cut = _mm512_max_ps(_mm512_min_ps(x, limit), _mm512_sub_ps(_mm512_setzero_ps(), limit));
    __m512 t = _mm512_fmadd_ps(_mm512_mul_ps(cut, cut),
                               _mm512_set1_ps(2.0f / (UT_GELU_LIMIT * UT_GELU_LIMIT)),
                               _mm512_set1_ps(-1.0f));
    __m512 q = _mm512_set1_ps(ut_gelu_q[UT_GELU_DEGREE]);

#pragma GCC unroll 16
    for (int i = UT_GELU_DEGREE - 1; i >= 0; i--)
        q = _mm512_fmadd_ps(q, t, _mm512_set1_ps(ut_gelu_q[i]));
    return _mm512_mul_ps(x, _mm512_fmadd_ps(cut, q, _mm512_set1_ps(0.5f)));
}

#endif
