#include "compute/compute.h"

#include <string.h>

#include "base/cpu.h"
#include "base/memory.h"
#include "compute/context.h"
#include "compute/pages.h"

static enum ut_status check_options(const struct ut_compute_options *o, struct ut_error *err)
{
    if (o->n_threads < 0 || o->n_threads > UT_TEAM_MAX_THREADS)
        return ut_error_set(err, UT_EINVAL, "threads: %d is not in 0 .. %d", o->n_threads,
                            UT_TEAM_MAX_THREADS);
    if (o->device && strcmp(o->device, "cpu") != 0 && strcmp(o->device, "auto") != 0)
        return ut_error_set(err, UT_EINVAL, "device: '%.40s' is not cpu or auto", o->device);
    return UT_OK;
}

enum ut_status ut_compute_create(struct ut_compute **out, const struct ut_compute_options *options,
                                 struct ut_error *err)
{
    struct ut_compute_options o = options ? *options : (struct ut_compute_options){ 0 };

    if (!out)
        return ut_error_set(err, UT_EINVAL, "compute: no place for the result");
    enum ut_status status = check_options(&o, err);
    if (status != UT_OK)
        return status;
    struct ut_compute *c = ut_calloc(1, sizeof *c);
    if (!c)
        return ut_error_set(err, UT_ENOMEM, "compute: out of memory");
    c->n_threads = o.n_threads ? o.n_threads : ut_cpu_count();
    if (c->n_threads > UT_TEAM_MAX_THREADS)
        c->n_threads = UT_TEAM_MAX_THREADS;
    c->cpu = ut_cpu_mask(ut_cpu_flags(), o.level);
    c->float_weights = o.float_weights;
    ut_linear_ops_init(&c->linear, c->cpu);
    ut_attention_ops_init(&c->attention, c->cpu);
    ut_vector_ops_init(&c->vector, c->cpu);
    c->workers = ut_pages_alloc((size_t)c->n_threads, UT_WORKER_BYTES, false);
    if (!c->workers) {
        status = ut_error_set(err, UT_ENOMEM, "compute: out of memory");
        goto fail;
    }
    status = ut_team_create(&c->team, c->n_threads);
    if (status != UT_OK) {
        (void)ut_error_set(err, status, "threads: a team of %d could not be started", c->n_threads);
        goto fail;
    }
    *out = c;
    return UT_OK;
fail:
    ut_compute_destroy(c);
    return status;
}

void ut_compute_destroy(struct ut_compute *c)
{
    if (!c)
        return;
    ut_team_destroy(c->team);
    ut_pages_free(c->workers);
    ut_pages_free(c->scratch);
    ut_free(c);
}

struct ut_team *ut_compute_team(struct ut_compute *c)
{
    return c->team;
}

unsigned ut_compute_cpu(const struct ut_compute *c)
{
    return c->cpu;
}

int ut_compute_n_threads(const struct ut_compute *c)
{
    return c->n_threads;
}

void *ut_compute_alloc(struct ut_compute *c, size_t n, size_t size)
{
    (void)c;
    return ut_pages_alloc(n, size, false);
}

void ut_compute_free(struct ut_compute *c, void *p)
{
    (void)c;
    ut_pages_free(p);
}

void ut_compute_write(struct ut_compute *c, void *device, const void *host, size_t n_bytes)
{
    (void)c;
    if (n_bytes > 0)
        memcpy(device, host, n_bytes);
}

void ut_compute_read(struct ut_compute *c, void *host, const void *device, size_t n_bytes)
{
    (void)c;
    if (n_bytes > 0)
        memcpy(host, device, n_bytes);
}

enum ut_status ut_compute_reserve(struct ut_compute *c, size_t n_bytes)
{
    if (n_bytes <= c->scratch_bytes)
        return UT_OK;
    /* The old block holds nothing that is still wanted. */
    unsigned char *scratch = ut_pages_alloc(n_bytes, 1, false);
    if (!scratch)
        return UT_ENOMEM;
    ut_pages_free(c->scratch);
    c->scratch = scratch;
    c->scratch_bytes = n_bytes;
    return UT_OK;
}

void *ut_compute_scratch(struct ut_compute *c, size_t n_bytes)
{
    return ut_compute_reserve(c, n_bytes) == UT_OK ? c->scratch : NULL;
}

enum ut_status ut_compute_fail(struct ut_compute *c, enum ut_status status)
{
    if (c->failed == UT_OK)
        c->failed = status;
    return status;
}

enum ut_status ut_compute_end(struct ut_compute *c)
{
    enum ut_status status = c->failed;

    c->failed = UT_OK;
    return status;
}
