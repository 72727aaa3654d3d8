/*
 * The English words that numbers are spelled with. Constant, any thread.
 */
#ifndef UT_CLIENTS_NUMBER_WORDS_H
#define UT_CLIENTS_NUMBER_WORDS_H

#include <stddef.h>

enum ut_number_class {
    UT_NUMBER_NONE, /* not such a word */
    UT_NUMBER_ZERO,
    UT_NUMBER_ONES, /* one to nineteen */
    UT_NUMBER_ONES_ENDED,
    UT_NUMBER_TENS,
    UT_NUMBER_TENS_ENDED,
    UT_NUMBER_SCALE, /* hundred, thousand, ... */
    UT_NUMBER_SCALE_ENDED,
    UT_NUMBER_SIGN,     /* minus, plus: before the number */
    UT_NUMBER_CURRENCY, /* dollars, cents: after the number */
    UT_NUMBER_PERCENT,  /* percent, per cent */
    UT_NUMBER_SPECIAL   /* and, double, triple, point */
};

struct ut_number_word {
    const char *word;
    enum ut_number_class class;
    int value;          /* ones and tens: the number; scales: the power of ten */
    const char *ending; /* "s", "th", ...; signs and currencies: the symbol */
};

/* The entry of word[0..n); an entry of class UT_NUMBER_NONE when there is none. */
const struct ut_number_word *ut_number_word_find(const char *word, size_t n);

#endif
