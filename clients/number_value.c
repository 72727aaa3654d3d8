#include "clients/number_value.h"

#include <stdio.h>
#include <string.h>

enum ut_status ut_number_set_text(struct ut_number *v, const char *text, size_t n)
{
    ut_buffer_clear(&v->digits);
    v->kind = UT_NUMBER_TEXT;
    return ut_buffer_append(&v->digits, text, n);
}

enum ut_status ut_number_set_whole(struct ut_number *v, const char *digits, size_t n)
{
    while (n > 1 && *digits == '0') {
        digits++;
        n--;
    }
    enum ut_status st = ut_number_set_text(v, digits, n);
    v->kind = UT_NUMBER_WHOLE;
    return st;
}

void ut_number_clear(struct ut_number *v)
{
    ut_buffer_clear(&v->digits);
    v->kind = UT_NUMBER_EMPTY;
}

static bool is_zero(const struct ut_number *v)
{
    return v->kind == UT_NUMBER_WHOLE && strcmp(ut_buffer_text(&v->digits), "0") == 0;
}

enum ut_status ut_number_append(struct ut_number *v, const char *text, bool drop_zero)
{
    if (drop_zero && is_zero(v))
        ut_buffer_clear(&v->digits);
    v->kind = UT_NUMBER_TEXT;
    return ut_buffer_append(&v->digits, text, strlen(text));
}

bool ut_number_is_round(const struct ut_number *v, size_t zeros)
{
    size_t n = v->digits.n;

    if (is_zero(v))
        return true;
    if (n <= zeros)
        return false;
    return strspn(v->digits.data + n - zeros, "0") == zeros;
}

enum ut_status ut_number_add_small(struct ut_number *v, int small)
{
    char text[16];
    int n = snprintf(text, sizeof text, "%d", small);

    if (n < 0 || is_zero(v) || (size_t)n > v->digits.n)
        return ut_number_set_whole(v, text, n < 0 ? 0 : (size_t)n);
    memcpy(v->digits.data + v->digits.n - (size_t)n, text, (size_t)n);
    return UT_OK;
}

/* sum = a + b, decimal digits. */
static enum ut_status add_digits(struct ut_buffer *sum, const struct ut_buffer *a,
                                 const struct ut_buffer *b)
{
    size_t n = (a->n > b->n ? a->n : b->n) + 1;
    int carry = 0;

    ut_buffer_clear(sum);
    for (size_t i = 0; i < n; i++) {
        enum ut_status st = ut_buffer_append(sum, "0", 1);
        if (st != UT_OK)
            return st;
    }
    for (size_t i = 0; i < n; i++) {
        int x = (i < a->n ? a->data[a->n - 1 - i] - '0' : 0) +
                (i < b->n ? b->data[b->n - 1 - i] - '0' : 0) + carry;
        sum->data[n - 1 - i] = (char)('0' + x % 10);
        carry = x / 10;
    }
    return UT_OK;
}

static enum ut_status append_zeros(struct ut_buffer *b, int n)
{
    enum ut_status st = UT_OK;

    for (int i = 0; i < n && st == UT_OK; i++)
        st = ut_buffer_append(b, "0", 1);
    return st;
}

enum ut_status ut_number_scale(struct ut_number *v, int power)
{
    struct ut_buffer low = { .limit = v->digits.limit };
    struct ut_buffer sum = { .limit = v->digits.limit };
    size_t n_low = v->digits.n < 3 ? v->digits.n : 3;
    char *tail = v->digits.data + v->digits.n - n_low;

    enum ut_status st = ut_buffer_append(&low, tail, n_low);
    if (st == UT_OK)
        st = append_zeros(&low, power);
    memset(tail, '0', n_low);
    if (st == UT_OK)
        st = add_digits(&sum, &v->digits, &low);
    if (st == UT_OK)
        st = ut_number_set_whole(v, ut_buffer_text(&sum), sum.n);
    ut_buffer_finish(&low);
    ut_buffer_finish(&sum);
    return st;
}

enum ut_status ut_number_scale_text(struct ut_number *v, int power, bool *whole)
{
    const char *s = ut_buffer_text(&v->digits);
    size_t n_int = strspn(s, "0123456789");
    bool point = s[n_int] == '.';
    size_t n_frac = point ? strspn(s + n_int + 1, "0123456789") : 0;
    struct ut_buffer scaled = { .limit = v->digits.limit };

    *whole = false;
    if (n_int + point + n_frac != v->digits.n || n_int + n_frac == 0)
        return UT_OK;
    size_t shift = n_frac < (size_t)power ? n_frac : (size_t)power;
    const char *rest = s + n_int + point + shift;
    if (strspn(rest, "0") != n_frac - shift)
        return UT_OK;
    enum ut_status st = ut_buffer_append(&scaled, s, n_int);
    if (st == UT_OK)
        st = ut_buffer_append(&scaled, s + n_int + point, shift);
    if (st == UT_OK)
        st = append_zeros(&scaled, power - (int)shift);
    if (st == UT_OK)
        st = ut_number_set_whole(v, ut_buffer_text(&scaled), scaled.n);
    ut_buffer_finish(&scaled);
    *whole = st == UT_OK;
    return st;
}
