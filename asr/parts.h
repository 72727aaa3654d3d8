/*
 * What the ways of decoding share: the model, its encoder and decoder, and a few rows of logits.
 *
 * Laid out by the recognizer, which owns everything in it; one engine thread.
 */
#ifndef UT_ASR_PARTS_H
#define UT_ASR_PARTS_H

#include "asr/decoder.h"
#include "asr/encoder.h"
#include "asr/tokens.h"

struct ut_asr_parts {
    struct ut_compute *compute;
    struct ut_asr_model *model;
    const struct ut_asr_dims *dims;
    const struct ut_asr_tokens *tokens;
    const struct ut_asr_specials *specials;
    size_t n_align_heads;
    struct ut_asr_encoder *encoder;
    struct ut_asr_decoder *decoder;
    size_t max_rows; /* of one decoder pass */
    float *logits;   /* [n_logit_rows, n_vocab] scratch of a pass */
    size_t n_logit_rows;
    size_t n_passes; /* decoder passes so far */
};

/* The audio that a sequence is decoded from: views of cross-attention K/V, in order. */
struct ut_asr_audio {
    size_t n_views;
    struct ut_kv_view views[UT_ATTENTION_MAX_SPANS];
};

/* Positions in all views. */
size_t ut_asr_audio_n_positions(const struct ut_asr_audio *audio);

/* Row of the logits scratch, i < n_logit_rows. */
float *ut_asr_parts_logits(const struct ut_asr_parts *parts, size_t i);

/* A decode row of `token` at `position`; logits and align NULL. */
struct ut_asr_decode_row ut_asr_parts_row(const struct ut_asr_audio *audio, int32_t token,
                                          size_t position, const int32_t *cells);

/* Runs the rows and counts the pass. Errors: those of ut_asr_decoder_run(). */
UT_NODISCARD enum ut_status ut_asr_parts_run(struct ut_asr_parts *parts,
                                             const struct ut_asr_decode_row *rows, size_t n_rows);

/* Takes n cells; on failure none are held. */
UT_NODISCARD enum ut_status ut_asr_parts_take_cells(struct ut_asr_parts *parts, int32_t *cells,
                                                    size_t n);

/*
 * Writes <|startoftranscript|>, language and task (multilingual models only) and perhaps
 * <|notimestamps|> to prompt [4]; returns how many. `language` < 0 counts as English.
 */
size_t ut_asr_parts_sot(const struct ut_asr_parts *parts, int language, bool translate,
                        bool timestamps, int32_t *prompt);

/*
 * The likeliest language and its probability among the languages, from one decoder row.
 * English-only models: English, 1. Errors: those of the decoder.
 */
UT_NODISCARD enum ut_status ut_asr_parts_detect(struct ut_asr_parts *parts,
                                                const struct ut_asr_audio *audio, int *language,
                                                float *probability);

/* As above from logits [n_vocab] at the position of <|startoftranscript|>. */
int ut_asr_parts_language(const struct ut_asr_parts *parts, const float *logits,
                          float *probability);

/* The probability of <|nospeech|> from the same logits. */
float ut_asr_parts_no_speech(const struct ut_asr_parts *parts, const float *logits);

/* The token of a single space, which may not begin a text; -1 when it is no token. */
int32_t ut_asr_parts_blank(const struct ut_asr_parts *parts);

#endif
