#include "asr/decoder.h"

#include <math.h>
#include <string.h>

#include "asr/cells.h"
#include "asr/weights.h"
#include "base/memory.h"

/* Rows of logits, and of alignment weights, that are computed at a time. */
#define LOGIT_ROWS 16
#define ALIGN_ROWS 16

/* r counts the rows of a pass; d is the width. */
struct ut_asr_decoder {
    struct ut_compute *compute;
    struct ut_asr_model *model;
    struct ut_asr_cells *cells;
    size_t max_rows;
    size_t n_cells;
    struct ut_kv *past; /* [n_text_layer] layers of n_cells */
    float *x;           /* [max_rows, d] device: the residual stream */
    float *y;           /* [max_rows, d] device: attention output; at the end rows for logits */
    float *work;        /* [max_rows, 4d] device: by turns Q K V, cross Q, the ffn's hidden layer */
    float *align;       /* [ALIGN_ROWS, n_text_head, n_audio_ctx] device: weights of one layer */
    float *embedded;    /* [max_rows, d] host */
    int32_t *written;   /* [max_rows] the cell of each row */
    struct ut_attention_row *attention; /* [max_rows] */
    struct ut_attention_shape shape;
};

static enum ut_status alloc_rows(struct ut_asr_decoder *p)
{
    const struct ut_asr_dims *dims = &p->model->dims;
    struct ut_compute *c = p->compute;
    size_t d = dims->n_text_state;

    p->x = ut_compute_alloc(c, p->max_rows, d * sizeof(float));
    p->y = ut_compute_alloc(c, p->max_rows, d * sizeof(float));
    p->work = ut_compute_alloc(c, p->max_rows, 4 * d * sizeof(float));
    p->align =
        ut_compute_alloc(c, ALIGN_ROWS, dims->n_text_head * dims->n_audio_ctx * sizeof(float));
    p->embedded = ut_alloc(p->max_rows, d * sizeof(float));
    p->written = ut_alloc(p->max_rows, sizeof *p->written);
    p->attention = ut_calloc(p->max_rows, sizeof *p->attention);
    if (!p->x || !p->y || !p->work || !p->align || !p->embedded || !p->written || !p->attention)
        return UT_ENOMEM;
    /* Scratch of the largest pass: the widest input of a linear layer, or every worker's scores. */
    size_t linear = p->max_rows * (4 * d + 16);
    size_t scores = (size_t)ut_compute_n_threads(c) * (dims->n_audio_ctx + dims->n_text_ctx);
    return ut_compute_reserve(c, (linear > scores ? linear : scores) * sizeof(float));
}

enum ut_status ut_asr_decoder_create(struct ut_asr_decoder **out, struct ut_compute *c,
                                     struct ut_asr_model *m, size_t max_rows, size_t n_cells)
{
    const struct ut_asr_dims *dims = &m->dims;
    const size_t d_head = dims->n_text_state / dims->n_text_head;

    if (max_rows == 0 || max_rows > UT_ASR_MAX_DECODE_ROWS)
        return UT_EINVAL;
    struct ut_asr_decoder *p = ut_calloc(1, sizeof *p);
    if (!p)
        return UT_ENOMEM;
    p->compute = c;
    p->model = ut_asr_model_ref(m);
    p->max_rows = max_rows;
    p->n_cells = n_cells;
    p->shape = (struct ut_attention_shape){
        .n_head = dims->n_text_head,
        .d_head = d_head,
        .scale = 1 / sqrtf((float)d_head),
        .exact = m->exact,
    };
    enum ut_status st = ut_asr_cells_create(&p->cells, n_cells);
    if (st == UT_OK)
        st = ut_asr_decoder_new_past(p, n_cells, &p->past);
    if (st == UT_OK)
        st = alloc_rows(p);
    if (st != UT_OK) {
        ut_asr_decoder_destroy(p);
        return st;
    }
    *out = p;
    return UT_OK;
}

void ut_asr_decoder_destroy(struct ut_asr_decoder *p)
{
    if (!p)
        return;
    ut_asr_cells_destroy(p->cells);
    ut_kv_destroy(p->past);
    ut_compute_free(p->compute, p->x);
    ut_compute_free(p->compute, p->y);
    ut_compute_free(p->compute, p->work);
    ut_compute_free(p->compute, p->align);
    ut_free(p->embedded);
    ut_free(p->written);
    ut_free(p->attention);
    ut_asr_model_unref(p->model);
    ut_free(p);
}

enum ut_status ut_asr_decoder_take_cell(struct ut_asr_decoder *p, int32_t *cell)
{
    return ut_asr_cells_take(p->cells, cell);
}

void ut_asr_decoder_ref_cells(struct ut_asr_decoder *p, const int32_t *cells, size_t n)
{
    ut_asr_cells_ref(p->cells, cells, n);
}

void ut_asr_decoder_unref_cells(struct ut_asr_decoder *p, const int32_t *cells, size_t n)
{
    ut_asr_cells_unref(p->cells, cells, n);
}

size_t ut_asr_decoder_n_free_cells(const struct ut_asr_decoder *p)
{
    return ut_asr_cells_n_free(p->cells);
}

enum ut_status ut_asr_decoder_new_past(struct ut_asr_decoder *p, size_t n_cells, struct ut_kv **out)
{
    const struct ut_asr_dims *dims = &p->model->dims;
    const struct ut_kv_spec spec = {
        .n_layers = dims->n_text_layer,
        .n_cells = n_cells,
        .n_head = dims->n_text_head,
        .d_head = dims->n_text_state / dims->n_text_head,
        .dtype = p->model->exact ? UT_DTYPE_F32 : UT_DTYPE_F16,
    };

    return ut_kv_create(out, p->compute, &spec);
}

enum ut_status ut_asr_decoder_read_cells(struct ut_asr_decoder *p, const int32_t *cells, size_t n,
                                         struct ut_kv *to, size_t first)
{
    ut_kv_copy(p->compute, to, NULL, first,
               &(struct ut_kv_view){ .kv = p->past, .cells = cells, .n = n });
    return ut_compute_end(p->compute);
}

enum ut_status ut_asr_decoder_write_cells(struct ut_asr_decoder *p, const int32_t *cells, size_t n,
                                          const struct ut_kv *from, size_t first)
{
    ut_kv_copy(p->compute, p->past, cells, 0,
               &(struct ut_kv_view){ .kv = from, .first = first, .n = n });
    return ut_compute_end(p->compute);
}

static size_t count_cross(const struct ut_asr_decode_row *row)
{
    size_t n = 0;

    for (size_t i = 0; i < row->n_cross; i++)
        n += row->cross[i].n;
    return n;
}

static bool is_valid(const struct ut_asr_decoder *p, const struct ut_asr_decode_row *row)
{
    const struct ut_asr_dims *dims = &p->model->dims;

    if (row->token < 0 || (size_t)row->token >= dims->n_vocab || row->position >= dims->n_text_ctx)
        return false;
    for (size_t i = 0; i <= row->position; i++) {
        if (row->cells[i] < 0 || (size_t)row->cells[i] >= p->n_cells)
            return false;
    }
    if (row->n_cross == 0 || row->n_cross > UT_ATTENTION_MAX_SPANS)
        return false;
    for (size_t i = 0; i < row->n_cross; i++) {
        if (!row->cross[i].kv || row->cross[i].n > dims->n_audio_ctx)
            return false;
    }
    size_t n = count_cross(row);
    return n > 0 && n <= dims->n_audio_ctx;
}

/* x [r, d] = embedding of each token + embedding of its position. */
static void embed(struct ut_asr_decoder *p, const struct ut_asr_decode_row *rows, size_t n_rows)
{
    const struct ut_asr_model *m = p->model;
    const size_t d = m->dims.n_text_state;

    for (size_t r = 0; r < n_rows; r++) {
        float *e = p->embedded + r * d;
        ut_linear_row(p->compute, m->embedding, (size_t)rows[r].token, e);
        const float *position = m->text_position + rows[r].position * d;
        for (size_t i = 0; i < d; i++)
            e[i] += position[i];
    }
    ut_compute_write(p->compute, p->x, p->embedded, n_rows * d * sizeof(float));
}

/* x += attention of each row over the cells up to its own, which is written first. */
static void attend_past(struct ut_asr_decoder *p, size_t layer,
                        const struct ut_asr_decode_row *rows, size_t n_rows)
{
    const struct ut_asr_block *b = &p->model->text[layer];
    const size_t d = p->model->dims.n_text_state;
    const struct ut_linear_call qkv = {
        .x = p->x, .ldx = d, .y = p->work, .ldy = 3 * d, .n_rows = n_rows, .norm = &b->attn_norm
    };
    const struct ut_linear_call out = {
        .x = p->y,
        .ldx = d,
        .y = p->x,
        .ldy = d,
        .n_rows = n_rows,
        .residual = p->x,
        .ld_residual = d,
    };

    ut_linear_run(p->compute, b->attn_qkv, &qkv); /* [r, d] -> [r, 3d] */
    ut_kv_store(p->compute, p->past, layer, p->written, 0, p->work + d, p->work + 2 * d, 3 * d,
                n_rows);
    for (size_t r = 0; r < n_rows; r++)
        p->attention[r] = (struct ut_attention_row){
            .q = p->work + r * 3 * d,
            .y = p->y + r * d,
            .n_views = 1,
            .views = { { .kv = p->past, .cells = rows[r].cells, .n = rows[r].position + 1 } },
        };
    ut_attention_rows(p->compute, &p->shape, layer, p->attention, n_rows);
    ut_linear_run(p->compute, b->attn_out, &out); /* x += [r, d] */
}

static bool has_align_head(const struct ut_asr_model *m, size_t layer)
{
    for (size_t i = 0; i < m->n_align_heads; i++) {
        if (m->align_heads[i].layer == layer)
            return true;
    }
    return false;
}

/* The weights of the layer's alignment heads, out of those of all its heads. */
static void read_align(struct ut_asr_decoder *p, size_t layer, const struct ut_asr_decode_row *row,
                       const float *weights)
{
    const struct ut_asr_model *m = p->model;
    size_t n = count_cross(row);

    for (size_t i = 0; i < m->n_align_heads; i++) {
        if (m->align_heads[i].layer == layer)
            ut_compute_read(p->compute, row->align + i * n, weights + m->align_heads[i].head * n,
                            n * sizeof(float));
    }
}

/*
 * Cross-attention of prepared rows whose alignment weights are wanted: in groups, as the weights of
 * all heads are a large array.
 */
static void attend_aligned(struct ut_asr_decoder *p, size_t layer,
                           const struct ut_asr_decode_row *rows, size_t n_rows)
{
    const struct ut_asr_dims *dims = &p->model->dims;
    const size_t stride = dims->n_text_head * dims->n_audio_ctx;

    for (size_t first = 0; first < n_rows; first += ALIGN_ROWS) {
        size_t n = n_rows - first < ALIGN_ROWS ? n_rows - first : ALIGN_ROWS;
        for (size_t r = 0; r < n; r++)
            p->attention[first + r].probs = rows[first + r].align ? p->align + r * stride : NULL;
        ut_attention_rows(p->compute, &p->shape, layer, p->attention + first, n);
        for (size_t r = 0; r < n; r++) {
            if (rows[first + r].align)
                read_align(p, layer, &rows[first + r], p->align + r * stride);
        }
    }
}

/* x += attention of each row over its audio. */
static void attend_audio(struct ut_asr_decoder *p, size_t layer,
                         const struct ut_asr_decode_row *rows, size_t n_rows, bool aligned)
{
    const struct ut_asr_block *b = &p->model->text[layer];
    const size_t d = p->model->dims.n_text_state;
    const struct ut_linear_call q = {
        .x = p->x, .ldx = d, .y = p->work, .ldy = d, .n_rows = n_rows, .norm = &b->cross_norm
    };
    const struct ut_linear_call out = {
        .x = p->y,
        .ldx = d,
        .y = p->x,
        .ldy = d,
        .n_rows = n_rows,
        .residual = p->x,
        .ld_residual = d,
    };

    ut_linear_run(p->compute, b->cross_q, &q); /* [r, d] -> [r, d] */
    for (size_t r = 0; r < n_rows; r++) {
        struct ut_attention_row *a = &p->attention[r];
        *a = (struct ut_attention_row){ .q = p->work + r * d,
                                        .y = p->y + r * d,
                                        .n_views = rows[r].n_cross };
        memcpy(a->views, rows[r].cross, sizeof a->views);
    }
    if (aligned && has_align_head(p->model, layer))
        attend_aligned(p, layer, rows, n_rows);
    else
        ut_attention_rows(p->compute, &p->shape, layer, p->attention, n_rows);
    ut_linear_run(p->compute, b->cross_out, &out); /* x += [r, d] */
}

static void run_ffn(struct ut_asr_decoder *p, size_t layer, size_t n_rows)
{
    const struct ut_asr_block *b = &p->model->text[layer];
    const size_t d = p->model->dims.n_text_state;
    const struct ut_linear_call up = {
        .x = p->x,
        .ldx = d,
        .y = p->work,
        .ldy = 4 * d,
        .n_rows = n_rows,
        .norm = &b->ffn_norm,
        .act = UT_ACT_GELU,
    };
    const struct ut_linear_call down = {
        .x = p->work,
        .ldx = 4 * d,
        .y = p->x,
        .ldy = d,
        .n_rows = n_rows,
        .residual = p->x,
        .ld_residual = d,
    };

    ut_linear_run(p->compute, b->ffn_up, &up);     /* [r, d] -> [r, 4d] */
    ut_linear_run(p->compute, b->ffn_down, &down); /* x += [r, d] */
}

/* Rows of logits for those of rows[first .. n_rows) that want them, LOGIT_ROWS at most; returns
 * where to go on. */
static size_t run_logits(struct ut_asr_decoder *p, const struct ut_asr_decode_row *rows,
                         size_t first, size_t n_rows)
{
    const struct ut_asr_model *m = p->model;
    const size_t d = m->dims.n_text_state;
    float *out[LOGIT_ROWS];
    size_t n = 0;
    size_t r = first;

    for (; r < n_rows && n < LOGIT_ROWS; r++) {
        if (!rows[r].logits)
            continue;
        ut_norm_run(p->compute, &m->text_norm, p->x + r * d, p->y + n * d, 1, d);
        out[n++] = rows[r].logits;
    }
    const struct ut_linear_call call = { .x = p->y, .ldx = d, .host_rows = out, .n_rows = n };
    ut_linear_run(p->compute, m->embedding, &call); /* [n, d] -> [n, n_vocab] */
    return r;
}

enum ut_status ut_asr_decoder_run(struct ut_asr_decoder *p, const struct ut_asr_decode_row *rows,
                                  size_t n_rows)
{
    bool aligned = false;

    if (n_rows > p->max_rows)
        return UT_ELIMIT;
    for (size_t r = 0; r < n_rows; r++) {
        if (!is_valid(p, &rows[r]))
            return UT_EINVAL;
        p->written[r] = rows[r].cells[rows[r].position];
        aligned |= rows[r].align != NULL;
    }
    if (n_rows == 0)
        return UT_OK;
    embed(p, rows, n_rows);
    for (size_t l = 0; l < p->model->dims.n_text_layer; l++) {
        attend_past(p, l, rows, n_rows);
        attend_audio(p, l, rows, n_rows, aligned);
        run_ffn(p, l, n_rows);
    }
    for (size_t r = 0; r < n_rows;)
        r = run_logits(p, rows, r, n_rows);
    return ut_compute_end(p->compute);
}
