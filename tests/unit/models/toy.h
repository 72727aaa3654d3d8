/*
 * A toy Whisper in each foreign format, for tests: 32 channels, 2 heads, one layer a side.
 *
 * Each value of a tensor follows from our name of it, so that an import can be checked whole.
 */
#ifndef UT_TESTS_TOY_H
#define UT_TESTS_TOY_H

#include "base/buffer.h"
#include "models/whisper_names.h"

#define TOY_D 32
#define TOY_HEADS 2
#define TOY_MELS 4
#define TOY_AUDIO 6
#define TOY_TEXT 5
#define TOY_VOCAB 40

/* What to get wrong on purpose. */
struct toy_fault {
    const char *name; /* ours, with '@' and '#' filled in; NULL: nothing */
    enum { TOY_MISSING = 1, TOY_NAN, TOY_SHAPE, TOY_KEY_BIAS } kind;
};

/* Value i of our tensor `name`: a multiple of 1/4096 within [-0.25, 0.25], exact as f16. */
float toy_value(const char *name, size_t i);

/* Dimensions of a row of ut_whisper_names, with `n_vocab` rows of embedding; returns how many. */
int toy_shape(const struct ut_whisper_name *row, char side, size_t n_vocab, size_t *dims);

void toy_ct2(struct ut_buffer *out, const struct toy_fault *fault);
void toy_safetensors(struct ut_buffer *out, enum ut_naming naming, const struct toy_fault *fault);
void toy_ggml(struct ut_buffer *out, size_t n_vocab);

void toy_write(const char *folder, const char *name, const void *bytes, size_t n);

#endif
