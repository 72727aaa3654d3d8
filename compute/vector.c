#include "compute/vector.h"

#include <math.h>

#include "compute/context.h"

size_t ut_vector_argmax(const struct ut_compute *c, const float *x, size_t n)
{
    float max = c->vector.max(x, n);

    /* All are -INFINITY or NaN: the first that is not a NaN, else 0. */
    if (max == -INFINITY) {
        for (size_t i = 0; i < n; i++) {
            if (x[i] == max)
                return i;
        }
        return 0;
    }
    return c->vector.find_above(x, 0, n, nextafterf(max, -INFINITY));
}

float ut_vector_logsumexp(const struct ut_compute *c, const float *x, size_t n)
{
    float max = c->vector.max(x, n);

    if (max == -INFINITY || max == INFINITY)
        return max;
    return max + logf(c->vector.exp_sum(NULL, x, n, max, 1.0f));
}

void ut_vector_softmax(const struct ut_compute *c, float *x, size_t n)
{
    float sum = c->vector.exp_sum(x, x, n, c->vector.max(x, n), 1.0f);

    c->vector.scale(x, n, 1.0f / sum);
}

/* Keeps the k best so far in order; nearly all of a long vector is below the last of them. */
void ut_vector_top_k(const struct ut_compute *c, const float *x, size_t n, size_t k, size_t *index)
{
    size_t n_kept = 0, i = 0;

    if (k > n)
        k = n;
    if (k == 0)
        return;
    while (i < n) {
        if (n_kept == k) {
            float last = x[index[k - 1]];
            i = c->vector.find_above(x, i, n, isnan(last) ? -INFINITY : last);
            if (i >= n)
                return;
        }
        size_t at = n_kept < k ? n_kept++ : k - 1;
        /* NaN sorts below everything. */
        while (at > 0 && (x[i] > x[index[at - 1]] || (isnan(x[index[at - 1]]) && !isnan(x[i])))) {
            index[at] = index[at - 1];
            at--;
        }
        index[at] = i++;
    }
}

float ut_vector_dot(const struct ut_compute *c, const float *a, const float *b, size_t n)
{
    return c->vector.dot(a, b, n);
}

void ut_vector_add(const struct ut_compute *c, float *y, const float *x, size_t n)
{
    c->vector.add(y, x, n);
}
