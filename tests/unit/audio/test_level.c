#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "audio/level.h"

static void feed_tone(struct ut_level *level, double amplitude, int n)
{
    for (int i = 0; i < n; i++) {
        float x = (float)(amplitude * sin(2.0 * M_PI * 1000.0 * i / 16000.0 + 0.1));
        ut_level_feed(level, &x, 1);
    }
}

static void test_silence_is_the_floor(void **state)
{
    struct ut_level level;
    float broken[3] = { NAN, INFINITY, -1e30f };

    (void)state;
    ut_level_init(&level, 16000);
    assert_true(ut_level_mean_db(&level) == UT_LEVEL_FLOOR_DB);
    ut_level_feed(&level, broken, 3);
    assert_true(ut_level_mean_db(&level) == UT_LEVEL_FLOOR_DB);
    assert_true(ut_level_peak_db(&level) == UT_LEVEL_FLOOR_DB);
}

static void test_tone_reads_its_level(void **state)
{
    (void)state;
    for (int db = -80; db <= 0; db += 20) {
        struct ut_level level;

        ut_level_init(&level, 16000);
        feed_tone(&level, pow(10.0, db / 20.0), 48000);
        assert_true(fabsf(ut_level_mean_db(&level) - ((float)db - 3.01f)) < 0.1f);
        assert_true(fabsf(ut_level_peak_db(&level) - (float)db) < 0.2f);
    }
}

static void test_level_after_a_tone_decays(void **state)
{
    struct ut_level level;
    float zeros[160] = { 0 };

    (void)state;
    ut_level_init(&level, 16000);
    feed_tone(&level, 1.0, 48000);
    float peak = ut_level_peak_db(&level);
    for (int i = 0; i < 100; i++) /* a second: 20 dB of peak, 10 / ln(10) / 0.3 of the mean */
        ut_level_feed(&level, zeros, 160);
    assert_true(fabsf(ut_level_peak_db(&level) - (peak - 20.0f)) < 0.1f);
    assert_true(fabsf(ut_level_mean_db(&level) - (-3.01f - 14.476f)) < 0.2f);
    for (int i = 0; i < 10000; i++)
        ut_level_feed(&level, zeros, 160);
    assert_true(ut_level_mean_db(&level) == UT_LEVEL_FLOOR_DB);
    assert_true(ut_level_peak_db(&level) == UT_LEVEL_FLOOR_DB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silence_is_the_floor),
        cmocka_unit_test(test_tone_reads_its_level),
        cmocka_unit_test(test_level_after_a_tone_decays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
