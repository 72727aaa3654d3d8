#include <string.h>

#include "clients/normalizer.h"
#include "clients/normalizer_text.h"
#include "clients/unicode.h"

struct replacement {
    const char *from;
    const char *to;
    bool whole_word;
};

/* In this order: "won't" before "n't", "'s been" before "'s". */
static const struct replacement replacements[] = {
    { "won't", "will not", true },
    { "can't", "can not", true },
    { "let's", "let us", true },
    { "ain't", "aint", true },
    { "y'all", "you all", true },
    { "wanna", "want to", true },
    { "kinda", "kind of", true },
    { "sorta", "sort of", true },
    { "dunno", "do not know", true },
    { "gotta", "got to", true },
    { "gonna", "going to", true },
    { "i'ma", "i am going to", true },
    { "imma", "i am going to", true },
    { "woulda", "would have", true },
    { "coulda", "could have", true },
    { "shoulda", "should have", true },
    { "cause", "because", true },
    { "ma'am", "madam", true },
    /* titles */
    { "mr", "mister ", true },
    { "mrs", "missus ", true },
    { "st", "saint ", true },
    { "dr", "doctor ", true },
    { "prof", "professor ", true },
    { "capt", "captain ", true },
    { "gov", "governor ", true },
    { "ald", "alderman ", true },
    { "gen", "general ", true },
    { "sen", "senator ", true },
    { "rep", "representative ", true },
    { "pres", "president ", true },
    { "rev", "reverend ", true },
    { "hon", "honorable ", true },
    { "asst", "assistant ", true },
    { "assoc", "associate ", true },
    { "lt", "lieutenant ", true },
    { "col", "colonel ", true },
    { "jr", "junior ", true },
    { "sr", "senior ", true },
    { "esq", "esquire ", true },
    /* perfect tenses; "'s done" could be either and stays */
    { "'d been", " had been", false },
    { "'s been", " has been", false },
    { "'d gone", " had gone", false },
    { "'s gone", " has gone", false },
    { "'d done", " had done", false },
    { "'s got", " has got", false },
    /* contractions */
    { "n't", " not", false },
    { "'re", " are", false },
    { "'s", " is", false },
    { "'d", " would", false },
    { "'ll", " will", false },
    { "'t", " not", false },
    { "'ve", " have", false },
    { "'m", " am", false },
};

/* Hesitations go. */
static enum ut_status drop_fillers(struct ut_buffer *out, const struct ut_buffer *in)
{
    static const char *const fillers[] = { "hmm", "mm", "mhm", "mmm", "uh", "um" };
    enum ut_status st = UT_OK;

    for (size_t i = 0; i < in->n && st == UT_OK;) {
        size_t skip = 0;
        for (size_t k = 0; k < sizeof fillers / sizeof fillers[0] && !ut_text_word_before(in, i);
             k++) {
            size_t n = strlen(fillers[k]);
            if (strncmp(in->data + i, fillers[k], n) == 0 && !ut_text_word_at(in, i + n))
                skip = n;
        }
        if (!skip)
            st = ut_buffer_append(out, in->data + i, 1);
        i += skip ? skip : 1;
    }
    return st;
}

static enum ut_status join_apostrophes(struct ut_buffer *out, const struct ut_buffer *in)
{
    enum ut_status st = UT_OK;

    for (size_t i = 0; i < in->n && st == UT_OK;) {
        size_t spaces = ut_text_spaces(in, i);
        if (spaces && in->data[i + spaces] != '\'')
            st = ut_buffer_append(out, in->data + i, spaces);
        if (!spaces)
            st = ut_buffer_append(out, in->data + i, 1);
        i += spaces ? spaces : 1;
    }
    return st;
}

static enum ut_status expand_contractions(struct ut_buffer *text, struct ut_buffer *spare)
{
    enum ut_status st = UT_OK;

    for (size_t i = 0; i < sizeof replacements / sizeof replacements[0] && st == UT_OK; i++) {
        const struct replacement *r = &replacements[i];
        ut_buffer_clear(spare);
        st = ut_text_replace(spare, text, r->from, r->to, r->whole_word);
        struct ut_buffer done = *spare;
        *spare = *text;
        *text = done;
    }
    return st;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Commas between digits go, two digits a match: a comma right after a match stays. */
static enum ut_status drop_digit_commas(struct ut_buffer *out, const struct ut_buffer *in)
{
    enum ut_status st = UT_OK;

    for (size_t i = 0; i < in->n && st == UT_OK;) {
        const char *p = in->data + i;
        if (is_digit(p[0]) && p[1] == ',' && is_digit(p[2])) {
            st = ut_buffer_printf(out, "%c%c", p[0], p[2]);
            i += 3;
        } else {
            st = ut_buffer_append(out, p, 1);
            i++;
        }
    }
    return st;
}

/* A byte of `symbols` (UTF-8 text) that no digit follows becomes a space; what follows is passed.
 */
static enum ut_status blank_before_non_digit(struct ut_buffer *out, const struct ut_buffer *in,
                                             const char *const *symbols, bool at_end)
{
    enum ut_status st = UT_OK;

    for (size_t i = 0; i < in->n && st == UT_OK;) {
        size_t n = 0;
        for (size_t k = 0; symbols[k] && !n; k++) {
            if (strncmp(in->data + i, symbols[k], strlen(symbols[k])) == 0)
                n = strlen(symbols[k]);
        }
        size_t after = i + n;
        if (!n || (after < in->n ? is_digit(in->data[after]) : !at_end)) {
            st = ut_buffer_append(out, in->data + i, n ? n : 1);
            i += n ? n : 1;
            continue;
        }
        size_t used = 0;
        if (after < in->n)
            ut_unicode_next(in->data + after, in->n - after, &used);
        st = ut_buffer_append(out, " ", 1);
        if (st == UT_OK)
            st = ut_buffer_append(out, in->data + after, used);
        i = after + used;
    }
    return st;
}

static enum ut_status drop_periods(struct ut_buffer *out, const struct ut_buffer *in)
{
    static const char *const symbols[] = { ".", NULL };

    return blank_before_non_digit(out, in, symbols, true);
}

static enum ut_status drop_currency(struct ut_buffer *out, const struct ut_buffer *in)
{
    static const char *const symbols[] = { ".", "$", "\u00a2", "\u20ac", "\u00a3", NULL };

    return blank_before_non_digit(out, in, symbols, false);
}

static enum ut_status drop_percent(struct ut_buffer *out, const struct ut_buffer *in)
{
    enum ut_status st = UT_OK;
    size_t used;

    for (size_t i = 0; i < in->n && st == UT_OK; i += used) {
        ut_unicode_next(in->data + i, in->n - i, &used);
        st = ut_buffer_append(out, in->data + i, used);
        if (st == UT_OK && !is_digit(in->data[i]) && in->data[i + used] == '%') {
            st = ut_buffer_append(out, " ", 1);
            used++;
        }
    }
    return st;
}

/* Letters that keep a stroke through NFKD. */
static const char *plain_letter(int32_t c)
{
    switch (c) {
    case 0x153:
        return "oe";
    case 0x152:
        return "OE";
    case 0xf8:
        return "o";
    case 0xd8:
        return "O";
    case 0xe6:
        return "ae";
    case 0xc6:
        return "AE";
    case 0xdf:
        return "ss";
    case 0x1e9e:
        return "SS";
    case 0x111:
    case 0xf0:
        return "d";
    case 0x110:
    case 0xd0:
        return "D";
    case 0xfe:
    case 0xde:
        return "th";
    case 0x142:
        return "l";
    case 0x141:
        return "L";
    default:
        return NULL;
    }
}

static enum ut_status drop_symbols(struct ut_buffer *out, const struct ut_buffer *in)
{
    struct ut_buffer form = { .limit = in->limit };
    size_t used;
    enum ut_status st = ut_unicode_normalize(&form, ut_buffer_text(in), in->n, false);

    for (size_t i = 0; i < form.n && st == UT_OK; i += used) {
        int32_t c = ut_unicode_next(form.data + i, form.n - i, &used);
        bool kept = c == '.' || c == '%' || c == '$' || c == 0xa2 || c == 0x20ac || c == 0xa3;
        const char *plain = plain_letter(c);
        char class = ut_unicode_class(c);

        if (plain)
            st = ut_buffer_append(out, plain, strlen(plain));
        else if (kept || (class != 'M' && class != 'S' && class != 'P'))
            st = ut_buffer_append(out, form.data + i, used);
        else if (!ut_unicode_is_nonspacing(c))
            st = ut_buffer_append(out, " ", 1);
    }
    ut_buffer_finish(&form);
    return st;
}

static enum ut_status respell(struct ut_buffer *out, const struct ut_buffer *in,
                              const struct ut_spelling *spelling)
{
    size_t i = 0;
    size_t start;
    size_t n;
    enum ut_status st = UT_OK;

    for (bool first = true; st == UT_OK && ut_text_next_word(in, &i, &start, &n); first = false) {
        const char *american = spelling ? ut_spelling_find(spelling, in->data + start, n) : NULL;
        if (!first)
            st = ut_buffer_append(out, " ", 1);
        if (st == UT_OK)
            st = american ? ut_buffer_append(out, american, strlen(american))
                          : ut_buffer_append(out, in->data + start, n);
    }
    return st;
}

enum ut_status ut_normalize_english(struct ut_buffer *out, const char *text,
                                    const struct ut_spelling *spelling)
{
    static ut_text_pass *const before[] = { ut_text_lower, ut_text_drop_brackets, drop_fillers,
                                            join_apostrophes };
    static ut_text_pass *const middle[] = { drop_digit_commas, drop_periods, drop_symbols,
                                            ut_text_numbers };
    static ut_text_pass *const after[] = { drop_currency, drop_percent, ut_text_collapse_spaces };
    struct ut_buffer t = { .limit = UT_NORMALIZER_MAX };
    struct ut_buffer spare = { .limit = UT_NORMALIZER_MAX };

    enum ut_status st = ut_buffer_append(&t, text, strlen(text));
    for (size_t i = 0; i < sizeof before / sizeof before[0] && st == UT_OK; i++)
        st = ut_text_apply(&t, &spare, before[i]);
    if (st == UT_OK)
        st = expand_contractions(&t, &spare);
    for (size_t i = 0; i < sizeof middle / sizeof middle[0] && st == UT_OK; i++)
        st = ut_text_apply(&t, &spare, middle[i]);
    ut_buffer_clear(&spare);
    if (st == UT_OK)
        st = respell(&spare, &t, spelling);
    struct ut_buffer respelled = spare;
    spare = t;
    t = respelled;
    for (size_t i = 0; i < sizeof after / sizeof after[0] && st == UT_OK; i++)
        st = ut_text_apply(&t, &spare, after[i]);
    if (st == UT_OK)
        st = ut_buffer_append(out, ut_buffer_text(&t), t.n);
    ut_buffer_finish(&t);
    ut_buffer_finish(&spare);
    return st;
}
