#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "clients/word_errors.h"

static struct ut_word_errors count(const char *reference, const char *heard)
{
    struct ut_word_errors e = { 0 };

    assert_int_equal(ut_word_errors_add(&e, reference, heard), UT_OK);
    return e;
}

static void expect(const char *reference, const char *heard, size_t n, size_t s, size_t d, size_t i)
{
    struct ut_word_errors e = count(reference, heard);

    if (e.n_words != n || e.n_substituted != s || e.n_deleted != d || e.n_inserted != i)
        fail_msg("'%s' '%s': %zu %zu %zu %zu", reference, heard, e.n_words, e.n_substituted,
                 e.n_deleted, e.n_inserted);
}

static void test_edits_are_counted(void **state)
{
    (void)state;
    expect("", "", 0, 0, 0, 0);
    expect("a b c", "a b c", 3, 0, 0, 0);
    expect("a b c", "", 3, 0, 3, 0);
    expect("", " a  b ", 0, 0, 0, 2);
    expect("a b c", "a x c", 3, 1, 0, 0);
    expect("the cat sat on the mat", "the cat on a the mat", 6, 2, 0, 0);
    expect("a b c d", "b c d e", 4, 0, 1, 1);
    expect("the cat sat", "a the cat", 3, 0, 1, 1);
    expect("one two three", "three two one", 3, 2, 0, 0);
}

static void test_rate_is_edits_per_reference_word(void **state)
{
    struct ut_word_errors e = count("a b c d", "a x c");

    (void)state;
    assert_true(ut_word_errors_rate(&e) == 0.5);
    e = count("", "a");
    assert_true(ut_word_errors_rate(&e) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edits_are_counted),
        cmocka_unit_test(test_rate_is_edits_per_reference_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
