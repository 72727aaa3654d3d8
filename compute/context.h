/*
 * Inside of the compute context, for the ops of this folder only.
 */
#ifndef UT_COMPUTE_CONTEXT_H
#define UT_COMPUTE_CONTEXT_H

#include <stdint.h>

#include "compute/attention_ops.h"
#include "compute/compute.h"
#include "compute/linear_ops.h"
#include "compute/team.h"
#include "compute/vector_ops.h"

/* Each worker's own block: the tile of results between a product and its epilogue. */
#define UT_WORKER_BYTES ((size_t)256 << 10)

struct ut_compute {
    struct ut_team *team;
    unsigned cpu; /* enum ut_cpu */
    int n_threads;
    bool float_weights;    /* see struct ut_compute_options */
    enum ut_status failed; /* the first failure since ut_compute_end() */
    struct ut_linear_ops linear;
    struct ut_attention_ops attention;
    struct ut_vector_ops vector;
    unsigned char *workers; /* [n_threads, UT_WORKER_BYTES] */
    unsigned char *scratch; /* of one op at a time */
    size_t scratch_bytes;
};

/* Keeps `status` as the context's failure unless there is one, and returns it. */
enum ut_status ut_compute_fail(struct ut_compute *c, enum ut_status status);

/* At least `n_bytes` of scratch until the next op, aligned to 64; NULL when memory is out. */
void *ut_compute_scratch(struct ut_compute *c, size_t n_bytes);

/* The block of a worker. */
static inline void *ut_compute_worker(const struct ut_compute *c, int worker)
{
    return c->workers + (size_t)worker * UT_WORKER_BYTES;
}

/* Floats at another address are undefined: ops refuse them. NULL passes. */
static inline bool ut_is_aligned(const void *p)
{
    return (uintptr_t)p % _Alignof(float) == 0;
}

/* What a caller may get wrong in a norm. */
static inline bool ut_norm_is_valid(const struct ut_norm *norm)
{
    return norm->gamma && (norm->kind == UT_NORM_LAYER || norm->kind == UT_NORM_RMS);
}

static inline size_t ut_round_up(size_t n, size_t multiple)
{
    return (n + multiple - 1) / multiple * multiple;
}

#endif
