#include <math.h>
#include <string.h>

#include "compute/attention_avx512.h"
#include "compute/simd_avx512.h"

UT_INLINE void block(const struct ut_gemm_pairs *g, size_t p, size_t n_panels, size_t row,
                     size_t n_rows)
{
    __m512 sum[12][2];
    const uint16_t *a = g->a + row * g->lda, *w = g->w + p * g->panel;
    float *c = g->c + row * g->ldc + p * 16;

    for (size_t i = 0; i < n_rows; i++)
        for (size_t j = 0; j < n_panels; j++)
            sum[i][j] = g->add ? _mm512_loadu_ps(c + i * g->ldc + j * 16) : _mm512_setzero_ps();
    for (size_t k = 0; k < g->k; k += 2) {
        __m512bh weights[2];
        for (size_t j = 0; j < n_panels; j++)
            weights[j] = (__m512bh)_mm512_loadu_si512(w + j * g->panel + k * 16);
        for (size_t i = 0; i < n_rows; i++) {
            int32_t pair;
            memcpy(&pair, a + i * g->lda + k, sizeof pair);
            __m512bh v = (__m512bh)_mm512_set1_epi32(pair);
            for (size_t j = 0; j < n_panels; j++)
                sum[i][j] = _mm512_dpbf16_ps(sum[i][j], v, weights[j]);
        }
    }
    for (size_t i = 0; i < n_rows; i++)
        for (size_t j = 0; j < n_panels; j++)
            _mm512_storeu_ps(c + i * g->ldc + j * 16, sum[i][j]);
}

UT_INLINE void panels(const struct ut_gemm_pairs *g, size_t p, size_t n_panels)
{
    size_t r = 0;

    for (; r + 12 <= g->n_rows; r += 12)
        block(g, p, n_panels, r, 12);
    for (; r + 4 <= g->n_rows; r += 4)
        block(g, p, n_panels, r, 4);
    for (; r < g->n_rows; r++)
        block(g, p, n_panels, r, 1);
}

static void gemm_pairs(const struct ut_gemm_pairs *g)
{
    size_t p = 0;

    for (; p + 2 <= g->n_panels; p += 2)
        panels(g, p, 2);
    if (p < g->n_panels)
        panels(g, p, 1);
}

/*
 * 2^x for x <= 0, relative error below 1e-4, far below what bf16 keeps. p(f) ~ 2^f on [0, 1), an
 * iterated least squares fit; scalef multiplies by 2^floor(x). A NaN stays one.
 */
UT_INLINE __m512 exp2_rough(__m512 x)
{
    x = _mm512_max_ps(_mm512_set1_ps(-120.0f), x);
    __m512 f = _mm512_reduce_ps(x, _MM_FROUND_TO_NEG_INF);
    __m512 p = _mm512_fmadd_ps(f, _mm512_set1_ps(0.07802452f), _mm512_set1_ps(0.226067159f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.695833539f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.999925219f));
    return _mm512_scalef_ps(p, x);
}

/* The difference first: it is exact where it matters, whatever the size of the scores. */
UT_INLINE __m512 weigh(__m512 s, __m512 max, __m512 scale)
{
    return exp2_rough(_mm512_mul_ps(_mm512_sub_ps(s, max), scale));
}

UT_INLINE float max_of_row(const float *s, size_t n, float start)
{
    __m512 a = _mm512_set1_ps(start), b = a;
    size_t i = 0;

    for (; i + 32 <= n; i += 32) {
        a = _mm512_max_ps(_mm512_loadu_ps(s + i), a);
        b = _mm512_max_ps(_mm512_loadu_ps(s + i + 16), b);
    }
    for (; i < n; i += 16) {
        __mmask16 lanes = ut_lanes16(n - i);
        a = _mm512_mask_max_ps(a, lanes, _mm512_maskz_loadu_ps(lanes, s + i), a);
    }
    return _mm512_reduce_max_ps(_mm512_max_ps(a, b));
}

/* p = exp((s - max) * scale) as bf16, zeros up to a multiple of 32; returns the sum before
 * rounding. */
UT_INLINE float weigh_row(uint16_t *p, const float *s, size_t n, float max, float scale)
{
    __m512 by = _mm512_set1_ps(scale * 1.44269504f), most = _mm512_set1_ps(max);
    __m512 a = _mm512_setzero_ps(), b = a;
    size_t i = 0;

    for (; i + 32 <= n; i += 32) {
        __m512 x = weigh(_mm512_loadu_ps(s + i), most, by);
        __m512 y = weigh(_mm512_loadu_ps(s + i + 16), most, by);
        _mm512_storeu_si512(p + i, (__m512i)_mm512_cvtne2ps_pbh(y, x));
        a = _mm512_add_ps(a, x);
        b = _mm512_add_ps(b, y);
    }
    if (i < n) {
        __mmask16 low = ut_lanes16(n - i), high = n - i > 16 ? ut_lanes16(n - i - 16) : 0;
        __m512 x = _mm512_maskz_loadu_ps(low, s + i);
        __m512 y = _mm512_maskz_loadu_ps(high, s + i + 16);
        x = _mm512_maskz_mov_ps(low, weigh(x, most, by));
        y = _mm512_maskz_mov_ps(high, weigh(y, most, by));
        _mm512_storeu_si512(p + i, (__m512i)_mm512_cvtne2ps_pbh(y, x));
        a = _mm512_add_ps(a, x);
        b = _mm512_add_ps(b, y);
    }
    return _mm512_reduce_add_ps(_mm512_add_ps(a, b));
}

/* Sixteen rows at a time, so that what a row needs once is done for all of them at once. */
static void softmax_rows(const struct ut_softmax_step *step, size_t r0, size_t n_rows, uint16_t *p)
{
    __mmask16 rows = ut_lanes16(n_rows);
    float max[16], sum[16], keep[16];

    for (size_t r = 0; r < n_rows; r++)
        max[r] = max_of_row(step->s + (r0 + r) * UT_KEY_BLOCK, step->n, step->m[r0 + r]);
    for (size_t r = 0; r < n_rows; r++)
        sum[r] = weigh_row(p + (r0 + r) * UT_KEY_BLOCK, step->s + (r0 + r) * UT_KEY_BLOCK, step->n,
                           max[r], step->scale);
    __m512 before = _mm512_maskz_loadu_ps(rows, step->m + r0);
    __m512 after = _mm512_maskz_loadu_ps(rows, max);
    __m512 less = _mm512_mul_ps(_mm512_sub_ps(before, after), _mm512_set1_ps(step->scale));
    /* Before the first step there is nothing to keep. */
    __mmask16 first = _mm512_cmp_ps_mask(before, _mm512_set1_ps(-INFINITY), _CMP_EQ_OQ);
    __m512 factor = _mm512_mask_mov_ps(ut_exp16(less), first, _mm512_setzero_ps());
    __m512 l = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(rows, step->l + r0), factor,
                               _mm512_maskz_loadu_ps(rows, sum));
    _mm512_mask_storeu_ps(step->m + r0, rows, after);
    _mm512_mask_storeu_ps(step->l + r0, rows, l);
    _mm512_storeu_ps(keep, factor);
    for (size_t r = 0; r < n_rows; r++) {
        float *o = step->o + (r0 + r) * step->ldo;
        for (size_t j = 0; keep[r] != 1.0f && j < step->d; j += 16)
            _mm512_storeu_ps(o + j, _mm512_mul_ps(_mm512_loadu_ps(o + j), _mm512_set1_ps(keep[r])));
    }
}

static void softmax_pairs(const struct ut_softmax_step *step, uint16_t *p)
{
    for (size_t r = 0; r < step->n_rows; r += 16)
        softmax_rows(step, r, step->n_rows - r < 16 ? step->n_rows - r : 16, p);
}

void ut_attention_ops_init_bf16(struct ut_attention_ops *ops)
{
    ops->pairs = true;
    ops->gemm_pairs = gemm_pairs;
    ops->softmax_pairs = softmax_pairs;
}
