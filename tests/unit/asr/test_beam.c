#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "asr/beam.h"

#define EOT 99

static struct ut_asr_candidate at(size_t beam, int32_t token, float sum)
{
    return (struct ut_asr_candidate){ .beam = beam, .token = token, .logprob = sum, .sum = sum };
}

static void test_insert_keeps_the_best_in_order(void **state)
{
    struct ut_asr_candidate best[3];
    size_t n = 0;
    (void)state;
    ut_asr_beam_insert(best, &n, 3, at(0, 1, -3.0f));
    ut_asr_beam_insert(best, &n, 3, at(0, 2, -1.0f));
    ut_asr_beam_insert(best, &n, 3, at(1, 3, -3.0f)); /* equal: behind */
    ut_asr_beam_insert(best, &n, 3, at(1, 4, -2.0f)); /* pushes the last out */
    ut_asr_beam_insert(best, &n, 3, at(1, 5, -9.0f));
    assert_int_equal(n, 3);
    assert_int_equal(best[0].token, 2);
    assert_int_equal(best[1].token, 4);
    assert_int_equal(best[2].token, 1);
}

static void test_choose_when_an_end_is_among_the_best_another_takes_its_place(void **state)
{
    struct ut_asr_candidate best[] = { at(0, 5, -1), at(1, EOT, -2), at(0, 6, -3), at(1, 7, -4) };
    struct ut_asr_beam_step step;
    (void)state;
    ut_asr_beam_choose(best, 4, 2, EOT, false, &step);
    assert_int_equal(step.n_finished, 1);
    assert_int_equal(step.finished[0].beam, 1);
    assert_int_equal(step.n_next, 2);
    assert_int_equal(step.next[0].token, 5);
    assert_int_equal(step.next[1].token, 6);
}

static void test_choose_drops_an_end_behind_the_beams(void **state)
{
    struct ut_asr_candidate best[] = { at(0, EOT, -1), at(1, 5, -2), at(0, 6, -3), at(1, EOT, -4) };
    struct ut_asr_beam_step step;
    (void)state;
    ut_asr_beam_choose(best, 4, 2, EOT, false, &step);
    assert_int_equal(step.n_finished, 1);
    assert_int_equal(step.n_next, 2);
    assert_int_equal(step.next[0].token, 6);
    assert_int_equal(step.next[1].token, 5);
}

static void test_choose_at_the_last_step_finishes_all_beams(void **state)
{
    struct ut_asr_candidate best[] = { at(0, 5, -1), at(1, EOT, -2), at(0, 6, -3), at(1, 7, -4) };
    struct ut_asr_beam_step step;
    (void)state;
    ut_asr_beam_choose(best, 4, 2, EOT, true, &step);
    assert_int_equal(step.n_finished, 2);
    assert_int_equal(step.n_next, 0);
}

static void test_choose_with_fewer_candidates_than_beams_goes_on_with_those(void **state)
{
    struct ut_asr_candidate best[] = { at(0, 5, -1), at(0, EOT, -2) };
    struct ut_asr_beam_step step;
    (void)state;
    ut_asr_beam_choose(best, 2, 3, EOT, false, &step);
    assert_int_equal(step.n_finished, 1);
    assert_int_equal(step.n_next, 1);
    ut_asr_beam_choose(best, 0, 3, EOT, false, &step);
    assert_int_equal(step.n_finished + step.n_next, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_insert_keeps_the_best_in_order),
        cmocka_unit_test(test_choose_when_an_end_is_among_the_best_another_takes_its_place),
        cmocka_unit_test(test_choose_drops_an_end_behind_the_beams),
        cmocka_unit_test(test_choose_at_the_last_step_finishes_all_beams),
        cmocka_unit_test(test_choose_with_fewer_candidates_than_beams_goes_on_with_those),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
