#include "compute/kv.h"

#include <string.h>

#include "base/memory.h"
#include "compute/context.h"

#define MAX_COUNT ((size_t)1 << 24)

static bool spec_is_valid(const struct ut_kv_spec *s)
{
    return s && s->n_layers > 0 && s->n_layers <= MAX_COUNT && s->n_cells > 0 &&
           s->n_cells <= INT32_MAX && s->n_head > 0 && s->n_head <= 1024 && s->d_head > 0 &&
           s->d_head <= 128 && s->d_head % 8 == 0 &&
           (s->dtype == UT_DTYPE_F32 || s->dtype == UT_DTYPE_F16);
}

enum ut_status ut_kv_create(struct ut_kv **out, struct ut_compute *c, const struct ut_kv_spec *spec)
{
    size_t n;

    if (!out || !c || !spec_is_valid(spec))
        return UT_EINVAL;
    struct ut_kv *kv = ut_calloc(1, sizeof *kv);
    if (!kv)
        return UT_ENOMEM;
    kv->spec = *spec;
    kv->c = c;
    kv->element = spec->dtype == UT_DTYPE_F32 ? 4 : 2;
    kv->head_elements = spec->n_cells * spec->d_head;
    if (!ut_size_mul(kv->head_elements, 2 * spec->n_layers * spec->n_head, &n) ||
        !ut_size_mul(n, kv->element, &kv->n_bytes))
        goto fail;
    kv->data = ut_compute_alloc(c, n, kv->element);
    if (!kv->data)
        goto fail;
    *out = kv;
    return UT_OK;
fail:
    ut_kv_destroy(kv);
    return UT_ENOMEM;
}

void ut_kv_destroy(struct ut_kv *kv)
{
    if (!kv)
        return;
    ut_compute_free(kv->c, kv->data);
    ut_free(kv);
}

size_t ut_kv_bytes(const struct ut_kv *kv)
{
    return kv->n_bytes;
}

struct store {
    struct ut_kv *kv;
    size_t layer;
    const int32_t *cells;
    size_t first, n, ld;
    const float *k, *v;
};

static void store_row(const struct ut_kv *kv, void *base, size_t cell, const float *x)
{
    size_t d = kv->spec.d_head;

    if (kv->spec.dtype == UT_DTYPE_F32)
        memcpy((float *)base + cell * d, x, d * sizeof *x);
    else
        kv->c->attention.to_f16((uint16_t *)base + cell * d, x, d);
}

static void store_head(void *ctx, size_t tile, int worker)
{
    const struct store *s = ctx;
    size_t h = tile / 2, column = h * s->kv->spec.d_head;
    bool v = tile % 2 != 0;
    const float *x = (v ? s->v : s->k) + column;
    void *base = ut_kv_head(s->kv, s->layer, v, h);

    (void)worker;
    for (size_t i = 0; i < s->n; i++)
        store_row(s->kv, base, s->cells ? (size_t)s->cells[i] : s->first + i, x + i * s->ld);
}

static bool cells_are_valid(const struct ut_kv_spec *spec, const int32_t *cells, size_t first,
                            size_t n)
{
    if (!ut_is_aligned(cells))
        return false;
    if (!cells)
        return n <= spec->n_cells && first <= spec->n_cells - n;
    for (size_t i = 0; i < n; i++) {
        if (cells[i] < 0 || (size_t)cells[i] >= spec->n_cells)
            return false;
    }
    return true;
}

static bool store_is_valid(const struct store *s)
{
    const struct ut_kv_spec *spec = &s->kv->spec;

    if (s->layer >= spec->n_layers || !s->k || !s->v || !ut_is_aligned(s->k) ||
        !ut_is_aligned(s->v) || s->ld < spec->n_head * spec->d_head)
        return false;
    return cells_are_valid(spec, s->cells, s->first, s->n);
}

enum ut_status ut_kv_store(struct ut_compute *c, struct ut_kv *kv, size_t layer,
                           const int32_t *cells, size_t first, const float *k, const float *v,
                           size_t ld, size_t n)
{
    struct store s = { kv, layer, cells, first, n, ld, k, v };

    if (c->failed != UT_OK)
        return c->failed;
    if (n == 0)
        return UT_OK;
    if (!kv || !store_is_valid(&s))
        return ut_compute_fail(c, UT_EINVAL);
    size_t n_tiles = 2 * kv->spec.n_head;
    if (n >= 16) {
        ut_team_run(c->team, store_head, &s, n_tiles);
        return UT_OK;
    }
    for (size_t i = 0; i < n_tiles; i++)
        store_head(&s, i, 0);
    return UT_OK;
}

static bool copy_is_valid(const struct ut_kv *to, const int32_t *cells, size_t first,
                          const struct ut_kv_view *from)
{
    if (!to || !from || !from->kv)
        return false;
    const struct ut_kv_spec *a = &to->spec, *b = &from->kv->spec;
    return a->n_layers == b->n_layers && a->n_head == b->n_head && a->d_head == b->d_head &&
           a->dtype == b->dtype && cells_are_valid(a, cells, first, from->n) &&
           cells_are_valid(b, from->cells, from->first, from->n);
}

enum ut_status ut_kv_copy(struct ut_compute *c, struct ut_kv *to, const int32_t *cells,
                          size_t first, const struct ut_kv_view *from)
{
    if (c->failed != UT_OK)
        return c->failed;
    if (!copy_is_valid(to, cells, first, from))
        return ut_compute_fail(c, UT_EINVAL);
    size_t bytes = to->spec.d_head * to->element;
    for (size_t part = 0; part < 2 * to->spec.n_layers * to->spec.n_head; part++) {
        unsigned char *y = to->data + part * to->head_elements * to->element;
        const unsigned char *x = from->kv->data + part * from->kv->head_elements * to->element;
        for (size_t i = 0; i < from->n; i++)
            memcpy(y + (cells ? (size_t)cells[i] : first + i) * bytes,
                   x + (from->cells ? (size_t)from->cells[i] : from->first + i) * bytes, bytes);
    }
    return UT_OK;
}
