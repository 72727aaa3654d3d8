/*
 * Spelled-out numbers to digits, word by word with one word of look-ahead, as the reference program
 * does: "twenty five" is 25, "one oh one" is 101, "two and a half million dollars" is $2500000.
 */
#include <stdio.h>
#include <string.h>

#include "clients/normalizer_text.h"
#include "clients/number_value.h"
#include "clients/number_words.h"

struct word {
    const char *text; /* not NUL-terminated */
    size_t n;         /* 0: no word there */
    const struct ut_number_word *known;
};

struct state {
    struct ut_buffer *out;
    struct ut_number value;
    const char *prefix; /* "$", "-", ... or NULL */
    size_t prefix_n;
    bool skip; /* the next word was used up */
    struct word previous;
    struct word current;
    struct word next;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* digits, or digits.digits */
static bool is_numeric(const char *s, size_t n)
{
    size_t i = 0;

    while (i < n && is_digit(s[i]))
        i++;
    if (i == 0 || i == n)
        return i > 0;
    if (s[i++] != '.' || i == n)
        return false;
    while (i < n && is_digit(s[i]))
        i++;
    return i == n;
}

/* Bytes of the sign or currency symbol that s begins with. */
static size_t symbol_bytes(const char *s, size_t n)
{
    static const char *const symbols[] = { "-", "+", "\u00a3", "\u20ac", "$", "\u00a2" };

    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
        size_t m = strlen(symbols[i]);
        if (n >= m && memcmp(s, symbols[i], m) == 0)
            return m;
    }
    return 0;
}

/* Puts a word out, the prefix before it and the ending after it; value and prefix are then done. */
static enum ut_status put(struct state *s, const char *text, size_t n, const char *ending)
{
    enum ut_status st = s->out->n ? ut_buffer_append(s->out, " ", 1) : UT_OK;

    if (st == UT_OK && s->prefix)
        st = ut_buffer_append(s->out, s->prefix, s->prefix_n);
    if (st == UT_OK)
        st = ut_buffer_append(s->out, text, n);
    if (st == UT_OK)
        st = ut_buffer_append(s->out, ending, strlen(ending));
    s->prefix = NULL;
    ut_number_clear(&s->value);
    return st;
}

static enum ut_status put_value(struct state *s, const char *ending)
{
    if (s->value.kind == UT_NUMBER_EMPTY)
        return UT_OK;
    return put(s, ut_buffer_text(&s->value.digits), s->value.digits.n, ending);
}

static enum ut_status put_current(struct state *s)
{
    enum ut_status st = put_value(s, "");

    return st == UT_OK ? put(s, s->current.text, s->current.n, "") : st;
}

/* A number in digits, perhaps with a symbol before it. */
static enum ut_status take_digits(struct state *s, size_t symbol)
{
    const char *text = s->current.text + symbol;
    size_t n = s->current.n - symbol;
    size_t n_int = strcspn(text, ".");
    enum ut_status st = UT_OK;

    if (s->value.kind == UT_NUMBER_TEXT && s->value.digits.data[s->value.digits.n - 1] == '.')
        return ut_buffer_append(&s->value.digits, s->current.text, s->current.n);
    st = put_value(s, "");
    if (symbol) {
        s->prefix = s->current.text;
        s->prefix_n = symbol;
    }
    if (n_int > n)
        n_int = n;
    bool whole = n_int == n || strspn(text + n_int + 1, "0") >= n - n_int - 1;
    if (st == UT_OK)
        st = whole ? ut_number_set_whole(&s->value, text, n_int)
                   : ut_number_set_text(&s->value, text, n);
    return st;
}

/* Adds "seven" or "twelve" to what was said before. */
static enum ut_status add_ones(struct state *s)
{
    struct ut_number *v = &s->value;
    int ones = s->current.known->value;
    char text[16];

    int n = snprintf(text, sizeof text, "%d", ones);
    if (v->kind == UT_NUMBER_EMPTY)
        return ut_number_set_whole(v, text, (size_t)n);
    if (v->kind == UT_NUMBER_TEXT || s->previous.known->class == UT_NUMBER_ONES) {
        if (s->previous.known->class == UT_NUMBER_TENS && ones < 10 && v->digits.n) {
            v->digits.data[v->digits.n - 1] = text[0];
            return UT_OK;
        }
        return ut_number_append(v, text, false);
    }
    if (ut_number_is_round(v, ones < 10 ? 1 : 2))
        return ut_number_add_small(v, ones);
    return ut_number_append(v, text, false);
}

static enum ut_status add_tens(struct state *s)
{
    struct ut_number *v = &s->value;
    char text[16];

    int n = snprintf(text, sizeof text, "%d", s->current.known->value);
    if (v->kind == UT_NUMBER_EMPTY)
        return ut_number_set_whole(v, text, (size_t)n);
    if (v->kind == UT_NUMBER_WHOLE && ut_number_is_round(v, 2))
        return ut_number_add_small(v, s->current.known->value);
    return ut_number_append(v, text, false);
}

static enum ut_status set_scale(struct ut_number *v, int power)
{
    char text[48] = "1";

    memset(text + 1, '0', (size_t)power);
    return ut_number_set_whole(v, text, (size_t)power + 1);
}

static enum ut_status add_scale(struct state *s)
{
    struct ut_number *v = &s->value;
    int power = s->current.known->value;
    bool whole;

    if (v->kind == UT_NUMBER_EMPTY)
        return set_scale(v, power);
    if (v->kind == UT_NUMBER_WHOLE)
        return ut_number_scale(v, power);
    enum ut_status st = ut_number_scale_text(v, power, &whole);
    if (st != UT_OK || whole)
        return st;
    st = put_value(s, "");
    return st == UT_OK ? set_scale(v, power) : st;
}

/* An ordinal or plural ends the number at once. */
static enum ut_status add_ended(struct state *s)
{
    enum ut_status st;

    if (s->current.known->class == UT_NUMBER_ONES_ENDED)
        st = add_ones(s);
    else if (s->current.known->class == UT_NUMBER_TENS_ENDED)
        st = add_tens(s);
    else
        st = add_scale(s);
    return st == UT_OK ? put_value(s, s->current.known->ending) : st;
}

static bool next_is_number(const struct state *s)
{
    return s->next.known->class != UT_NUMBER_NONE || is_numeric(s->next.text, s->next.n);
}

static bool is_word(const struct word *w, const char *text)
{
    return strlen(text) == w->n && memcmp(w->text, text, w->n) == 0;
}

static enum ut_status take_percent(struct state *s)
{
    if (s->value.kind == UT_NUMBER_EMPTY)
        return put_current(s);
    if (is_word(&s->current, "percent"))
        return put_value(s, "%");
    if (is_word(&s->next, "cent")) {
        s->skip = true;
        return put_value(s, "%");
    }
    return put_current(s);
}

/* "double seven": the digit twice. */
static enum ut_status repeat(struct state *s)
{
    enum ut_number_class class = s->next.known->class;
    int n = is_word(&s->current, "double") ? 2 : 3;
    char text[16];
    enum ut_status st = UT_OK;

    if (class != UT_NUMBER_ONES && class != UT_NUMBER_ZERO)
        return put_current(s);
    snprintf(text, sizeof text, "%d", s->next.known->value);
    for (int i = 0; i < n && st == UT_OK; i++)
        st = ut_number_append(&s->value, text, i == 0);
    s->skip = true;
    return st;
}

static enum ut_status take_special(struct state *s)
{
    enum ut_number_class next = s->next.known->class;

    if (!next_is_number(s))
        return put_current(s);
    if (is_word(&s->current, "and"))
        return s->previous.known->class == UT_NUMBER_SCALE ? UT_OK : put_current(s);
    if (!is_word(&s->current, "point"))
        return repeat(s);
    if (next == UT_NUMBER_ONES || next == UT_NUMBER_TENS || next == UT_NUMBER_ZERO ||
        is_numeric(s->next.text, s->next.n))
        return ut_number_append(&s->value, ".", true);
    return UT_OK;
}

static enum ut_status take_sign(struct state *s)
{
    if (!next_is_number(s))
        return put_current(s);
    enum ut_status st = put_value(s, "");
    s->prefix = s->current.known->ending;
    s->prefix_n = strlen(s->prefix);
    return st;
}

static enum ut_status take_currency(struct state *s)
{
    if (s->value.kind == UT_NUMBER_EMPTY)
        return put_current(s);
    s->prefix = s->current.known->ending;
    s->prefix_n = strlen(s->prefix);
    return put_value(s, "");
}

static enum ut_status take_word(struct state *s)
{
    size_t symbol = symbol_bytes(s->current.text, s->current.n);

    if (is_numeric(s->current.text + symbol, s->current.n - symbol))
        return take_digits(s, symbol);
    switch (s->current.known->class) {
    case UT_NUMBER_ZERO:
        return ut_number_append(&s->value, "0", true);
    case UT_NUMBER_ONES:
        return add_ones(s);
    case UT_NUMBER_TENS:
        return add_tens(s);
    case UT_NUMBER_SCALE:
        return add_scale(s);
    case UT_NUMBER_ONES_ENDED:
    case UT_NUMBER_TENS_ENDED:
    case UT_NUMBER_SCALE_ENDED:
        return add_ended(s);
    case UT_NUMBER_SIGN:
        return take_sign(s);
    case UT_NUMBER_CURRENCY:
        return take_currency(s);
    case UT_NUMBER_PERCENT:
        return take_percent(s);
    case UT_NUMBER_SPECIAL:
        return take_special(s);
    default:
        return put_current(s);
    }
}

static struct word word_after(const struct ut_buffer *in, size_t *i)
{
    size_t start;
    size_t n;
    struct word w = { .text = "" };

    if (ut_text_next_word(in, i, &start, &n)) {
        w.text = in->data + start;
        w.n = n;
    }
    w.known = ut_number_word_find(w.text, w.n);
    return w;
}

enum ut_status ut_text_numbers(struct ut_buffer *out, const struct ut_buffer *in)
{
    struct ut_buffer spaced = { .limit = in->limit };
    struct ut_buffer words = { .limit = in->limit };
    struct state s = { .out = &words, .value = { .digits = { .limit = in->limit } } };
    size_t i = 0;

    enum ut_status st = ut_text_numbers_before(&spaced, in);
    s.previous.known = ut_number_word_find("", 0);
    s.current = word_after(&spaced, &i);
    while (st == UT_OK && s.current.n) {
        s.next = word_after(&spaced, &i);
        if (s.skip)
            s.skip = false;
        else
            st = take_word(&s);
        s.previous = s.current;
        s.current = s.next;
    }
    if (st == UT_OK)
        st = put_value(&s, "");
    if (st == UT_OK)
        st = ut_text_numbers_after(out, &words);
    ut_buffer_finish(&spaced);
    ut_buffer_finish(&words);
    ut_buffer_finish(&s.value.digits);
    return st;
}
