#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cpu.h"
#include "compute/compute.h"
#include "compute/linear.h"

static void test_create_when_options_are_wrong_names_them(void **state)
{
    struct ut_compute *c = NULL;
    struct ut_error err = { 0 };

    (void)state;
    struct ut_compute_options threads = { .n_threads = -1 };
    assert_int_equal(ut_compute_create(&c, &threads, &err), UT_EINVAL);
    assert_non_null(strstr(err.text, "-1"));
    struct ut_compute_options device = { .n_threads = 1, .device = "abacus" };
    assert_int_equal(ut_compute_create(&c, &device, &err), UT_EINVAL);
    assert_non_null(strstr(err.text, "abacus"));
    assert_null(c);
    ut_compute_destroy(NULL);
}

static void test_level_masks_the_processor(void **state)
{
    struct ut_compute_options options = { .n_threads = 1, .level = "scalar" };
    struct ut_compute *c = NULL;

    (void)state;
    assert_int_equal(ut_compute_create(&c, &options, NULL), UT_OK);
    assert_int_equal(ut_compute_cpu(c), 0);
    assert_int_equal(ut_compute_n_threads(c), 1);
    ut_compute_destroy(c);
}

static void test_alloc_gives_zeroed_aligned_memory_of_any_size(void **state)
{
    static const size_t sizes[] = { 0, 1, 100, 4096, (1u << 20) - 1, 1u << 20, 5000000 };
    struct ut_compute_options options = { .n_threads = 1 };
    struct ut_compute *c = NULL;

    (void)state;
    assert_int_equal(ut_compute_create(&c, &options, NULL), UT_OK);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        unsigned char *p = ut_compute_alloc(c, sizes[i], 1);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 64, 0);
        for (size_t j = 0; j < sizes[i]; j++)
            assert_int_equal(p[j], 0);
        memset(p, 0xff, sizes[i]);
        ut_compute_free(c, p);
    }
    assert_null(ut_compute_alloc(c, SIZE_MAX / 2, 8));
    assert_null(ut_compute_alloc(c, SIZE_MAX - 10, 1));
    ut_compute_free(c, NULL);
    ut_compute_destroy(c);
}

static void test_first_failure_stops_later_ops_until_end(void **state)
{
    struct ut_compute_options options = { .n_threads = 2 };
    struct ut_compute *c = NULL;
    float gamma[4] = { 1, 1, 1, 1 }, x[4] = { 1, 2, 3, 4 }, y[4] = { 7, 7, 7, 7 };
    struct ut_norm norm = { .kind = UT_NORM_RMS, .gamma = gamma };

    (void)state;
    assert_int_equal(ut_compute_create(&c, &options, NULL), UT_OK);
    assert_int_equal(ut_norm_run(c, NULL, x, y, 1, 4), UT_EINVAL);
    assert_int_equal(ut_norm_run(c, &norm, x, y, 1, 4), UT_EINVAL);
    assert_true(y[0] == 7.0f);
    assert_int_equal(ut_compute_end(c), UT_EINVAL);
    assert_int_equal(ut_compute_end(c), UT_OK);
    assert_int_equal(ut_norm_run(c, &norm, x, y, 1, 4), UT_OK);
    assert_true(y[0] != 7.0f);
    ut_compute_destroy(c);
}

static void test_reserve_and_copies(void **state)
{
    struct ut_compute_options options = { .n_threads = 1, .device = "auto" };
    struct ut_compute *c = NULL;
    char text[8] = "";

    (void)state;
    assert_int_equal(ut_compute_create(&c, &options, NULL), UT_OK);
    assert_int_equal(ut_compute_reserve(c, 3u << 20), UT_OK);
    assert_int_equal(ut_compute_reserve(c, 10), UT_OK);
    assert_int_equal(ut_compute_reserve(c, SIZE_MAX - 5), UT_ENOMEM);
    char *p = ut_compute_alloc(c, 8, 1);
    ut_compute_write(c, p, "abcdefg", 8);
    ut_compute_read(c, text, p, 8);
    ut_compute_write(c, NULL, NULL, 0);
    assert_string_equal(text, "abcdefg");
    ut_compute_free(c, p);
    ut_compute_destroy(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create_when_options_are_wrong_names_them),
        cmocka_unit_test(test_level_masks_the_processor),
        cmocka_unit_test(test_alloc_gives_zeroed_aligned_memory_of_any_size),
        cmocka_unit_test(test_first_failure_stops_later_ops_until_end),
        cmocka_unit_test(test_reserve_and_copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
