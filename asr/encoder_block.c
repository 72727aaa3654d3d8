/* The transformer blocks of the encoder. */
#include "asr/encoder_pass.h"

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Packs keys and values kv [n, 2d] of rows [first, first + n) of the pass. */
static void pack_rows(struct ut_asr_encoder *e, const struct ut_asr_pass *pass, const float *kv,
                      size_t first, size_t n)
{
    const size_t d = e->model->dims.n_audio_state;
    const struct ut_attention_shape shape = ut_asr_encoder_shape(e->model);
    size_t start = 0; /* of the window in the pass */

    for (size_t i = 0; i < pass->n_calls && start < first + n; i++) {
        const struct ut_asr_encode_call *call = &pass->calls[i];
        size_t end = start + ut_asr_encode_n_new(call);
        size_t from = start > first ? start : first;
        size_t to = min_size(end, first + n);
        const float *k = kv + (from - first) * 2 * d;
        if (from < to)
            ut_attention_pack(e->compute, &shape, pass->packed[i], call->n_kept + from - start, k,
                              k + d, 2 * d, to - from);
        start = end;
    }
}

/* Where a chunk from row `first` on ends: windows are cut only where packing may go on. */
static size_t end_chunk(const struct ut_asr_encoder *e, const struct ut_asr_pass *pass,
                        size_t first)
{
    size_t end = min_size(first + e->n_chunk, pass->t), start = 0;

    if (end == pass->t)
        return end;
    for (size_t i = 0; start + ut_asr_encode_n_new(&pass->calls[i]) <= end; i++)
        start += ut_asr_encode_n_new(&pass->calls[i]);
    return end - (end - start) % UT_ATTENTION_PACK_ALIGN;
}

/* e->y = the queries of all rows [t, d]; keys and values are packed while they are in cache. */
static void run_qkv(struct ut_asr_encoder *e, const struct ut_asr_block *b,
                    const struct ut_asr_pass *pass)
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
static void run_attention(struct ut_asr_encoder *e, size_t layer, const struct ut_asr_pass *pass)
{
    const size_t d = e->model->dims.n_audio_state;
    const struct ut_attention_shape shape = ut_asr_encoder_shape(e->model);
    float *y = e->y;

    for (size_t i = 0; i < pass->n_calls; i++) {
        const struct ut_asr_silence *silence = pass->calls[i].silence;
        size_t n = pass->calls[i].n_frames / 2, n_new = ut_asr_encode_n_new(&pass->calls[i]);
        struct ut_attention_call *a = &e->attention[i];
        *a = (struct ut_attention_call){
            .q = y,
            .ldq = d,
            .n_q = n_new,
            .y = y,
            .ldy = d,
            .n_spans = 1,
            .spans = { { .packed = pass->packed[i], .n = n } },
        };
        if (silence && ut_asr_silence_n_after(silence, n) > 0)
            a->spans[a->n_spans++] = ut_asr_silence_span(silence, layer, n);
        y += n_new * d;
    }
    ut_attention_window(e->compute, &shape, e->attention, pass->n_calls);
}

/* Gives each window's keys and values of `layer` a place. */
static void place_keys(struct ut_asr_encoder *e, struct ut_asr_pass *pass, size_t layer)
{
    const struct ut_attention_shape shape = ut_asr_encoder_shape(e->model);
    unsigned char *packed = e->packed;

    for (size_t i = 0; i < pass->n_calls; i++) {
        const struct ut_asr_encode_call *call = &pass->calls[i];
        pass->packed[i] = call->keys ? ut_asr_keys_layer(call->keys, layer) : packed;
        if (!call->keys)
            packed += ut_attention_pack_bytes(e->compute, &shape, call->n_frames / 2);
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

void ut_asr_encoder_block(struct ut_asr_encoder *e, size_t layer, struct ut_asr_pass *pass)
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
