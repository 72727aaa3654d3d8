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

/* Windows in one attention call: its scratch holds their packed keys and values. */
#define ATTENTION_WINDOWS 4

/*
 * t counts positions (20 ms) of all windows of the pass, one window after another; d is the width.
 * Everything but the convolutions and the attention runs over all t rows at once.
 */
struct ut_asr_encoder {
    struct ut_compute *compute;
    struct ut_asr_model *model;
    size_t max_positions;
    float *mel;  /* [1 + 2 * max_positions + 1, n_mels] device: a window between its edge frames */
    float *x;    /* [max_positions, d] device: the residual stream */
    float *y;    /* [max_positions, d] device: attention output; at the end the encoder's output */
    float *work; /* [max(3 * max_positions, 4 * n_chunk), d] device: by turns the first
                    convolution's output, Q K V, the hidden layer of the ffn, the decoder's K V */
    size_t n_chunk; /* rows at a time of the last two */
    float *edge;    /* [max(n_mels, d)] host: one frame */
    struct ut_attention_call attention[ATTENTION_WINDOWS];
};

/*
 * Scratch of the largest pass, so that none takes memory later: the widest input of a linear layer
 * (ffn_down), and keys and values of full windows in blocks of 256 where every span may end in a
 * part of one. Pages that stay untouched cost nothing.
 */
static size_t count_scratch(const struct ut_asr_dims *dims, size_t max_positions)
{
    size_t d = dims->n_audio_state;
    size_t n_keys = (dims->n_audio_ctx / 256 + UT_ATTENTION_MAX_SPANS) * 256;
    size_t linear = max_positions * (4 * d + 16);
    size_t attention = ATTENTION_WINDOWS * n_keys * 2 * d;

    return (linear > attention ? linear : attention) * sizeof(float);
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
    /* One window at a time goes through the convolutions, and it is at most n_audio_ctx long. */
    size_t longest = min_size(max_positions, dims->n_audio_ctx);
    e->mel = ut_compute_alloc(c, 2 * longest + 2, dims->n_mels * sizeof(float));
    e->x = ut_compute_alloc(c, max_positions, d * sizeof(float));
    e->y = ut_compute_alloc(c, max_positions, d * sizeof(float));
    e->n_chunk = min_size(CHUNK_ROWS * (size_t)ut_compute_n_threads(c), max_positions);
    if (e->n_chunk < 2 * CHUNK_ROWS)
        e->n_chunk = min_size(2 * CHUNK_ROWS, max_positions);
    size_t n_work = 3 * max_positions > 4 * e->n_chunk ? 3 * max_positions : 4 * e->n_chunk;
    e->work = ut_compute_alloc(c, n_work, d * sizeof(float));
    e->edge = ut_calloc(d > dims->n_mels ? d : dims->n_mels, sizeof(float));
    if (!e->mel || !e->x || !e->y || !e->work || !e->edge ||
        ut_compute_reserve(c, count_scratch(dims, max_positions)) != UT_OK) {
        ut_asr_encoder_destroy(e);
        return UT_ENOMEM;
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
    const struct ut_linear_call conv1 = {
        .x = e->mel, /* row t: frames t - 1, t, t + 1 */
        .ldx = n_mels,
        .y = e->work + d, /* [n, d] behind a row of zeros */
        .ldy = d,
        .n_rows = n,
        .act = UT_ACT_GELU,
    };
    const struct ut_linear_call conv2 = {
        .x = e->work, /* row p: rows 2p - 1, 2p, 2p + 1 of conv1 */
        .ldx = 2 * d,
        .y = x,
        .ldy = d,
        .n_rows = n / 2,
        .act = UT_ACT_GELU,
        .residual = m->audio_position,
        .ld_residual = d,
    };

    ut_compute_write(e->compute, e->mel + n_mels, call->mel, n * n_mels * sizeof(float));
    write_edge(e, e->mel + (n + 1) * n_mels, followed ? call->silence->mel_value : 0, n_mels);
    ut_linear_run(e->compute, m->conv1, &conv1);
    write_edge(e, e->work, 0, d);
    ut_linear_run(e->compute, m->conv2, &conv2);
}

/* y [t, d] = attention of each window's queries over its own keys and its silence's. */
static void run_attention(struct ut_asr_encoder *e, size_t layer,
                          const struct ut_asr_encode_call *calls, size_t n_calls)
{
    const struct ut_asr_model *m = e->model;
    const size_t d = m->dims.n_audio_state;
    const size_t d_head = d / m->dims.n_audio_head;
    const struct ut_attention_shape shape = {
        .n_head = m->dims.n_audio_head,
        .d_head = d_head,
        .scale = 1 / sqrtf((float)d_head),
        .exact = m->exact,
    };
    size_t first = 0;
    size_t n_ready = 0;

    for (size_t i = 0; i < n_calls; i++) {
        const float *qkv = e->work + first * 3 * d; /* [n, 3d] */
        size_t n = calls[i].n_frames / 2;
        struct ut_attention_call *a = &e->attention[n_ready++];
        *a = (struct ut_attention_call){
            .q = qkv,
            .ldq = 3 * d,
            .n_q = n,
            .y = e->y + first * d,
            .ldy = d,
            .n_spans = 1,
            .spans = { { .k = qkv + d, .v = qkv + 2 * d, .ld = 3 * d, .n = n } },
        };
        if (calls[i].silence && ut_asr_silence_n_after(calls[i].silence, n) > 0)
            a->spans[a->n_spans++] = ut_asr_silence_span(calls[i].silence, layer, n);
        first += n;
        if (n_ready == ATTENTION_WINDOWS || i + 1 == n_calls) {
            ut_attention_window(e->compute, &shape, e->attention, n_ready);
            n_ready = 0;
        }
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

static void run_block(struct ut_asr_encoder *e, size_t layer,
                      const struct ut_asr_encode_call *calls, size_t n_calls, size_t t,
                      struct ut_asr_silence *keep)
{
    const struct ut_asr_block *b = &e->model->audio[layer];
    const size_t d = e->model->dims.n_audio_state;
    const struct ut_linear_call qkv = {
        .x = e->x,
        .ldx = d,
        .y = e->work,
        .ldy = 3 * d,
        .n_rows = t,
        .norm = &b->attn_norm,
    };
    const struct ut_linear_call out = {
        .x = e->y,
        .ldx = d,
        .y = e->x,
        .ldy = d,
        .n_rows = t,
        .residual = e->x,
        .ld_residual = d,
    };
    ut_linear_run(e->compute, b->attn_qkv, &qkv); /* [t, d] -> [t, 3d] */
    if (keep)
        ut_asr_silence_keep(keep, layer, e->work);
    run_attention(e, layer, calls, n_calls);
    ut_linear_run(e->compute, b->attn_out, &out); /* x += [t, d] */
    run_ffn(e, b, t);
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
    bool cross = false;
    size_t t = 0;

    for (size_t i = 0; i < n_calls; i++) {
        run_stem(e, &calls[i], e->x + t * d);
        t += calls[i].n_frames / 2;
        cross |= calls[i].cross != NULL;
    }
    for (size_t l = 0; l < m->dims.n_audio_layer; l++)
        run_block(e, l, calls, n_calls, t, keep);
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
