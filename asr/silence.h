/*
 * The cached run on silence, as the encoder sees it: private to asr/{encoder*,keys,silence}.c.
 */
#ifndef UT_ASR_SILENCE_H
#define UT_ASR_SILENCE_H

#include "asr/encoder.h"

struct ut_asr_silence {
    struct ut_asr_model *model;
    float mel_value;
    size_t n_positions; /* the most that follow a window */
    struct ut_asr_keys keys;
    struct ut_kv *cross; /* [n_text_layer] layers of n_audio_ctx cells */
};

/* How many positions of silence follow a window of `n_positions`. */
size_t ut_asr_silence_n_after(const struct ut_asr_silence *s, size_t n_positions);

/* The keys and values of `layer` behind a window of `n_positions`. */
struct ut_kv_span ut_asr_silence_span(const struct ut_asr_silence *s, size_t layer,
                                      size_t n_positions);

/* The shape of self-attention in the encoder. */
struct ut_attention_shape ut_asr_encoder_shape(const struct ut_asr_model *m);

struct ut_asr_model *ut_asr_encoder_model(const struct ut_asr_encoder *e);

#endif
