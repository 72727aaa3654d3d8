#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "compute/vector.h"
#include "random.h"

static struct ut_compute *compute;

static int set_up(void **state)
{
    struct ut_compute_options options = { .n_threads = 1 };

    (void)state;
    return ut_compute_create(&compute, &options, NULL) == UT_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    ut_compute_destroy(compute);
    return 0;
}

static void test_argmax_takes_the_first_of_equals_and_no_nan(void **state)
{
    float x[100];

    (void)state;
    for (size_t n = 1; n <= 100; n++) {
        for (size_t at = 0; at < n; at++) {
            for (size_t i = 0; i < n; i++)
                x[i] = i == at || i + 1 == n ? 3.0f : i % 3 ? -1.0f : NAN;
            assert_int_equal(ut_vector_argmax(compute, x, n), at);
        }
    }
    float none[3] = { NAN, -INFINITY, -INFINITY }, high[3] = { 1, INFINITY, NAN };
    assert_int_equal(ut_vector_argmax(compute, none, 3), 1);
    assert_int_equal(ut_vector_argmax(compute, none, 1), 0);
    assert_int_equal(ut_vector_argmax(compute, high, 3), 1);
}

static void test_logsumexp_equals_the_formula(void **state)
{
    float x[1000], none[2] = { -INFINITY, -INFINITY };
    uint64_t seed = 1;

    (void)state;
    random_fill(&seed, x, 1000);
    for (size_t n = 1; n <= 1000; n += n < 70 ? 1 : 93) {
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += exp(1000.0 + 20.0 * x[i] - 1000.0);
        float shifted[1000];
        for (size_t i = 0; i < n; i++)
            shifted[i] = 20.0f * x[i];
        assert_true(fabs(ut_vector_logsumexp(compute, shifted, n) - log(sum)) < 1e-5);
    }
    assert_true(ut_vector_logsumexp(compute, none, 2) == -INFINITY);
}

static void test_softmax_sums_to_one_and_keeps_minus_infinity_at_zero(void **state)
{
    float x[131];
    uint64_t seed = 1;

    (void)state;
    for (size_t n = 1; n <= 131; n++) {
        random_fill(&seed, x, n);
        if (n > 2)
            x[n / 2] = -INFINITY;
        ut_vector_softmax(compute, x, n);
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += x[i];
        assert_true(fabs(sum - 1) < 1e-5);
        assert_true(n <= 2 || x[n / 2] == 0.0f);
    }
}

static void test_top_k_is_in_order(void **state)
{
    float x[500];
    size_t index[20];
    uint64_t seed = 4;

    (void)state;
    random_fill(&seed, x, 500);
    x[3] = NAN;
    x[450] = x[77] = 1.5f;
    ut_vector_top_k(compute, x, 500, 20, index);
    assert_int_equal(index[0], 77);
    assert_int_equal(index[1], 450);
    for (size_t k = 1; k < 20; k++) {
        assert_true(x[index[k]] <= x[index[k - 1]]);
        size_t above = 0;
        for (size_t i = 0; i < 500; i++)
            above += x[i] > x[index[k]];
        assert_true(above <= k);
    }
    float few[3] = { NAN, 1, 2 };
    ut_vector_top_k(compute, few, 3, 3, index);
    assert_int_equal(index[0], 2);
    assert_int_equal(index[1], 1);
    assert_int_equal(index[2], 0);
}

static void test_dot_and_add(void **state)
{
    float a[100], b[100];
    uint64_t seed = 8;

    (void)state;
    for (size_t n = 0; n <= 100; n++) {
        random_fill(&seed, a, 100);
        random_fill(&seed, b, 100);
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += (double)a[i] * b[i];
        assert_true(fabs(ut_vector_dot(compute, a, b, n) - sum) < 1e-5);
        float before[100];
        memcpy(before, a, sizeof a);
        ut_vector_add(compute, a, b, n);
        for (size_t i = 0; i < 100; i++)
            assert_true(a[i] == (i < n ? before[i] + b[i] : before[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_argmax_takes_the_first_of_equals_and_no_nan),
        cmocka_unit_test(test_logsumexp_equals_the_formula),
        cmocka_unit_test(test_softmax_sums_to_one_and_keeps_minus_infinity_at_zero),
        cmocka_unit_test(test_top_k_is_in_order),
        cmocka_unit_test(test_dot_and_add),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
