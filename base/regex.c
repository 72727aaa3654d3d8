#include "base/regex.h"

#include <stdbool.h>
#include <stdint.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/memory.h"

struct ut_regex {
    pcre2_code *code;
};

enum ut_status ut_regex_create(struct ut_regex **out, const char *pattern, struct ut_error *err)
{
    int code;
    PCRE2_SIZE at;
    struct ut_regex *re = ut_calloc(1, sizeof *re);

    if (!re)
        return ut_error_set(err, UT_ENOMEM, "regular expression: out of memory");
    re->code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP,
                             &code, &at, NULL);
    if (!re->code) {
        PCRE2_UCHAR text[120];
        pcre2_get_error_message(code, text, sizeof text);
        ut_free(re);
        return ut_error_set(err, UT_EINVAL, "regular expression '%s': %s at byte %zu", pattern,
                            (const char *)text, (size_t)at);
    }
    *out = re;
    return UT_OK;
}

void ut_regex_destroy(struct ut_regex *re)
{
    if (!re)
        return;
    pcre2_code_free(re->code);
    ut_free(re);
}

/* Bytes of the well-formed UTF-8 character at s[0..n), 0 when there is none (Unicode, table 3-7).
 */
static size_t char_bytes(const unsigned char *s, size_t n)
{
    unsigned char lo = 0x80, hi = 0xbf;
    size_t more;

    if (s[0] < 0x80)
        return 1;
    if (s[0] >= 0xc2 && s[0] <= 0xdf)
        more = 1;
    else if (s[0] >= 0xe0 && s[0] <= 0xef)
        more = 2;
    else if (s[0] >= 0xf0 && s[0] <= 0xf4)
        more = 3;
    else
        return 0;
    if (s[0] == 0xe0)
        lo = 0xa0;
    else if (s[0] == 0xed)
        hi = 0x9f;
    else if (s[0] == 0xf0)
        lo = 0x90;
    else if (s[0] == 0xf4)
        hi = 0x8f;
    if (n <= more || s[1] < lo || s[1] > hi)
        return 0;
    for (size_t i = 2; i <= more; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    }
    return 1 + more;
}

/* The length of the longest run at s that is all UTF-8 (or, with valid false, all not). */
static size_t run_bytes(const unsigned char *s, size_t n, bool valid)
{
    size_t i = 0;

    while (i < n) {
        size_t step = char_bytes(s + i, n - i);
        if ((step > 0) != valid)
            break;
        i += step ? step : 1;
    }
    return i;
}

/*
 * Pieces of a run that is known to be UTF-8. PCRE2 is told not to check it again: it would do so
 * up to the end at every match, and a long text would take quadratic time.
 */
static enum ut_status split_run(const struct ut_regex *re, pcre2_match_data *match,
                                const char *text, size_t n, ut_regex_piece_fn *fn, void *ctx)
{
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(match);
    size_t given = 0;
    size_t from = 0;

    while (from < n) {
        int rc = pcre2_match(re->code, (PCRE2_SPTR)text, n, from,
                             PCRE2_NO_UTF_CHECK | PCRE2_NOTEMPTY, match, NULL);
        if (rc == PCRE2_ERROR_NOMATCH)
            break;
        if (rc < 0)
            return rc == PCRE2_ERROR_NOMEMORY ? UT_ENOMEM : UT_ELIMIT;
        enum ut_status st = UT_OK;
        if (at[0] > given)
            st = fn(ctx, text + given, at[0] - given);
        if (st == UT_OK)
            st = fn(ctx, text + at[0], at[1] - at[0]);
        if (st != UT_OK)
            return st;
        given = from = at[1];
    }
    return given < n ? fn(ctx, text + given, n - given) : UT_OK;
}

enum ut_status ut_regex_split(const struct ut_regex *re, const char *text, size_t n,
                              ut_regex_piece_fn *fn, void *ctx)
{
    enum ut_status st = UT_OK;
    pcre2_match_data *match = pcre2_match_data_create_from_pattern(re->code, NULL);

    if (!match)
        return UT_ENOMEM;
    for (size_t i = 0; i < n && st == UT_OK;) {
        size_t run = run_bytes((const unsigned char *)text + i, n - i, true);
        if (run)
            st = split_run(re, match, text + i, run, fn, ctx);
        i += run;
        run = run_bytes((const unsigned char *)text + i, n - i, false);
        if (run && st == UT_OK)
            st = fn(ctx, text + i, run);
        i += run;
    }
    pcre2_match_data_free(match);
    return st;
}
