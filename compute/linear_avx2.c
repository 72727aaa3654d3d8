#include "compute/linear_avx2.h"

#include <math.h>

#include "compute/simd_avx2.h"

UT_INLINE __m256i quantise8(const float *x, size_t i, size_t n, __m256 inverse)
{
    if (i >= n)
        return _mm256_setzero_si256();
    __m256 v = _mm256_mul_ps(ut_load8(x + i, n - i), inverse);
    v = _mm256_max_ps(v, _mm256_set1_ps(-127.0f)); /* of a NaN: -127 */
    v = ut_keep8(v, _mm256_setzero_ps(), n - i);   /* infinity times 0 past the end */
    return _mm256_cvtps_epi32(_mm256_min_ps(v, _mm256_set1_ps(127.0f)));
}

static void quantise(uint8_t *q, float *scale, const float *x, size_t n, size_t n_pad, uint8_t zero)
{
    float amax = ut_max_magnitude8(x, n);
    bool zeros = amax < 1e-30f;
    __m256 inverse = _mm256_set1_ps(zeros ? 0.0f : 127.0f / amax);
    __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7); /* undoes the packs */

    for (size_t i = 0; i < n_pad; i += 32) {
        __m256i low =
            _mm256_packs_epi32(quantise8(x, i, n, inverse), quantise8(x, i + 8, n, inverse));
        __m256i high =
            _mm256_packs_epi32(quantise8(x, i + 16, n, inverse), quantise8(x, i + 24, n, inverse));
        __m256i bytes = _mm256_permutevar8x32_epi32(_mm256_packs_epi16(low, high), order);
        bytes = _mm256_add_epi8(bytes, _mm256_set1_epi8((char)zero));
        _mm256_storeu_si256((__m256i *)(void *)(q + i), bytes);
    }
    *scale = zeros ? 0.0f : amax / 127.0f;
}

enum element { F32, F16, BF16 };

UT_INLINE __m256 load_weights(const void *w, size_t at, enum element type)
{
    if (type == F32)
        return _mm256_loadu_ps((const float *)w + at);
    __m128i h = _mm_loadu_si128((const __m128i *)(const void *)((const uint16_t *)w + at));
    if (type == F16)
        return _mm256_cvtph_ps(h);
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(h), 16));
}

/* n_rows x n_panels sums, two registers each, stay for the whole of k. */
UT_INLINE void float_block(const struct ut_gemm_float *g, size_t p, size_t n_panels, size_t row,
                           size_t n_rows, enum element type)
{
    __m256 sum[6][8];
    const float *a = g->a + row * g->lda;
    float *c = g->c + row * g->ldc + p * UT_PANEL;
    size_t n = 2 * n_panels, lda = g->lda, panel = g->panel;

    for (size_t i = 0; i < n_rows; i++)
        for (size_t j = 0; j < n; j++)
            sum[i][j] = g->add ? _mm256_loadu_ps(c + i * g->ldc + j * 8) : _mm256_setzero_ps();
    for (size_t k = 0; k < g->k; k++) {
        __m256 w[8];
        for (size_t j = 0; j < n; j++)
            w[j] = load_weights(g->w, (p + j / 2) * panel + k * UT_PANEL + j % 2 * 8, type);
        for (size_t i = 0; i < n_rows; i++) {
            __m256 v = _mm256_broadcast_ss(a + i * lda + k);
            for (size_t j = 0; j < n; j++)
                sum[i][j] = _mm256_fmadd_ps(v, w[j], sum[i][j]);
        }
    }
    for (size_t i = 0; i < n_rows; i++)
        for (size_t j = 0; j < n; j++)
            _mm256_storeu_ps(c + i * g->ldc + j * 8, sum[i][j]);
}

/* Single rows take four panels at a time, so that no sum waits for itself. */
UT_INLINE void float_gemm(const struct ut_gemm_float *g, enum element type)
{
    size_t n_six = g->n_rows / 6 * 6, n_pair = n_six + (g->n_rows - n_six) / 2 * 2;

    for (size_t p = 0; p < g->n_panels; p++) {
        for (size_t r = 0; r < n_six; r += 6)
            float_block(g, p, 1, r, 6, type);
        for (size_t r = n_six; r < n_pair; r += 2)
            float_block(g, p, 1, r, 2, type);
    }
    for (size_t r = n_pair; r < g->n_rows; r++) {
        size_t p = 0;
        for (; p + 4 <= g->n_panels; p += 4)
            float_block(g, p, 4, r, 1, type);
        for (; p < g->n_panels; p++)
            float_block(g, p, 1, r, 1, type);
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

UT_INLINE __m256 activate(__m256 v, enum ut_act act)
{
    switch (act) {
    case UT_ACT_GELU:
        return ut_gelu8(v);
    case UT_ACT_RELU:
        return _mm256_max_ps(_mm256_setzero_ps(), v); /* of a NaN: the NaN */
    case UT_ACT_SILU: {
        __m256 e = ut_exp8(_mm256_sub_ps(_mm256_setzero_ps(), v));
        return _mm256_div_ps(v, _mm256_add_ps(_mm256_set1_ps(1.0f), e));
    }
    case UT_ACT_NONE:
        break;
    }
    return v;
}

/* Eight columns of every row, so that what belongs to a column is read once. */
UT_INLINE void epilogue_columns(const struct ut_epilogue *e, size_t j, size_t left, enum ut_act act)
{
    const float *acc = (const float *)e->acc + j, *row_scale = e->row_scale;
    const float *residual = e->residual ? e->residual + j : NULL;
    float *y = e->y + j;
    size_t n_rows = e->n_rows, ld_acc = e->ld_acc, ldy = e->ldy, ld_residual = e->ld_residual;
    __m256 bias = _mm256_loadu_ps(e->bias + j), scale = bias;
    __m256i correction = _mm256_setzero_si256();

    if (row_scale) {
        __m256i sum = _mm256_loadu_si256((const __m256i *)(const void *)(e->sum + j));
        scale = _mm256_loadu_ps(e->scale + j);
        correction = _mm256_mullo_epi32(_mm256_set1_epi32(e->zero), sum);
    }
    for (size_t r = 0; r < n_rows; r++) {
        __m256 v = _mm256_loadu_ps(acc + r * ld_acc);
        if (row_scale) {
            __m256i sum = _mm256_sub_epi32(_mm256_castps_si256(v), correction);
            v = _mm256_mul_ps(_mm256_cvtepi32_ps(sum),
                              _mm256_mul_ps(_mm256_broadcast_ss(row_scale + r), scale));
        }
        v = activate(_mm256_add_ps(v, bias), act);
        if (residual)
            v = _mm256_add_ps(v, ut_load8(residual + r * ld_residual, left));
        ut_store8(y + r * ldy, v, left);
    }
}

static void epilogue(const struct ut_epilogue *e)
{
    for (size_t j = 0; j < e->n_cols; j += 8) {
        size_t left = e->n_cols - j;
        if (e->act == UT_ACT_GELU)
            epilogue_columns(e, j, left, UT_ACT_GELU);
        else if (e->act == UT_ACT_NONE && left >= 8)
            epilogue_columns(e, j, 8, UT_ACT_NONE);
        else
            epilogue_columns(e, j, left, e->act);
    }
}

static void norm(const struct ut_norm *norm, const float *x, float *y, size_t n)
{
    __m256 sum = _mm256_setzero_ps(), mean = _mm256_setzero_ps();

    if (norm->kind == UT_NORM_LAYER) {
        for (size_t i = 0; i < n; i += 8)
            sum = _mm256_add_ps(sum, ut_load8(x + i, n - i));
        mean = _mm256_set1_ps(ut_sum8(sum) / (float)n);
        sum = _mm256_setzero_ps();
    }
    for (size_t i = 0; i < n; i += 8) {
        __m256 d =
            ut_keep8(_mm256_sub_ps(ut_load8(x + i, n - i), mean), _mm256_setzero_ps(), n - i);
        sum = _mm256_fmadd_ps(d, d, sum);
    }
    __m256 scale = _mm256_set1_ps(1.0f / sqrtf(ut_sum8(sum) / (float)n + norm->eps));
    for (size_t i = 0; i < n; i += 8) {
        __m256 d = _mm256_sub_ps(ut_load8(x + i, n - i), mean);
        __m256 v = _mm256_mul_ps(_mm256_mul_ps(d, scale), ut_load8(norm->gamma + i, n - i));
        if (norm->beta)
            v = _mm256_add_ps(v, ut_load8(norm->beta + i, n - i));
        ut_store8(y + i, v, n - i);
    }
}

void ut_linear_ops_init_avx2(struct ut_linear_ops *ops)
{
    ops->s8_rows = 48;
    ops->s8_panels = 8;
    ops->float_rows = 48;
    ops->quantise = quantise;
    ops->gemm_s8 = ut_gemm_s8_avx2;
    ops->gemm_f32 = gemm_f32;
    ops->gemm_f16 = gemm_f16;
    ops->gemm_bf16 = gemm_bf16;
    ops->epilogue = epilogue;
    ops->norm = norm;
}
