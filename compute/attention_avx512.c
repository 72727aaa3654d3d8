#include "compute/attention_avx512.h"

#include <math.h>
#include <string.h>

#include "compute/simd_avx512.h"

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

void ut_attention_ops_init_avx512(struct ut_attention_ops *ops)
{
    ops->softmax_step = softmax_step;
    ops->to_f16 = to_f16;
}
