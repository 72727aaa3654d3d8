#include "compute/vector_avx512.h"

#include <math.h>

#include "compute/simd_avx512.h"

/* Sums and maxima that do not wait for each other. */
#define CHAINS 4

static float max(const float *x, size_t n)
{
    __m512 most[CHAINS];
    size_t i = 0;

    for (int j = 0; j < CHAINS; j++)
        most[j] = _mm512_set1_ps(-INFINITY);
    /* Of a NaN in the first operand the second is returned. */
    for (; n - i >= (size_t)16 * CHAINS; i += (size_t)16 * CHAINS) {
#pragma GCC unroll 4
        for (size_t j = 0; j < CHAINS; j++)
            most[j] = _mm512_max_ps(_mm512_loadu_ps(x + i + 16 * j), most[j]);
    }
    for (; i < n; i += 16) {
        __mmask16 lanes = ut_lanes16(n - i);
        most[0] = _mm512_mask_max_ps(most[0], lanes, _mm512_maskz_loadu_ps(lanes, x + i), most[0]);
    }
    return _mm512_reduce_max_ps(
        _mm512_max_ps(_mm512_max_ps(most[0], most[1]), _mm512_max_ps(most[2], most[3])));
}

UT_INLINE __m512 exp_scaled(__m512 x, float max, float scale)
{
    return ut_exp16(_mm512_mul_ps(_mm512_sub_ps(x, _mm512_set1_ps(max)), _mm512_set1_ps(scale)));
}

static float exp_sum(float *y, const float *x, size_t n, float max, float scale)
{
    __m512 sum[CHAINS];
    size_t i = 0;

    for (int j = 0; j < CHAINS; j++)
        sum[j] = _mm512_setzero_ps();
    for (; n - i >= (size_t)16 * CHAINS; i += (size_t)16 * CHAINS) {
#pragma GCC unroll 4
        for (size_t j = 0; j < CHAINS; j++) {
            __m512 e = exp_scaled(_mm512_loadu_ps(x + i + 16 * j), max, scale);
            if (y)
                _mm512_storeu_ps(y + i + 16 * j, e);
            sum[j] = _mm512_add_ps(sum[j], e);
        }
    }
    for (; i < n; i += 16) {
        __mmask16 lanes = ut_lanes16(n - i);
        __m512 e = exp_scaled(_mm512_maskz_loadu_ps(lanes, x + i), max, scale);
        if (y)
            _mm512_mask_storeu_ps(y + i, lanes, e);
        sum[0] = _mm512_mask_add_ps(sum[0], lanes, sum[0], e);
    }
    return _mm512_reduce_add_ps(
        _mm512_add_ps(_mm512_add_ps(sum[0], sum[1]), _mm512_add_ps(sum[2], sum[3])));
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
    __m512 bound = _mm512_set1_ps(limit);
    size_t i = from;

    /* Where nothing is above, as nearly everywhere in a row of logits, one branch for 64. */
    for (; n - i >= 64; i += 64) {
        __mmask16 a = _mm512_cmp_ps_mask(_mm512_loadu_ps(x + i), bound, _CMP_GT_OQ);
        __mmask16 b = _mm512_cmp_ps_mask(_mm512_loadu_ps(x + i + 16), bound, _CMP_GT_OQ);
        __mmask16 c = _mm512_cmp_ps_mask(_mm512_loadu_ps(x + i + 32), bound, _CMP_GT_OQ);
        __mmask16 d = _mm512_cmp_ps_mask(_mm512_loadu_ps(x + i + 48), bound, _CMP_GT_OQ);
        __mmask64 above = _mm512_kunpackd(_mm512_kunpackw(d, c), _mm512_kunpackw(b, a));
        if (above)
            return i + (size_t)__builtin_ctzll(above);
    }
    for (; i < n; i += 16) {
        __mmask16 lanes = ut_lanes16(n - i);
        __mmask16 above =
            _mm512_mask_cmp_ps_mask(lanes, _mm512_maskz_loadu_ps(lanes, x + i), bound, _CMP_GT_OQ);
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
