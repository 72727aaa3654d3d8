/*
 * Text as word error rates are counted on: Whisper's English normaliser and its basic one.
 *
 * The rules are those of the paper, applied in the order of its reference program, whose quirks
 * are kept so that figures compare: "cause" is "because", "1.5" is "one.5", commas leave between
 * every second pair of digits. Pure functions over one thread's buffers; text of at most
 * UT_NORMALIZER_MAX bytes. Errors: UT_ENOMEM, UT_ELIMIT.
 * SOURCE: Radford et al. 2022, appendix C.
 */
#ifndef UT_CLIENTS_NORMALIZER_H
#define UT_CLIENTS_NORMALIZER_H

#include <stdbool.h>

#include "base/buffer.h"
#include "clients/spelling.h"

#define UT_NORMALIZER_MAX ((size_t)16 << 20)

/* Appends the English form of `text`. `spelling` NULL: British spellings stay. */
UT_NODISCARD enum ut_status ut_normalize_english(struct ut_buffer *out, const char *text,
                                                 const struct ut_spelling *spelling);

/*
 * Appends the form for any other language; with split_letters each character is a word, for
 * languages that write no spaces.
 */
UT_NODISCARD enum ut_status ut_normalize_basic(struct ut_buffer *out, const char *text,
                                               bool split_letters);

#endif
