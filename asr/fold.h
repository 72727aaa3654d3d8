/*
 * Text as recognition compares it: words folded to letters and digits, whole UTF-8 characters.
 *
 * Pure functions, any thread, no allocation.
 */
#ifndef UT_ASR_FOLD_H
#define UT_ASR_FOLD_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Writes text[0..n) case-folded, compatibility-decomposed and without punctuation, spaces and
 * invalid bytes to out (at most `capacity` bytes, whole characters, no NUL). Returns the bytes
 * written: 0 for a word of punctuation alone. SOURCE: Unicode TR15 and CaseFolding (utf8proc).
 */
size_t ut_asr_fold(const char *text, size_t n, char *out, size_t capacity);

/* False when text[0..n) ends inside a UTF-8 character that more bytes could complete. */
bool ut_asr_fold_is_whole(const char *text, size_t n);

/* Narrows text[*first .. *first + *n) by white space at both ends, as Python's strip() does. */
void ut_asr_fold_trim(const char *text, size_t *first, size_t *n);

/*
 * Writes text[0..n) as valid UTF-8 to out (at most `capacity` bytes, no NUL): each invalid byte
 * becomes U+FFFD. 3 * n bytes are always enough. Returns the bytes written.
 */
size_t ut_asr_fold_valid(const char *text, size_t n, char *out, size_t capacity);

#endif
