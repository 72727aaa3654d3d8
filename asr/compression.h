/*
 * How repetitive a text is: its bytes over its zlib-compressed bytes.
 *
 * The compressor's memory is taken when it is made; a ratio allocates nothing. One thread at a
 * time. SOURCE: openai/whisper utils.py, compression_ratio (zlib, level 6).
 */
#ifndef UT_ASR_COMPRESSION_H
#define UT_ASR_COMPRESSION_H

#include <stddef.h>

#include "base/status.h"

struct ut_asr_compressor;

/* Errors: UT_ENOMEM. End with ut_asr_compressor_destroy(), which accepts NULL. */
UT_NODISCARD enum ut_status ut_asr_compressor_create(struct ut_asr_compressor **out);
void ut_asr_compressor_destroy(struct ut_asr_compressor *z);

/* The ratio of text[0..n); 0 for an empty text. */
float ut_asr_compressor_ratio(struct ut_asr_compressor *z, const char *text, size_t n);

#endif
