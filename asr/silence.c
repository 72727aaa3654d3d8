#include "asr/silence.h"

#include <string.h>

#include "asr/weights.h"
#include "base/memory.h"

size_t ut_asr_silence_n_after(const struct ut_asr_silence *s, size_t n_positions)
{
    size_t n_ctx = s->model->dims.n_audio_ctx;
    size_t left = n_positions < n_ctx ? n_ctx - n_positions : 0;

    return left < s->n_positions ? left : s->n_positions;
}

struct ut_kv_span ut_asr_silence_span(const struct ut_asr_silence *s, size_t layer,
                                      size_t n_positions)
{
    const struct ut_asr_dims *dims = &s->model->dims;
    size_t d = dims->n_audio_state;
    const float *kv = s->kv + (layer * dims->n_audio_ctx + n_positions) * 2 * d;

    return (struct ut_kv_span){
        .k = kv, .v = kv + d, .ld = 2 * d, .n = ut_asr_silence_n_after(s, n_positions)
    };
}

struct ut_kv_view ut_asr_silence_cross(const struct ut_asr_silence *s, size_t n_positions)
{
    return (struct ut_kv_view){ .kv = s->cross,
                                .first = n_positions,
                                .n = ut_asr_silence_n_after(s, n_positions) };
}

size_t ut_asr_silence_bytes(const struct ut_asr_silence *s)
{
    const struct ut_asr_dims *dims = &s->model->dims;

    return ut_kv_bytes(s->cross) +
           dims->n_audio_layer * dims->n_audio_ctx * 2 * dims->n_audio_state * sizeof(float);
}

void ut_asr_silence_keep(struct ut_asr_silence *s, size_t layer, const float *qkv)
{
    const struct ut_asr_dims *dims = &s->model->dims;
    size_t d = dims->n_audio_state;

    ut_compute_read(s->model->compute, s->rows, qkv, dims->n_audio_ctx * 3 * d * sizeof(float));
    for (size_t t = 0; t < dims->n_audio_ctx; t++)
        memmove(s->rows + t * 2 * d, s->rows + t * 3 * d + d, 2 * d * sizeof(float));
    ut_compute_write(s->model->compute, s->kv + layer * dims->n_audio_ctx * 2 * d, s->rows,
                     dims->n_audio_ctx * 2 * d * sizeof(float));
}

enum ut_status ut_asr_silence_create(struct ut_asr_silence **out, struct ut_asr_encoder *e,
                                     float mel_value, size_t n_positions)
{
    struct ut_asr_model *m = ut_asr_encoder_model(e);
    const struct ut_asr_dims *dims = &m->dims;
    size_t n_mel = 2 * dims->n_audio_ctx * dims->n_mels;
    float *mel = NULL;
    enum ut_status st = UT_ENOMEM;

    if (n_positions == 0 || n_positions > dims->n_audio_ctx)
        return UT_EINVAL;
    struct ut_asr_silence *s = ut_calloc(1, sizeof *s);
    if (!s)
        return UT_ENOMEM;
    s->model = ut_asr_model_ref(m);
    s->mel_value = mel_value;
    s->n_positions = n_positions;
    s->kv = ut_compute_alloc(m->compute, dims->n_audio_layer * dims->n_audio_ctx,
                             2 * dims->n_audio_state * sizeof(float));
    s->rows = ut_alloc(dims->n_audio_ctx, 3 * dims->n_audio_state * sizeof(float));
    mel = ut_alloc(n_mel, sizeof *mel);
    if (!s->kv || !s->rows || !mel)
        goto fail;
    st = ut_asr_encoder_new_cross(e, &s->cross);
    if (st != UT_OK)
        goto fail;
    for (size_t i = 0; i < n_mel; i++)
        mel[i] = mel_value;
    st = ut_asr_encoder_run_silence(e, mel, s);
    if (st != UT_OK)
        goto fail;
    ut_free(mel);
    ut_free(s->rows);
    s->rows = NULL;
    *out = s;
    return UT_OK;
fail:
    ut_free(mel);
    ut_asr_silence_destroy(s);
    return st;
}

void ut_asr_silence_destroy(struct ut_asr_silence *s)
{
    if (!s)
        return;
    ut_kv_destroy(s->cross);
    ut_compute_free(s->model->compute, s->kv);
    ut_free(s->rows);
    ut_asr_model_unref(s->model);
    ut_free(s);
}
