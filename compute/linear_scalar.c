#include "compute/linear_scalar.h"

#include <math.h>
#include <string.h>

#include "compute/dtype.h"
#include "compute/dtype_blocks.h"

/* The largest magnitude by its bits: these order as the values do, and a NaN beats infinity. */
static float max_magnitude(const float *x, size_t n)
{
    uint32_t max = 0;
    float amax;

    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        bits &= 0x7fffffff;
        max = bits > max ? bits : max;
    }
    memcpy(&amax, &max, sizeof amax);
    return amax;
}

static void quantise(uint8_t *q, float *scale, const float *x, size_t n, size_t n_pad, uint8_t zero)
{
    float amax = max_magnitude(x, n);

    memset(q, zero, n_pad);
    if (amax < 1e-30f) {
        *scale = 0;
        return;
    }
    float inverse = 127.0f / amax;
    for (size_t i = 0; i < n; i++) {
        float v = x[i] * inverse;
        v = v > -127.0f ? v : -127.0f; /* a NaN becomes -127 */
        v = v < 127.0f ? v : 127.0f;
        q[i] = (uint8_t)((int)lrintf(v) + zero);
    }
    *scale = amax / 127.0f;
}

static void gemm_s8(const struct ut_gemm_s8 *g)
{
    for (size_t r = 0; r < g->n_rows; r++) {
        const int8_t *a = (const int8_t *)g->a + r * g->lda;
        for (size_t p = 0; p < g->n_panels; p++) {
            const int8_t *w = g->w + p * g->k * UT_PANEL;
            int32_t sum[UT_PANEL] = { 0 };
            for (size_t i = 0; i < g->k; i += 4, w += 4 * UT_PANEL) {
                for (size_t j = 0; j < UT_PANEL; j++)
                    sum[j] += a[i] * w[4 * j] + a[i + 1] * w[4 * j + 1] + a[i + 2] * w[4 * j + 2] +
                              a[i + 3] * w[4 * j + 3];
            }
            memcpy(g->c + r * g->ldc + p * UT_PANEL, sum, sizeof sum);
        }
    }
}

typedef void load_panel(float *w, const void *src, size_t at);

static void load_f32(float *w, const void *src, size_t at)
{
    memcpy(w, (const float *)src + at, UT_PANEL * sizeof *w);
}

static void load_f16(float *w, const void *src, size_t at)
{
    for (size_t j = 0; j < UT_PANEL; j++)
        w[j] = ut_f16_to_f32(((const uint16_t *)src)[at + j]);
}

static void load_bf16(float *w, const void *src, size_t at)
{
    for (size_t j = 0; j < UT_PANEL; j++)
        w[j] = ut_bf16_to_f32(((const uint16_t *)src)[at + j]);
}

static inline void gemm_rows(const struct ut_gemm_float *g, size_t p, size_t r, size_t n_rows,
                             load_panel *load)
{
    float sum[4][UT_PANEL] = { { 0 } };

    for (size_t i = 0; i < n_rows && g->add; i++)
        memcpy(sum[i], g->c + (r + i) * g->ldc + p * UT_PANEL, sizeof sum[i]);
    for (size_t k = 0; k < g->k; k++) {
        float w[UT_PANEL];
        load(w, g->w, p * g->panel + k * UT_PANEL);
        for (size_t i = 0; i < n_rows; i++) {
            float a = g->a[(r + i) * g->lda + k];
            for (size_t j = 0; j < UT_PANEL; j++)
                sum[i][j] += a * w[j];
        }
    }
    for (size_t i = 0; i < n_rows; i++)
        memcpy(g->c + (r + i) * g->ldc + p * UT_PANEL, sum[i], sizeof sum[i]);
}

static inline void gemm(const struct ut_gemm_float *g, load_panel *load)
{
    for (size_t p = 0; p < g->n_panels; p++) {
        for (size_t r = 0; r < g->n_rows; r += 4)
            gemm_rows(g, p, r, g->n_rows - r < 4 ? g->n_rows - r : 4, load);
    }
}

static void gemm_f32(const struct ut_gemm_float *g)
{
    gemm(g, load_f32);
}

static void gemm_f16(const struct ut_gemm_float *g)
{
    gemm(g, load_f16);
}

static void gemm_bf16(const struct ut_gemm_float *g)
{
    gemm(g, load_bf16);
}

/* GELU is the exact form, x * Phi(x). */
static float activate(float v, enum ut_act act)
{
    switch (act) {
    case UT_ACT_GELU:
        return 0.5f * v * (1.0f + erff(v * 0.70710678118654752f));
    case UT_ACT_RELU:
        return v < 0 ? 0 : v;
    case UT_ACT_SILU:
        return v / (1.0f + expf(-v));
    case UT_ACT_NONE:
        break;
    }
    return v;
}

static void epilogue(const struct ut_epilogue *e)
{
    for (size_t r = 0; r < e->n_rows; r++) {
        const int32_t *sums = (const int32_t *)e->acc + r * e->ld_acc;
        const float *floats = (const float *)e->acc + r * e->ld_acc;
        const float *residual = e->residual ? e->residual + r * e->ld_residual : NULL;
        float *y = e->y + r * e->ldy;
        for (size_t j = 0; j < e->n_cols; j++) {
            float v;
            if (e->row_scale)
                v = (float)(sums[j] - e->zero * e->sum[j]) * (e->row_scale[r] * e->scale[j]);
            else
                v = floats[j];
            v = activate(v + e->bias[j], e->act);
            y[j] = residual ? v + residual[j] : v;
        }
    }
}

static void norm(const struct ut_norm *norm, const float *x, float *y, size_t n)
{
    float mean = 0, square = 0;

    if (norm->kind == UT_NORM_LAYER) {
        for (size_t i = 0; i < n; i++)
            mean += x[i];
        mean /= (float)n;
    }
    for (size_t i = 0; i < n; i++)
        square += (x[i] - mean) * (x[i] - mean);
    float scale = 1.0f / sqrtf(square / (float)n + norm->eps);
    for (size_t i = 0; i < n; i++) {
        float v = (x[i] - mean) * scale * norm->gamma[i];
        y[i] = norm->beta ? v + norm->beta[i] : v;
    }
}

static void read_q8_0(float *y, const void *blocks, size_t n)
{
    const uint8_t *block = blocks;

    for (size_t i = 0; i < n; i += 32, block += 34)
        ut_block_read_q8_0(y + i, block);
}

static void read_f16(float *y, const void *halves, size_t n)
{
    const uint8_t *p = halves;

    for (size_t i = 0; i < n; i++)
        y[i] = ut_f16_to_f32(load_u16(p + 2 * i));
}

static float pack_s8(int8_t *column, int32_t *sum, const float *x, size_t n)
{
    float amax = max_magnitude(x, n);
    float inverse = amax < 1e-30f || !isfinite(amax) ? 0 : 127.0f / amax;

    *sum = 0;
    for (size_t k = 0; k < n; k++) {
        int q = isfinite(x[k]) ? (int)lrintf(x[k] * inverse) : 0;
        q = q > 127 ? 127 : q < -127 ? -127 : q;
        column[k / 4 * 4 * UT_PANEL + k % 4] = (int8_t)q;
        *sum += q;
    }
    if (!isfinite(amax))
        return NAN;
    return amax < 1e-30f ? 0 : amax / 127.0f;
}

static void pack_f16(uint16_t *column, const float *x, size_t n)
{
    for (size_t k = 0; k < n; k++)
        column[k * UT_PANEL] = ut_f32_to_f16(x[k]);
}

void ut_linear_ops_init_scalar(struct ut_linear_ops *ops)
{
    *ops = (struct ut_linear_ops){
        .zero = 0,
        .s8_rows = 32,
        .s8_panels = 4,
        .float_rows = 32,
        .quantise = quantise,
        .gemm_s8 = gemm_s8,
        .gemm_f32 = gemm_f32,
        .gemm_f16 = gemm_f16,
        .gemm_bf16 = gemm_bf16,
        .epilogue = epilogue,
        .norm = norm,
        .read_q8_0 = read_q8_0,
        .read_f16 = read_f16,
        .pack_s8 = pack_s8,
        .pack_f16 = pack_f16,
    };
}
