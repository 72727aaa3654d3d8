#include "compute/vector_avx512.h"

#include <math.h>

#include "compute/simd_avx512.h"

static float max(const float *x, size_t n)
{
    __m512 most = _mm512_set1_ps(-INFINITY);

    for (size_t i = 0; i < n; i += 16) {
        __mmask16 lanes = ut_lanes16(n - i);
        /* Of a NaN in the first operand the second is returned. */
        most = _mm512_mask_max_ps(most, lanes, _mm512_maskz_loadu_ps(lanes, x + i), most);
    }
    return _mm512_reduce_max_ps(most);
}

static float exp_sum(float *y, const float *x, size_t n, float max, float scale)
{
    __m512 sum[4] = { _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(),
                      _mm512_setzero_ps() };

    for (size_t i = 0; i < n; i += 16) {
        __mmask16 lanes = ut_lanes16(n - i);
        __m512 d = _mm512_sub_ps(_mm512_maskz_loadu_ps(lanes, x + i), _mm512_set1_ps(max));
        __m512 e = ut_exp16(_mm512_mul_ps(d, _mm512_set1_ps(scale)));
        if (y)
            _mm512_mask_storeu_ps(y + i, lanes, e);
        sum[i / 16 % 4] = _mm512_mask_add_ps(sum[i / 16 % 4], lanes, sum[i / 16 % 4], e);
    }
    __m512 all = _mm512_add_ps(_mm512_add_ps(sum[0], sum[1]), _mm512_add_ps(sum[2], sum[3]));
    return _mm512_reduce_add_ps(all);
}

static void scale(float *x, size_t n, float factor)
{
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 lanes = ut_lanes16(n - i);
        __m512 v = _mm512_mul_ps(_mm512_maskz_loadu_ps(lanes, x + i), _mm512_set1_ps(factor));
        _mm512_mask_storeu_ps(x + i, lanes, v);
    }
}

static float dot(const float *a, const float *b, size_t n)
{
    __m512 sum = _mm512_setzero_ps();

    for (size_t i = 0; i < n; i += 16) {
        __mmask16 lanes = ut_lanes16(n - i);
        sum = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(lanes, a + i),
                              _mm512_maskz_loadu_ps(lanes, b + i), sum);
    }
    return _mm512_reduce_add_ps(sum);
}

static void add(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 lanes = ut_lanes16(n - i);
        __m512 v =
            _mm512_add_ps(_mm512_maskz_loadu_ps(lanes, y + i), _mm512_maskz_loadu_ps(lanes, x + i));
        _mm512_mask_storeu_ps(y + i, lanes, v);
    }
}

static size_t find_above(const float *x, size_t from, size_t n, float limit)
{
    for (size_t i = from; i < n; i += 16) {
        __mmask16 lanes = ut_lanes16(n - i);
        __mmask16 above = _mm512_mask_cmp_ps_mask(lanes, _mm512_maskz_loadu_ps(lanes, x + i),
                                                  _mm512_set1_ps(limit), _CMP_GT_OQ);
        if (above)
            return i + (size_t)__builtin_ctz(above);
    }
    return n;
}

void ut_vector_ops_init_avx512(struct ut_vector_ops *ops)
{
    *ops = (struct ut_vector_ops){
        .max = max,
        .exp_sum = exp_sum,
        .scale = scale,
        .dot = dot,
        .add = add,
        .find_above = find_above,
    };
}
