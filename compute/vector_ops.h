/*
 * The kernels behind vector.h and the softmax of attention: scalar first, then better ones.
 *
 * Pure functions over float arrays at any address; any thread.
 */
#ifndef UT_COMPUTE_VECTOR_OPS_H
#define UT_COMPUTE_VECTOR_OPS_H

#include <stddef.h>

struct ut_vector_ops {
    float (*max)(const float *x, size_t n); /* ignores NaN; -INFINITY for none */
    /* y[i] = exp((x[i] - max) * scale), y may be x or NULL (only the sum); returns the sum. */
    float (*exp_sum)(float *y, const float *x, size_t n, float max, float scale);
    void (*scale)(float *x, size_t n, float factor);
    float (*dot)(const float *a, const float *b, size_t n);
    void (*add)(float *y, const float *x, size_t n);
    /* The first index from `from` on with x[i] > limit, n when there is none. */
    size_t (*find_above)(const float *x, size_t from, size_t n, float limit);
};

void ut_vector_ops_init(struct ut_vector_ops *ops, unsigned cpu);

#endif
