#include "compute/attention_neon.h"

#include <math.h>

#include "compute/simd_neon.h"

/* Four rows of four become four columns. */
UT_INLINE void transpose4(float32x4_t r[4])
{
    float32x4_t a = vtrn1q_f32(r[0], r[1]), b = vtrn2q_f32(r[0], r[1]);
    float32x4_t c = vtrn1q_f32(r[2], r[3]), d = vtrn2q_f32(r[2], r[3]);

    r[0] = vcombine_f32(vget_low_f32(a), vget_low_f32(c));
    r[1] = vcombine_f32(vget_low_f32(b), vget_low_f32(d));
    r[2] = vcombine_f32(vget_high_f32(a), vget_high_f32(c));
    r[3] = vcombine_f32(vget_high_f32(b), vget_high_f32(d));
}

static void pack_k(float *dst, const float *k, size_t ld, size_t n, size_t d)
{
    for (size_t i = 0; i < (n + 15) / 16 * 16; i += 4) {
        float *to = dst + i / 16 * 16 * d + i % 16;
        for (size_t j = 0; j < d; j += 4, to += 4 * 16) {
            float32x4_t r[4];
            for (size_t row = 0; row < 4; row++)
                r[row] = i + row < n ? vld1q_f32(k + (i + row) * ld + j) : vdupq_n_f32(0);
            transpose4(r);
            for (size_t row = 0; row < 4; row++)
                vst1q_f32(to + row * 16, r[row]);
        }
    }
}

static void pack_v(float *dst, const float *v, size_t ld, size_t n, size_t d)
{
    for (size_t j = 0; j < (d + 15) / 16 * 16; j += 4) {
        float *to = dst + j / 16 * 16 * UT_KEY_BLOCK + j % 16;
        for (size_t i = 0; i < n; i++)
            vst1q_f32(to + 16 * i, j < d ? vld1q_f32(v + i * ld + j) : vdupq_n_f32(0));
    }
}

static void softmax_row(const struct ut_softmax_step *step, size_t r)
{
    float *s = step->s + r * UT_KEY_BLOCK, *o = step->o + r * step->ldo;
    float before = step->m[r];
    float32x4_t most = vdupq_n_f32(before), sum = vdupq_n_f32(0);
    size_t n = step->n;

    for (size_t i = 0; i < n; i += 4)
        most = ut_max4(ut_load4(s + i, n - i, -INFINITY), most);
    float max = vmaxvq_f32(most);
    most = vdupq_n_f32(max);
    for (size_t i = 0; i < n; i += 4) {
        float32x4_t d = vsubq_f32(ut_load4(s + i, n - i, -INFINITY), most);
        float32x4_t v = ut_exp4(vmulq_n_f32(d, step->scale));
        ut_store4(s + i, v, n - i);
        sum = vaddq_f32(sum, v);
    }
    float keep = before == -INFINITY ? 0 : expf((before - max) * step->scale);
    step->m[r] = max;
    step->l[r] = step->l[r] * keep + vaddvq_f32(sum);
    for (size_t j = 0; j < step->d; j += 4)
        vst1q_f32(o + j, vmulq_n_f32(vld1q_f32(o + j), keep));
}

static void softmax_step(const struct ut_softmax_step *step)
{
    for (size_t r = 0; r < step->n_rows; r++)
        softmax_row(step, r);
}

static void to_f16(uint16_t *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i += 4) {
        size_t left = n - i < 4 ? n - i : 4;
        uint16x4_t h = vreinterpret_u16_f16(vcvt_f16_f32(ut_load4(x + i, left, 0)));
        if (left == 4)
            vst1_u16(y + i, h);
        else
            memcpy(y + i, &h, left * sizeof *y);
    }
}

UT_INLINE size_t cell_at(const struct ut_cells *c, size_t i)
{
    return c->cells ? (size_t)c->cells[i] : c->first + i;
}

/* Channels [j, j + 4) of a cell, as floats; `at` is its first element. */
UT_INLINE float32x4_t load_cell(const struct ut_cells *c, size_t at, bool half)
{
    return half ? ut_load_half4((const uint16_t *)c->base + at)
                : vld1q_f32((const float *)c->base + at);
}

/* Each sum has the same order whatever n_rows is. d is a multiple of 8. */
UT_INLINE void scores(float *const *s, const float *const *q, size_t n_rows,
                      const struct ut_cells *k, bool half)
{
    for (size_t i = 0; i < k->n; i++) {
        size_t at = cell_at(k, i) * k->d;
        float32x4_t even[UT_ROW_GROUP], odd[UT_ROW_GROUP];
        for (size_t r = 0; r < n_rows; r++)
            even[r] = odd[r] = vdupq_n_f32(0);
        for (size_t j = 0; j < k->d; j += 8) {
            float32x4_t a = load_cell(k, at + j, half), b = load_cell(k, at + j + 4, half);
            for (size_t r = 0; r < n_rows; r++) {
                even[r] = vfmaq_f32(even[r], vld1q_f32(q[r] + j), a);
                odd[r] = vfmaq_f32(odd[r], vld1q_f32(q[r] + j + 4), b);
            }
        }
        for (size_t r = 0; r < n_rows; r++)
            s[r][i] = vaddvq_f32(vaddq_f32(even[r], odd[r]));
    }
}

/* Channels [first, first + width) of all rows, width 8 or 16: their sums stay in registers. */
UT_INLINE void mix_part(float *const *y, const float *const *p, size_t n_rows,
                        const struct ut_cells *v, size_t first, size_t width, bool half)
{
    float32x4_t sum[UT_ROW_GROUP][4];

    for (size_t r = 0; r < n_rows; r++)
        for (size_t j = 0; j < width / 4; j++)
            sum[r][j] = vld1q_f32(y[r] + first + 4 * j);
    for (size_t i = 0; i < v->n; i++) {
        size_t at = cell_at(v, i) * v->d + first;
        float32x4_t cell[4];
        for (size_t j = 0; j < width / 4; j++)
            cell[j] = load_cell(v, at + 4 * j, half);
        for (size_t r = 0; r < n_rows; r++)
            for (size_t j = 0; j < width / 4; j++)
                sum[r][j] = vfmaq_n_f32(sum[r][j], cell[j], p[r][i]);
    }
    for (size_t r = 0; r < n_rows; r++)
        for (size_t j = 0; j < width / 4; j++)
            vst1q_f32(y[r] + first + 4 * j, sum[r][j]);
}

UT_INLINE void mix(float *const *y, const float *const *p, size_t n_rows, const struct ut_cells *v,
                   bool half)
{
    size_t j = 0;

    for (; j + 16 <= v->d; j += 16)
        mix_part(y, p, n_rows, v, j, 16, half);
    if (j < v->d)
        mix_part(y, p, n_rows, v, j, 8, half);
}

static void scores_f32(float *s, const float *q, const struct ut_cells *k)
{
    scores(&s, &q, 1, k, false);
}

static void mix_f32(float *y, const float *p, const struct ut_cells *v)
{
    mix(&y, &p, 1, v, false);
}

static void scores_f16(float *const *s, const float *const *q, size_t n_rows,
                       const struct ut_cells *k)
{
    if (n_rows == 4) {
        scores(s, q, 4, k, true);
        return;
    }
    for (size_t r = 0; r < n_rows; r++)
        scores(s + r, q + r, 1, k, true);
}

static void mix_f16(float *const *y, const float *const *p, size_t n_rows, const struct ut_cells *v)
{
    if (n_rows == 4) {
        mix(y, p, 4, v, true);
        return;
    }
    for (size_t r = 0; r < n_rows; r++)
        mix(y + r, p + r, 1, v, true);
}

void ut_attention_ops_init_neon(struct ut_attention_ops *ops)
{
    ops->pack_k = pack_k;
    ops->pack_v = pack_v;
    ops->softmax_step = softmax_step;
    ops->to_f16 = to_f16;
    ops->scores_f32 = scores_f32;
    ops->scores_f16 = scores_f16;
    ops->mix_f32 = mix_f32;
    ops->mix_f16 = mix_f16;
}
