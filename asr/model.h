/*
 * A Whisper model: dimensions, packed weights and tokens, immutable and shared by all sessions.
 *
 * Loaded from GGUF with general.architecture "whisper" (docs/MODEL.md lists keys and tensors).
 * Reference counted; any thread may read. The file's pages are released once repacked.
 */
#ifndef UT_ASR_MODEL_H
#define UT_ASR_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compute/compute.h"

struct ut_asr_model;
struct ut_asr_tokens;

struct ut_asr_dims {
    size_t n_mels;        /* whisper.n_mels: 80 or 128 */
    size_t n_audio_ctx;   /* whisper.encoder.context_length: 1500 */
    size_t n_audio_state; /* whisper.encoder.embedding_length */
    size_t n_audio_head;  /* whisper.encoder.attention.head_count */
    size_t n_audio_layer; /* whisper.encoder.block_count */
    size_t n_text_ctx;    /* whisper.decoder.context_length: 448 */
    size_t n_text_state;  /* whisper.decoder.embedding_length */
    size_t n_text_head;   /* whisper.decoder.attention.head_count */
    size_t n_text_layer;  /* whisper.decoder.block_count */
    size_t n_vocab;       /* whisper.vocab_size: 51864 (English), 51865, 51866 (128 mels) */
};

/* A decoder head whose cross-attention follows the audio (whisper.alignment_heads). */
struct ut_asr_align_head {
    uint16_t layer;
    uint16_t head;
};

/*
 * Loads and packs on the team of `c`, whose thread this is; `c` must outlive the model.
 * Errors: UT_EIO, UT_EFORMAT (names file, key or tensor, and value), UT_ENOMEM.
 */
UT_NODISCARD enum ut_status ut_asr_model_open(struct ut_asr_model **out, struct ut_compute *c,
                                              const char *path, struct ut_error *err);
struct ut_asr_model *ut_asr_model_ref(struct ut_asr_model *m);
void ut_asr_model_unref(struct ut_asr_model *m); /* accepts NULL */

const struct ut_asr_dims *ut_asr_model_dims(const struct ut_asr_model *m);
const struct ut_asr_tokens *ut_asr_model_tokens(const struct ut_asr_model *m);
const struct ut_asr_align_head *ut_asr_model_align_heads(const struct ut_asr_model *m, size_t *n);
size_t ut_asr_model_bytes(const struct ut_asr_model *m);

#endif
