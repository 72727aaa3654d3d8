/* Linear layers at load: reading the parts, choosing the packed form, filling the panels. */
#include <stdatomic.h>
#include <string.h>

#include "base/memory.h"
#include "compute/context.h"
#include "compute/linear.h"
#include "compute/pages.h"

/* A row must fit a worker's block as floats. */
#define MAX_IN (UT_WORKER_BYTES / sizeof(float))
#define MAX_OUT ((size_t)1 << 24)

struct pack {
    struct ut_compute *c;
    const struct ut_linear_spec *spec;
    struct ut_linear *w;
    atomic_bool failed;
};

static bool kind_of(enum ut_dtype dtype, enum ut_linear_kind *kind)
{
    switch (dtype) {
    case UT_DTYPE_F32:
        *kind = UT_LINEAR_F32;
        return true;
    case UT_DTYPE_F16:
        *kind = UT_LINEAR_F16;
        return true;
    case UT_DTYPE_BF16:
        *kind = UT_LINEAR_BF16;
        return true;
    case UT_DTYPE_Q4_0:
    case UT_DTYPE_Q4_1:
    case UT_DTYPE_Q5_0:
    case UT_DTYPE_Q5_1:
    case UT_DTYPE_Q8_0:
    case UT_DTYPE_Q4_K:
    case UT_DTYPE_Q5_K:
    case UT_DTYPE_Q6_K:
        *kind = UT_LINEAR_S8;
        return true;
    default:
        return false;
    }
}

static size_t row_length(const struct ut_tensor *t)
{
    size_t n = 1;

    for (int i = 1; i < t->n_dims; i++) {
        if (!ut_size_mul(n, t->dims[i], &n))
            return 0;
    }
    return n;
}

/* The weight is [n_out, n_in] with exactly its bytes, the bias, if any, [n_out]. */
static enum ut_status check_part(const struct ut_tensor *weight, const struct ut_tensor *bias,
                                 size_t n_in)
{
    size_t row_bytes, n_bytes;
    enum ut_linear_kind kind;

    if (!weight || !weight->data || weight->n_dims < 2 || weight->n_dims > UT_TENSOR_MAX_DIMS ||
        row_length(weight) != n_in || weight->dims[0] == 0 || weight->dims[0] > MAX_OUT ||
        !kind_of(weight->dtype, &kind))
        return UT_EINVAL;
    if (ut_dtype_bytes(&row_bytes, weight->dtype, n_in) != UT_OK ||
        !ut_size_mul(row_bytes, weight->dims[0], &n_bytes) || weight->n_bytes < n_bytes)
        return UT_EINVAL;
    if (!bias)
        return UT_OK;
    if (!bias->data || bias->n_dims != 1 || bias->dims[0] != weight->dims[0] ||
        !kind_of(bias->dtype, &kind) || kind == UT_LINEAR_S8 ||
        ut_dtype_bytes(&n_bytes, bias->dtype, bias->dims[0]) != UT_OK || bias->n_bytes < n_bytes)
        return UT_EINVAL;
    return UT_OK;
}

/* Parts of different kinds meet in f32. */
static enum ut_status choose_form(struct ut_linear *w, const struct ut_linear_spec *spec,
                                  const struct ut_compute *c)
{
    if (!spec || spec->n_parts < 1 || spec->n_parts > UT_LINEAR_MAX_PARTS || !spec->weight[0] ||
        spec->weight[0]->n_dims < 2 || spec->weight[0]->n_dims > UT_TENSOR_MAX_DIMS)
        return UT_EINVAL;
    w->n_in = row_length(spec->weight[0]);
    if (w->n_in == 0 || w->n_in > MAX_IN)
        return UT_EINVAL;
    for (size_t i = 0; i < spec->n_parts; i++) {
        enum ut_linear_kind kind;
        enum ut_status status = check_part(spec->weight[i], spec->bias[i], w->n_in);
        if (status != UT_OK || !kind_of(spec->weight[i]->dtype, &kind))
            return UT_EINVAL;
        if (kind == UT_LINEAR_S8 && c->float_weights)
            kind = UT_LINEAR_F16;
        w->kind = i == 0 || w->kind == kind ? kind : UT_LINEAR_F32;
        w->n_out += spec->weight[i]->dims[0];
    }
    w->n_panels = (w->n_out + UT_PANEL - 1) / UT_PANEL;
    if (spec->rough && w->kind != UT_LINEAR_S8 && c->attention.pairs && !c->float_weights)
        w->kind = UT_LINEAR_PAIRS;
    size_t align = w->kind == UT_LINEAR_S8 ? UT_S8_ALIGN : UT_PAIRS_ALIGN;
    bool padded = w->kind == UT_LINEAR_S8 || w->kind == UT_LINEAR_PAIRS;
    w->k = padded ? ut_round_up(w->n_in, align) : w->n_in;
    return UT_OK;
}

/* The part that output row `i` belongs to; *i becomes the row inside of it. */
static size_t find_part(const struct ut_linear_spec *spec, size_t *i)
{
    size_t part = 0;

    while (*i >= spec->weight[part]->dims[0])
        *i -= spec->weight[part++]->dims[0];
    return part;
}

/* Where weight k of output row i stands among pairs. */
static size_t pair_at(size_t panel, size_t i, size_t k)
{
    return panel + k / 2 * 2 * UT_PANEL + i % UT_PANEL * 2 + k % 2;
}

static void pack_row(const struct ut_linear_ops *ops, struct ut_linear *w, size_t i,
                     const float *row)
{
    size_t panel = i / UT_PANEL * w->k * UT_PANEL, at = panel + i % UT_PANEL;

    switch (w->kind) {
    case UT_LINEAR_F32:
        for (size_t k = 0; k < w->n_in; k++)
            ((float *)w->data)[at + k * UT_PANEL] = row[k];
        break;
    case UT_LINEAR_F16:
        ops->pack_f16((uint16_t *)w->data + at, row, w->n_in);
        break;
    case UT_LINEAR_BF16:
        for (size_t k = 0; k < w->n_in; k++)
            ((uint16_t *)w->data)[at + k * UT_PANEL] = ut_f32_to_bf16(row[k]);
        break;
    case UT_LINEAR_PAIRS:
        for (size_t k = 0; k < w->n_in; k++)
            ((uint16_t *)w->data)[pair_at(panel, i, k)] = ut_f32_to_bf16(row[k]);
        break;
    case UT_LINEAR_S8:
        w->scale[i] =
            ops->pack_s8((int8_t *)w->data + panel + i % UT_PANEL * 4, &w->sum[i], row, w->n_in);
        break;
    }
}

static enum ut_status read_row(const struct ut_linear_ops *ops, float *row,
                               const struct ut_tensor *t, size_t i, size_t n)
{
    size_t row_bytes;

    if (ut_dtype_bytes(&row_bytes, t->dtype, n) != UT_OK)
        return UT_EINVAL;
    const unsigned char *from = (const unsigned char *)t->data + i * row_bytes;
    if (t->dtype == UT_DTYPE_Q8_0)
        ops->read_q8_0(row, from, n);
    else if (t->dtype == UT_DTYPE_F16)
        ops->read_f16(row, from, n);
    else
        return ut_dtype_read(row, from, t->dtype, n);
    return UT_OK;
}

static void pack_panel(void *ctx, size_t tile, int worker)
{
    struct pack *pack = ctx;
    struct ut_linear *w = pack->w;
    const struct ut_linear_ops *ops = &pack->c->linear;
    float *row = ut_compute_worker(pack->c, worker);
    size_t end = (tile + 1) * UT_PANEL < w->n_out ? (tile + 1) * UT_PANEL : w->n_out;

    for (size_t i = tile * UT_PANEL; i < end; i++) {
        size_t in_part = i;
        const struct ut_tensor *t = pack->spec->weight[find_part(pack->spec, &in_part)];
        if (read_row(ops, row, t, in_part, w->n_in) != UT_OK) {
            atomic_store(&pack->failed, true);
            return;
        }
        pack_row(ops, w, i, row);
    }
}

static enum ut_status pack_bias(struct ut_linear *w, const struct ut_linear_spec *spec)
{
    size_t at = 0;

    for (size_t i = 0; i < spec->n_parts; i++) {
        const struct ut_tensor *bias = spec->bias[i];
        size_t n = spec->weight[i]->dims[0];
        if (bias && ut_dtype_read(w->bias + at, bias->data, bias->dtype, n) != UT_OK)
            return UT_EINVAL;
        at += n;
    }
    return UT_OK;
}

static enum ut_status take_memory(struct ut_linear *w)
{
    size_t element = ut_linear_weight_bytes(w->kind);
    size_t n_columns = w->n_panels * UT_PANEL, n_weights;

    if (!ut_size_mul(n_columns, w->k, &n_weights))
        return UT_EINVAL;
    w->data = ut_pages_alloc(n_weights, element, true);
    w->bias = ut_calloc(n_columns, sizeof *w->bias);
    w->n_bytes = n_weights * element + n_columns * sizeof *w->bias;
    if (w->kind == UT_LINEAR_S8) {
        w->scale = ut_calloc(n_columns, sizeof *w->scale);
        w->sum = ut_calloc(n_columns, sizeof *w->sum);
        w->n_bytes += n_columns * (sizeof *w->scale + sizeof *w->sum);
        if (!w->scale || !w->sum)
            return UT_ENOMEM;
    }
    return w->data && w->bias ? UT_OK : UT_ENOMEM;
}

enum ut_status ut_linear_create(struct ut_linear **out, struct ut_compute *c,
                                const struct ut_linear_spec *spec)
{
    if (!out || !c)
        return UT_EINVAL;
    struct ut_linear *w = ut_calloc(1, sizeof *w);
    if (!w)
        return UT_ENOMEM;
    enum ut_status status = choose_form(w, spec, c);
    if (status == UT_OK)
        status = take_memory(w);
    if (status == UT_OK)
        status = pack_bias(w, spec);
    if (status == UT_OK) {
        struct pack pack = { .c = c, .spec = spec, .w = w };
        ut_team_run(c->team, pack_panel, &pack, w->n_panels);
        status = atomic_load(&pack.failed) ? UT_EINVAL : UT_OK;
    }
    if (status != UT_OK) {
        ut_linear_destroy(w);
        return status;
    }
    *out = w;
    return UT_OK;
}

void ut_linear_destroy(struct ut_linear *w)
{
    if (!w)
        return;
    ut_pages_free(w->data);
    ut_free(w->bias);
    ut_free(w->scale);
    ut_free(w->sum);
    ut_free(w);
}

size_t ut_linear_n_in(const struct ut_linear *w)
{
    return w->n_in;
}

size_t ut_linear_n_out(const struct ut_linear *w)
{
    return w->n_out;
}

size_t ut_linear_bytes(const struct ut_linear *w)
{
    return w->n_bytes;
}

enum ut_status ut_linear_row(struct ut_compute *c, const struct ut_linear *w, size_t i, float *y)
{
    if (c->failed != UT_OK)
        return c->failed;
    if (!w || !y || !ut_is_aligned(y) || i >= w->n_out)
        return ut_compute_fail(c, UT_EINVAL);
    size_t column = i % UT_PANEL, panel = i / UT_PANEL * w->k * UT_PANEL, at = panel + column;
    const int8_t *s8 = (const int8_t *)w->data + panel + column * 4;
    for (size_t k = 0; k < w->n_in; k++) {
        switch (w->kind) {
        case UT_LINEAR_F32:
            y[k] = ((const float *)w->data)[at + k * UT_PANEL];
            break;
        case UT_LINEAR_F16:
            y[k] = ut_f16_to_f32(((const uint16_t *)w->data)[at + k * UT_PANEL]);
            break;
        case UT_LINEAR_BF16:
            y[k] = ut_bf16_to_f32(((const uint16_t *)w->data)[at + k * UT_PANEL]);
            break;
        case UT_LINEAR_PAIRS:
            y[k] = ut_bf16_to_f32(((const uint16_t *)w->data)[pair_at(panel, i, k)]);
            break;
        case UT_LINEAR_S8:
            y[k] = (float)s8[k / 4 * 4 * UT_PANEL + k % 4] * w->scale[i];
            break;
        }
    }
    return UT_OK;
}
