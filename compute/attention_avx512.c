#include "compute/attention_avx512.h"

#include <math.h>
#include <string.h>

#include "compute/simd_avx512.h"

#define D_MAX 128

/* Sixteen keys are sixteen columns: each step gathers one channel of each by their stride. */
static void pack_k(float *dst, const float *k, size_t ld, size_t n, size_t d)
{
    int stride[16];

    for (int i = 0; i < 16; i++)
        stride[i] = i;
    __m512i lane = _mm512_loadu_si512(stride);
    __m512i at = _mm512_mullo_epi32(lane, _mm512_set1_epi32((int)ld));
    for (size_t i = 0; i < n; i += 16, dst += 16 * d) {
        __mmask16 lanes = ut_lanes16(n - i);
        const float *rows = k + i * ld;
        for (size_t j = 0; j < d; j++) {
            __m512 v = _mm512_mask_i32gather_ps(_mm512_setzero_ps(), lanes, at, rows + j, 4);
            _mm512_storeu_ps(dst + 16 * j, v);
        }
    }
}

static void pack_v(float *dst, const float *v, size_t ld, size_t n, size_t d)
{
    for (size_t j = 0; j < d; j += 16) {
        __mmask16 lanes = ut_lanes16(d - j);
        float *to = dst + j * UT_KEY_BLOCK;
        for (size_t i = 0; i < n; i++)
            _mm512_storeu_ps(to + 16 * i, _mm512_maskz_loadu_ps(lanes, v + i * ld + j));
    }
}

static void softmax_row(const struct ut_softmax_step *step, size_t r)
{
    float *s = step->s + r * UT_KEY_BLOCK, *o = step->o + r * step->ldo;
    __m512 most = _mm512_set1_ps(step->m[r]), sum = _mm512_setzero_ps();
    __m512 scale = _mm512_set1_ps(step->scale);

    for (size_t i = 0; i < step->n; i += 16) {
        __mmask16 lanes = ut_lanes16(step->n - i);
        most = _mm512_mask_max_ps(most, lanes, most, _mm512_maskz_loadu_ps(lanes, s + i));
    }
    float max = _mm512_reduce_max_ps(most);
    most = _mm512_set1_ps(max);
    for (size_t i = 0; i < step->n; i += 16) {
        __mmask16 lanes = ut_lanes16(step->n - i);
        __m512 d = _mm512_sub_ps(_mm512_maskz_loadu_ps(lanes, s + i), most);
        __m512 v = ut_exp16(_mm512_mul_ps(d, scale));
        _mm512_mask_storeu_ps(s + i, lanes, v);
        sum = _mm512_mask_add_ps(sum, lanes, sum, v);
    }
    float before = step->m[r];
    float keep = before == -INFINITY ? 0 : expf((before - max) * step->scale);
    step->m[r] = max;
    step->l[r] = step->l[r] * keep + _mm512_reduce_add_ps(sum);
    for (size_t j = 0; j < step->d; j += 16)
        _mm512_storeu_ps(o + j, _mm512_mul_ps(_mm512_loadu_ps(o + j), _mm512_set1_ps(keep)));
}

static void softmax_step(const struct ut_softmax_step *step)
{
    for (size_t r = 0; r < step->n_rows; r++)
        softmax_row(step, r);
}

static void to_f16(uint16_t *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 lanes = ut_lanes16(n - i);
        __m256i h = _mm512_cvtps_ph(_mm512_maskz_loadu_ps(lanes, x + i),
                                    _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
        _mm256_mask_storeu_epi16(y + i, lanes, h);
    }
}

UT_INLINE size_t cell_at(const struct ut_cells *c, size_t i)
{
    return c->cells ? (size_t)c->cells[i] : c->first + i;
}

/* Channels [j, j + 16) of a cell. */
UT_INLINE __m512 load_cell(const struct ut_cells *c, size_t cell, size_t j)
{
    return _mm512_maskz_loadu_ps(ut_lanes16(c->d - j), (const float *)c->base + cell * c->d + j);
}

static void scores_f32(float *s, const float *q, const struct ut_cells *k)
{
    __m512 query[D_MAX / 16];

    for (size_t j = 0; j < k->d; j += 16)
        query[j / 16] = _mm512_maskz_loadu_ps(ut_lanes16(k->d - j), q + j);
    for (size_t i = 0; i < k->n; i++) {
        size_t cell = cell_at(k, i);
        __m512 sum = _mm512_setzero_ps();
        for (size_t j = 0; j < k->d; j += 16)
            sum = _mm512_fmadd_ps(query[j / 16], load_cell(k, cell, j), sum);
        s[i] = _mm512_reduce_add_ps(sum);
    }
}

static void mix_f32(float *y, const float *p, const struct ut_cells *v)
{
    __m512 sum[D_MAX / 16];

    for (size_t j = 0; j < v->d; j += 16)
        sum[j / 16] = _mm512_maskz_loadu_ps(ut_lanes16(v->d - j), y + j);
    for (size_t i = 0; i < v->n; i++) {
        size_t cell = cell_at(v, i);
        __m512 weight = _mm512_set1_ps(p[i]);
        for (size_t j = 0; j < v->d; j += 16)
            sum[j / 16] = _mm512_fmadd_ps(weight, load_cell(v, cell, j), sum[j / 16]);
    }
    for (size_t j = 0; j < v->d; j += 16)
        _mm512_mask_storeu_ps(y + j, ut_lanes16(v->d - j), sum[j / 16]);
}

void ut_attention_ops_init_avx512(struct ut_attention_ops *ops)
{
    ops->pack_k = pack_k;
    ops->pack_v = pack_v;
    ops->softmax_step = softmax_step;
    ops->to_f16 = to_f16;
    ops->scores_f32 = scores_f32;
    ops->mix_f32 = mix_f32;
}
