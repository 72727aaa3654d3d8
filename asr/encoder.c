#include "asr/encoder.h"

#include <math.h>

#include "asr/encoder_pass.h"
#include "base/memory.h"

/* Rows of a layer at a time whose output is soon read again, for each thread. */
#define CHUNK_ROWS ((size_t)128)

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

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
    e->mel = ut_compute_alloc(c, 2 * longest + 3, dims->n_mels * sizeof(float));
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

/* Keys and values kv [n, 2d] of rows [first, first + n) of the pass go to the windows they are of.
 */
static void store_rows(struct ut_asr_encoder *e, const struct ut_asr_encode_call *calls,
                       size_t n_calls, size_t layer, const float *kv, size_t first, size_t n)
{
    const size_t d = e->model->dims.n_text_state;
    size_t start = 0; /* of the window in the pass */

    for (size_t i = 0; i < n_calls && start < first + n; i++) {
        size_t end = start + ut_asr_encode_n_new(&calls[i]);
        size_t from = start > first ? start : first;
        size_t to = min_size(end, first + n);
        const float *k = kv + (from - first) * 2 * d;
        if (from < to && calls[i].cross)
            ut_kv_store(e->compute, calls[i].cross, layer, NULL, calls[i].n_kept + from - start, k,
                        k + d, 2 * d, to - from);
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
                               size_t n_calls)
{
    const struct ut_asr_model *m = e->model;
    const size_t d = m->dims.n_audio_state;
    struct ut_asr_pass pass = { .calls = calls, .n_calls = n_calls };
    bool cross = false;

    for (size_t i = 0; i < n_calls; i++) {
        ut_asr_encoder_stem(e, &calls[i], e->x + pass.t * d);
        pass.t += ut_asr_encode_n_new(&calls[i]);
        cross |= calls[i].cross != NULL;
    }
    for (size_t l = 0; l < m->dims.n_audio_layer; l++)
        ut_asr_encoder_block(e, l, &pass);
    ut_norm_run(e->compute, &m->audio_norm, e->x, e->y, pass.t, d);
    if (cross)
        store_cross(e, calls, n_calls, pass.t);
    const float *y = e->y;
    for (size_t i = 0; i < n_calls; i++) {
        size_t n = ut_asr_encode_n_new(&calls[i]);
        if (calls[i].output)
            ut_compute_read(e->compute, calls[i].output, y, n * d * sizeof(float));
        y += n * d;
    }
    return ut_compute_end(e->compute);
}

static bool is_valid(const struct ut_asr_encoder *e, const struct ut_asr_encode_call *call)
{
    if (!call->mel || call->n_frames < 2 || call->n_frames % 2 ||
        call->n_frames > 2 * e->model->dims.n_audio_ctx)
        return false;
    if (call->silence && call->silence->model != e->model)
        return false;
    return call->n_kept == 0 || (call->keys && call->n_kept < call->n_frames / 2 &&
                                 call->n_kept % UT_ATTENTION_PACK_ALIGN == 0);
}

enum ut_status ut_asr_encoder_run(struct ut_asr_encoder *e, const struct ut_asr_encode_call *calls,
                                  size_t n_calls)
{
    size_t t = 0;

    if (n_calls > UT_ASR_MAX_WINDOWS)
        return UT_ELIMIT;
    for (size_t i = 0; i < n_calls; i++) {
        if (!is_valid(e, &calls[i]))
            return UT_EINVAL;
        t += ut_asr_encode_n_new(&calls[i]);
    }
    if (t > e->max_positions)
        return UT_ELIMIT;
    return t ? run_pass(e, calls, n_calls) : UT_OK;
}
