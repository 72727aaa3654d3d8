/*
 * Voice activity by Silero v6 (16 kHz): one probability of speech per 512 samples (32 ms).
 *
 * The model is immutable and shared; a ut_vad is the state of one stream. All states of a model use
 * its compute context, so they are pushed by one thread at a time. No allocation after create.
 * SOURCE: snakers4/silero-vad v6; MODEL: 64 samples of context + 512 new -> STFT as convolution
 * [258,1,256] -> magnitude 129 -> conv k3 129-128-64-64-128 ReLU -> LSTM 128 -> ReLU -> 1x1 ->
 * sigmoid. docs/MODEL.md.
 */
#ifndef UT_DIARIZE_VAD_H
#define UT_DIARIZE_VAD_H

#include "compute/compute.h"

#define UT_VAD_CHUNK 512

struct ut_vad_model;
struct ut_vad;

/* A GGUF with general.architecture "silero-vad". Errors: UT_EIO, UT_EFORMAT, UT_ENOMEM. */
UT_NODISCARD enum ut_status ut_vad_model_open(struct ut_vad_model **out, struct ut_compute *c,
                                              const char *path, struct ut_error *err);
void ut_vad_model_close(struct ut_vad_model *m);

/* The model must outlive the state. Errors: UT_ENOMEM. */
UT_NODISCARD enum ut_status ut_vad_create(struct ut_vad **out, const struct ut_vad_model *m);
void ut_vad_destroy(struct ut_vad *v);
void ut_vad_reset(struct ut_vad *v);

/*
 * Takes the next UT_VAD_CHUNK samples; returns the probability of speech in [0, 1]. NaN and
 * infinities count as 0, louder samples than 1 are clipped.
 */
float ut_vad_push(struct ut_vad *v, const float *pcm);

#endif
