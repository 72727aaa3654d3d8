#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "clients/word_match.h"

#define NONE UT_WORD_MATCH_NONE

/* Letters are words; '.' in `expected` is a word without its pair, a digit the pair's index. */
static void expect(const char *a, const char *b, bool open_end, const char *expected, size_t used)
{
    static const char *const words[] = { "a", "b", "c", "d", "e", "f" };
    const char *list_a[16] = { NULL }, *list_b[16] = { NULL };
    size_t match[16], n_used = 99;
    size_t n_a = strlen(a), n_b = strlen(b);

    for (size_t i = 0; i < n_a; i++)
        list_a[i] = words[a[i] - 'a'];
    for (size_t i = 0; i < n_b; i++)
        list_b[i] = words[b[i] - 'a'];
    assert_int_equal(ut_word_match(list_a, n_a, list_b, n_b, open_end, match, &n_used), UT_OK);
    assert_int_equal(n_used, used);
    for (size_t i = 0; i < n_a; i++) {
        size_t want = expected[i] == '.' ? NONE : (size_t)(expected[i] - '0');
        if (match[i] != want)
            fail_msg("'%s' '%s': word %zu is %zu, not %zu", a, b, i, match[i], want);
    }
}

static void test_equal_words_are_paired_in_order(void **state)
{
    (void)state;
    expect("", "", false, "", 0);
    expect("abc", "abc", false, "012", 3);
    expect("abc", "", false, "...", 0);
    expect("abc", "adc", false, "0.2", 3);
    expect("abc", "ac", false, "0.1", 2);
    expect("ac", "abc", false, "02", 3);
    expect("ba", "ab", false, "..", 2);
    expect("abcd", "bcde", false, ".012", 4);
}

static void test_an_open_end_leaves_the_rest(void **state)
{
    (void)state;
    expect("ab", "abcd", true, "01", 2);
    expect("ad", "abcd", true, "0.", 2);
    expect("a", "bcd", true, ".", 1);
    expect("abc", "ab", true, "01.", 2);
    expect("", "abc", true, "", 0);
}

static void test_too_many_cells_are_refused(void **state)
{
    size_t match;

    (void)state;
    assert_int_equal(
        ut_word_match(NULL, (size_t)1 << 20, NULL, (size_t)1 << 20, false, &match, NULL),
        UT_ELIMIT);
    assert_int_equal(ut_word_match(NULL, (size_t)-1, NULL, 1, false, &match, NULL), UT_ELIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_words_are_paired_in_order),
        cmocka_unit_test(test_an_open_end_leaves_the_rest),
        cmocka_unit_test(test_too_many_cells_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
