#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "asr/loop.h"

static bool find(const char *letters, size_t *keep)
{
    int32_t tokens[256];
    size_t n = strlen(letters);
    for (size_t i = 0; i < n; i++)
        tokens[i] = letters[i];
    return ut_asr_loop_find(tokens, n, keep);
}

static void check_loop(const char *letters, size_t want)
{
    size_t keep = 999;
    assert_true(find(letters, &keep));
    assert_int_equal(keep, want);
}

static void check_no_loop(const char *letters)
{
    size_t keep = 999;
    assert_false(find(letters, &keep));
    assert_int_equal(keep, 999);
}

static void test_find_when_a_phrase_repeats_keeps_the_first(void **state)
{
    (void)state;
    check_loop("xyzabcabcabc", 6);
    check_loop("abcabcabc", 3);
    check_loop("wwhaaaaaa", 4);
    check_loop("ababababab", 2);
    check_loop("qabcdefghijklmnopabcdefghijklmnopabcdefghijklmnop", 17);
}

static void test_find_when_words_are_only_said_again_finds_nothing(void **state)
{
    (void)state;
    check_no_loop("");
    check_no_loop("a");
    check_no_loop("aaaaa");
    check_no_loop("ababab");
    check_no_loop("abcabc");
    check_no_loop("abcabcabcx");
    check_no_loop("abcdefgh");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find_when_a_phrase_repeats_keeps_the_first),
        cmocka_unit_test(test_find_when_words_are_only_said_again_finds_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
