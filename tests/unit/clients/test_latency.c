#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clients/latency.h"

static void expect(struct ut_latency *l, double percent, double value)
{
    double got = ut_latency_percentile(l, percent);

    if (!(fabs(got - value) < 1e-9))
        fail_msg("p%g is %g, not %g", percent, got, value);
}

static void test_percentiles_lie_between_neighbours(void **state)
{
    struct ut_latency l = { 0 };

    (void)state;
    assert_true(isnan(ut_latency_percentile(&l, 50)));
    assert_int_equal(ut_latency_add(&l, 4), UT_OK);
    expect(&l, 0, 4);
    expect(&l, 99, 4);
    assert_int_equal(ut_latency_add(&l, 1), UT_OK);
    assert_int_equal(ut_latency_add(&l, 3), UT_OK);
    assert_int_equal(ut_latency_add(&l, 2), UT_OK);
    expect(&l, 0, 1);
    expect(&l, 50, 2.5);
    expect(&l, 90, 3.7);
    expect(&l, 100, 4);
    expect(&l, 1000, 4);
    expect(&l, -5, 1);
    ut_latency_finish(&l);
}

static void test_many_values_grow_and_nan_is_left_out(void **state)
{
    struct ut_latency l = { 0 };

    (void)state;
    for (int i = 1000; i >= 0; i--)
        assert_int_equal(ut_latency_add(&l, i), UT_OK);
    assert_int_equal(ut_latency_add(&l, (double)NAN), UT_OK);
    assert_int_equal(l.n, 1001);
    expect(&l, 50, 500);
    expect(&l, 95, 950);
    assert_int_equal(ut_latency_add(&l, -1000), UT_OK);
    expect(&l, 0, -1000);
    ut_latency_finish(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_percentiles_lie_between_neighbours),
        cmocka_unit_test(test_many_values_grow_and_nan_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
