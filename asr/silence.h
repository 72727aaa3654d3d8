/*
 * The cached run on silence, as the encoder sees it: private to asr/{encoder,silence}.c.
 */
#ifndef UT_ASR_SILENCE_H
#define UT_ASR_SILENCE_H

#include "asr/encoder.h"

struct ut_asr_silence {
    struct ut_asr_model *model;
    float mel_value;
    size_t n_positions;  /* the most that follow a window */
    float *kv;           /* [n_audio_layer, n_audio_ctx, 2d] device: K then V of each position */
    struct ut_kv *cross; /* [n_text_layer] layers of n_audio_ctx cells */
    float *rows;         /* [n_audio_ctx, 3d] host, while the run is being kept */
};

/* How many positions of silence follow a window of `n_positions`. */
size_t ut_asr_silence_n_after(const struct ut_asr_silence *s, size_t n_positions);

/* The keys and values of `layer` behind a window of `n_positions`. */
struct ut_kv_span ut_asr_silence_span(const struct ut_asr_silence *s, size_t layer,
                                      size_t n_positions);

/* Keeps K and V out of qkv [n_audio_ctx, 3d] (device) of `layer`. */
void ut_asr_silence_keep(struct ut_asr_silence *s, size_t layer, const float *qkv);

/* ut_asr_encoder_run() of one whole window of silence that also keeps K and V in `s`. */
UT_NODISCARD enum ut_status ut_asr_encoder_run_silence(struct ut_asr_encoder *e, const float *mel,
                                                       struct ut_asr_silence *s);

struct ut_asr_model *ut_asr_encoder_model(const struct ut_asr_encoder *e);

#endif
