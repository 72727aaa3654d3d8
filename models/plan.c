#include "models/plan.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

#define CHUNK 8192 /* elements at a time, a multiple of every block */

enum ut_status ut_plan_add(struct ut_plan *plan, const char *name, const struct ut_tensor *source,
                           enum ut_dtype dtype)
{
    if (plan->n == plan->capacity) {
        size_t capacity = plan->capacity ? plan->capacity * 2 : 64;
        struct ut_plan_item *grown = ut_calloc(capacity, sizeof *grown);
        if (!grown)
            return UT_ENOMEM;
        if (plan->n)
            memcpy(grown, plan->items, plan->n * sizeof *grown);
        ut_free(plan->items);
        plan->items = grown;
        plan->capacity = capacity;
    }
    if (source->dims[source->n_dims - 1] % ut_dtype_block(dtype) != 0)
        dtype = UT_DTYPE_F16;
    char *copy = ut_strdup(name);
    if (!copy)
        return UT_ENOMEM;
    plan->items[plan->n++] =
        (struct ut_plan_item){ .name = copy, .source = *source, .dtype = dtype };
    return UT_OK;
}

static size_t n_elements(const struct ut_tensor *t)
{
    size_t n = 1;

    for (int i = 0; i < t->n_dims; i++)
        n *= t->dims[i]; /* whoever made the view checked the product */
    return n;
}

/* Elements [0, n) of `src` to type `dtype`, through float. */
static enum ut_status convert(uint8_t *dst, enum ut_dtype dtype, const struct ut_tensor *src,
                              size_t n, float *chunk, const char *path, struct ut_error *err)
{
    size_t from = 0, to = 0;

    for (size_t i = 0; i < n; i += CHUNK) {
        size_t k = n - i < CHUNK ? n - i : CHUNK;
        size_t from_bytes = 0, to_bytes = 0;

        if (ut_dtype_bytes(&from_bytes, src->dtype, k) != UT_OK ||
            ut_dtype_bytes(&to_bytes, dtype, k) != UT_OK ||
            ut_dtype_read(chunk, (const uint8_t *)src->data + from, src->dtype, k) != UT_OK)
            return ut_error_set(err, UT_EFORMAT, "%s: tensor '%s' of type %s cannot become %s",
                                path, src->name, ut_dtype_name(src->dtype), ut_dtype_name(dtype));
        for (size_t j = 0; j < k; j++)
            if (!isfinite(chunk[j]))
                return ut_error_set(err, UT_EFORMAT, "%s: tensor '%s': element %zu is %g", path,
                                    src->name, i + j, (double)chunk[j]);
        if (ut_dtype_write(dst + to, chunk, dtype, k) != UT_OK)
            return ut_error_set(err, UT_EINVAL, "%s: weights of type %s cannot be written", path,
                                ut_dtype_name(dtype));
        from += from_bytes;
        to += to_bytes;
    }
    return UT_OK;
}

static enum ut_status write_item(const struct ut_plan_item *item, struct ut_gguf_writer *w,
                                 float *chunk, const char *path, struct ut_error *err)
{
    size_t n = n_elements(&item->source);
    size_t bytes = 0;

    if (item->dtype == item->source.dtype)
        return ut_gguf_writer_data(w, item->source.data, item->source.n_bytes, err);
    if (ut_dtype_bytes(&bytes, item->dtype, n) != UT_OK)
        return ut_error_set(err, UT_EFORMAT, "%s: tensor '%s' is too large", path, item->name);
    uint8_t *out = ut_alloc(bytes, 1);
    if (!out)
        return ut_error_set(err, UT_ENOMEM, "%s: no memory for tensor '%s' (%zu bytes)", path,
                            item->name, bytes);
    enum ut_status st = convert(out, item->dtype, &item->source, n, chunk, path, err);
    if (st == UT_OK)
        st = ut_gguf_writer_data(w, out, bytes, err);
    ut_free(out);
    return st;
}

enum ut_status ut_plan_write(const struct ut_plan *plan, struct ut_gguf_writer *w, const char *path,
                             const struct ut_models_progress *progress, struct ut_error *err)
{
    uint64_t done = 0, total = 0;
    enum ut_status st = UT_OK;
    float *chunk = ut_alloc(CHUNK, sizeof *chunk);

    if (!chunk)
        return ut_error_set(err, UT_ENOMEM, "%s: out of memory", path);
    for (size_t i = 0; i < plan->n && st == UT_OK; i++) {
        const struct ut_plan_item *item = &plan->items[i];
        st = ut_gguf_writer_declare(w, item->name, item->dtype, item->source.n_dims,
                                    item->source.dims);
        if (st != UT_OK)
            ut_error_set(err, st, "%s: tensor '%s' cannot be stored", path, item->name);
        total += item->source.n_bytes;
    }
    for (size_t i = 0; i < plan->n && st == UT_OK; i++) {
        if (progress && progress->fn && !progress->fn(progress->ctx, path, done, total))
            st = ut_error_set(err, UT_ECANCELED, "%s: import canceled", path);
        if (st == UT_OK)
            st = write_item(&plan->items[i], w, chunk, path, err);
        done += plan->items[i].source.n_bytes;
    }
    if (st == UT_OK && progress && progress->fn)
        progress->fn(progress->ctx, path, total, total);
    ut_free(chunk);
    return st;
}

void ut_plan_finish(struct ut_plan *plan)
{
    for (size_t i = 0; i < plan->n; i++)
        ut_free(plan->items[i].name);
    ut_free(plan->items);
    *plan = (struct ut_plan){ 0 };
}
