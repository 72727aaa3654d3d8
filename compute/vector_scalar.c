#include "compute/vector_scalar.h"

#include <math.h>

static float max(const float *x, size_t n)
{
    float m = -INFINITY;

    for (size_t i = 0; i < n; i++)
        m = x[i] > m ? x[i] : m;
    return m;
}

static float exp_sum(float *y, const float *x, size_t n, float max, float scale)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        float e = expf((x[i] - max) * scale);
        if (y)
            y[i] = e;
        sum += e;
    }
    return (float)sum;
}

static void scale(float *x, size_t n, float factor)
{
    for (size_t i = 0; i < n; i++)
        x[i] *= factor;
}

static float dot(const float *a, const float *b, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * b[i];
    return (float)sum;
}

static void add(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += x[i];
}

static size_t find_above(const float *x, size_t from, size_t n, float limit)
{
    while (from < n && !(x[from] > limit))
        from++;
    return from;
}

void ut_vector_ops_init_scalar(struct ut_vector_ops *ops)
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
