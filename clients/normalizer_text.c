#include "clients/normalizer_text.h"

#include <string.h>

#include "clients/unicode.h"

enum ut_status ut_text_apply(struct ut_buffer *text, struct ut_buffer *spare, ut_text_pass *pass)
{
    ut_buffer_clear(spare);
    enum ut_status st = pass(spare, text);
    if (st != UT_OK)
        return st;
    struct ut_buffer done = *spare;
    *spare = *text;
    *text = done;
    return UT_OK;
}

enum ut_status ut_text_lower(struct ut_buffer *out, const struct ut_buffer *in)
{
    enum ut_status st = UT_OK;
    size_t used;

    for (size_t i = 0; i < in->n && st == UT_OK; i += used) {
        int32_t c = ut_unicode_next(in->data + i, in->n - i, &used);
        if (c == 0x130) /* the one letter whose small form is two */
            st = ut_buffer_append(out, "i\u0307", 3);
        else
            st = ut_unicode_append(out, ut_unicode_lower(c));
    }
    return st;
}

/* The end of the bracketed text that begins at i, or 0 when it is not closed or is "()". */
static size_t bracket_end(const struct ut_buffer *in, size_t i)
{
    bool round = in->data[i] == '(';
    const char *closing = round ? ")" : ">]";
    size_t n = strcspn(in->data + i + 1, closing);
    size_t end = i + 1 + n;

    if (end >= in->n || (round && n == 0))
        return 0;
    return end + 1;
}

static enum ut_status drop_between(struct ut_buffer *out, const struct ut_buffer *in,
                                   const char *opening)
{
    enum ut_status st = UT_OK;

    for (size_t i = 0; i < in->n && st == UT_OK;) {
        size_t end = strchr(opening, in->data[i]) && in->data[i] ? bracket_end(in, i) : 0;
        if (end) {
            i = end;
            continue;
        }
        st = ut_buffer_append(out, in->data + i, 1);
        i++;
    }
    return st;
}

enum ut_status ut_text_drop_brackets(struct ut_buffer *out, const struct ut_buffer *in)
{
    struct ut_buffer half = { .limit = in->limit };

    enum ut_status st = drop_between(&half, in, "<[");
    if (st == UT_OK)
        st = drop_between(out, &half, "(");
    ut_buffer_finish(&half);
    return st;
}

size_t ut_text_spaces(const struct ut_buffer *text, size_t i)
{
    size_t start = i;
    size_t used;

    while (i < text->n && ut_unicode_is_space(ut_unicode_next(text->data + i, text->n - i, &used)))
        i += used;
    return i - start;
}

enum ut_status ut_text_collapse_spaces(struct ut_buffer *out, const struct ut_buffer *in)
{
    enum ut_status st = UT_OK;

    for (size_t i = 0; i < in->n && st == UT_OK;) {
        size_t spaces = ut_text_spaces(in, i);
        st = ut_buffer_append(out, spaces ? " " : in->data + i, 1);
        i += spaces ? spaces : 1;
    }
    return st;
}

bool ut_text_word_at(const struct ut_buffer *text, size_t i)
{
    size_t used;

    return i < text->n && ut_unicode_is_word(ut_unicode_next(text->data + i, text->n - i, &used));
}

bool ut_text_word_before(const struct ut_buffer *text, size_t i)
{
    size_t start = i;

    if (i == 0)
        return false;
    do
        start--;
    while (start > 0 && i - start < 4 && ((unsigned char)text->data[start] & 0xc0) == 0x80);
    return ut_text_word_at(text, start);
}

enum ut_status ut_text_replace(struct ut_buffer *out, const struct ut_buffer *in, const char *from,
                               const char *to, bool whole_word)
{
    size_t n = strlen(from);
    size_t i = 0;
    enum ut_status st = UT_OK;

    while (st == UT_OK) {
        const char *hit = i < in->n ? strstr(in->data + i, from) : NULL;
        if (!hit)
            return ut_buffer_append(out, ut_buffer_text(in) + i, in->n - i);
        size_t at = (size_t)(hit - in->data);
        bool match = !ut_text_word_at(in, at + n) && !(whole_word && ut_text_word_before(in, at));
        size_t keep = match ? at - i : at - i + 1;
        st = ut_buffer_append(out, in->data + i, keep);
        if (st == UT_OK && match)
            st = ut_buffer_append(out, to, strlen(to));
        i = match ? at + n : at + 1;
    }
    return st;
}

bool ut_text_next_word(const struct ut_buffer *text, size_t *i, size_t *start, size_t *n)
{
    size_t at = *i + ut_text_spaces(text, *i);

    *start = at;
    while (at < text->n && ut_text_spaces(text, at) == 0)
        at++;
    *n = at - *start;
    *i = at;
    return *n > 0;
}
