/*
 * Regular expressions over UTF-8 (PCRE2), for the pre-tokenizers: text cut into pieces.
 *
 * A compiled expression is immutable; any thread may use it.
 */
#ifndef UT_BASE_REGEX_H
#define UT_BASE_REGEX_H

#include <stddef.h>

#include "base/status.h"

struct ut_regex;

/*
 * Compiles `pattern` (UTF-8; \p{..} are Unicode properties). The pattern is the program's own: it
 * decides how long a match may take. Errors: UT_EINVAL (where and why), UT_ENOMEM.
 */
UT_NODISCARD enum ut_status ut_regex_create(struct ut_regex **out, const char *pattern,
                                            struct ut_error *err);
void ut_regex_destroy(struct ut_regex *re); /* accepts NULL */

/* One piece, at least 1 byte long. A status other than UT_OK stops the split and is returned. */
typedef enum ut_status ut_regex_piece_fn(void *ctx, const char *piece, size_t n);

/*
 * Gives every byte of text[0..n) once and in order to `fn`: the successive matches, and between
 * them whatever did not match. Bytes that are not UTF-8 are pieces of their own and end a match.
 * Time is linear in n for an expression whose matches are found without long backtracking.
 * Errors: those of fn, UT_ENOMEM, UT_ELIMIT (PCRE2's match limit).
 */
UT_NODISCARD enum ut_status ut_regex_split(const struct ut_regex *re, const char *text, size_t n,
                                           ut_regex_piece_fn *fn, void *ctx);

#endif
