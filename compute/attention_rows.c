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
    size_t *groups; /* [n_groups + 1] first rows: neighbours that look at the same cells */
    size_t n_groups;
    float *scores; /* [n_threads, UT_ROW_GROUP, max_keys] */
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

/* s[r][i] = q[r] . k_i over all views. */
static void score(const struct attend *a, const struct ut_attention_row *row, size_t h,
                  float *const *s, const float *const *q, size_t n_rows)
{
    const struct ut_attention_ops *ops = &a->c->attention;
    size_t at = 0;

    for (size_t i = 0; i < row->n_views; at += row->views[i++].n) {
        struct ut_cells k = cells_of(a, &row->views[i], h, false);
        float *to[UT_ROW_GROUP];
        for (size_t r = 0; r < n_rows; r++)
            to[r] = s[r] + at;
        if (row->views[i].kv->spec.dtype == UT_DTYPE_F16)
            ops->scores_f16(to, q, n_rows, &k);
        for (size_t r = 0; row->views[i].kv->spec.dtype == UT_DTYPE_F32 && r < n_rows; r++)
            ops->scores_f32(to[r], q[r], &k);
    }
}

/* y[r] += sum over i of s[r][i] * v_i over all views. */
static void mix(const struct attend *a, const struct ut_attention_row *row, size_t h,
                float *const *y, float *const *s, size_t n_rows)
{
    const struct ut_attention_ops *ops = &a->c->attention;
    size_t at = 0;

    for (size_t i = 0; i < row->n_views; at += row->views[i++].n) {
        struct ut_cells v = cells_of(a, &row->views[i], h, true);
        const float *from[UT_ROW_GROUP];
        for (size_t r = 0; r < n_rows; r++)
            from[r] = s[r] + at;
        if (row->views[i].kv->spec.dtype == UT_DTYPE_F16)
            ops->mix_f16(y, from, n_rows, &v);
        for (size_t r = 0; row->views[i].kv->spec.dtype == UT_DTYPE_F32 && r < n_rows; r++)
            ops->mix_f32(y[r], from[r], &v);
    }
}

/* Tiles go head by head, so that rows over the same keys find them in cache. */
static void attend_tile(void *ctx, size_t tile, int worker)
{
    const struct attend *a = ctx;
    const struct ut_vector_ops *vector = &a->c->vector;
    size_t h = tile / a->n_groups, d = a->shape->d_head, first = a->groups[tile % a->n_groups];
    size_t n_rows = a->groups[tile % a->n_groups + 1] - first;
    const struct ut_attention_row *rows = &a->rows[first];
    size_t n = n_keys_of(rows);
    float *s[UT_ROW_GROUP], *y[UT_ROW_GROUP];
    const float *q[UT_ROW_GROUP];

    for (size_t r = 0; r < n_rows; r++) {
        size_t slot = (size_t)worker * UT_ROW_GROUP + r;
        s[r] = rows[r].probs ? rows[r].probs + h * n : a->scores + slot * a->max_keys;
        q[r] = rows[r].q + h * d;
        y[r] = rows[r].y + h * d;
    }
    score(a, rows, h, s, q, n_rows);
    for (size_t r = 0; r < n_rows; r++) {
        float sum = vector->exp_sum(s[r], s[r], n, vector->max(s[r], n), a->shape->scale);
        vector->scale(s[r], n, 1.0f / sum);
        memset(y[r], 0, d * sizeof *y[r]);
    }
    mix(a, rows, h, y, s, n_rows);
}

static bool same_cells(const struct ut_attention_row *a, const struct ut_attention_row *b)
{
    if (a->n_views != b->n_views)
        return false;
    for (size_t i = 0; i < a->n_views; i++) {
        const struct ut_kv_view *v = &a->views[i], *w = &b->views[i];
        if (v->kv != w->kv || v->cells != w->cells || v->n != w->n ||
            (!v->cells && v->first != w->first))
            return false;
    }
    return true;
}

/* Runs of rows over the same cells, cut into groups of about equal size. */
static void find_groups(struct attend *a)
{
    for (size_t r = 0; r < a->n_rows;) {
        size_t n = 1;
        while (r + n < a->n_rows && same_cells(&a->rows[r], &a->rows[r + n]))
            n++;
        size_t n_groups = (n + UT_ROW_GROUP - 1) / UT_ROW_GROUP;
        for (size_t i = 0; i < n_groups; i++)
            a->groups[a->n_groups++] = r + n * i / n_groups;
        r += n;
    }
    a->groups[a->n_groups] = a->n_rows;
}

static bool view_is_valid(const struct attend *a, const struct ut_kv_view *view)
{
    if (!view->kv || !ut_is_aligned(view->cells))
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
        if (!row->q || !row->y || !ut_is_aligned(row->q) || !ut_is_aligned(row->y) ||
            !ut_is_aligned(row->probs) || row->n_views < 1 || row->n_views > UT_ATTENTION_MAX_SPANS)
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
    size_t bytes, score_bytes, group_bytes;

    if (c->failed != UT_OK)
        return c->failed;
    if (n_rows == 0)
        return UT_OK;
    if (!rows || !rows_are_valid(&a) ||
        !ut_size_mul(a.max_keys, (size_t)c->n_threads * UT_ROW_GROUP * sizeof(float),
                     &score_bytes) ||
        !ut_size_mul(n_rows, sizeof *a.groups, &group_bytes) ||
        !ut_size_add(score_bytes, group_bytes + sizeof *a.groups, &bytes))
        return ut_compute_fail(c, UT_EINVAL);
    /* Scores first: a multiple of 16 bytes, so that the groups stand aligned. */
    a.scores = ut_compute_scratch(c, bytes);
    if (!a.scores)
        return ut_compute_fail(c, UT_ENOMEM);
    a.groups = (size_t *)(void *)((unsigned char *)a.scores + score_bytes);
    find_groups(&a);
    ut_team_run(c->team, attend_tile, &a, shape->n_head * a.n_groups);
    return UT_OK;
}
