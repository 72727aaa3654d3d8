#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "asr/sample.h"

static struct ut_compute *compute;

/* 20,000 draws lie within 5 standard deviations of softmax(logits / T). */
static void test_sample_follows_the_distribution(void **state)
{
    enum { N = 6, DRAWS = 20000 };
    const float logits[N] = { 0.0f, 1.0f, -INFINITY, 2.0f, -1.0f, 0.5f };
    struct ut_asr_random random = { 7 };
    (void)state;
    for (int round = 0; round < 2; round++) {
        float temperature = round ? 0.4f : 1.0f, scratch[N];
        double p[N], sum = 0.0;
        int count[N] = { 0 };
        for (int i = 0; i < N; i++)
            sum += p[i] = exp((double)logits[i] / (double)temperature);
        for (int i = 0; i < DRAWS; i++)
            count[ut_asr_sample(compute, logits, N, temperature, &random, scratch)]++;
        for (int i = 0; i < N; i++) {
            double mean = DRAWS * p[i] / sum, deviation = sqrt(mean * (1.0 - p[i] / sum));
            assert_true(fabs(count[i] - mean) <= 5.0 * deviation);
        }
        assert_int_equal(count[2], 0);
    }
}

static void test_sample_with_the_same_seed_repeats(void **state)
{
    const float logits[4] = { 0.1f, 0.2f, 0.3f, 0.4f };
    struct ut_asr_random a = { 42 }, b = { 42 };
    float scratch[4];
    (void)state;
    for (int i = 0; i < 100; i++)
        assert_int_equal(ut_asr_sample(compute, logits, 4, 1.0f, &a, scratch),
                         ut_asr_sample(compute, logits, 4, 1.0f, &b, scratch));
}

static void test_random_is_in_the_unit_interval_and_even(void **state)
{
    struct ut_asr_random random = { 0 };
    double sum = 0.0;
    (void)state;
    for (int i = 0; i < 10000; i++) {
        double u = ut_asr_random_next(&random);
        assert_true(u >= 0.0 && u < 1.0);
        sum += u;
    }
    assert_true(fabs(sum / 10000 - 0.5) < 0.02);
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
        cmocka_unit_test(test_sample_follows_the_distribution),
        cmocka_unit_test(test_sample_with_the_same_seed_repeats),
        cmocka_unit_test(test_random_is_in_the_unit_interval_and_even),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
