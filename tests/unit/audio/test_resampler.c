#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "audio/resampler.h"

static const unsigned rates[] = { 1000,  8000,  11025, 16000, 22050,  24000,
                                  32000, 44100, 48000, 96000, 192000, 768000 };
enum { N_RATES = sizeof rates / sizeof rates[0] };

static float *make_tone(unsigned rate_hz, size_t n, unsigned n_channels, double hz)
{
    float *x = calloc(n * n_channels, sizeof *x);

    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i * n_channels] = 0.5f * (float)sin(2.0 * M_PI * hz * (double)i / rate_hz);
    return x;
}

/* The amplitude of a tone in 16 kHz samples, by projection. */
static double measure_tone(const float *x, size_t n, double hz)
{
    double re = 0.0;
    double im = 0.0;

    for (size_t i = 0; i < n; i++) {
        double angle = 2.0 * M_PI * hz * (double)i / 16000.0;
        re += (double)x[i] * cos(angle);
        im += (double)x[i] * sin(angle);
    }
    return 2.0 * hypot(re, im) / (double)n;
}

/* Feeds in chunks of `chunk` frames and takes `room` samples at a time; returns how many came. */
static size_t convert(struct ut_resampler *r, const float *in, size_t n, unsigned n_channels,
                      size_t chunk, size_t room, float *out, size_t capacity)
{
    size_t total = 0;
    size_t made;

    for (size_t i = 0; i < n;) {
        size_t k = n - i < chunk ? n - i : chunk;
        size_t used = 0;

        assert_true(total + room <= capacity);
        assert_int_equal(
            ut_resampler_run(r, in + i * n_channels, k, &used, out + total, room, &made), UT_OK);
        assert_true(used <= k && made <= room);
        assert_true(used > 0 || made > 0);
        i += used;
        total += made;
    }
    do {
        assert_true(total + room <= capacity);
        assert_int_equal(ut_resampler_flush(r, out + total, room, &made), UT_OK);
        total += made;
    } while (made > 0);
    return total;
}

static void test_tone_at_any_rate_keeps_level_and_length(void **state)
{
    (void)state;
    for (int i = 0; i < N_RATES; i++) {
        size_t n = rates[i] * 2 + 7;
        float *in = make_tone(rates[i], n, 1, 400.0);
        float *out = calloc(40000, sizeof *out);
        struct ut_resampler *r;

        assert_int_equal(ut_resampler_create(&r, rates[i], 1), UT_OK);
        size_t got = convert(r, in, n, 1, 4096, 1024, out, 40000);
        assert_true(fabs((double)got - (double)n * 16000.0 / rates[i]) <= 0.5);
        assert_true(fabs(measure_tone(out + 8000, 16000, 400.0) - 0.5) < 0.002);
        /* In phase: nothing is late once all is out. */
        double late = 0.0;
        for (int k = 8000; k < 24000; k++)
            late = fmax(late, fabs((double)out[k] - 0.5 * sin(2.0 * M_PI * 400.0 * k / 16000.0)));
        assert_true(late < 0.002);
        ut_resampler_destroy(r);
        free(in);
        free(out);
    }
}

static void test_tone_above_half_the_rate_vanishes(void **state)
{
    float *in = make_tone(48000, 96000, 1, 11000.0);
    float *out = calloc(40000, sizeof *out);
    struct ut_resampler *r;

    (void)state;
    assert_int_equal(ut_resampler_create(&r, 48000, 1), UT_OK);
    assert_int_equal(convert(r, in, 96000, 1, 4800, 4800, out, 40000), 32000);
    for (int i = 8000; i < 24000; i++)
        assert_true(fabsf(out[i]) < 1e-4f);
    ut_resampler_destroy(r);
    free(in);
    free(out);
}

static void test_channels_are_averaged(void **state)
{
    static const unsigned counts[] = { 1, 2, 3, 6, 64 };
    static const unsigned two_rates[] = { 16000, 44100 };

    (void)state;
    for (int k = 0; k < 10; k++) {
        unsigned rate = two_rates[k % 2];
        unsigned n_channels = counts[k / 2];
        float *in = make_tone(rate, rate * 2, n_channels, 400.0);
        float *out = calloc(40000, sizeof *out);
        struct ut_resampler *r;

        assert_int_equal(ut_resampler_create(&r, rate, n_channels), UT_OK);
        assert_int_equal(convert(r, in, rate * 2, n_channels, 1000, 700, out, 40000), 32000);
        assert_true(fabs(measure_tone(out + 8000, 16000, 400.0) * n_channels - 0.5) < 0.002);
        ut_resampler_destroy(r);
        free(in);
        free(out);
    }
}

static void test_run_in_any_pieces_gives_the_same_samples(void **state)
{
    static const size_t chunks[] = { 1, 7, 441, 44100 };

    (void)state;
    for (int i = 0; i < N_RATES; i++) {
        size_t n = rates[i] < 48000 ? rates[i] : 48000;
        float *in = make_tone(rates[i], n, 2, 300.0);
        float *whole = calloc(40000, sizeof *whole);
        float *pieces = calloc(40000, sizeof *pieces);
        struct ut_resampler *r;

        assert_int_equal(ut_resampler_create(&r, rates[i], 2), UT_OK);
        size_t want = convert(r, in, n, 2, n, 16000, whole, 40000);
        for (int k = 0; k < 4; k++) {
            assert_int_equal(ut_resampler_reset(r), UT_OK);
            size_t got = convert(r, in, n, 2, chunks[k], k % 2 ? 160 : 333, pieces, 40000);
            assert_int_equal(got, want);
            for (size_t s = 0; s < want; s++)
                assert_true(fabsf(pieces[s] - whole[s]) < 1e-6f);
        }
        ut_resampler_destroy(r);
        free(in);
        free(whole);
        free(pieces);
    }
}

static void test_run_on_broken_samples_gives_finite_ones(void **state)
{
    static const float broken[] = { NAN, INFINITY, -INFINITY, 3e38f, -3e38f };
    static const unsigned three_rates[] = { 8000, 16000, 48000 };

    (void)state;
    for (int k = 0; k < 3; k++) {
        float *in = make_tone(three_rates[k], 16000, 1, 400.0);
        float *out = calloc(80000, sizeof *out);
        struct ut_resampler *r;

        for (size_t i = 0; i < 16000; i += 3)
            in[i] = broken[i / 3 % 5];
        assert_int_equal(ut_resampler_create(&r, three_rates[k], 1), UT_OK);
        size_t got = convert(r, in, 16000, 1, 500, 500, out, 80000);
        for (size_t i = 0; i < got; i++)
            assert_true(fabsf(out[i]) < 2.0f);
        ut_resampler_destroy(r);
        free(in);
        free(out);
    }
}

static void test_create_out_of_bounds_is_refused(void **state)
{
    struct ut_resampler *r = NULL;
    float x[4] = { 0 };
    size_t a;
    size_t b;

    (void)state;
    assert_int_equal(ut_resampler_create(&r, 0, 1), UT_EINVAL);
    assert_int_equal(ut_resampler_create(&r, 999, 1), UT_EINVAL);
    assert_int_equal(ut_resampler_create(&r, 768001, 1), UT_EINVAL);
    assert_int_equal(ut_resampler_create(&r, 48000, 0), UT_EINVAL);
    assert_int_equal(ut_resampler_create(&r, 48000, 65), UT_EINVAL);
    assert_null(r);
    assert_int_equal(ut_resampler_create(&r, 48000, 1), UT_OK);
    assert_int_equal(ut_resampler_flush(r, x, 4, &b), UT_OK);
    assert_int_equal(b, 0);
    assert_int_equal(ut_resampler_run(r, x, 4, &a, x, 4, &b), UT_EINVAL);
    assert_int_equal(ut_resampler_reset(r), UT_OK);
    assert_int_equal(ut_resampler_run(r, x, 4, &a, x, 0, &b), UT_OK);
    assert_int_equal(a, 0);
    ut_resampler_destroy(r);
    ut_resampler_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tone_at_any_rate_keeps_level_and_length),
        cmocka_unit_test(test_tone_above_half_the_rate_vanishes),
        cmocka_unit_test(test_channels_are_averaged),
        cmocka_unit_test(test_run_in_any_pieces_gives_the_same_samples),
        cmocka_unit_test(test_run_on_broken_samples_gives_finite_ones),
        cmocka_unit_test(test_create_out_of_bounds_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
