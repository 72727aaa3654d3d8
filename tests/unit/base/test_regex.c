#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/regex.h"

/* Pieces joined with '|'. */
static enum ut_status join_piece(void *ctx, const char *piece, size_t n)
{
    struct ut_buffer *buf = ctx;
    enum ut_status st = ut_buffer_append(buf, piece, n);

    return st == UT_OK ? ut_buffer_append(buf, "|", 1) : st;
}

static void check_split(const struct ut_regex *re, const char *text, const char *want)
{
    struct ut_buffer buf = { .limit = 1000 };

    assert_int_equal(ut_regex_split(re, text, strlen(text), join_piece, &buf), UT_OK);
    assert_string_equal(ut_buffer_text(&buf), want);
    ut_buffer_finish(&buf);
}

static void test_split_gives_every_byte_in_order(void **state)
{
    struct ut_regex *re = NULL;

    (void)state;
    assert_int_equal(ut_regex_create(&re, "\\p{L}+|\\p{N}", NULL), UT_OK);
    check_split(re, "", "");
    check_split(re, "abc12", "abc|1|2|");
    check_split(re, "--\u00e9t\u00e9, \u0663", "--|\u00e9t\u00e9|, |\u0663|");
    ut_regex_destroy(re);
}

static void test_split_of_invalid_bytes_keeps_them_apart(void **state)
{
    struct ut_regex *re = NULL;

    (void)state;
    assert_int_equal(ut_regex_create(&re, "[^x]+", NULL), UT_OK);
    check_split(re,
                "\xff\xfe"
                "a\xc3",
                "\xff\xfe|a|\xc3|");
    check_split(re,
                "\xed\xa0\x80"
                "\xc0\xafz\xf4\x90\x80\x80",
                "\xed\xa0\x80\xc0\xaf|z|\xf4\x90\x80\x80|");
    check_split(re,
                "\xe2\x82"
                "axb",
                "\xe2\x82|a|x|b|");
    ut_regex_destroy(re);
}

static enum ut_status count_piece(void *ctx, const char *piece, size_t n)
{
    size_t *left = ctx;

    (void)piece;
    (void)n;
    if (*left == 0)
        return UT_ELIMIT;
    --*left;
    return UT_OK;
}

static void test_split_of_a_megabyte_is_linear(void **state)
{
    struct ut_regex *re = NULL;
    size_t n = 1 << 20;
    char *text = ut_alloc(n, 1);
    size_t left = n;

    (void)state;
    assert_non_null(text);
    memset(text, 'a', n);
    assert_int_equal(ut_regex_create(&re, "[ab]", NULL), UT_OK);
    assert_int_equal(ut_regex_split(re, text, n, count_piece, &left), UT_OK);
    assert_int_equal(left, 0);
    left = 7;
    assert_int_equal(ut_regex_split(re, text, n, count_piece, &left), UT_ELIMIT);
    ut_regex_destroy(re);
    ut_free(text);
}

static void test_create_of_a_bad_pattern_says_where(void **state)
{
    struct ut_regex *re = NULL;
    struct ut_error err = { 0 };

    (void)state;
    assert_int_equal(ut_regex_create(&re, "ab(", &err), UT_EINVAL);
    assert_null(re);
    assert_non_null(strstr(err.text, "at byte 3"));
    ut_regex_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split_gives_every_byte_in_order),
        cmocka_unit_test(test_split_of_invalid_bytes_keeps_them_apart),
        cmocka_unit_test(test_split_of_a_megabyte_is_linear),
        cmocka_unit_test(test_create_of_a_bad_pattern_says_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
