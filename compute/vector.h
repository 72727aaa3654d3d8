/*
 * Small vector operations for sampling and for models' glue. Serial, on host memory, any thread
 * that may use the context.
 */
#ifndef UT_COMPUTE_VECTOR_H
#define UT_COMPUTE_VECTOR_H

#include "compute/compute.h"

/* Index of the greatest of x[0..n), the first among equals; NaN never wins. 0 for n = 0. */
size_t ut_vector_argmax(const struct ut_compute *c, const float *x, size_t n);

/* log(sum(exp(x[0..n)))); -INFINITY when all are, and for n = 0. */
float ut_vector_logsumexp(const struct ut_compute *c, const float *x, size_t n);

/* x[i] = exp(x[i] - max) / sum, in place; nothing for n = 0. */
void ut_vector_softmax(const struct ut_compute *c, float *x, size_t n);

/* The k greatest of x[0..n), greatest first: indices to `index`; all n when k is more. */
void ut_vector_top_k(const struct ut_compute *c, const float *x, size_t n, size_t k, size_t *index);

float ut_vector_dot(const struct ut_compute *c, const float *a, const float *b, size_t n);
void ut_vector_add(const struct ut_compute *c, float *y, const float *x, size_t n); /* y += x */

#endif
