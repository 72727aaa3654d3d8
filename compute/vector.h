/*
 * Small vector operations for sampling and for models' glue. Serial, on host memory, any thread
 * that may use the context.
 */
#ifndef UT_COMPUTE_VECTOR_H
#define UT_COMPUTE_VECTOR_H

#include "compute/compute.h"

/* Index of the greatest of x[0..n), the first among equals; NaN never wins. n >= 1. */
size_t ut_vector_argmax(const struct ut_compute *c, const float *x, size_t n);

/* log(sum(exp(x[0..n)))); -INFINITY when all are. */
float ut_vector_logsumexp(const struct ut_compute *c, const float *x, size_t n);

/* x[i] = exp(x[i] - max) / sum, in place. */
void ut_vector_softmax(const struct ut_compute *c, float *x, size_t n);

/* The k greatest of x[0..n), greatest first: indices to `index`. k <= n. */
void ut_vector_top_k(const struct ut_compute *c, const float *x, size_t n, size_t k, size_t *index);

float ut_vector_dot(const struct ut_compute *c, const float *a, const float *b, size_t n);
void ut_vector_add(const struct ut_compute *c, float *y, const float *x, size_t n); /* y += x */

#endif
