#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "audio/dropout.h"
#include "audio/marks.h"

enum { RATE = 48000, BUFFER = 480 };

/* A device whose clock runs by `ppm` fast and whose callbacks come up to 15 ms late. */
struct device {
    struct ut_dropout d;
    double device_us; /* when its next buffer is full */
    double ppm;
    uint32_t x;
    int64_t last_us; /* callbacks come in order */
    size_t missing;
};

static void begin(struct device *v, double ppm)
{
    *v = (struct device){ .d = { .rate_hz = RATE }, .device_us = 1e9, .ppm = ppm, .x = 1 };
}

static void run(struct device *v, double seconds, bool overflow)
{
    double end_us = v->device_us + seconds * 1e6;

    while (v->device_us < end_us) {
        v->x = v->x * 1664525u + 1013904223u;
        int64_t now_us = (int64_t)v->device_us + (v->x >> 8) % 15000;

        v->last_us = now_us > v->last_us ? now_us : v->last_us;
        v->missing += ut_dropout_push(&v->d, v->last_us, BUFFER, overflow);
        v->device_us += BUFFER * 1e6 / RATE / (1.0 + v->ppm * 1e-6);
        overflow = false;
    }
}

static void test_late_callbacks_and_wrong_clocks_are_no_loss(void **state)
{
    static const double ppm[] = { 0, 200, -200, 1000, -1000 };

    (void)state;
    for (size_t i = 0; i < sizeof ppm / sizeof ppm[0]; i++) {
        struct device v;

        begin(&v, ppm[i]);
        run(&v, 3600, false);
        run(&v, 10, true); /* told, and nothing lost that could be seen */
        assert_int_equal(v.missing, 0);
    }
}

static void test_what_was_lost_is_found(void **state)
{
    static const double lost_s[] = { 0.03, 0.2, 2, 3600 };

    (void)state;
    for (size_t i = 0; i < sizeof lost_s / sizeof lost_s[0]; i++) {
        struct device v;

        begin(&v, 30);
        run(&v, 20, false);
        v.device_us += lost_s[i] * 1e6;
        run(&v, 1, true);
        double found_s = (double)v.missing / RATE;
        assert_true(found_s > lost_s[i] - 0.016 && found_s < lost_s[i] + 0.016);
        size_t first = v.missing;
        run(&v, 600, false);
        assert_int_equal(v.missing, first);
    }
}

static void test_sleep_that_no_driver_tells_of_is_found(void **state)
{
    struct device v;

    (void)state;
    begin(&v, 0);
    run(&v, 5, false);
    v.device_us += 40e6;
    run(&v, 5, false);
    assert_in_range(v.missing, 40 * RATE - RATE / 50, 40 * RATE + RATE / 50);
}

static void test_backlog_that_is_caught_up_with_is_no_loss(void **state)
{
    struct device v;

    (void)state;
    begin(&v, 0);
    run(&v, 5, false);
    v.last_us = (int64_t)v.device_us + 600000;
    for (int i = 0; i < 60; i++) { /* 600 ms come at once */
        v.missing += ut_dropout_push(&v.d, v.last_us, BUFFER, i == 0);
        v.device_us += BUFFER * 1e6 / RATE;
    }
    run(&v, 5, false);
    assert_int_equal(v.missing, 0);
}

static void *put_marks(void *arg)
{
    struct ut_marks *m = arg;

    for (uint64_t i = 1; i <= 10000;)
        i += ut_marks_put(m, (struct ut_mark){ i, 3 * i }) ? 1 : 0;
    return NULL;
}

static void test_marks_arrive_in_order_and_none_is_lost(void **state)
{
    static struct ut_marks m;
    struct ut_mark mark;
    pthread_t writer;

    (void)state;
    assert_false(ut_marks_peek(&m, &mark));
    for (unsigned i = 0; i < UT_MARKS_MAX; i++)
        assert_true(ut_marks_put(&m, (struct ut_mark){ i, 1 }));
    assert_false(ut_marks_put(&m, (struct ut_mark){ 99, 1 }));
    for (unsigned i = 0; i < UT_MARKS_MAX; i++)
        ut_marks_drop(&m);
    assert_int_equal(pthread_create(&writer, NULL, put_marks, &m), 0);
    for (uint64_t i = 1; i <= 10000;) {
        if (!ut_marks_peek(&m, &mark))
            continue;
        assert_int_equal(mark.at, i);
        assert_int_equal(mark.n_missing, 3 * i);
        ut_marks_drop(&m);
        i++;
    }
    assert_int_equal(pthread_join(writer, NULL), 0);
    assert_false(ut_marks_peek(&m, &mark));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_late_callbacks_and_wrong_clocks_are_no_loss),
        cmocka_unit_test(test_what_was_lost_is_found),
        cmocka_unit_test(test_sleep_that_no_driver_tells_of_is_found),
        cmocka_unit_test(test_backlog_that_is_caught_up_with_is_no_loss),
        cmocka_unit_test(test_marks_arrive_in_order_and_none_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
