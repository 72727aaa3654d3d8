#include "compute/attention_scalar.h"

#include <math.h>
#include <string.h>

static void pack_k(float *dst, const float *k, size_t ld, size_t n, size_t d)
{
    size_t n_panels = (n + 15) / 16;

    memset(dst, 0, n_panels * 16 * d * sizeof *dst);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < d; j++)
            dst[(i / 16 * d + j) * 16 + i % 16] = k[i * ld + j];
    }
}

static void pack_v(float *dst, const float *v, size_t ld, size_t n, size_t d)
{
    for (size_t panel = 0; panel < (d + 15) / 16; panel++) {
        float *to = dst + panel * UT_KEY_BLOCK * 16;
        size_t width = d - panel * 16 < 16 ? d - panel * 16 : 16;
        for (size_t i = 0; i < n; i++) {
            for (size_t j = 0; j < 16; j++)
                to[i * 16 + j] = j < width ? v[i * ld + panel * 16 + j] : 0;
        }
    }
}

static void softmax_step(const struct ut_softmax_step *step)
{
    for (size_t r = 0; r < step->n_rows; r++) {
        float *s = step->s + r * UT_KEY_BLOCK, *o = step->o + r * step->ldo;
        float max = step->m[r], sum = 0;
        for (size_t i = 0; i < step->n; i++)
            max = s[i] > max ? s[i] : max;
        for (size_t i = 0; i < step->n; i++) {
            s[i] = expf((s[i] - max) * step->scale);
            sum += s[i];
        }
        /* The first block: there is nothing to rescale, and -INF - max may be NaN. */
        float keep = step->m[r] == -INFINITY ? 0 : expf((step->m[r] - max) * step->scale);
        step->m[r] = max;
        step->l[r] = step->l[r] * keep + sum;
        for (size_t j = 0; j < step->d; j++)
            o[j] *= keep;
    }
}

static void to_f16(uint16_t *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = ut_f32_to_f16(x[i]);
}

static size_t cell_at(const struct ut_cells *c, size_t i)
{
    return c->cells ? (size_t)c->cells[i] : c->first + i;
}

static void scores_f32(float *s, const float *q, const struct ut_cells *k)
{
    for (size_t i = 0; i < k->n; i++) {
        const float *key = (const float *)k->base + cell_at(k, i) * k->d;
        float sum = 0;
        for (size_t j = 0; j < k->d; j++)
            sum += q[j] * key[j];
        s[i] = sum;
    }
}

static void scores_f16(float *const *s, const float *const *q, size_t n_rows,
                       const struct ut_cells *k)
{
    for (size_t r = 0; r < n_rows; r++) {
        for (size_t i = 0; i < k->n; i++) {
            const uint16_t *key = (const uint16_t *)k->base + cell_at(k, i) * k->d;
            float sum = 0;
            for (size_t j = 0; j < k->d; j++)
                sum += q[r][j] * ut_f16_to_f32(key[j]);
            s[r][i] = sum;
        }
    }
}

static void mix_f32(float *y, const float *p, const struct ut_cells *v)
{
    for (size_t i = 0; i < v->n; i++) {
        const float *value = (const float *)v->base + cell_at(v, i) * v->d;
        for (size_t j = 0; j < v->d; j++)
            y[j] += p[i] * value[j];
    }
}

static void mix_f16(float *const *y, const float *const *p, size_t n_rows, const struct ut_cells *v)
{
    for (size_t r = 0; r < n_rows; r++) {
        for (size_t i = 0; i < v->n; i++) {
            const uint16_t *value = (const uint16_t *)v->base + cell_at(v, i) * v->d;
            for (size_t j = 0; j < v->d; j++)
                y[r][j] += p[r][i] * ut_f16_to_f32(value[j]);
        }
    }
}

static void pack_k_pairs(uint16_t *dst, const float *k, size_t ld, size_t n, size_t d)
{
    size_t n_panels = (n + 15) / 16;

    memset(dst, 0, n_panels * 16 * d * sizeof *dst);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < d; j++)
            dst[i / 16 * 16 * d + j / 2 * 32 + i % 16 * 2 + j % 2] = ut_f32_to_bf16(k[i * ld + j]);
    }
}

static void pack_v_pairs(uint16_t *dst, const float *v, size_t ld, size_t n, size_t d)
{
    size_t n_pad = (n + 31) / 32 * 32;

    for (size_t j = 0; j < (d + 15) / 16 * 16; j++) {
        uint16_t *to = dst + j / 16 * 16 * UT_KEY_BLOCK + j % 16 * 2;
        for (size_t i = 0; i < n_pad; i++)
            to[i / 2 * 32 + i % 2] = i < n && j < d ? ut_f32_to_bf16(v[i * ld + j]) : 0;
    }
}

static void to_bf16(uint16_t *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = ut_f32_to_bf16(x[i]);
}

static void softmax_pairs(const struct ut_softmax_step *step, uint16_t *p)
{
    softmax_step(step);
    for (size_t r = 0; r < step->n_rows; r++) {
        for (size_t i = 0; i < (step->n + 31) / 32 * 32; i++) {
            float weight = i < step->n ? step->s[r * UT_KEY_BLOCK + i] : 0;
            p[r * UT_KEY_BLOCK + i] = ut_f32_to_bf16(weight);
        }
    }
}

static void gemm_pairs(const struct ut_gemm_pairs *g)
{
    for (size_t r = 0; r < g->n_rows; r++) {
        for (size_t j = 0; j < g->n_panels * 16; j++) {
            const uint16_t *w = g->w + j / 16 * g->panel + j % 16 * 2;
            float sum = g->add ? g->c[r * g->ldc + j] : 0;
            for (size_t k = 0; k < g->k; k++)
                sum += ut_bf16_to_f32(g->a[r * g->lda + k]) * ut_bf16_to_f32(w[k / 2 * 32 + k % 2]);
            g->c[r * g->ldc + j] = sum;
        }
    }
}

void ut_attention_ops_init_scalar(struct ut_attention_ops *ops)
{
    *ops = (struct ut_attention_ops){
        .pack_k = pack_k,
        .pack_v = pack_v,
        .softmax_step = softmax_step,
        .to_f16 = to_f16,
        .scores_f32 = scores_f32,
        .scores_f16 = scores_f16,
        .mix_f32 = mix_f32,
        .mix_f16 = mix_f16,
        .pack_k_pairs = pack_k_pairs,
        .pack_v_pairs = pack_v_pairs,
        .to_bf16 = to_bf16,
        .softmax_pairs = softmax_pairs,
        .gemm_pairs = gemm_pairs,
    };
}
