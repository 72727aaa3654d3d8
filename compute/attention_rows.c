/* The row form of attention: one query a row over cells of a ut_kv. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "compute/context.h"
#include "compute/kv.h"

struct attend {
    struct ut_compute *c;
    const struct ut_attention_shape *shape;
    size_t layer;
    const struct ut_attention_row *rows;
    size_t n_rows;
    float *scores; /* [n_threads, max_keys] */
    size_t max_keys;
};

static size_t n_keys_of(const struct ut_attention_row *row)
{
    size_t n = 0;

    for (size_t i = 0; i < row->n_views; i++)
        n += row->views[i].n;
    return n;
}

static struct ut_cells cells_of(const struct attend *a, const struct ut_kv_view *view, size_t h,
                                bool v)
{
    size_t group = a->shape->n_head / view->kv->spec.n_head;

    return (struct ut_cells){
        .base = ut_kv_head(view->kv, a->layer, v, h / group),
        .cells = view->cells,
        .first = view->first,
        .n = view->n,
        .d = a->shape->d_head,
    };
}

/* Tiles go head by head, so that rows over the same keys find them in cache. */
static void attend_tile(void *ctx, size_t tile, int worker)
{
    const struct attend *a = ctx;
    const struct ut_attention_ops *ops = &a->c->attention;
    size_t h = tile / a->n_rows, d = a->shape->d_head;
    const struct ut_attention_row *row = &a->rows[tile % a->n_rows];
    size_t n = n_keys_of(row), at = 0;
    float *s = row->probs ? row->probs + h * n : a->scores + (size_t)worker * a->max_keys;
    float *y = row->y + h * d;

    for (size_t i = 0; i < row->n_views; at += row->views[i++].n) {
        struct ut_cells k = cells_of(a, &row->views[i], h, false);
        if (row->views[i].kv->spec.dtype == UT_DTYPE_F32)
            ops->scores_f32(s + at, row->q + h * d, &k);
        else
            ops->scores_f16(s + at, row->q + h * d, &k);
    }
    const struct ut_vector_ops *vector = &a->c->vector;
    float sum = vector->exp_sum(s, s, n, vector->max(s, n), a->shape->scale);
    vector->scale(s, n, 1.0f / sum);
    memset(y, 0, d * sizeof *y);
    at = 0;
    for (size_t i = 0; i < row->n_views; at += row->views[i++].n) {
        struct ut_cells v = cells_of(a, &row->views[i], h, true);
        if (row->views[i].kv->spec.dtype == UT_DTYPE_F32)
            ops->mix_f32(y, s + at, &v);
        else
            ops->mix_f16(y, s + at, &v);
    }
}

static bool view_is_valid(const struct attend *a, const struct ut_kv_view *view)
{
    if (!view->kv)
        return false;
    const struct ut_kv_spec *spec = &view->kv->spec;
    if (a->layer >= spec->n_layers || spec->d_head != a->shape->d_head ||
        a->shape->n_head % spec->n_head != 0)
        return false;
    if (!view->cells)
        return view->n <= spec->n_cells && view->first <= spec->n_cells - view->n;
    for (size_t i = 0; i < view->n; i++) {
        if (view->cells[i] < 0 || (size_t)view->cells[i] >= spec->n_cells)
            return false;
    }
    return true;
}

static bool rows_are_valid(struct attend *a)
{
    const struct ut_attention_shape *s = a->shape;

    if (!s || s->n_head == 0 || s->n_head > 1024 || !isfinite(s->scale) || s->scale <= 0)
        return false;
    for (size_t r = 0; r < a->n_rows; r++) {
        const struct ut_attention_row *row = &a->rows[r];
        if (!row->q || !row->y || row->n_views < 1 || row->n_views > UT_ATTENTION_MAX_SPANS)
            return false;
        for (size_t i = 0; i < row->n_views; i++) {
            if (!view_is_valid(a, &row->views[i]))
                return false;
        }
        size_t n = n_keys_of(row);
        if (n == 0)
            return false;
        a->max_keys = n > a->max_keys ? n : a->max_keys;
    }
    return true;
}

enum ut_status ut_attention_rows(struct ut_compute *c, const struct ut_attention_shape *shape,
                                 size_t layer, const struct ut_attention_row *rows, size_t n_rows)
{
    struct attend a = { .c = c, .shape = shape, .layer = layer, .rows = rows, .n_rows = n_rows };
    size_t bytes;

    if (c->failed != UT_OK)
        return c->failed;
    if (n_rows == 0)
        return UT_OK;
    if (!rows || !rows_are_valid(&a) ||
        !ut_size_mul(a.max_keys, (size_t)c->n_threads * sizeof(float), &bytes))
        return ut_compute_fail(c, UT_EINVAL);
    a.scores = ut_compute_scratch(c, bytes);
    if (!a.scores)
        return ut_compute_fail(c, UT_ENOMEM);
    ut_team_run(c->team, attend_tile, &a, shape->n_head * n_rows);
    return UT_OK;
}
