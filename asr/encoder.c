#include "asr/encoder.h"

#include <math.h>
#include <string.h>

#include "asr/silence.h"
#include "asr/weights.h"
#include "base/memory.h"

/* Rows of a layer at a time whose output is soon read again, for each thread. */
#define CHUNK_ROWS ((size_t)128)

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/*
 * t counts positions (20 ms) of all windows of the pass, one window after another; d is the width.
 * Everything but the convolutions and the attention runs over all t rows at once.
 */
struct ut_asr_encoder {
    struct ut_compute *compute;
    struct ut_asr_model *model;
    size_t max_positions;
    size_t n_chunk; /* rows of a layer at a time where its output is soon read again */
    float *mel;   /* [1 + 2 * max_positions + 1, n_mels] device: a window between its edge frames */
    float *x;     /* [max_positions, d] device: the residual stream */
    float *y;     /* [max_positions, d] device: queries, then attention output; at the end the
                     encoder's output */
    float *work;  /* [n_chunk, 4d] device: by turns the first convolution's output, K V, the hidden
                     layer of the ffn, the decoder's K V */
    void *packed; /* device: keys and values of a layer, each window's after the other's */
    float *edge;  /* [max(n_mels, d)] host: one frame */
    struct ut_attention_call attention[UT_ASR_MAX_WINDOWS];
};

/*
 * Scratch of the largest pass, so that none takes memory later: all rows as int8 for attn_out, or
 * the rows of a chunk as int8 for ffn_down, as floats, normalised, or as bf16 for the second
 * convolution, three positions each.
 */
static size_t count_scratch(const struct ut_asr_encoder *e)
{
    size_t d = e->model->dims.n_audio_state;
    size_t rows = e->max_positions * (d + 192), chunk = e->n_chunk * (6 * d + 192);

    return (rows > chunk ? rows : chunk) + UT_CACHE_LINE;
}

struct ut_attention_shape ut_asr_encoder_shape(const struct ut_asr_model *m)
{
    size_t d_head = m->dims.n_audio_state / m->dims.n_audio_head;

    return (struct ut_attention_shape){
        .n_head = m->dims.n_audio_head,
        .d_head = d_head,
        .scale = 1 / sqrtf((float)d_head),
        .exact = m->exact,
    };
}

static enum ut_status alloc_rows(struct ut_asr_encoder *e)
{
    const struct ut_asr_dims *dims = &e->model->dims;
    struct ut_compute *c = e->compute;
    struct ut_attention_shape shape = ut_asr_encoder_shape(e->model);
    size_t d = dims->n_audio_state, n = e->max_positions;
    /* One window at a time goes through the convolutions, and it is at most n_audio_ctx long. */
    size_t longest = min_size(n, dims->n_audio_ctx);
    /* Each window's rows begin with a block of their own. Untouched pages cost nothing. */
    size_t packed = ut_attention_pack_bytes(c, &shape, n);

    if (packed == 0 ||
        !ut_size_add(packed,
                     min_size(n, UT_ASR_MAX_WINDOWS) * ut_attention_pack_bytes(c, &shape, 1),
                     &packed))
        return UT_EINVAL;
    e->mel = ut_compute_alloc(c, 2 * longest + 2, dims->n_mels * sizeof(float));
    e->x = ut_compute_alloc(c, n, d * sizeof(float));
    e->y = ut_compute_alloc(c, n, d * sizeof(float));
    e->work = ut_compute_alloc(c, e->n_chunk, 4 * d * sizeof(float));
    e->packed = ut_compute_alloc(c, packed, 1);
    e->edge = ut_calloc(d > dims->n_mels ? d : dims->n_mels, sizeof(float));
    if (!e->mel || !e->x || !e->y || !e->work || !e->packed || !e->edge)
        return UT_ENOMEM;
    return ut_compute_reserve(c, count_scratch(e));
}

enum ut_status ut_asr_encoder_create(struct ut_asr_encoder **out, struct ut_compute *c,
                                     struct ut_asr_model *m, size_t max_positions)
{
    const struct ut_asr_dims *dims = &m->dims;
    size_t d = dims->n_audio_state;
    size_t n_values;

    if (max_positions == 0 || !ut_size_mul(max_positions, 4 * d, &n_values) ||
        !ut_size_mul(n_values, 2 * sizeof(float), &n_values))
        return UT_EINVAL;
    struct ut_asr_encoder *e = ut_calloc(1, sizeof *e);
    if (!e)
        return UT_ENOMEM;
    e->compute = c;
    e->model = ut_asr_model_ref(m);
    e->max_positions = max_positions;
    e->n_chunk = CHUNK_ROWS * (size_t)ut_compute_n_threads(c);
    if (e->n_chunk < 2 * CHUNK_ROWS)
        e->n_chunk = 2 * CHUNK_ROWS;
    e->n_chunk = min_size(e->n_chunk, max_positions);
    enum ut_status st = alloc_rows(e);
    if (st != UT_OK) {
        ut_asr_encoder_destroy(e);
        return st;
    }
    *out = e;
    return UT_OK;
}

void ut_asr_encoder_destroy(struct ut_asr_encoder *e)
{
    if (!e)
        return;
    ut_compute_free(e->compute, e->mel);
    ut_compute_free(e->compute, e->x);
    ut_compute_free(e->compute, e->y);
    ut_compute_free(e->compute, e->work);
    ut_compute_free(e->compute, e->packed);
    ut_free(e->edge);
    ut_asr_model_unref(e->model);
    ut_free(e);
}

struct ut_asr_model *ut_asr_encoder_model(const struct ut_asr_encoder *e)
{
    return e->model;
}

enum ut_status ut_asr_encoder_new_cross(struct ut_asr_encoder *e, struct ut_kv **out)
{
    const struct ut_asr_dims *dims = &e->model->dims;
    const struct ut_kv_spec spec = {
        .n_layers = dims->n_text_layer,
        .n_cells = dims->n_audio_ctx,
        .n_head = dims->n_text_head,
        .d_head = dims->n_text_state / dims->n_text_head,
        .dtype = e->model->exact ? UT_DTYPE_F32 : UT_DTYPE_F16,
    };

    return ut_kv_create(out, e->compute, &spec);
}

static void write_edge(struct ut_asr_encoder *e, float *device, float value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        e->edge[i] = value;
    ut_compute_write(e->compute, device, e->edge, n * sizeof(float));
}

/*
 * Frames [2p, 2p + 2n) of the window in e->mel -> x [n, d], its positions from p on, by way of
 * e->work: rows 2p - 1 .. 2p + 2n - 1 of the first convolution's output; row -1 is 0.
 */
static void run_stem_chunk(struct ut_asr_encoder *e, size_t p, size_t n, float *x)
{
    const struct ut_asr_model *m = e->model;
    const size_t n_mels = m->dims.n_mels;
    const size_t d = m->dims.n_audio_state;
    const size_t n_before = p > 0; /* the row before was computed for the last chunk and is gone */
    const struct ut_linear_call conv1 = {
        .x = e->mel + (2 * p - n_before) * n_mels, /* row t: frames t - 1, t, t + 1 */
        .ldx = n_mels,
        .y = e->work + (1 - n_before) * d,
        .ldy = d,
        .n_rows = 2 * n + n_before,
        .act = UT_ACT_GELU,
    };
    const struct ut_linear_call conv2 = {
        .x = e->work, /* row p: rows 2p - 1, 2p, 2p + 1 of conv1 */
        .ldx = 2 * d,
        .y = x,
        .ldy = d,
        .n_rows = n,
        .act = UT_ACT_GELU,
        .residual = m->audio_position + p * d,
        .ld_residual = d,
    };

    ut_linear_run(e->compute, m->conv1, &conv1);
    if (p == 0)
        write_edge(e, e->work, 0, d);
    ut_linear_run(e->compute, m->conv2, &conv2);
}

/*
 * mel [n, n_mels] -> x [n / 2, d] = GELU(conv2(GELU(conv1(mel)))) + position. Both convolutions are
 * 3 wide and padded by 1; rows that overlap in a time-major buffer are their input. The frame left
 * of the window is 0, as in the original. The one right of it is 0 only where the window fills the
 * context or nothing follows; else it is silence, and the last position sees what it would see in
 * the whole window.
 */
static void run_stem(struct ut_asr_encoder *e, const struct ut_asr_encode_call *call, float *x)
{
    const struct ut_asr_model *m = e->model;
    const size_t n = call->n_frames;
    const size_t n_mels = m->dims.n_mels;
    const size_t d = m->dims.n_audio_state;
    const bool followed = call->silence && n / 2 < m->dims.n_audio_ctx;

    ut_compute_write(e->compute, e->mel + n_mels, call->mel, n * n_mels * sizeof(float));
    write_edge(e, e->mel + (n + 1) * n_mels, followed ? call->silence->mel_value : 0, n_mels);
    for (size_t p = 0; p < n / 2; p += e->n_chunk)
        run_stem_chunk(e, p, min_size(e->n_chunk, n / 2 - p), x + p * d);
}

/* A pass on its way through the layers. */
struct pass {
    const struct ut_asr_encode_call *calls;
    size_t n_calls;
    size_t t; /* rows */
    void *packed[UT_ASR_MAX_WINDOWS];
    struct ut_asr_silence *keep; /* NULL, or what the keys and values of the only window go to */
};

/* Packs keys and values kv [n, 2d] of rows [first, first + n) of the pass. */
static void pack_rows(struct ut_asr_encoder *e, const struct pass *pass, const float *kv,
                      size_t first, size_t n)
{
    const size_t d = e->model->dims.n_audio_state;
    const struct ut_attention_shape shape = ut_asr_encoder_shape(e->model);
    size_t start = 0; /* of the window in the pass */

    for (size_t i = 0; i < pass->n_calls && start < first + n; i++) {
        size_t end = start + pass->calls[i].n_frames / 2;
        size_t from = start > first ? start : first;
        size_t to = min_size(end, first + n);
        const float *k = kv + (from - first) * 2 * d;
        if (from < to)
            ut_attention_pack(e->compute, &shape, pass->packed[i], from - start, k, k + d, 2 * d,
                              to - from);
        start = end;
    }
}

/* Where a chunk from row `first` on ends: windows are cut only where packing may go on. */
static size_t end_chunk(const struct ut_asr_encoder *e, const struct pass *pass, size_t first)
{
    size_t end = min_size(first + e->n_chunk, pass->t), start = 0;

    if (end == pass->t)
        return end;
    for (size_t i = 0; start + pass->calls[i].n_frames / 2 <= end; i++)
        start += pass->calls[i].n_frames / 2;
    return end - (end - start) % UT_ATTENTION_PACK_ALIGN;
}

/* e->y = the queries of all rows [t, d]; keys and values are packed while they are in cache. */
static void run_qkv(struct ut_asr_encoder *e, const struct ut_asr_block *b, const struct pass *pass)
{
    const size_t d = e->model->dims.n_audio_state;

    for (size_t first = 0, end; first < pass->t; first = end) {
        end = end_chunk(e, pass, first);
        const struct ut_linear_call qkv = {
            .x = e->x + first * d,
            .ldx = d,
            .y = e->y + first * d,
            .ldy = d,
            .split = d,
            .y2 = e->work,
            .ldy2 = 2 * d,
            .n_rows = end - first,
            .norm = &b->attn_norm,
        };
        ut_linear_run(e->compute, b->attn_qkv, &qkv); /* [n, d] -> [n, d], [n, 2d] */
        pack_rows(e, pass, e->work, first, end - first);
    }
}

/* y [t, d] = attention of each window's queries, y before, over its own keys and its silence's. */
static void run_attention(struct ut_asr_encoder *e, size_t layer, const struct pass *pass)
{
    const size_t d = e->model->dims.n_audio_state;
    const struct ut_attention_shape shape = ut_asr_encoder_shape(e->model);
    float *y = e->y;

    for (size_t i = 0; i < pass->n_calls; i++) {
        const struct ut_asr_silence *silence = pass->calls[i].silence;
        size_t n = pass->calls[i].n_frames / 2;
        struct ut_attention_call *a = &e->attention[i];
        *a = (struct ut_attention_call){
            .q = y,
            .ldq = d,
            .n_q = n,
            .y = y,
            .ldy = d,
            .n_spans = 1,
            .spans = { { .packed = pass->packed[i], .n = n } },
        };
        if (silence && ut_asr_silence_n_after(silence, n) > 0)
            a->spans[a->n_spans++] = ut_asr_silence_span(silence, layer, n);
        y += n * d;
    }
    ut_attention_window(e->compute, &shape, e->attention, pass->n_calls);
}

/* Gives each window's keys and values of `layer` a place. */
static void place_keys(struct ut_asr_encoder *e, struct pass *pass, size_t layer)
{
    const struct ut_attention_shape shape = ut_asr_encoder_shape(e->model);
    unsigned char *packed = e->packed;

    for (size_t i = 0; i < pass->n_calls; i++) {
        pass->packed[i] = pass->keep ? ut_asr_silence_keys(pass->keep, layer) : packed;
        packed += ut_attention_pack_bytes(e->compute, &shape, pass->calls[i].n_frames / 2);
    }
}

/* x += ffn(x), some rows at a time: their hidden layer is still in cache when it is read. */
static void run_ffn(struct ut_asr_encoder *e, const struct ut_asr_block *b, size_t t)
{
    const size_t d = e->model->dims.n_audio_state;

    for (size_t first = 0; first < t; first += e->n_chunk) {
        float *x = e->x + first * d;
        size_t n = min_size(e->n_chunk, t - first);
        const struct ut_linear_call up = {
            .x = x,
            .ldx = d,
            .y = e->work,
            .ldy = 4 * d,
            .n_rows = n,
            .norm = &b->ffn_norm,
            .act = UT_ACT_GELU,
        };
        const struct ut_linear_call down = {
            .x = e->work,
            .ldx = 4 * d,
            .y = x,
            .ldy = d,
            .n_rows = n,
            .residual = x,
            .ld_residual = d,
        };
        ut_linear_run(e->compute, b->ffn_up, &up);     /* [n, d] -> [n, 4d] */
        ut_linear_run(e->compute, b->ffn_down, &down); /* x += [n, d] */
    }
}

static void run_block(struct ut_asr_encoder *e, size_t layer, struct pass *pass)
{
    const struct ut_asr_block *b = &e->model->audio[layer];
    const size_t d = e->model->dims.n_audio_state;
    const struct ut_linear_call out = {
        .x = e->y,
        .ldx = d,
        .y = e->x,
        .ldy = d,
        .n_rows = pass->t,
        .residual = e->x,
        .ld_residual = d,
    };

    place_keys(e, pass, layer);
    run_qkv(e, b, pass);
    run_attention(e, layer, pass);
    ut_linear_run(e->compute, b->attn_out, &out); /* x += [t, d] */
    run_ffn(e, b, pass->t);
}

/* Keys and values kv [n, 2d] of rows [first, first + n) of the pass go to the windows they are of.
 */
static void store_rows(struct ut_asr_encoder *e, const struct ut_asr_encode_call *calls,
                       size_t n_calls, size_t layer, const float *kv, size_t first, size_t n)
{
    const size_t d = e->model->dims.n_text_state;
    size_t start = 0; /* of the window in the pass */

    for (size_t i = 0; i < n_calls && start < first + n; i++) {
        size_t end = start + calls[i].n_frames / 2;
        size_t from = start > first ? start : first;
        size_t to = min_size(end, first + n);
        const float *k = kv + (from - first) * 2 * d;
        if (from < to && calls[i].cross)
            ut_kv_store(e->compute, calls[i].cross, layer, NULL, from - start, k, k + d, 2 * d,
                        to - from);
        start = end;
    }
}

/* Encoder output y [t, d] -> keys and values of every decoder layer in each window's cross K/V. */
static void store_cross(struct ut_asr_encoder *e, const struct ut_asr_encode_call *calls,
                        size_t n_calls, size_t t)
{
    const struct ut_asr_model *m = e->model;
    const size_t d = m->dims.n_text_state;

    for (size_t first = 0; first < t; first += e->n_chunk) {
        size_t n = min_size(e->n_chunk, t - first);
        const struct ut_linear_call kv = {
            .x = e->y + first * d, .ldx = d, .y = e->work, .ldy = 2 * d, .n_rows = n
        };
        for (size_t l = 0; l < m->dims.n_text_layer; l++) {
            ut_linear_run(e->compute, m->text[l].cross_kv, &kv); /* [n, d] -> [n, 2d] */
            store_rows(e, calls, n_calls, l, e->work, first, n);
        }
    }
}

static enum ut_status run_pass(struct ut_asr_encoder *e, const struct ut_asr_encode_call *calls,
                               size_t n_calls, struct ut_asr_silence *keep)
{
    const struct ut_asr_model *m = e->model;
    const size_t d = m->dims.n_audio_state;
    struct pass pass = { .calls = calls, .n_calls = n_calls, .keep = keep };
    bool cross = false;
    size_t t = 0;

    for (size_t i = 0; i < n_calls; i++) {
        run_stem(e, &calls[i], e->x + t * d);
        t += calls[i].n_frames / 2;
        cross |= calls[i].cross != NULL;
    }
    pass.t = t;
    for (size_t l = 0; l < m->dims.n_audio_layer; l++)
        run_block(e, l, &pass);
    ut_norm_run(e->compute, &m->audio_norm, e->x, e->y, t, d);
    if (cross)
        store_cross(e, calls, n_calls, t);
    const float *y = e->y;
    for (size_t i = 0; i < n_calls; i++) {
        size_t n = calls[i].n_frames / 2;
        if (calls[i].output)
            ut_compute_read(e->compute, calls[i].output, y, n * d * sizeof(float));
        y += n * d;
    }
    return ut_compute_end(e->compute);
}

enum ut_status ut_asr_encoder_run(struct ut_asr_encoder *e, const struct ut_asr_encode_call *calls,
                                  size_t n_calls)
{
    size_t t = 0;

    if (n_calls > UT_ASR_MAX_WINDOWS)
        return UT_ELIMIT;
    for (size_t i = 0; i < n_calls; i++) {
        const struct ut_asr_encode_call *call = &calls[i];
        if (!call->mel || call->n_frames < 2 || call->n_frames % 2 ||
            call->n_frames > 2 * e->model->dims.n_audio_ctx ||
            (call->silence && call->silence->model != e->model))
            return UT_EINVAL;
        t += call->n_frames / 2;
    }
    if (t > e->max_positions)
        return UT_ELIMIT;
    return t ? run_pass(e, calls, n_calls, NULL) : UT_OK;
}

enum ut_status ut_asr_encoder_run_silence(struct ut_asr_encoder *e, const float *mel,
                                          struct ut_asr_silence *s)
{
    const struct ut_asr_encode_call call = {
        .mel = mel,
        .n_frames = 2 * e->model->dims.n_audio_ctx,
        .cross = s->cross,
    };

    if (call.n_frames / 2 > e->max_positions)
        return UT_ELIMIT;
    return run_pass(e, &call, 1, s);
}
