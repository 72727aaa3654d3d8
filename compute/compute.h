/*
 * The compute context: what a model holds to do arithmetic, and the seam for other devices.
 *
 * It joins the kernel tables chosen for this processor, the thread team and the scratch of a step.
 * One thread (the engine) calls the ops of one context at a time; two contexts share nothing that
 * changes.
 *
 * Rules that let a GPU stand behind the same calls:
 * - activations live in memory of ut_compute_alloc(); models pass the pointers on and look at them
 *   only after ut_compute_read(), and fill them only by ut_compute_write();
 * - every op takes rows of a batch: rows of several sessions in one call;
 * - an op reports a bad argument or lack of memory by its status, and the first failure is also
 *   kept: every later op then does nothing until ut_compute_end() returns and clears it. So a model
 *   runs straight through and checks once.
 */
#ifndef UT_COMPUTE_COMPUTE_H
#define UT_COMPUTE_COMPUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

struct ut_compute;
struct ut_team;

struct ut_compute_options {
    int n_threads;      /* 0: one per core that the process may use */
    const char *level;  /* NULL or a name for ut_cpu_mask(): the highest kernels to use */
    const char *device; /* NULL, "auto" or "cpu" */
    bool float_weights; /* pack quantised weights as f16: inputs are then not made int8 */
};

/* Errors: UT_EINVAL (threads, device), UT_ENOMEM, UT_EIO. End with ut_compute_destroy(). */
UT_NODISCARD enum ut_status ut_compute_create(struct ut_compute **out,
                                              const struct ut_compute_options *options,
                                              struct ut_error *err);
void ut_compute_destroy(struct ut_compute *c);

struct ut_team *ut_compute_team(struct ut_compute *c);
unsigned ut_compute_cpu(const struct ut_compute *c); /* enum ut_cpu flags in use */
int ut_compute_n_threads(const struct ut_compute *c);

/* Device memory for n * size bytes, zeroed, aligned to 64; NULL when out. */
void *ut_compute_alloc(struct ut_compute *c, size_t n, size_t size);
void ut_compute_free(struct ut_compute *c, void *p);

/* Copies between host and device memory; ordered with the ops. */
void ut_compute_write(struct ut_compute *c, void *device, const void *host, size_t n_bytes);
void ut_compute_read(struct ut_compute *c, void *host, const void *device, size_t n_bytes);

/*
 * Grows the step scratch (quantised inputs, packed keys) so that later calls need no memory; models
 * call it once when they are made. Errors: UT_ENOMEM.
 */
UT_NODISCARD enum ut_status ut_compute_reserve(struct ut_compute *c, size_t n_bytes);

/* Returns the first failure since the last call and clears it. */
UT_NODISCARD enum ut_status ut_compute_end(struct ut_compute *c);

#endif
