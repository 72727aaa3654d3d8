/*
 * Which words of one text are which of another: the pairs of equal words on a way of the fewest
 * edits. Pure function.
 */
#ifndef UT_CLIENTS_WORD_MATCH_H
#define UT_CLIENTS_WORD_MATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

#define UT_WORD_MATCH_NONE ((size_t)-1)
#define UT_WORD_MATCH_MAX_CELLS ((size_t)1 << 28)

/*
 * Sets match[i] for each of a[0..n_a) to the index of its word in b[0..n_b), or to
 * UT_WORD_MATCH_NONE; indices rise. With `open_end` words at the end of b cost nothing: a is lined
 * up with the start of b, and *n_used (may be NULL) tells how many of b that took. Takes a byte a
 * cell. Errors: UT_ELIMIT (more than UT_WORD_MATCH_MAX_CELLS of (n_a + 1) (n_b + 1)), UT_ENOMEM.
 */
UT_NODISCARD enum ut_status ut_word_match(const char *const *a, size_t n_a, const char *const *b,
                                          size_t n_b, bool open_end, size_t *match, size_t *n_used);

#endif
