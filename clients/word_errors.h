/*
 * Word error counts between two texts of words parted by white space. Pure function.
 */
#ifndef UT_CLIENTS_WORD_ERRORS_H
#define UT_CLIENTS_WORD_ERRORS_H

#include <stddef.h>

#include "base/status.h"

struct ut_word_errors {
    size_t n_words; /* of the reference */
    size_t n_substituted;
    size_t n_deleted;
    size_t n_inserted;
};

/*
 * The fewest edits that turn `reference` into `heard` (of several ways with that number, the one
 * with the most substitutions), added to *sum. Memory is of the order of the words of `heard`.
 * Errors: UT_ENOMEM, UT_ELIMIT (more than 2^20 words).
 */
UT_NODISCARD enum ut_status ut_word_errors_add(struct ut_word_errors *sum, const char *reference,
                                               const char *heard);

/* Edits per reference word; 0 when there are no words. */
double ut_word_errors_rate(const struct ut_word_errors *e);

#endif
