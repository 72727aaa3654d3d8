/*
 * British spellings and their American forms, from a JSON object of strings. Read-only once open,
 * any thread.
 */
#ifndef UT_CLIENTS_SPELLING_H
#define UT_CLIENTS_SPELLING_H

#include <stddef.h>

#include "base/status.h"

struct ut_spelling;

/* Errors: UT_EIO, UT_EFORMAT, UT_ENOMEM. */
UT_NODISCARD enum ut_status ut_spelling_open(struct ut_spelling **out, const char *path,
                                             struct ut_error *err);

/* {"colour": "color", ...} in n bytes, which are copied. */
UT_NODISCARD enum ut_status ut_spelling_parse(struct ut_spelling **out, const char *json, size_t n,
                                              struct ut_error *err);
void ut_spelling_close(struct ut_spelling *s); /* accepts NULL */

size_t ut_spelling_n(const struct ut_spelling *s);

/* The American form of word[0..n), or NULL. */
const char *ut_spelling_find(const struct ut_spelling *s, const char *word, size_t n);

#endif
