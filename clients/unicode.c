#include "clients/unicode.h"

#include <stdlib.h>
#include <utf8proc.h>

#include "base/memory.h"

int32_t ut_unicode_next(const char *s, size_t n, size_t *n_bytes)
{
    utf8proc_int32_t c;
    utf8proc_ssize_t used =
        utf8proc_iterate((const utf8proc_uint8_t *)s, (utf8proc_ssize_t)(n > 4 ? 4 : n), &c);

    if (used <= 0) {
        *n_bytes = 1;
        return 0xfffd;
    }
    *n_bytes = (size_t)used;
    return c;
}

static size_t width_of(int32_t c)
{
    int w = utf8proc_charwidth(c);

    return w > 0 ? (size_t)w : 0;
}

size_t ut_unicode_width(const char *s, size_t n)
{
    size_t width = 0;
    size_t used;

    for (size_t i = 0; i < n; i += used)
        width += width_of(ut_unicode_next(s + i, n - i, &used));
    return width;
}

size_t ut_unicode_fit(const char *s, size_t n, size_t columns)
{
    size_t width = 0;
    size_t i = 0;

    while (i < n) {
        size_t used;

        width += width_of(ut_unicode_next(s + i, n - i, &used));
        if (width > columns)
            break;
        i += used;
    }
    return i;
}

char ut_unicode_class(int32_t c)
{
    return utf8proc_category_string(c)[0];
}

bool ut_unicode_is_nonspacing(int32_t c)
{
    return utf8proc_category(c) == UTF8PROC_CATEGORY_MN;
}

bool ut_unicode_is_space(int32_t c)
{
    return (c >= 9 && c <= 13) || (c >= 0x1c && c <= 0x20) || c == 0x85 ||
           (c > 0x85 && ut_unicode_class(c) == 'Z');
}

bool ut_unicode_is_word(int32_t c)
{
    if (c < 0x80)
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_';
    char class = ut_unicode_class(c);
    return class == 'L' || class == 'N';
}

int32_t ut_unicode_lower(int32_t c)
{
    return utf8proc_tolower(c);
}

enum ut_status ut_unicode_append(struct ut_buffer *out, int32_t c)
{
    utf8proc_uint8_t bytes[4];
    utf8proc_ssize_t n = utf8proc_encode_char(c, bytes);

    return n > 0 ? ut_buffer_append(out, bytes, (size_t)n) : UT_EINVAL;
}

enum ut_status ut_unicode_normalize(struct ut_buffer *out, const char *s, size_t n, bool composed)
{
    utf8proc_option_t form =
        UTF8PROC_COMPAT | UTF8PROC_STABLE | (composed ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE);
    utf8proc_uint8_t *form_text = NULL;
    struct ut_buffer clean = { .limit = out->limit };
    enum ut_status st = UT_OK;
    size_t used;

    for (size_t i = 0; i < n && st == UT_OK; i += used)
        st = ut_unicode_append(&clean, ut_unicode_next(s + i, n - i, &used));
    if (st == UT_OK && clean.n) {
        utf8proc_ssize_t got = utf8proc_map((const utf8proc_uint8_t *)clean.data,
                                            (utf8proc_ssize_t)clean.n, &form_text, form);
        st = got < 0 ? UT_ENOMEM : ut_buffer_append(out, form_text, (size_t)got);
        free(form_text);
    }
    ut_buffer_finish(&clean);
    return st;
}
