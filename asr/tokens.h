/*
 * Whisper's tokens: byte-level BPE (GPT-2 pre-tokenizer), special tokens, languages.
 *
 * Immutable, any thread. Token ids are the model's. A model is multilingual when n_vocab >= 51865.
 * SOURCE: openai/whisper tokenizer.py; merges are ordered by the rank of the joined token.
 */
#ifndef UT_ASR_TOKENS_H
#define UT_ASR_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "asr/language.h"
#include "base/buffer.h"
#include "base/status.h"
#include "compute/gguf.h"

struct ut_asr_tokens;

/* Ids of the special tokens; -1 where the vocabulary has none. */
struct ut_asr_specials {
    int32_t eot;           /* <|endoftext|> */
    int32_t sot;           /* <|startoftranscript|> */
    int32_t translate;     /* <|translate|> */
    int32_t transcribe;    /* <|transcribe|> */
    int32_t sot_lm;        /* <|startoflm|> */
    int32_t sot_prev;      /* <|startofprev|> */
    int32_t no_speech;     /* <|nospeech|> */
    int32_t no_timestamps; /* <|notimestamps|> */
    int32_t timestamp0;    /* <|0.00|>; then 0.02 s a step, to the end of the vocabulary */
    int32_t language0;     /* first language token */
    int32_t n_languages;   /* 99 or 100; 0 for English-only */
};

/*
 * From the keys tokenizer.ggml.* and whisper.suppress_tokens of an open model; copies what it
 * needs. n_vocab: whisper.vocab_size. Errors: UT_EFORMAT (names the file and what is wrong),
 * UT_ENOMEM.
 */
UT_NODISCARD enum ut_status ut_asr_tokens_create(struct ut_asr_tokens **out,
                                                 const struct ut_gguf *g, size_t n_vocab,
                                                 struct ut_error *err);
void ut_asr_tokens_destroy(struct ut_asr_tokens *t);

const struct ut_asr_specials *ut_asr_tokens_specials(const struct ut_asr_tokens *t);
bool ut_asr_tokens_multilingual(const struct ut_asr_tokens *t);

/* The bytes of a text token; empty for special tokens. Valid as long as `t`. */
struct ut_gguf_text ut_asr_tokens_text(const struct ut_asr_tokens *t, int32_t id);

/* Appends the text of ids[0..n), specials skipped; bytes, so perhaps ending inside a character. */
UT_NODISCARD enum ut_status ut_asr_tokens_decode(const struct ut_asr_tokens *t, const int32_t *ids,
                                                 size_t n, struct ut_buffer *out);

/*
 * Encodes UTF-8 text (invalid bytes are encoded as they are; special tokens in it are plain text).
 * Writes at most `capacity` ids and sets *n. Errors: UT_ELIMIT (more would be needed), UT_ENOMEM.
 */
UT_NODISCARD enum ut_status ut_asr_tokens_encode(const struct ut_asr_tokens *t, const char *text,
                                                 size_t n_bytes, int32_t *ids, size_t capacity,
                                                 size_t *n);

/*
 * Ids never to be sampled, ascending: the model's whisper.suppress_tokens where it has the key,
 * else Whisper's non-speech symbols plus the task tokens. Count in *n.
 */
const int32_t *ut_asr_tokens_suppressed(const struct ut_asr_tokens *t, size_t *n);

#endif
