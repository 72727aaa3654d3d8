#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio/mel.h"

/*
 * The definition, in double and with a naive transform: raw log10 of frame t of x [n], with
 * reflection at the start and silence behind the end.
 */
static double sample_at(const float *x, int64_t n, int64_t i)
{
    if (i < 0)
        i = -i;
    return i < n && isfinite(x[i]) ? (double)x[i] : 0.0;
}

static double mel_of_hz(double hz)
{
    return hz < 1000.0 ? 3.0 * hz / 200.0 : 15.0 + 27.0 * log(hz / 1000.0) / log(6.4);
}

static double hz_of_mel(double mel)
{
    return mel < 15.0 ? 200.0 * mel / 3.0 : 1000.0 * pow(6.4, (mel - 15.0) / 27.0);
}

static void define_frame(const float *x, int64_t n, int64_t t, size_t n_mels, double *raw)
{
    double power[201];
    double top = mel_of_hz(8000.0);

    for (int k = 0; k <= 200; k++) {
        double re = 0.0;
        double im = 0.0;
        for (int i = 0; i < 400; i++) {
            double w = 0.5 * (1.0 - cos(2.0 * M_PI * i / 400.0));
            double v = w * sample_at(x, n, 160 * t - 200 + i);
            double angle = 2.0 * M_PI * (double)(i * k % 400) / 400.0;
            re += v * cos(angle);
            im -= v * sin(angle);
        }
        power[k] = re * re + im * im;
    }
    for (size_t m = 0; m < n_mels; m++) {
        double f[3];
        double sum = 0.0;
        for (int j = 0; j < 3; j++)
            f[j] = hz_of_mel(top * (double)(m + (size_t)j) / (double)(n_mels + 1));
        for (int k = 0; k <= 200; k++) {
            double hz = 40.0 * k;
            double w = fmin((hz - f[0]) / (f[1] - f[0]), (f[2] - hz) / (f[2] - f[1]));
            sum += fmax(0.0, w) * 2.0 / (f[2] - f[0]) * power[k];
        }
        raw[m] = log10(fmax(1e-10, sum));
    }
}

static float noise(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (float)(int32_t)(*seed >> 32) / 2147483648.0f;
}

static float *make_signal(size_t n)
{
    float *x = malloc((n ? n : 1) * sizeof *x);
    uint64_t seed = 7;

    assert_non_null(x);
    for (size_t i = 0; i < n; i++) {
        double s = (double)i / 16000.0;
        x[i] = 0.3f * (float)sin(2.0 * M_PI * 440.0 * s) + 0.05f * noise(&seed);
        if (i / 4000 % 3 == 2)
            x[i] = 0.0f; /* digital silence: the floor of the logarithm */
    }
    return x;
}

struct bench {
    struct ut_mel *mel;
    struct ut_mel_stream *s;
};

static struct bench open_stream(size_t n_mels, size_t n_frames)
{
    struct bench b;

    assert_int_equal(ut_mel_create(&b.mel, n_mels), UT_OK);
    assert_int_equal(ut_mel_stream_create(&b.s, b.mel, n_frames), UT_OK);
    return b;
}

static void close_stream(struct bench *b)
{
    ut_mel_stream_destroy(b->s);
    ut_mel_destroy(b->mel);
}

/* Compares window frames [first, first + n_frames) of x [n] with the definition. */
static void check_against_definition(size_t n_mels, int64_t n, int64_t first, size_t n_frames)
{
    struct bench b = open_stream(n_mels, 3000);
    float *x = make_signal((size_t)n);
    float *out = malloc(n_frames * n_mels * sizeof *out);
    double *raw = malloc(n_frames * n_mels * sizeof *raw);
    double top = -10.0;

    assert_non_null(out);
    assert_non_null(raw);
    for (size_t t = 0; t < n_frames; t++) {
        define_frame(x, n, first + (int64_t)t, n_mels, raw + t * n_mels);
        for (size_t m = 0; m < n_mels; m++)
            top = fmax(top, raw[t * n_mels + m]);
    }
    ut_mel_stream_feed(b.s, x, (size_t)n);
    float max = ut_mel_stream_max(b.s, first, n_frames);
    assert_true(fabs((double)max - top) < 2e-5);
    assert_int_equal(ut_mel_stream_window(b.s, first, n_frames, max, 0.25f, out), UT_OK);
    for (size_t i = 0; i < n_frames * n_mels; i++) {
        double want = (fmax(raw[i], top - 8.0) + 0.25 + 4.0) / 4.0;
        if (fabs((double)out[i] - want) > 2e-5)
            fail_msg("n %ld frame %zu mel %zu: %f, want %f", (long)n, i / n_mels, i % n_mels,
                     (double)out[i], want);
    }
    free(raw);
    free(out);
    free(x);
    close_stream(&b);
}

static void test_window_of_a_signal_is_the_definition(void **state)
{
    (void)state;
    check_against_definition(80, 16000, 0, 110);
    check_against_definition(128, 12345, 3, 90);
    check_against_definition(1, 4000, 0, 30);
    check_against_definition(256, 4000, 0, 30);
}

static void test_window_of_a_few_samples_is_the_definition(void **state)
{
    static const int64_t lengths[] = { 0,   1,   2,   159, 160, 161, 199,
                                       200, 201, 202, 359, 360, 361, 520 };

    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        check_against_definition(80, lengths[i], 0, 8);
}

static void test_feed_in_any_pieces_gives_the_same_bits(void **state)
{
    enum { N = 50000, FRAMES = 320 };
    float *x = make_signal(N);
    float *whole = malloc(FRAMES * 80 * sizeof *whole);
    float *pieces = malloc(FRAMES * 80 * sizeof *pieces);
    struct bench b = open_stream(80, FRAMES);
    uint64_t seed = 3;

    (void)state;
    assert_non_null(whole);
    assert_non_null(pieces);
    ut_mel_stream_feed(b.s, x, N);
    float top = ut_mel_stream_max(b.s, 0, FRAMES);
    assert_int_equal(ut_mel_stream_window(b.s, 0, FRAMES, top, 0.0f, whole), UT_OK);
    for (int run = 0; run < 20; run++) {
        size_t most = run == 0 ? 1 : (size_t)1 << (run % 14);

        ut_mel_stream_reset(b.s);
        for (size_t i = 0; i < N;) {
            size_t k = 1 + (size_t)(fabsf(noise(&seed)) * (float)most);
            k = k > N - i ? N - i : k;
            ut_mel_stream_feed(b.s, x + i, k);
            i += k;
            /* A look at the edge in between must leave no trace. */
            if (run % 3 == 1)
                ut_mel_stream_max(b.s, 0, FRAMES);
        }
        assert_int_equal(ut_mel_stream_n_samples(b.s), N);
        assert_true(ut_mel_stream_max(b.s, 0, FRAMES) == top);
        assert_int_equal(ut_mel_stream_window(b.s, 0, FRAMES, top, 0.0f, pieces), UT_OK);
        assert_memory_equal(pieces, whole, FRAMES * 80 * sizeof *whole);
    }
    close_stream(&b);
    free(pieces);
    free(whole);
    free(x);
}

static void test_window_past_the_edge_is_silence(void **state)
{
    struct bench b = open_stream(80, 100);
    float out[4 * 80];
    float x[1600] = { 0 };

    (void)state;
    for (int i = 0; i < 1600; i++)
        x[i] = i % 2 ? 0.5f : -0.5f;
    ut_mel_stream_feed(b.s, x, 1600);
    float top = ut_mel_stream_max(b.s, 0, 1000);
    static const int64_t firsts[] = { 12, 3000, INT64_MAX - 2, INT64_MAX };
    for (size_t i = 0; i < 4; i++) {
        assert_true(ut_mel_stream_max(b.s, firsts[i], 4) == -10.0f);
        assert_int_equal(ut_mel_stream_window(b.s, firsts[i], 4, top, 0.5f, out), UT_OK);
        for (int j = 0; j < 4 * 80; j++)
            assert_true(out[j] == (fmaxf(-10.0f, top - 8.0f) + 0.5f + 4.0f) / 4.0f);
    }
    assert_true(ut_mel_stream_max(b.s, -5, 5) == -10.0f);
    assert_true(ut_mel_stream_max(b.s, INT64_MIN, 1000) == -10.0f);
    assert_true(ut_mel_stream_max(b.s, -5, SIZE_MAX) == top);
    assert_int_equal(ut_mel_stream_window(b.s, -1, 4, top, 0.0f, out), UT_EINVAL);
    close_stream(&b);
}

static void test_window_of_frames_that_left_is_refused(void **state)
{
    enum { N = 16000 * 600 };
    struct bench b = open_stream(80, 50);
    struct bench fresh = open_stream(80, 50);
    float *x = make_signal(16000);
    float a[40 * 80];
    float c[40 * 80];

    (void)state;
    for (int64_t i = 0; i < N; i += 16000)
        ut_mel_stream_feed(b.s, x, 16000);
    int64_t n_complete = (N - 200) / 160 + 1;
    assert_int_equal(ut_mel_stream_window(b.s, n_complete - 51, 40, 0.0f, 0.0f, a), UT_EINVAL);
    assert_int_equal(ut_mel_stream_window(b.s, n_complete - 50, 40, 0.0f, 0.0f, a), UT_OK);

    /* The last second is what a stream one second long holds, away from its reflected start. */
    ut_mel_stream_feed(fresh.s, x, 16000);
    assert_int_equal(ut_mel_stream_window(b.s, N / 160 - 40, 40, 0.0f, 0.0f, a), UT_OK);
    assert_int_equal(ut_mel_stream_window(fresh.s, 60, 40, 0.0f, 0.0f, c), UT_OK);
    assert_memory_equal(a, c, sizeof a);
    assert_true(ut_mel_stream_max(b.s, 0, N) == ut_mel_stream_max(b.s, n_complete - 50, 60));
    close_stream(&b);
    close_stream(&fresh);
    free(x);
}

static void test_feed_of_broken_samples_counts_them_as_zero(void **state)
{
    struct bench b = open_stream(80, 100);
    float x[3200] = { 0 };
    float out[30 * 80];

    (void)state;
    for (int i = 0; i < 3200; i++)
        x[i] = i % 3 == 0 ? NAN : i % 3 == 1 ? INFINITY : -INFINITY;
    ut_mel_stream_feed(b.s, x, 3200);
    assert_true(ut_mel_stream_max(b.s, 0, 30) == -10.0f);
    for (int i = 0; i < 3200; i++)
        x[i] = i % 5 ? 3e38f : -3e38f;
    ut_mel_stream_feed(b.s, x, 3200);
    assert_true(isfinite(ut_mel_stream_max(b.s, 0, 100)));
    assert_int_equal(ut_mel_stream_window(b.s, 10, 30, 5.0f, 0.0f, out), UT_OK);
    for (int i = 0; i < 30 * 80; i++)
        assert_true(isfinite(out[i]));
    close_stream(&b);
}

static void test_create_of_a_bad_size_is_refused(void **state)
{
    struct ut_mel *mel = NULL;
    struct ut_mel_stream *s = NULL;

    (void)state;
    assert_int_equal(ut_mel_create(&mel, 0), UT_EINVAL);
    assert_int_equal(ut_mel_create(&mel, 257), UT_EINVAL);
    assert_null(mel);
    assert_int_equal(ut_mel_create(&mel, 80), UT_OK);
    assert_int_equal(ut_mel_n_mels(mel), 80);
    assert_int_equal(ut_mel_stream_create(&s, mel, 0), UT_EINVAL);
    assert_int_equal(ut_mel_stream_create(&s, mel, SIZE_MAX), UT_EINVAL);
    assert_null(s);
    ut_mel_destroy(mel);
    ut_mel_destroy(NULL);
    ut_mel_stream_destroy(NULL);
}

/* Raw log10 of one bin is what take_log10 gave: levels from below the floor to far above speech. */
static void test_levels_of_a_tone_follow_the_logarithm(void **state)
{
    struct bench b = open_stream(80, 20);
    float x[3200];
    double raw[80];

    (void)state;
    for (int db = -140; db <= 90; db++) {
        double a = pow(10.0, db / 20.0);
        for (int i = 0; i < 3200; i++)
            x[i] = (float)(a * cos(2.0 * M_PI * 1000.0 * i / 16000.0));
        ut_mel_stream_reset(b.s);
        ut_mel_stream_feed(b.s, x, 3200);
        define_frame(x, 3200, 10, 80, raw);
        double top = -10.0;
        for (int m = 0; m < 80; m++)
            top = fmax(top, raw[m]);
        assert_true(fabs((double)ut_mel_stream_max(b.s, 10, 1) - top) < 1e-6 + 1e-6 * fabs(top));
    }
    close_stream(&b);
}

static void *create_many(void *arg)
{
    int *n_failed = arg;

    for (int i = 0; i < 20; i++) {
        struct ut_mel *mel;
        if (ut_mel_create(&mel, i % 2 ? 80 : 128) != UT_OK)
            (*n_failed)++;
        else
            ut_mel_destroy(mel);
    }
    return NULL;
}

static void test_create_from_two_threads_works(void **state)
{
    pthread_t threads[2];
    int n_failed[2] = { 0, 0 };

    (void)state;
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, create_many, &n_failed[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(n_failed[0] + n_failed[1], 0);
}

/* Reads up to `limit` bytes of a file of tests/golden/data; returns how many. */
static size_t read_golden(const char *name, void *to, size_t limit)
{
    char path[4096];
    const char *dir = getenv("UT_GOLDEN");

    if (!dir)
        return 0;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("cannot open %s", path);
    size_t n = fread(to, 1, limit, f);
    fclose(f);
    return n;
}

/* want [80, n] from the original (mel-major) against frames [first, first + n). */
static void compare_golden(struct ut_mel_stream *s, const float *want, int64_t first, size_t n)
{
    float out[100 * 80];
    float top = ut_mel_stream_max(s, 0, 3000);

    assert_int_equal(ut_mel_stream_window(s, first, n, top, 0.0f, out), UT_OK);
    for (size_t t = 0; t < n; t++) {
        for (size_t m = 0; m < 80; m++)
            assert_true(fabsf(out[t * 80 + m] - want[m * n + t]) < 1e-5f);
    }
}

static void test_window_of_speech_is_the_original(void **state)
{
    static unsigned char wav[44 + 2 * 80000]; /* canonical header, 5 s of int16 */
    static float x[80000];
    float want[100 * 80];
    struct bench b = open_stream(80, 3000);

    (void)state;
    if (read_golden("clip.wav", wav, sizeof wav) != sizeof wav) {
        close_stream(&b);
        skip();
    }
    assert_memory_equal(wav + 36, "data", 4);
    for (size_t i = 0; i < 80000; i++)
        x[i] = (float)(int16_t)(wav[44 + 2 * i] | wav[45 + 2 * i] << 8) / 32768.0f;
    ut_mel_stream_feed(b.s, x, 80000);
    assert_int_equal(read_golden("mel.f32", want, sizeof want), 100 * 80 * 4);
    compare_golden(b.s, want, 0, 100);
    assert_int_equal(read_golden("mel_tail.f32", want, sizeof want), 10 * 80 * 4);
    compare_golden(b.s, want, 496, 10);
    close_stream(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_window_of_a_signal_is_the_definition),
        cmocka_unit_test(test_window_of_a_few_samples_is_the_definition),
        cmocka_unit_test(test_feed_in_any_pieces_gives_the_same_bits),
        cmocka_unit_test(test_window_past_the_edge_is_silence),
        cmocka_unit_test(test_window_of_frames_that_left_is_refused),
        cmocka_unit_test(test_feed_of_broken_samples_counts_them_as_zero),
        cmocka_unit_test(test_create_of_a_bad_size_is_refused),
        cmocka_unit_test(test_levels_of_a_tone_follow_the_logarithm),
        cmocka_unit_test(test_create_from_two_threads_works),
        cmocka_unit_test(test_window_of_speech_is_the_original),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
