#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "asr/segments.h"

#define TS 1000 /* <|0.00|> */

static struct ut_asr_token_span spans[16];

static void test_split_at_pairs_leaves_the_unfinished_tail(void **state)
{
    const int32_t t[] = { TS, 1, 2, TS + 50, TS + 50, 3, TS + 100, TS + 110, 4, 5 };
    (void)state;
    struct ut_asr_split s = ut_asr_segments_split(t, 10, TS, 3000, spans);
    assert_int_equal(s.n_spans, 2);
    assert_false(s.single_ending);
    assert_int_equal(s.seek, 200); /* behind the last full segment, in frames */
    assert_int_equal(spans[0].first, 0);
    assert_int_equal(spans[0].n, 4);
    assert_int_equal(spans[0].end, 100);
    assert_int_equal(spans[1].first, 4);
    assert_int_equal(spans[1].n, 3);
    assert_int_equal(spans[1].start, 100);
    assert_int_equal(spans[1].end, 200);
}

static void test_split_when_one_timestamp_ends_it_keeps_the_tail_and_skips_the_window(void **state)
{
    const int32_t t[] = { TS, 1, TS + 50, TS + 60, 2, TS + 99 };
    (void)state;
    struct ut_asr_split s = ut_asr_segments_split(t, 6, TS, 2500, spans);
    assert_int_equal(s.n_spans, 2);
    assert_true(s.single_ending);
    assert_int_equal(s.seek, 2500);
    assert_int_equal(spans[1].first, 3);
    assert_int_equal(spans[1].start, 120);
    assert_int_equal(spans[1].end, 198);
}

static void test_split_without_pairs_is_one_segment(void **state)
{
    const int32_t ended[] = { TS, 1, 2, TS + 70 }, open[] = { TS, 1, 2 };
    (void)state;
    struct ut_asr_split s = ut_asr_segments_split(ended, 4, TS, 3000, spans);
    assert_int_equal(s.n_spans, 1);
    assert_int_equal(s.seek, 3000);
    assert_int_equal(spans[0].end, 140);
    s = ut_asr_segments_split(open, 3, TS, 3000, spans);
    assert_int_equal(spans[0].n, 3);
    assert_int_equal(spans[0].end, 3000); /* <|0.00|> alone says nothing */
    s = ut_asr_segments_split(NULL, 0, TS, 3000, spans);
    assert_int_equal(s.n_spans, 1);
    assert_int_equal(spans[0].n, 0);
    assert_int_equal(s.seek, 3000);
}

static void test_split_never_stands_still(void **state)
{
    const int32_t t[] = { TS, TS, 1 };
    (void)state;
    struct ut_asr_split s = ut_asr_segments_split(t, 3, TS, 3000, spans);
    assert_int_equal(s.seek, 3000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split_at_pairs_leaves_the_unfinished_tail),
        cmocka_unit_test(test_split_when_one_timestamp_ends_it_keeps_the_tail_and_skips_the_window),
        cmocka_unit_test(test_split_without_pairs_is_one_segment),
        cmocka_unit_test(test_split_never_stands_still),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
