#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "compute/roofline.h"

static struct ut_compute *compute;

static int set_up(void **state)
{
    struct ut_compute_options options = { .n_threads = 2 };

    (void)state;
    return ut_compute_create(&compute, &options, NULL) == UT_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    ut_compute_destroy(compute);
    return 0;
}

static void test_measure_finds_peaks(void **state)
{
    struct ut_roofline peak;

    (void)state;
    assert_int_equal(ut_roofline_measure(&peak, compute), UT_OK);
    assert_true(peak.s8_gops > 0.01);
    assert_true(peak.f32_gops > 0.01);
    assert_true(peak.bf16_gops >= 0);
    for (int i = 0; i < UT_ROOFLINE_READS; i++) {
        assert_int_equal(peak.reads[i].n_bytes, (size_t)262144 << 2 * i);
        assert_true(peak.reads[i].gbs > 0.01);
    }
    assert_true(peak.read_gbs == peak.reads[UT_ROOFLINE_READS - 1].gbs);
}

static void test_reading_is_held_against_the_size_at_hand(void **state)
{
    struct ut_roofline peak = { .reads = {
                                    { 10, 9 }, { 40, 8 }, { 160, 7 }, { 640, 6 }, { 2560, 5 } } };

    (void)state;
    assert_true(ut_roofline_read_gbs(&peak, 1) == 9);
    assert_true(ut_roofline_read_gbs(&peak, 39) == 9);
    assert_true(ut_roofline_read_gbs(&peak, 40) == 8);
    assert_true(ut_roofline_read_gbs(&peak, 2559) == 6);
    assert_true(ut_roofline_read_gbs(&peak, 1e12) == 5);
}

static void test_run_reports_rates_that_fit_the_time(void **state)
{
    struct ut_roofline peak = { .s8_gops = 100, .bf16_gops = 100, .f32_gops = 100 };
    struct ut_roofline_figure f;
    size_t n_run = 0;

    (void)state;
    for (int i = 0; i < UT_ROOFLINE_READS; i++)
        peak.reads[i] = (struct ut_roofline_read){ (size_t)i, 100 };
    for (size_t i = 0; i < ut_roofline_n_ops(); i++) {
        memset(&f, 0, sizeof f);
        /* The rest takes seconds with scalar kernels. */
        struct ut_roofline_figure before = f;
        assert_int_equal(ut_roofline_run(&f, compute, &peak, i, 0), UT_EINVAL);
        assert_memory_equal(&f, &before, sizeof f);
        if (i + 8 < ut_roofline_n_ops())
            continue;
        assert_int_equal(ut_roofline_run(&f, compute, &peak, i, 3), UT_OK);
        assert_non_null(f.op);
        assert_true(f.min_ms > 0 && f.min_ms <= f.median_ms);
        assert_true(f.gops > 0 && f.gbs > 0);
        double share = (f.gops > f.gbs ? f.gops : f.gbs) / 100;
        assert_true(f.share_of_peak > share * 0.999 && f.share_of_peak < share * 1.001);
        assert_string_equal(f.bound, f.gops > f.gbs ? "compute" : "memory");
        n_run++;
    }
    assert_int_equal(n_run, 8);
    assert_int_equal(ut_roofline_run(&f, compute, &peak, ut_roofline_n_ops(), 1), UT_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_measure_finds_peaks),
        cmocka_unit_test(test_reading_is_held_against_the_size_at_hand),
        cmocka_unit_test(test_run_reports_rates_that_fit_the_time),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
