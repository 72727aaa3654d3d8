#include "asr/silence.h"

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
    return (struct ut_kv_span){ .packed = ut_asr_keys_layer(&s->keys, layer),
                                .first = n_positions,
                                .n = ut_asr_silence_n_after(s, n_positions) };
}

struct ut_kv_view ut_asr_silence_cross(const struct ut_asr_silence *s, size_t n_positions)
{
    return (struct ut_kv_view){ .kv = s->cross,
                                .first = n_positions,
                                .n = ut_asr_silence_n_after(s, n_positions) };
}

size_t ut_asr_silence_bytes(const struct ut_asr_silence *s)
{
    return ut_kv_bytes(s->cross) + s->model->dims.n_audio_layer * s->keys.layer_bytes;
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
    mel = ut_alloc(n_mel, sizeof *mel);
    if (!mel)
        goto fail;
    st = ut_asr_keys_init(&s->keys, m);
    if (st == UT_OK)
        st = ut_asr_encoder_new_cross(e, &s->cross);
    if (st != UT_OK)
        goto fail;
    for (size_t i = 0; i < n_mel; i++)
        mel[i] = mel_value;
    const struct ut_asr_encode_call call = {
        .mel = mel, .n_frames = 2 * dims->n_audio_ctx, .cross = s->cross, .keys = &s->keys
    };
    st = ut_asr_encoder_run(e, &call, 1);
    if (st != UT_OK)
        goto fail;
    ut_free(mel);
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
    ut_asr_keys_finish(&s->keys, s->model);
    ut_asr_model_unref(s->model);
    ut_free(s);
}
