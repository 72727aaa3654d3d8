#include "compute/linear_avx512.h"

#include <math.h>

#include "compute/simd_avx512.h"

static void quantise(uint8_t *q, float *scale, const float *x, size_t n, size_t n_pad, uint8_t zero)
{
    __m512i magnitude = _mm512_set1_epi32(0x7fffffff), max = _mm512_setzero_si512();

    /* Magnitudes order as their bits do, and a NaN beats infinity. */
    for (size_t i = 0; i < n; i += 16) {
        __m512i bits = _mm512_castps_si512(_mm512_maskz_loadu_ps(ut_lanes16(n - i), x + i));
        max = _mm512_max_epu32(max, _mm512_and_si512(bits, magnitude));
    }
    float amax =
        _mm_cvtss_f32(_mm_castsi128_ps(_mm_cvtsi32_si128((int)_mm512_reduce_max_epu32(max))));
    bool zeros = amax < 1e-30f;
    __m512 inverse = _mm512_set1_ps(zeros ? 0.0f : 127.0f / amax);
    __m512i offset = _mm512_set1_epi32(zero);
    for (size_t i = 0; i < n_pad; i += 16) {
        __mmask16 lanes = i < n ? ut_lanes16(n - i) : 0;
        __m512 v = _mm512_mul_ps(_mm512_maskz_loadu_ps(lanes, x + (lanes ? i : 0)), inverse);
        v = _mm512_max_ps(v, _mm512_set1_ps(-127.0f)); /* of a NaN: -127 */
        v = _mm512_min_ps(v, _mm512_set1_ps(127.0f));
        __m512i r = _mm512_maskz_mov_epi32(zeros ? 0 : lanes, _mm512_cvtps_epi32(v));
        __m128i bytes = _mm512_cvtepi32_epi8(_mm512_add_epi32(r, offset));
        _mm_mask_storeu_epi8(q + i, ut_lanes16(n_pad - i), bytes);
    }
    *scale = zeros ? 0.0f : amax / 127.0f;
}

enum element { F32, F16, BF16 };

UT_INLINE __m512 load_weights(const void *w, size_t at, enum element type)
{
    if (type == F32)
        return _mm512_loadu_ps((const float *)w + at);
    __m256i h = _mm256_loadu_si256((const __m256i *)(const void *)((const uint16_t *)w + at));
    if (type == F16)
        return _mm512_cvtph_ps(h);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16));
}

/* n_rows x n_panels accumulators stay in registers for the whole of k. */
UT_INLINE void float_block(const struct ut_gemm_float *g, size_t p, size_t n_panels, size_t row,
                           size_t n_rows, enum element type)
{
    __m512 sum[12][2];
    const float *a = g->a + row * g->lda;
    float *c = g->c + row * g->ldc + p * UT_PANEL;

    for (size_t i = 0; i < n_rows; i++)
        for (size_t j = 0; j < n_panels; j++)
            sum[i][j] =
                g->add ? _mm512_loadu_ps(c + i * g->ldc + j * UT_PANEL) : _mm512_setzero_ps();
    for (size_t k = 0; k < g->k; k++) {
        __m512 w[2];
        for (size_t j = 0; j < n_panels; j++)
            w[j] = load_weights(g->w, (p + j) * g->panel + k * UT_PANEL, type);
        for (size_t i = 0; i < n_rows; i++) {
            __m512 v = _mm512_set1_ps(a[i * g->lda + k]);
            for (size_t j = 0; j < n_panels; j++)
                sum[i][j] = _mm512_fmadd_ps(v, w[j], sum[i][j]);
        }
    }
    for (size_t i = 0; i < n_rows; i++)
        for (size_t j = 0; j < n_panels; j++)
            _mm512_storeu_ps(c + i * g->ldc + j * UT_PANEL, sum[i][j]);
}

/* Blocks of 12, 4 and 1 rows: three bodies are enough, and each fills the registers it can. */
UT_INLINE void float_panels(const struct ut_gemm_float *g, size_t p, size_t n_panels,
                            enum element type)
{
    size_t r = 0;

    for (; r + 12 <= g->n_rows; r += 12)
        float_block(g, p, n_panels, r, 12, type);
    for (; r + 4 <= g->n_rows; r += 4)
        float_block(g, p, n_panels, r, 4, type);
    for (; r < g->n_rows; r++)
        float_block(g, p, n_panels, r, 1, type);
}

UT_INLINE void float_gemm(const struct ut_gemm_float *g, enum element type)
{
    size_t p = 0;

    for (; p + 2 <= g->n_panels; p += 2)
        float_panels(g, p, 2, type);
    if (p < g->n_panels)
        float_panels(g, p, 1, type);
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

UT_INLINE __m512 activate(__m512 v, enum ut_act act)
{
    switch (act) {
    case UT_ACT_GELU:
        return ut_gelu16(v);
    case UT_ACT_RELU:
        return _mm512_max_ps(_mm512_setzero_ps(), v); /* of a NaN: the NaN */
    case UT_ACT_SILU: {
        __m512 e = ut_exp16(_mm512_sub_ps(_mm512_setzero_ps(), v));
        return _mm512_div_ps(v, _mm512_add_ps(_mm512_set1_ps(1.0f), e));
    }
    case UT_ACT_NONE:
        break;
    }
    return v;
}

/* Sixteen columns of every row, so that what belongs to a column is read once. */
UT_INLINE void epilogue_panel(const struct ut_epilogue *e, size_t j, enum ut_act act)
{
    const float *acc = (const float *)e->acc + j, *row_scale = e->row_scale;
    const float *residual = e->residual ? e->residual + j : NULL;
    float *y = e->y + j;
    size_t n_rows = e->n_rows, ld_acc = e->ld_acc, ldy = e->ldy, ld_residual = e->ld_residual;
    __mmask16 lanes = ut_lanes16(e->n_cols - j);
    __m512 bias = _mm512_loadu_ps(e->bias + j), scale = bias;
    __m512i correction = _mm512_setzero_si512();

    if (row_scale) {
        scale = _mm512_loadu_ps(e->scale + j);
        correction = _mm512_mullo_epi32(_mm512_set1_epi32(e->zero), _mm512_loadu_si512(e->sum + j));
    }
    for (size_t r = 0; r < n_rows; r++) {
        __m512 v = _mm512_loadu_ps(acc + r * ld_acc);
        if (row_scale) {
            __m512i sum = _mm512_sub_epi32(_mm512_castps_si512(v), correction);
            v = _mm512_mul_ps(_mm512_cvtepi32_ps(sum),
                              _mm512_mul_ps(_mm512_set1_ps(row_scale[r]), scale));
        }
        v = activate(_mm512_add_ps(v, bias), act);
        if (residual)
            v = _mm512_add_ps(v, _mm512_maskz_loadu_ps(lanes, residual + r * ld_residual));
        _mm512_mask_storeu_ps(y + r * ldy, lanes, v);
    }
}

static void epilogue(const struct ut_epilogue *e)
{
    for (size_t j = 0; j < e->n_cols; j += 16) {
        if (e->act == UT_ACT_GELU)
            epilogue_panel(e, j, UT_ACT_GELU);
        else if (e->act == UT_ACT_NONE)
            epilogue_panel(e, j, UT_ACT_NONE);
        else
            epilogue_panel(e, j, e->act);
    }
}

static void norm(const struct ut_norm *norm, const float *x, float *y, size_t n)
{
    __m512 sum = _mm512_setzero_ps(), mean = _mm512_setzero_ps();

    if (norm->kind == UT_NORM_LAYER) {
        for (size_t i = 0; i < n; i += 16)
            sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(ut_lanes16(n - i), x + i));
        mean = _mm512_set1_ps(_mm512_reduce_add_ps(sum) / (float)n);
        sum = _mm512_setzero_ps();
    }
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 lanes = ut_lanes16(n - i);
        __m512 d = _mm512_maskz_sub_ps(lanes, _mm512_maskz_loadu_ps(lanes, x + i), mean);
        sum = _mm512_fmadd_ps(d, d, sum);
    }
    float square = _mm512_reduce_add_ps(sum) / (float)n;
    __m512 scale = _mm512_set1_ps(1.0f / sqrtf(square + norm->eps));
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 lanes = ut_lanes16(n - i);
        __m512 d = _mm512_sub_ps(_mm512_maskz_loadu_ps(lanes, x + i), mean);
        __m512 v =
            _mm512_mul_ps(_mm512_mul_ps(d, scale), _mm512_maskz_loadu_ps(lanes, norm->gamma + i));
        if (norm->beta)
            v = _mm512_add_ps(v, _mm512_maskz_loadu_ps(lanes, norm->beta + i));
        _mm512_mask_storeu_ps(y + i, lanes, v);
    }
}

void ut_linear_ops_init_avx512(struct ut_linear_ops *ops)
{
    ops->float_rows = 48;
    ops->quantise = quantise;
    ops->gemm_f32 = gemm_f32;
    ops->gemm_f16 = gemm_f16;
    ops->gemm_bf16 = gemm_bf16;
    ops->epilogue = epilogue;
    ops->norm = norm;
}
