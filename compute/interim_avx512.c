/* Plain AVX-512 forms of the hot kernels; linear_scalar.c and attention_scalar.c define them. */
#include "compute/interim_avx512.h"

#include <immintrin.h>
#include <math.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#define ROWS 8

enum { F32, F16, BF16 };

INLINE __m512 load_w(const void *w, size_t at, int type)
{
    if (type == F32)
        return _mm512_loadu_ps((const float *)w + at);
    __m256i h = _mm256_loadu_si256((const __m256i *)(const void *)((const uint16_t *)w + at));
    if (type == F16)
        return _mm512_cvtph_ps(h);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16));
}

INLINE void float_block(const struct ut_gemm_float *g, size_t p, int np, size_t r, int n, int type)
{
    __m512 s[ROWS][2];

    for (int i = 0; i < n; i++)
        for (int j = 0; j < np; j++)
            s[i][j] =
                g->add
                    ? _mm512_loadu_ps(g->c + (r + (size_t)i) * g->ldc + (p + (size_t)j) * UT_PANEL)
                    : _mm512_setzero_ps();
    for (size_t k = 0; k < g->k; k++) {
        __m512 w[2];
        for (int j = 0; j < np; j++)
            w[j] = load_w(g->w, (p + (size_t)j) * g->panel + k * UT_PANEL, type);
        for (int i = 0; i < n; i++) {
            __m512 a = _mm512_set1_ps(g->a[(r + (size_t)i) * g->lda + k]);
            for (int j = 0; j < np; j++)
                s[i][j] = _mm512_fmadd_ps(a, w[j], s[i][j]);
        }
    }
    for (int i = 0; i < n; i++)
        for (int j = 0; j < np; j++)
            _mm512_storeu_ps(g->c + (r + (size_t)i) * g->ldc + (p + (size_t)j) * UT_PANEL, s[i][j]);
}

#define CASES(call)                                                                                \
    switch (n) {                                                                                   \
    case 1:                                                                                        \
        call(1);                                                                                   \
        break;                                                                                     \
    case 2:                                                                                        \
        call(2);                                                                                   \
        break;                                                                                     \
    case 3:                                                                                        \
        call(3);                                                                                   \
        break;                                                                                     \
    case 4:                                                                                        \
        call(4);                                                                                   \
        break;                                                                                     \
    case 5:                                                                                        \
        call(5);                                                                                   \
        break;                                                                                     \
    case 6:                                                                                        \
        call(6);                                                                                   \
        break;                                                                                     \
    case 7:                                                                                        \
        call(7);                                                                                   \
        break;                                                                                     \
    default:                                                                                       \
        call(8);                                                                                   \
        break;                                                                                     \
    }

INLINE void float_gemm(const struct ut_gemm_float *g, int type)
{
    for (size_t p = 0; p < g->n_panels; p += 2) {
        for (size_t r = 0; r < g->n_rows; r += ROWS) {
            size_t n = g->n_rows - r;
#define PAIR(rows) float_block(g, p, 2, r, rows, type)
#define SINGLE(rows) float_block(g, p, 1, r, rows, type)
            if (g->n_panels - p >= 2) {
                CASES(PAIR)
            } else {
                CASES(SINGLE)
            }
        }
    }
}

static void gemm_f32(const struct ut_gemm_float *g)
{
    float_gemm(g, F32);
}

static void gemm_f16(const struct ut_gemm_float *g)
{
    float_gemm(g, F16);
}

static void gemm_bf16(const struct ut_gemm_float *g)
{
    float_gemm(g, BF16);
}

INLINE void s8_block(const struct ut_gemm_s8 *g, size_t p, int np, size_t r, int n)
{
    __m512i s[ROWS][2];
    const uint8_t *a = (const uint8_t *)g->a + r * g->lda;

    for (int i = 0; i < n; i++)
        for (int j = 0; j < np; j++)
            s[i][j] = _mm512_setzero_si512();
    for (size_t k = 0; k < g->k; k += 4) {
        __m512i w[2];
        for (int j = 0; j < np; j++)
            w[j] = _mm512_loadu_si512(g->w + (p + (size_t)j) * g->k * UT_PANEL + k * UT_PANEL);
        for (int i = 0; i < n; i++) {
            int32_t four;
            memcpy(&four, a + (size_t)i * g->lda + k, sizeof four);
            __m512i v = _mm512_set1_epi32(four);
            for (int j = 0; j < np; j++)
                s[i][j] = _mm512_dpbusd_epi32(s[i][j], v, w[j]);
        }
    }
    for (int i = 0; i < n; i++)
        for (int j = 0; j < np; j++)
            _mm512_storeu_si512(g->c + (r + (size_t)i) * g->ldc + (p + (size_t)j) * UT_PANEL,
                                s[i][j]);
}

static void gemm_s8(const struct ut_gemm_s8 *g)
{
    for (size_t p = 0; p < g->n_panels; p += 2) {
        for (size_t r = 0; r < g->n_rows; r += ROWS) {
            size_t n = g->n_rows - r;
#define PAIR8(rows) s8_block(g, p, 2, r, rows)
#define SINGLE8(rows) s8_block(g, p, 1, r, rows)
            if (g->n_panels - p >= 2) {
                CASES(PAIR8)
            } else {
                CASES(SINGLE8)
            }
        }
    }
}

/* exp(x) for x <= 0: 2^n * p(r), relative error about 2e-7; below -87 it is 0. */
INLINE __m512 exp_ps(__m512 x)
{
    __m512 t = _mm512_mul_ps(x, _mm512_set1_ps(1.44269504f));
    __m512 n = _mm512_roundscale_ps(t, 8);
    __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
    r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);
    __m512 p = _mm512_set1_ps(1.9875691500e-4f);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.3981999507e-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(8.3334519073e-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(4.1665795894e-2f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.6666665459e-1f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.0000001201e-1f));
    p = _mm512_fmadd_ps(p, _mm512_mul_ps(r, r), _mm512_add_ps(r, _mm512_set1_ps(1.0f)));
    __m512 y = _mm512_scalef_ps(p, n);
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, _mm512_set1_ps(-87.0f), _CMP_GT_OQ), y);
}

static void softmax_step(const struct ut_softmax_step *step)
{
    __m512 scale = _mm512_set1_ps(step->scale);

    for (size_t r = 0; r < step->n_rows; r++) {
        float *s = step->s + r * UT_KEY_BLOCK, *o = step->o + r * step->ldo;
        __m512 max16 = _mm512_set1_ps(step->m[r]), sum = _mm512_setzero_ps();
        for (size_t i = 0; i < step->n; i += 16) {
            __mmask16 k = step->n - i >= 16 ? 0xffff : (__mmask16)((1u << (step->n - i)) - 1);
            max16 = _mm512_mask_max_ps(max16, k, max16, _mm512_maskz_loadu_ps(k, s + i));
        }
        float max = _mm512_reduce_max_ps(max16);
        max16 = _mm512_set1_ps(max);
        for (size_t i = 0; i < step->n; i += 16) {
            __mmask16 k = step->n - i >= 16 ? 0xffff : (__mmask16)((1u << (step->n - i)) - 1);
            __m512 v = _mm512_maskz_loadu_ps(k, s + i);
            v = exp_ps(_mm512_mul_ps(_mm512_sub_ps(v, max16), scale));
            _mm512_mask_storeu_ps(s + i, k, v);
            sum = _mm512_mask_add_ps(sum, k, sum, v);
        }
        float keep = step->m[r] == -INFINITY ? 0 : expf((step->m[r] - max) * step->scale);
        step->m[r] = max;
        step->l[r] = step->l[r] * keep + _mm512_reduce_add_ps(sum);
        for (size_t j = 0; j < step->d; j++)
            o[j] *= keep;
    }
}

static size_t cell_at(const struct ut_cells *c, size_t i)
{
    return c->cells ? (size_t)c->cells[i] : c->first + i;
}

static void scores_f16(float *s, const float *q, const struct ut_cells *k)
{
    for (size_t i = 0; i < k->n; i++) {
        const uint16_t *key = (const uint16_t *)k->base + cell_at(k, i) * k->d;
        __m256 sum = _mm256_setzero_ps();
        for (size_t j = 0; j < k->d; j += 8)
            sum = _mm256_fmadd_ps(
                _mm256_loadu_ps(q + j),
                _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)(key + j))), sum);
        __m128 h = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1));
        h = _mm_add_ps(h, _mm_movehl_ps(h, h));
        s[i] = _mm_cvtss_f32(_mm_add_ss(h, _mm_movehdup_ps(h)));
    }
}

static void mix_f16(float *y, const float *p, const struct ut_cells *v)
{
    for (size_t i = 0; i < v->n; i++) {
        const uint16_t *value = (const uint16_t *)v->base + cell_at(v, i) * v->d;
        __m256 w = _mm256_set1_ps(p[i]);
        for (size_t j = 0; j < v->d; j += 8)
            _mm256_storeu_ps(y + j, _mm256_fmadd_ps(w,
                                                    _mm256_cvtph_ps(_mm_loadu_si128((
                                                        const __m128i *)(const void *)(value + j))),
                                                    _mm256_loadu_ps(y + j)));
    }
}

void ut_interim_avx512_linear(struct ut_linear_ops *ops)
{
    ops->zero = 128;
    ops->gemm_s8 = gemm_s8;
    ops->gemm_f32 = gemm_f32;
    ops->gemm_f16 = gemm_f16;
    ops->gemm_bf16 = gemm_bf16;
}

void ut_interim_avx512_attention(struct ut_attention_ops *ops)
{
    ops->softmax_step = softmax_step;
    ops->scores_f16 = scores_f16;
    ops->mix_f16 = mix_f16;
}
