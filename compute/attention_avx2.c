#include "compute/attention_avx2.h"

#include <math.h>
#include <string.h>

#include "compute/simd_avx2.h"

/* Eight rows of eight become eight columns. */
UT_INLINE void transpose8(__m256 r[8])
{
    __m256 t[8], u[8];

    for (int i = 0; i < 8; i += 2) {
        t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        u[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
        u[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
        u[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        u[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
    }
    for (int i = 0; i < 4; i++) {
        r[i] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x20);
        r[i + 4] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x31);
    }
}

static void pack_k(float *dst, const float *k, size_t ld, size_t n, size_t d)
{
    for (size_t i = 0; i < (n + 15) / 16 * 16; i += 8) {
        float *to = dst + i / 16 * 16 * d + i % 16;
        for (size_t j = 0; j < d; j += 8, to += 8 * 16) {
            __m256 r[8];
            for (size_t row = 0; row < 8; row++) {
                r[row] = _mm256_setzero_ps();
                if (i + row < n)
                    r[row] = _mm256_loadu_ps(k + (i + row) * ld + j);
            }
            transpose8(r);
            for (size_t row = 0; row < 8; row++)
                _mm256_storeu_ps(to + row * 16, r[row]);
        }
    }
}

static void pack_v(float *dst, const float *v, size_t ld, size_t n, size_t d)
{
    for (size_t j = 0; j < d; j += 16) {
        float *to = dst + j * UT_KEY_BLOCK;
        for (size_t i = 0; i < n; i++) {
            const float *from = v + i * ld + j;
            __m256 high = j + 8 < d ? _mm256_loadu_ps(from + 8) : _mm256_setzero_ps();
            _mm256_storeu_ps(to + 16 * i, _mm256_loadu_ps(from));
            _mm256_storeu_ps(to + 16 * i + 8, high);
        }
    }
}

static void softmax_row(const struct ut_softmax_step *step, size_t r)
{
    float *s = step->s + r * UT_KEY_BLOCK, *o = step->o + r * step->ldo;
    __m256 most = _mm256_set1_ps(step->m[r]), sum = _mm256_setzero_ps();
    __m256 scale = _mm256_set1_ps(step->scale);
    size_t n = step->n;

    for (size_t i = 0; i < n; i += 8)
        most = _mm256_max_ps(most, ut_keep8(ut_load8(s + i, n - i), most, n - i));
    float max = ut_max8(most);
    most = _mm256_set1_ps(max);
    for (size_t i = 0; i < n; i += 8) {
        __m256 v = ut_exp8(_mm256_mul_ps(_mm256_sub_ps(ut_load8(s + i, n - i), most), scale));
        ut_store8(s + i, v, n - i);
        sum = _mm256_add_ps(sum, ut_keep8(v, _mm256_setzero_ps(), n - i));
    }
    float before = step->m[r];
    float keep = before == -INFINITY ? 0 : expf((before - max) * step->scale);
    step->m[r] = max;
    step->l[r] = step->l[r] * keep + ut_sum8(sum);
    for (size_t j = 0; j < step->d; j += 8)
        _mm256_storeu_ps(o + j, _mm256_mul_ps(_mm256_loadu_ps(o + j), _mm256_set1_ps(keep)));
}

static void softmax_step(const struct ut_softmax_step *step)
{
    for (size_t r = 0; r < step->n_rows; r++)
        softmax_row(step, r);
}

static void to_f16(uint16_t *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i += 8) {
        size_t left = n - i < 8 ? n - i : 8;
        __m128i h =
            _mm256_cvtps_ph(ut_load8(x + i, left), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
        if (left == 8)
            _mm_storeu_si128((__m128i *)(void *)(y + i), h);
        else
            memcpy(y + i, &h, left * sizeof *y);
    }
}

UT_INLINE size_t cell_at(const struct ut_cells *c, size_t i)
{
    return c->cells ? (size_t)c->cells[i] : c->first + i;
}

/* Channels [j, j + 8) of a cell, as floats. */
UT_INLINE __m256 load_cell(const struct ut_cells *c, size_t at, bool half)
{
    if (!half)
        return _mm256_loadu_ps((const float *)c->base + at);
    const uint16_t *h = (const uint16_t *)c->base + at;
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)h));
}

UT_INLINE void scores(float *s, const float *q, const struct ut_cells *k, size_t d, bool half)
{
    for (size_t i = 0; i < k->n; i++) {
        size_t at = cell_at(k, i) * d;
        __m256 even = _mm256_setzero_ps(), odd = _mm256_setzero_ps();
        for (size_t j = 0; j + 8 < d; j += 16) {
            even = _mm256_fmadd_ps(_mm256_loadu_ps(q + j), load_cell(k, at + j, half), even);
            odd = _mm256_fmadd_ps(_mm256_loadu_ps(q + j + 8), load_cell(k, at + j + 8, half), odd);
        }
        if (d % 16 != 0)
            even =
                _mm256_fmadd_ps(_mm256_loadu_ps(q + d - 8), load_cell(k, at + d - 8, half), even);
        s[i] = ut_sum8(_mm256_add_ps(even, odd));
    }
}

/* Up to 64 channels from `first` on, their sums in registers. */
UT_INLINE void mix_part(float *y, const float *p, const struct ut_cells *v, size_t first, size_t n,
                        bool half)
{
    __m256 sum[8];

    for (size_t j = 0; j < n; j += 8)
        sum[j / 8] = _mm256_loadu_ps(y + first + j);
    for (size_t i = 0; i < v->n; i++) {
        size_t at = cell_at(v, i) * v->d + first;
        __m256 weight = _mm256_broadcast_ss(p + i);
        for (size_t j = 0; j < n; j += 8)
            sum[j / 8] = _mm256_fmadd_ps(weight, load_cell(v, at + j, half), sum[j / 8]);
    }
    for (size_t j = 0; j < n; j += 8)
        _mm256_storeu_ps(y + first + j, sum[j / 8]);
}

/* 64 channels are what heads have; the constant lets their sums stay in registers. */
UT_INLINE void mix(float *y, const float *p, const struct ut_cells *v, bool half)
{
    size_t j = 0;

    for (; j + 64 <= v->d; j += 64)
        mix_part(y, p, v, j, 64, half);
    for (; j + 16 <= v->d; j += 16)
        mix_part(y, p, v, j, 16, half);
    if (j < v->d)
        mix_part(y, p, v, j, 8, half);
}

static void scores_f32(float *s, const float *q, const struct ut_cells *k)
{
    if (k->d == 64)
        scores(s, q, k, 64, false);
    else
        scores(s, q, k, k->d, false);
}

static void scores_f16(float *const *s, const float *const *q, size_t n_rows,
                       const struct ut_cells *k)
{
    for (size_t r = 0; r < n_rows; r++) {
        if (k->d == 64)
            scores(s[r], q[r], k, 64, true);
        else
            scores(s[r], q[r], k, k->d, true);
    }
}

static void mix_f32(float *y, const float *p, const struct ut_cells *v)
{
    mix(y, p, v, false);
}

static void mix_f16(float *const *y, const float *const *p, size_t n_rows, const struct ut_cells *v)
{
    for (size_t r = 0; r < n_rows; r++)
        mix(y[r], p[r], v, true);
}

void ut_attention_ops_init_avx2(struct ut_attention_ops *ops)
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
