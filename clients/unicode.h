/*
 * What the clients need to know of Unicode (utf8proc): characters, their width on a terminal, their
 * category, and normal forms. Pure functions, any thread. Bytes that are no UTF-8 count as U+FFFD
 * of one byte each.
 */
#ifndef UT_CLIENTS_UNICODE_H
#define UT_CLIENTS_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/* The character at s[0..n), n > 0; *n_bytes (at least 1) is how long it is. */
int32_t ut_unicode_next(const char *s, size_t n, size_t *n_bytes);

/* Columns that s[0..n) takes on a terminal, as in captions: wide characters count 2. */
size_t ut_unicode_width(const char *s, size_t n);

/* Bytes of the longest prefix of s[0..n) that is at most `columns` wide. */
size_t ut_unicode_fit(const char *s, size_t n, size_t columns);

/* First letter of the general category: 'L', 'M', 'N', 'P', 'S', 'Z' or 'C'. */
char ut_unicode_class(int32_t c);
bool ut_unicode_is_nonspacing(int32_t c); /* category Mn */
bool ut_unicode_is_space(int32_t c);
bool ut_unicode_is_word(int32_t c); /* letters, numbers and '_' */
int32_t ut_unicode_lower(int32_t c);

/* Appends `c` as UTF-8. */
UT_NODISCARD enum ut_status ut_unicode_append(struct ut_buffer *out, int32_t c);

/* Appends the NFKD (or NFKC when `composed`) form of s[0..n). Errors: UT_ENOMEM, UT_ELIMIT. */
UT_NODISCARD enum ut_status ut_unicode_normalize(struct ut_buffer *out, const char *s, size_t n,
                                                 bool composed);

#endif
