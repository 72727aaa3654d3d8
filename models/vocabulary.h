/*
 * The tokens of a Whisper model in id order, in GPT-2's byte-to-unicode form. One thread.
 */
#ifndef UT_MODELS_VOCABULARY_H
#define UT_MODELS_VOCABULARY_H

#include <stdint.h>

#include "base/buffer.h"
#include "compute/gguf.h"

#define UT_VOCABULARY_MAX 200000

/* Zeroed is empty. */
struct ut_vocabulary {
    struct ut_buffer text;
    uint32_t *starts; /* [capacity]; token i is text[starts[i], starts[i + 1]) */
    size_t n;
    size_t capacity;
};

/* Errors: UT_ELIMIT, UT_ENOMEM. */
UT_NODISCARD enum ut_status ut_vocabulary_add(struct ut_vocabulary *v, const char *text, size_t n);

/* The same of raw bytes, which are brought into the byte-to-unicode form. */
UT_NODISCARD enum ut_status ut_vocabulary_add_bytes(struct ut_vocabulary *v, const uint8_t *bytes,
                                                    size_t n);

/*
 * Reads the tokens that lie in the folder of a model, whichever of these is there: vocabulary.json,
 * vocabulary.txt (CTranslate2), tokenizer.json, vocab.json with added_tokens.json (Hugging Face).
 * Errors: UT_EIO (none is there), UT_EFORMAT, UT_ELIMIT, UT_ENOMEM.
 */
UT_NODISCARD enum ut_status ut_vocabulary_load(struct ut_vocabulary *v, const char *folder,
                                               struct ut_error *err);

/*
 * Makes it exactly `n_vocab` tokens: what lies behind the text tokens and is not there is Whisper's
 * special tokens in their known order. `anew` replaces them all. Errors: UT_EFORMAT (counts),
 * UT_ENOMEM.
 */
UT_NODISCARD enum ut_status ut_vocabulary_complete(struct ut_vocabulary *v, size_t n_vocab,
                                                   bool anew, const char *path,
                                                   struct ut_error *err);

struct ut_gguf_text ut_vocabulary_token(const struct ut_vocabulary *v, size_t i);

void ut_vocabulary_finish(struct ut_vocabulary *v);

#endif
