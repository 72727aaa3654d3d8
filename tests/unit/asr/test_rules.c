#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "asr/rules.h"

/* A vocabulary of 10 words, the end, some specials, and 101 timestamps (2 s). */
enum { EOT = 10, SOT = 11, NO_TIMESTAMPS = 12, TS = 13, N_VOCAB = TS + 101 };

static struct ut_compute *compute;
static const int32_t suppressed[] = { 3, SOT };

static struct ut_asr_rules make(bool timestamps)
{
    return (struct ut_asr_rules){
        .compute = compute,
        .n_vocab = N_VOCAB,
        .specials = { .eot = EOT, .sot = SOT, .no_timestamps = NO_TIMESTAMPS, .timestamp0 = TS },
        .suppressed = suppressed,
        .n_suppressed = 2,
        .blank = 0,
        .timestamps = timestamps,
        .max_first_timestamp = 50
    };
}

static void apply(const struct ut_asr_rules *r, const int32_t *tokens, size_t n, float *logits)
{
    for (int i = 0; i < N_VOCAB; i++)
        logits[i] = 0.0f;
    logits[5] = 20.0f; /* text is far likelier than all timestamps together */
    ut_asr_rules_apply(r, tokens, n, logits);
}

static bool allowed(const float *logits, int id)
{
    return isfinite(logits[id]);
}

static void check_range(const float *logits, int first, int end, bool want)
{
    for (int i = first; i < end; i++)
        if (i != 3 && i != SOT && i != NO_TIMESTAMPS)
            assert_int_equal(allowed(logits, i), want);
}

static void test_first_token_is_an_early_timestamp(void **state)
{
    struct ut_asr_rules r = make(true);
    float logits[N_VOCAB];
    (void)state;
    apply(&r, NULL, 0, logits);
    check_range(logits, 0, TS, false);
    check_range(logits, TS, TS + 51, true); /* up to 1.0 s */
    check_range(logits, TS + 51, N_VOCAB, false);
    r.max_first_timestamp = -1;
    apply(&r, NULL, 0, logits);
    check_range(logits, TS, N_VOCAB, true);
}

static void test_after_a_lone_or_second_timestamp_comes_text(void **state)
{
    struct ut_asr_rules r = make(true);
    const int32_t lone[] = { TS + 1 }, pair[] = { TS, 5, TS + 9, TS + 9 };
    float logits[N_VOCAB];
    (void)state;
    apply(&r, lone, 1, logits);
    check_range(logits, 0, EOT + 1, true);
    check_range(logits, TS, N_VOCAB, false);
    apply(&r, pair, 4, logits);
    check_range(logits, 0, EOT + 1, true);
    check_range(logits, TS, N_VOCAB, false);
}

static void test_after_text_and_a_timestamp_comes_its_pair_or_the_end(void **state)
{
    struct ut_asr_rules r = make(true);
    const int32_t tokens[] = { TS, 5, TS + 9 };
    float logits[N_VOCAB];
    (void)state;
    apply(&r, tokens, 3, logits);
    check_range(logits, 0, EOT, false);
    check_range(logits, TS, TS + 9, false);
    check_range(logits, TS + 9, N_VOCAB, true);
}

static void test_the_end_may_follow_when_it_outweighs_the_timestamps(void **state)
{
    struct ut_asr_rules r = make(true);
    const int32_t tokens[] = { TS, 5, TS + 9 };
    float logits[N_VOCAB] = { 0 };
    (void)state;
    logits[EOT] = 20.0f;
    ut_asr_rules_apply(&r, tokens, 3, logits);
    assert_true(allowed(logits, EOT));
}

static void test_timestamps_never_go_back_after_text(void **state)
{
    struct ut_asr_rules r = make(true);
    const int32_t tokens[] = { TS, 5, TS + 9, TS + 12, 6, 7 };
    float logits[N_VOCAB];
    (void)state;
    apply(&r, tokens, 6, logits);
    check_range(logits, 1, EOT + 1, true);
    check_range(logits, TS, TS + 13, false); /* nor the same again */
    check_range(logits, TS + 13, N_VOCAB, true);
}

static void test_when_timestamps_together_are_likelier_text_is_banned(void **state)
{
    struct ut_asr_rules r = make(true);
    const int32_t tokens[] = { TS, 5 };
    float logits[N_VOCAB] = { 0 };
    (void)state;
    logits[5] = 4.0f; /* 100 timestamps at 0 are log(100) = 4.6 */
    ut_asr_rules_apply(&r, tokens, 2, logits);
    check_range(logits, 0, TS, false);
    check_range(logits, TS + 1, N_VOCAB, true);
    memset(logits, 0, sizeof logits);
    logits[5] = 5.0f;
    ut_asr_rules_apply(&r, tokens, 2, logits);
    check_range(logits, 0, EOT + 1, true);
}

static void test_without_timestamps_only_suppression_applies(void **state)
{
    struct ut_asr_rules r = make(false);
    const int32_t tokens[] = { 5 };
    float logits[N_VOCAB];
    (void)state;
    apply(&r, NULL, 0, logits);
    assert_false(allowed(logits, 0)); /* blank and end may not come first */
    assert_false(allowed(logits, EOT));
    assert_false(allowed(logits, 3));
    assert_false(allowed(logits, SOT));
    assert_true(allowed(logits, NO_TIMESTAMPS));
    check_range(logits, TS, N_VOCAB, true);
    r.text_only = true;
    apply(&r, tokens, 1, logits);
    check_range(logits, 0, EOT + 1, true);
    check_range(logits, EOT + 1, N_VOCAB, false);
    assert_false(allowed(logits, NO_TIMESTAMPS));
}

static int setup(void **state)
{
    struct ut_compute_options options = { .n_threads = 1 };
    (void)state;
    return ut_compute_create(&compute, &options, NULL) == UT_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    ut_compute_destroy(compute);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_token_is_an_early_timestamp),
        cmocka_unit_test(test_after_a_lone_or_second_timestamp_comes_text),
        cmocka_unit_test(test_after_text_and_a_timestamp_comes_its_pair_or_the_end),
        cmocka_unit_test(test_the_end_may_follow_when_it_outweighs_the_timestamps),
        cmocka_unit_test(test_timestamps_never_go_back_after_text),
        cmocka_unit_test(test_when_timestamps_together_are_likelier_text_is_banned),
        cmocka_unit_test(test_without_timestamps_only_suppression_applies),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
