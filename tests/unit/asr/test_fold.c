#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "asr/fold.h"

static void check_fold(const char *text, const char *want)
{
    char out[64];
    size_t n = ut_asr_fold(text, strlen(text), out, sizeof out);
    assert_int_equal(n, strlen(want));
    assert_memory_equal(out, want, n);
}

static void test_fold_drops_case_spaces_and_punctuation(void **state)
{
    (void)state;
    check_fold(" Hello,", "hello");
    check_fold(" don\xE2\x80\x99t", "dont");
    check_fold(" -", "");
    check_fold("\xE3\x80\x82", "");
    check_fold(" STRASSE", "strasse");
    check_fold(" Stra\xC3\x9F"
               "e",
               "strasse");
    check_fold("\xEF\xBC\xA1\xEF\xBC\x92", "a2");
    check_fold("\xE4\xBD\xA0", "\xE4\xBD\xA0");
    check_fold("a\xFF\xC3", "a");
    check_fold("", "");
}

static void test_fold_of_composed_and_decomposed_is_the_same(void **state)
{
    char a[16], b[16];
    (void)state;
    size_t n = ut_asr_fold("caf\xC3\xA9", 5, a, sizeof a);
    assert_int_equal(n, ut_asr_fold("cafe\xCC\x81", 6, b, sizeof b));
    assert_memory_equal(a, b, n);
}

static void test_fold_stops_at_capacity_on_a_whole_character(void **state)
{
    char out[4];
    (void)state;
    assert_int_equal(ut_asr_fold("\xE4\xBD\xA0\xE4\xBD\xA0", 6, out, 4), 3);
    assert_int_equal(ut_asr_fold("\xE4\xBD\xA0", 3, out, 2), 0);
}

static void test_is_whole_tells_a_cut_character(void **state)
{
    (void)state;
    assert_true(ut_asr_fold_is_whole("", 0));
    assert_true(ut_asr_fold_is_whole("a", 1));
    assert_true(ut_asr_fold_is_whole("\xE4\xBD\xA0", 3));
    assert_false(ut_asr_fold_is_whole("\xE4\xBD", 2));
    assert_false(ut_asr_fold_is_whole("\xE4", 1));
    assert_false(ut_asr_fold_is_whole("a\xF0\x9F\x98", 4));
    assert_true(ut_asr_fold_is_whole("\xF0\x9F\x98\x80", 4));
    assert_true(ut_asr_fold_is_whole("\xFF", 1)); /* never the start of anything */
    assert_true(ut_asr_fold_is_whole("\x80\x80\x80\x80\x80", 5));
}

static void test_trim_takes_white_space_of_both_ends(void **state)
{
    const char text[] = " \t\xE3\x80\x80"
                        "a b\xC2\xA0\n";
    size_t first = 0, n = sizeof text - 1;
    (void)state;
    ut_asr_fold_trim(text, &first, &n);
    assert_int_equal(first, 5);
    assert_int_equal(n, 3);
    first = 0;
    n = 2;
    ut_asr_fold_trim("  ", &first, &n);
    assert_int_equal(n, 0);
}

static void test_valid_replaces_broken_bytes(void **state)
{
    char out[16];
    (void)state;
    assert_int_equal(ut_asr_fold_valid("a\xC3", 2, out, sizeof out), 4);
    assert_memory_equal(out, "a\xEF\xBF\xBD", 4);
    assert_int_equal(ut_asr_fold_valid("\xE4\xBD\xA0", 3, out, sizeof out), 3);
    assert_int_equal(ut_asr_fold_valid("\xFF\xFF", 2, out, 5), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fold_drops_case_spaces_and_punctuation),
        cmocka_unit_test(test_fold_of_composed_and_decomposed_is_the_same),
        cmocka_unit_test(test_fold_stops_at_capacity_on_a_whole_character),
        cmocka_unit_test(test_is_whole_tells_a_cut_character),
        cmocka_unit_test(test_trim_takes_white_space_of_both_ends),
        cmocka_unit_test(test_valid_replaces_broken_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
