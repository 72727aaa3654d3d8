#include "compute/vector_avx2.h"

#include <math.h>

#include "compute/simd_avx2.h"

static float max(const float *x, size_t n)
{
    __m256 none = _mm256_set1_ps(-INFINITY), most[2] = { none, none };

    for (size_t i = 0; i < n; i += 8) {
        /* Of a NaN in the first operand the second is returned. */
        __m256 v = ut_keep8(ut_load8(x + i, n - i), none, n - i);
        most[i / 8 % 2] = _mm256_max_ps(v, most[i / 8 % 2]);
    }
    return ut_max8(_mm256_max_ps(most[0], most[1]));
}

static float exp_sum(float *y, const float *x, size_t n, float max, float scale)
{
    __m256 sum[4] = { _mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(),
                      _mm256_setzero_ps() };

    for (size_t i = 0; i < n; i += 8) {
        __m256 d = _mm256_sub_ps(ut_load8(x + i, n - i), _mm256_set1_ps(max));
        __m256 e = ut_exp8(_mm256_mul_ps(d, _mm256_set1_ps(scale)));
        if (y)
            ut_store8(y + i, e, n - i);
        e = ut_keep8(e, _mm256_setzero_ps(), n - i);
        sum[i / 8 % 4] = _mm256_add_ps(sum[i / 8 % 4], e);
    }
    return ut_sum8(_mm256_add_ps(_mm256_add_ps(sum[0], sum[1]), _mm256_add_ps(sum[2], sum[3])));
}

static void scale(float *x, size_t n, float factor)
{
    for (size_t i = 0; i < n; i += 8) {
        __m256 v = _mm256_mul_ps(ut_load8(x + i, n - i), _mm256_set1_ps(factor));
        ut_store8(x + i, v, n - i);
    }
}

static float dot(const float *a, const float *b, size_t n)
{
    __m256 sum[4] = { _mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(),
                      _mm256_setzero_ps() };

    for (size_t i = 0; i < n; i += 8)
        sum[i / 8 % 4] =
            _mm256_fmadd_ps(ut_load8(a + i, n - i), ut_load8(b + i, n - i), sum[i / 8 % 4]);
    return ut_sum8(_mm256_add_ps(_mm256_add_ps(sum[0], sum[1]), _mm256_add_ps(sum[2], sum[3])));
}

static void add(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i += 8)
        ut_store8(y + i, _mm256_add_ps(ut_load8(y + i, n - i), ut_load8(x + i, n - i)), n - i);
}

static size_t find_above(const float *x, size_t from, size_t n, float limit)
{
    __m256 least = _mm256_set1_ps(limit);

    for (size_t i = from; i < n; i += 8) {
        __m256 v = ut_keep8(ut_load8(x + i, n - i), least, n - i);
        int above = _mm256_movemask_ps(_mm256_cmp_ps(v, least, _CMP_GT_OQ));
        if (above)
            return i + (size_t)__builtin_ctz((unsigned)above);
    }
    return n;
}

void ut_vector_ops_init_avx2(struct ut_vector_ops *ops)
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
