/*
 * Writes Whisper models of toy size with pseudo-random weights, whole or with one thing wrong.
 */
#ifndef UT_TESTS_TINY_MODEL_H
#define UT_TESTS_TINY_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compute/dtype.h"

enum { TINY_D = 32, TINY_AUDIO_CTX = 10, TINY_TEXT_CTX = 12, TINY_LAYERS = 2, TINY_VOCAB = 51865 };

struct tiny_options {
    enum ut_dtype dtype;      /* of the matrices */
    const char *architecture; /* NULL: "whisper" */
    const char *skip;         /* a key or tensor that is left out */
    const char *key;          /* a number key that gets `value` */
    uint32_t value;
    const char *reshaped;     /* a tensor with one row more */
    const char *retyped;      /* a tensor of i32 */
    const char *not_a_number; /* a tensor of NaN (f32 ones) or of NaN scales (q8_0) */
    int32_t align_head;       /* second entry of whisper.alignment_heads */
    const char *token;        /* text of token 300 instead of its own */
};

/* Calls fn for the name of each tensor of a model. */
void tiny_each_tensor(void (*fn)(void *ctx, const char *name), void *ctx);

/* Writes the model to `path`; fails the test when it cannot. */
void tiny_write(const char *path, const struct tiny_options *options);

#endif
