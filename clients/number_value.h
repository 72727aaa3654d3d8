/*
 * A number as decimal digits while it is being spoken: whole (arithmetic) or text ("3.14", "007").
 * No bound but the buffer's. One thread. Errors: UT_ENOMEM, UT_ELIMIT.
 */
#ifndef UT_CLIENTS_NUMBER_VALUE_H
#define UT_CLIENTS_NUMBER_VALUE_H

#include <stdbool.h>

#include "base/buffer.h"

enum ut_number_kind { UT_NUMBER_EMPTY, UT_NUMBER_WHOLE, UT_NUMBER_TEXT };

struct ut_number {
    enum ut_number_kind kind;
    struct ut_buffer digits; /* whole: no leading zeros */
};

/* Sets it to text, or to a whole number of digits[0..n) without their leading zeros. */
UT_NODISCARD enum ut_status ut_number_set_text(struct ut_number *v, const char *text, size_t n);
UT_NODISCARD enum ut_status ut_number_set_whole(struct ut_number *v, const char *digits, size_t n);
void ut_number_clear(struct ut_number *v);

/* Appends text; the number is text from now on. A whole 0 is forgotten when `drop_zero`. */
UT_NODISCARD enum ut_status ut_number_append(struct ut_number *v, const char *text, bool drop_zero);

/* Whether a whole number is a multiple of 10^zeros. */
bool ut_number_is_round(const struct ut_number *v, size_t zeros);

/* Whole number += small, which fits into its last zeros. */
UT_NODISCARD enum ut_status ut_number_add_small(struct ut_number *v, int small);

/* Whole: what is below a thousand times 10^power, the rest stays: 2003, "hundred" -> 2300. */
UT_NODISCARD enum ut_status ut_number_scale(struct ut_number *v, int power);

/* Text ("2.5") times 10^power when that is whole; *whole says so, else nothing changes. */
UT_NODISCARD enum ut_status ut_number_scale_text(struct ut_number *v, int power, bool *whole);

#endif
