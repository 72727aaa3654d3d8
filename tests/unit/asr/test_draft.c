#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "asr/draft.h"

static void test_guess_gives_what_is_left(void **state)
{
    int32_t tokens[] = { 1, 2, 3, 4 }, out[4] = { 0 };
    struct ut_asr_draft d = { tokens, 4, 1 };
    (void)state;
    assert_int_equal(ut_asr_draft_guess(&d, out, 2), 2);
    assert_int_equal(out[0], 2);
    assert_int_equal(out[1], 3);
    assert_int_equal(ut_asr_draft_guess(&d, out, 9), 3);
    d.next = 4;
    assert_int_equal(ut_asr_draft_guess(&d, out, 9), 0);
}

static void test_follow_lines_the_rest_up_again(void **state)
{
    int32_t tokens[] = { 1, 2, 3, 4, 5, 6 };
    struct ut_asr_draft d = { tokens, 6, 0 };
    (void)state;
    ut_asr_draft_follow(&d, 1); /* as expected */
    assert_int_equal(d.next, 1);
    ut_asr_draft_follow(&d, 9); /* 2 became 9 */
    assert_int_equal(d.next, 2);
    ut_asr_draft_follow(&d, 5); /* 3 and 4 are gone */
    assert_int_equal(d.next, 5);
    ut_asr_draft_follow(&d, 6);
    ut_asr_draft_follow(&d, 7); /* past the end */
    assert_int_equal(d.next, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guess_gives_what_is_left),
        cmocka_unit_test(test_follow_lines_the_rest_up_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
