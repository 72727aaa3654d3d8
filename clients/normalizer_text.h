/*
 * The passes that the normalisers are made of. Each reads `in` and appends the changed text to
 * `out` (two different buffers); what is called a word character, a space or a boundary is as in
 * Unicode regular expressions. Errors: UT_ENOMEM, UT_ELIMIT.
 */
#ifndef UT_CLIENTS_NORMALIZER_TEXT_H
#define UT_CLIENTS_NORMALIZER_TEXT_H

#include <stdbool.h>

#include "base/buffer.h"

/* A pass over a text. */
typedef enum ut_status ut_text_pass(struct ut_buffer *out, const struct ut_buffer *in);

/* Runs a pass and puts its result in the place of *text; *spare is room to work in. */
UT_NODISCARD enum ut_status ut_text_apply(struct ut_buffer *text, struct ut_buffer *spare,
                                          ut_text_pass *pass);

ut_text_pass ut_text_lower;
ut_text_pass ut_text_drop_brackets;   /* [..], <..> and (..) with what is in them */
ut_text_pass ut_text_collapse_spaces; /* runs of white space become one space */

/*
 * Replaces `from` where a word ends after it (and begins at it, when whole_word); ASCII that ends
 * in a letter.
 */
UT_NODISCARD enum ut_status ut_text_replace(struct ut_buffer *out, const struct ut_buffer *in,
                                            const char *from, const char *to, bool whole_word);

/* Whether a word character stands before, or at, byte i. */
bool ut_text_word_before(const struct ut_buffer *text, size_t i);
bool ut_text_word_at(const struct ut_buffer *text, size_t i);

/* Bytes of white space at i. */
size_t ut_text_spaces(const struct ut_buffer *text, size_t i);

/* The next word (bytes between white space) from *i on; false at the end. */
bool ut_text_next_word(const struct ut_buffer *text, size_t *i, size_t *start, size_t *n);

/* The numbers pass: spelled-out numbers to digits. */
ut_text_pass ut_text_numbers;
ut_text_pass ut_text_numbers_before; /* its first part: halves, spaces around digits */
ut_text_pass ut_text_numbers_after;  /* its last part: cents, "one" for 1 */

#endif
