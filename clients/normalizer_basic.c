#include <string.h>

#include "clients/normalizer.h"
#include "clients/normalizer_text.h"
#include "clients/unicode.h"

static enum ut_status drop_symbols(struct ut_buffer *out, const struct ut_buffer *in)
{
    struct ut_buffer form = { .limit = in->limit };
    size_t used;
    enum ut_status st = ut_unicode_normalize(&form, ut_buffer_text(in), in->n, true);

    for (size_t i = 0; i < form.n && st == UT_OK; i += used) {
        char class = ut_unicode_class(ut_unicode_next(form.data + i, form.n - i, &used));
        if (class == 'M' || class == 'S' || class == 'P')
            st = ut_buffer_append(out, " ", 1);
        else
            st = ut_buffer_append(out, form.data + i, used);
    }
    ut_buffer_finish(&form);
    return st;
}

static enum ut_status split_letters(struct ut_buffer *out, const struct ut_buffer *in)
{
    enum ut_status st = UT_OK;
    size_t used;

    for (size_t i = 0; i < in->n && st == UT_OK; i += used) {
        ut_unicode_next(in->data + i, in->n - i, &used);
        if (i)
            st = ut_buffer_append(out, " ", 1);
        if (st == UT_OK)
            st = ut_buffer_append(out, in->data + i, used);
    }
    return st;
}

enum ut_status ut_normalize_basic(struct ut_buffer *out, const char *text, bool split)
{
    static ut_text_pass *const passes[] = { ut_text_lower, ut_text_drop_brackets, drop_symbols,
                                            ut_text_lower };
    struct ut_buffer t = { .limit = UT_NORMALIZER_MAX };
    struct ut_buffer spare = { .limit = UT_NORMALIZER_MAX };

    enum ut_status st = ut_buffer_append(&t, text, strlen(text));
    for (size_t i = 0; i < sizeof passes / sizeof passes[0] && st == UT_OK; i++)
        st = ut_text_apply(&t, &spare, passes[i]);
    if (st == UT_OK && split)
        st = ut_text_apply(&t, &spare, split_letters);
    if (st == UT_OK)
        st = ut_text_apply(&t, &spare, ut_text_collapse_spaces);
    if (st == UT_OK)
        st = ut_buffer_append(out, ut_buffer_text(&t), t.n);
    ut_buffer_finish(&t);
    ut_buffer_finish(&spare);
    return st;
}
