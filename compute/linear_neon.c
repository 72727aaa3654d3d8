#include "compute/linear_neon.h"

#include <math.h>
#include <string.h>

#include "compute/gelu.h"
#include "compute/simd_neon.h"

/* The largest magnitude by its bits: these order as the values do, and a NaN beats infinity. */
static float max_magnitude(const float *x, size_t n)
{
    uint32x4_t most = vdupq_n_u32(0);
    uint32_t max;
    size_t i = 0;
    float amax;

    for (; i + 4 <= n; i += 4)
        most = vmaxq_u32(most, vreinterpretq_u32_f32(vabsq_f32(vld1q_f32(x + i))));
    max = vmaxvq_u32(most);
    for (; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        bits &= 0x7fffffff;
        max = bits > max ? bits : max;
    }
    memcpy(&amax, &max, sizeof amax);
    return amax;
}

UT_INLINE int16x4_t quantise4(const float *x, float inverse)
{
    float32x4_t v = vmulq_n_f32(vld1q_f32(x), inverse);

    v = vmaxnmq_f32(v, vdupq_n_f32(-127)); /* of a NaN: -127 */
    return vmovn_s32(vcvtnq_s32_f32(vminq_f32(v, vdupq_n_f32(127))));
}

static void quantise(uint8_t *q, float *scale, const float *x, size_t n, size_t n_pad, uint8_t zero)
{
    float amax = max_magnitude(x, n);
    size_t i = 0;

    if (amax < 1e-30f) {
        memset(q, zero, n_pad);
        *scale = 0;
        return;
    }
    float inverse = 127.0f / amax, rest[8] = { 0 };
    for (; i < n; i += 8) {
        const float *from = x + i;
        size_t left = n - i < 8 ? n - i : 8;
        if (left < 8)
            from = memcpy(rest, from, left * sizeof *x);
        int8x8_t v =
            vmovn_s16(vcombine_s16(quantise4(from, inverse), quantise4(from + 4, inverse)));
        vst1_u8(q + i, vadd_u8(vreinterpret_u8_s8(v), vdup_n_u8(zero)));
        if (left < 8)
            memset(q + i + left, zero, 8 - left); /* infinity times 0 is NaN there */
    }
    memset(q + i, zero, n_pad - i);
    *scale = amax / 127.0f;
}

/*
 * Two rows of sixteen columns without the dot product: products of two steps of k meet in 16 bits,
 * at most 2 * 127 * 127 = 32258, then pairs of those in 32. Each register of sums holds two columns
 * twice, which meet at the end.
 */
UT_INLINE void s8_block(const struct ut_gemm_s8 *g, size_t p, size_t row, size_t n_rows)
{
    int32x4_t sum[2][8];
    const int8_t *a = (const int8_t *)g->a + row * g->lda;
    const int8_t *w = g->w + p * g->k * UT_PANEL;
    int32_t *c = g->c + row * g->ldc + p * UT_PANEL;

    for (size_t i = 0; i < n_rows; i++)
        for (size_t j = 0; j < 8; j++)
            sum[i][j] = vdupq_n_s32(0);
    for (size_t k = 0; k < g->k; k += 8, w += 8 * UT_PANEL) {
        for (size_t i = 0; i < n_rows; i++) {
            int32_t four[2];
            memcpy(four, a + i * g->lda + k, sizeof four);
            int8x8_t first = vreinterpret_s8_s32(vdup_n_s32(four[0]));
            int8x8_t second = vreinterpret_s8_s32(vdup_n_s32(four[1]));
            for (size_t j = 0; j < 8; j++) {
                int16x8_t v = vmull_s8(vld1_s8(w + 8 * j), first);
                v = vmlal_s8(v, vld1_s8(w + 4 * UT_PANEL + 8 * j), second);
                sum[i][j] = vpadalq_s16(sum[i][j], v);
            }
        }
    }
    for (size_t i = 0; i < n_rows; i++)
        for (size_t j = 0; j < 4; j++)
            vst1q_s32(c + i * g->ldc + 4 * j, vpaddq_s32(sum[i][2 * j], sum[i][2 * j + 1]));
}

static void gemm_s8(const struct ut_gemm_s8 *g)
{
    for (size_t p = 0; p < g->n_panels; p++) {
        size_t r = 0;
        for (; r + 2 <= g->n_rows; r += 2)
            s8_block(g, p, r, 2);
        if (r < g->n_rows)
            s8_block(g, p, r, 1);
    }
}

enum element { F32, F16, BF16 };

UT_INLINE float32x4_t load_weights(const void *w, size_t at, enum element type)
{
    if (type == F32)
        return vld1q_f32((const float *)w + at);
    uint16x4_t h = vld1_u16((const uint16_t *)w + at);
    if (type == F16)
        return vcvt_f32_f16(vreinterpret_f16_u16(h));
    return vreinterpretq_f32_u32(vshll_n_u16(h, 16));
}

UT_INLINE void float_block(const struct ut_gemm_float *g, size_t p, size_t row, size_t n_rows,
                           enum element type)
{
    float32x4_t sum[6][4];
    const float *a = g->a + row * g->lda;
    float *c = g->c + row * g->ldc + p * UT_PANEL;

    for (size_t i = 0; i < n_rows; i++)
        for (size_t j = 0; j < 4; j++)
            sum[i][j] = g->add ? vld1q_f32(c + i * g->ldc + 4 * j) : vdupq_n_f32(0);
    for (size_t k = 0; k < g->k; k++) {
        float32x4_t w[4];
        for (size_t j = 0; j < 4; j++)
            w[j] = load_weights(g->w, p * g->panel + k * UT_PANEL + 4 * j, type);
        for (size_t i = 0; i < n_rows; i++) {
            float32x4_t v = vdupq_n_f32(a[i * g->lda + k]);
            for (size_t j = 0; j < 4; j++)
                sum[i][j] = vfmaq_f32(sum[i][j], v, w[j]);
        }
    }
    for (size_t i = 0; i < n_rows; i++)
        for (size_t j = 0; j < 4; j++)
            vst1q_f32(c + i * g->ldc + 4 * j, sum[i][j]);
}

UT_INLINE void float_gemm(const struct ut_gemm_float *g, enum element type)
{
    for (size_t p = 0; p < g->n_panels; p++) {
        size_t r = 0;
        for (; r + 6 <= g->n_rows; r += 6)
            float_block(g, p, r, 6, type);
        for (; r + 2 <= g->n_rows; r += 2)
            float_block(g, p, r, 2, type);
        if (r < g->n_rows)
            float_block(g, p, r, 1, type);
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

/* GELU, x Phi(x): compute/gelu.h. */
UT_INLINE float32x4_t gelu(float32x4_t x)
{
    float32x4_t cut = vminq_f32(x, vdupq_n_f32(UT_GELU_LIMIT));
    cut = vmaxq_f32(cut, vdupq_n_f32(-UT_GELU_LIMIT));
    float32x4_t t = vfmaq_f32(vdupq_n_f32(-1), vmulq_f32(cut, cut),
                              vdupq_n_f32(2.0f / (UT_GELU_LIMIT * UT_GELU_LIMIT)));
    float32x4_t q = vdupq_n_f32(ut_gelu_q[UT_GELU_DEGREE]);

#pragma GCC unroll 16
    for (int i = UT_GELU_DEGREE - 1; i >= 0; i--)
        q = vfmaq_f32(vdupq_n_f32(ut_gelu_q[i]), q, t);
    return vmulq_f32(x, vfmaq_f32(vdupq_n_f32(0.5f), cut, q));
}

UT_INLINE float32x4_t activate(float32x4_t v, enum ut_act act)
{
    float x[4];

    switch (act) {
    case UT_ACT_GELU:
        return gelu(v);
    case UT_ACT_RELU:
        return vbslq_f32(vcltq_f32(v, vdupq_n_f32(0)), vdupq_n_f32(0), v);
    case UT_ACT_SILU:
        vst1q_f32(x, v);
        for (int i = 0; i < 4; i++)
            x[i] /= 1.0f + expf(-x[i]);
        return vld1q_f32(x);
    case UT_ACT_NONE:
        break;
    }
    return v;
}

/* Four columns of every row; `left` of them are there. */
UT_INLINE void epilogue_columns(const struct ut_epilogue *e, size_t j, size_t left, enum ut_act act)
{
    float32x4_t bias = vld1q_f32(e->bias + j);
    int32x4_t correction =
        e->row_scale ? vmulq_n_s32(vld1q_s32(e->sum + j), e->zero) : vdupq_n_s32(0);

    for (size_t r = 0; r < e->n_rows; r++) {
        const float *acc = (const float *)e->acc + r * e->ld_acc + j;
        float *y = e->y + r * e->ldy + j, part[4] = { 0 };
        float32x4_t v = vld1q_f32(acc);
        if (e->row_scale) {
            int32x4_t sum = vsubq_s32(vreinterpretq_s32_f32(v), correction);
            v = vmulq_f32(vcvtq_f32_s32(sum),
                          vmulq_n_f32(vld1q_f32(e->scale + j), e->row_scale[r]));
        }
        v = activate(vaddq_f32(v, bias), act);
        if (e->residual) {
            const float *residual = e->residual + r * e->ld_residual + j;
            if (left < 4)
                residual = memcpy(part, residual, left * sizeof *part);
            v = vaddq_f32(v, vld1q_f32(residual));
        }
        if (left >= 4) {
            vst1q_f32(y, v);
        } else {
            vst1q_f32(part, v);
            memcpy(y, part, left * sizeof *part);
        }
    }
}

static void epilogue(const struct ut_epilogue *e)
{
    for (size_t j = 0; j < e->n_cols; j += 4) {
        if (e->act == UT_ACT_GELU)
            epilogue_columns(e, j, e->n_cols - j, UT_ACT_GELU);
        else if (e->act == UT_ACT_NONE)
            epilogue_columns(e, j, e->n_cols - j, UT_ACT_NONE);
        else
            epilogue_columns(e, j, e->n_cols - j, e->act);
    }
}

void ut_linear_ops_init_neon(struct ut_linear_ops *ops)
{
    ops->s8_rows = 48;
    ops->s8_panels = 8;
    ops->float_rows = 48;
    ops->quantise = quantise;
    ops->gemm_s8 = gemm_s8;
    ops->gemm_f32 = gemm_f32;
    ops->gemm_f16 = gemm_f16;
    ops->gemm_bf16 = gemm_bf16;
    ops->epilogue = epilogue;
}
