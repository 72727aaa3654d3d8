/* What stands before and after the numbers pass: halves, suffixes, cents, "one" for 1. */
#include <string.h>

#include "clients/normalizer_text.h"
#include "clients/number_words.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_small(char c)
{
    return c >= 'a' && c <= 'z';
}

/* Bytes of "and a half" as words at i, any spaces between them; 0 when it is not there. */
static size_t half_bytes(const struct ut_buffer *in, size_t i)
{
    static const char *const words[] = { "and", "a", "half" };
    size_t at = i;

    if (ut_text_word_before(in, i))
        return 0;
    for (int k = 0; k < 3; k++) {
        size_t n = strlen(words[k]);
        size_t spaces = k ? ut_text_spaces(in, at) : 0;
        if ((k && !spaces) || strncmp(in->data + at + spaces, words[k], n) != 0)
            return 0;
        at += spaces + n;
    }
    return ut_text_word_at(in, at) ? 0 : at - i;
}

/* Whether the last word of s[0..n) is one that "point five" can follow. */
static bool ends_in_number(const struct ut_buffer *in, size_t from, size_t to)
{
    struct ut_buffer part = { .data = in->data, .n = to, .capacity = to, .limit = to };
    size_t start = from;
    size_t n = 0;
    size_t i = from;
    size_t at;
    size_t len;

    while (ut_text_next_word(&part, &i, &at, &len)) {
        start = at;
        n = len;
    }
    enum ut_number_class class = ut_number_word_find(in->data + start, n)->class;
    return class == UT_NUMBER_ZERO || class == UT_NUMBER_ONES || class == UT_NUMBER_TENS ||
           class == UT_NUMBER_SCALE;
}

/* Puts in[from..to) out unless it is blank; segments are joined by one space. */
static enum ut_status put_segment(struct ut_buffer *out, const struct ut_buffer *in, size_t from,
                                  size_t to, bool last)
{
    struct ut_buffer part = { .data = in->data, .n = to, .capacity = to, .limit = to };
    enum ut_status st = UT_OK;

    if (from + ut_text_spaces(&part, from) >= to)
        return UT_OK;
    if (out->n)
        st = ut_buffer_append(out, " ", 1);
    if (st == UT_OK)
        st = ut_buffer_append(out, in->data + from, to - from);
    if (st == UT_OK && !last)
        st = ut_buffer_printf(out, " %s",
                              ends_in_number(in, from, to) ? "point five" : "and a half");
    return st;
}

static enum ut_status halves(struct ut_buffer *out, const struct ut_buffer *in)
{
    size_t from = 0;
    enum ut_status st = UT_OK;

    for (size_t i = 0; i < in->n && st == UT_OK;) {
        size_t n = half_bytes(in, i);
        if (n) {
            st = put_segment(out, in, from, i, false);
            from = i + n;
        }
        i += n ? n : 1;
    }
    return st == UT_OK ? put_segment(out, in, from, in->n, true) : st;
}

/* A space where letters and digits meet. */
static enum ut_status part_digits(struct ut_buffer *out, const struct ut_buffer *in)
{
    enum ut_status st = UT_OK;

    for (size_t i = 0; i < in->n && st == UT_OK; i++) {
        char c = in->data[i];
        char next = in->data[i + 1];
        st = ut_buffer_append(out, &c, 1);
        if (st == UT_OK && ((is_small(c) && is_digit(next)) || (is_digit(c) && is_small(next))))
            st = ut_buffer_append(out, " ", 1);
    }
    return st;
}

/* No space between a digit and what may be its ending: "1960 s" is "1960s". */
static enum ut_status join_endings(struct ut_buffer *out, const struct ut_buffer *in)
{
    static const char *const endings[] = { "st", "nd", "rd", "th", "s" };
    enum ut_status st = UT_OK;

    for (size_t i = 0; i < in->n && st == UT_OK; i++) {
        st = ut_buffer_append(out, in->data + i, 1);
        size_t spaces = is_digit(in->data[i]) ? ut_text_spaces(in, i + 1) : 0;
        for (size_t k = 0; k < sizeof endings / sizeof endings[0] && spaces; k++) {
            size_t n = strlen(endings[k]);
            size_t at = i + 1 + spaces;
            if (strncmp(in->data + at, endings[k], n) != 0 || ut_text_word_at(in, at + n))
                continue;
            st = ut_buffer_append(out, endings[k], n);
            i = at + n - 1;
            break;
        }
    }
    return st;
}

enum ut_status ut_text_numbers_before(struct ut_buffer *out, const struct ut_buffer *in)
{
    struct ut_buffer a = { .limit = in->limit };
    struct ut_buffer b = { .limit = in->limit };

    enum ut_status st = halves(&a, in);
    if (st == UT_OK)
        st = part_digits(&b, &a);
    if (st == UT_OK)
        st = join_endings(out, &b);
    ut_buffer_finish(&a);
    ut_buffer_finish(&b);
    return st;
}

static size_t currency_bytes(const char *s)
{
    static const char *const symbols[] = { "\u20ac", "\u00a3", "$" };

    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
        if (strncmp(s, symbols[i], strlen(symbols[i])) == 0)
            return strlen(symbols[i]);
    }
    return 0;
}

/* One or two digits at i that end a word, as a number; *n bytes, 0 when they do not. */
static int cents_at(const struct ut_buffer *in, size_t i, size_t *n)
{
    size_t digits = i < in->n ? strspn(in->data + i, "0123456789") : 0;

    *n = 0;
    if (digits < 1 || digits > 2 || ut_text_word_at(in, i + digits))
        return 0;
    *n = digits;
    return digits == 2 ? (in->data[i] - '0') * 10 + in->data[i + 1] - '0' : in->data[i] - '0';
}

/* "$2 and \u00a27" is "$2.07". */
static enum ut_status combine_cents(struct ut_buffer *out, const struct ut_buffer *in)
{
    static const char cent[] = "\u00a2";
    enum ut_status st = UT_OK;

    for (size_t i = 0; i < in->n && st == UT_OK;) {
        size_t symbol = currency_bytes(in->data + i);
        size_t digits = symbol ? strspn(in->data + i + symbol, "0123456789") : 0;
        size_t at = i + symbol + digits;
        size_t n = 0;
        int cents = 0;
        if (digits && in->data[at] == ' ') {
            size_t sign = at + (strncmp(in->data + at, " and ", 5) == 0 ? 5 : 1);
            if (strncmp(in->data + sign, cent, sizeof cent - 1) == 0) {
                cents = cents_at(in, sign + sizeof cent - 1, &n);
                n = n ? sign + sizeof cent - 1 + n : 0;
            }
        }
        st = ut_buffer_append(out, in->data + i, n ? at - i : 1);
        if (st == UT_OK && n)
            st = ut_buffer_printf(out, ".%02d", cents);
        i = n ? n : i + 1;
    }
    return st;
}

/* "$0.07" is "\u00a27"; the point may be any one character there. */
static enum ut_status extract_cents(struct ut_buffer *out, const struct ut_buffer *in)
{
    enum ut_status st = UT_OK;

    for (size_t i = 0; i < in->n && st == UT_OK;) {
        size_t symbol = currency_bytes(in->data + i);
        size_t n = 0;
        int cents = 0;
        if (symbol && in->data[i + symbol] == '0' && i + symbol + 1 < in->n) {
            size_t at = i + symbol + 2;
            while (at < in->n && ((unsigned char)in->data[at] & 0xc0) == 0x80)
                at++;
            cents = cents_at(in, at, &n);
            n = n ? at + n : 0;
        }
        st = n ? ut_buffer_printf(out, "\u00a2%d", cents) : ut_buffer_append(out, in->data + i, 1);
        i = n ? n : i + 1;
    }
    return st;
}

static enum ut_status spell_one(struct ut_buffer *out, const struct ut_buffer *in)
{
    enum ut_status st = UT_OK;

    for (size_t i = 0; i < in->n && st == UT_OK;) {
        size_t n = 0;
        if (in->data[i] == '1' && !ut_text_word_before(in, i)) {
            if (in->data[i + 1] == 's' && !ut_text_word_at(in, i + 2))
                n = 2;
            else if (!ut_text_word_at(in, i + 1))
                n = 1;
        }
        st = n ? ut_buffer_printf(out, n == 2 ? "ones" : "one")
               : ut_buffer_append(out, in->data + i, 1);
        i += n ? n : 1;
    }
    return st;
}

enum ut_status ut_text_numbers_after(struct ut_buffer *out, const struct ut_buffer *in)
{
    struct ut_buffer a = { .limit = in->limit };
    struct ut_buffer b = { .limit = in->limit };

    enum ut_status st = combine_cents(&a, in);
    if (st == UT_OK)
        st = extract_cents(&b, &a);
    if (st == UT_OK)
        st = spell_one(out, &b);
    ut_buffer_finish(&a);
    ut_buffer_finish(&b);
    return st;
}
