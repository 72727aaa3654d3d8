#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "audio/gain.h"

enum { RATE = 16000, CHUNK = 512 };

static uint32_t state = 1;

static float noise(void)
{
    state = state * 1664525u + 1013904223u;
    return (float)(state >> 8) / 8388608.0f - 1.0f;
}

/* A voice: a tone of 300 Hz in syllables, with a pause in every second, over white noise. */
static void speak(float *pcm, size_t n, size_t at, float voice, float room)
{
    for (size_t i = 0; i < n; i++) {
        float t = (float)(at + i) / RATE;
        float syllable = fmodf(t, 1.0f) < 0.6f ? fmaxf(0.0f, sinf(25.0f * t)) : 0.0f;

        pcm[i] = voice * syllable * sinf(1885.0f * t) + room * noise();
    }
}

static void test_ordinary_voice_is_left_exactly_as_it_is(void **st)
{
    float pcm[CHUNK];
    float out[CHUNK];
    struct ut_gain g;

    (void)st;
    ut_gain_init(&g);
    for (size_t at = 0; at < 20 * RATE; at += CHUNK) {
        speak(pcm, CHUNK, at, 0.3f, 0.002f);
        ut_gain_run(&g, pcm, out, CHUNK);
        ut_gain_heard(&g, CHUNK, true);
        assert_memory_equal(pcm, out, sizeof pcm);
    }
    assert_true(g.gain_db == 0.0f);
}

static void test_quiet_voice_is_raised_and_its_room_is_not(void **st)
{
    float pcm[CHUNK];
    float out[CHUNK];
    struct ut_gain g;
    float loudest = 0.0f;

    (void)st;
    ut_gain_init(&g);
    for (size_t at = 0; at < 10 * RATE; at += CHUNK) {
        speak(pcm, CHUNK, at, 0.003f, 0.00003f); /* -50 dB in a room of -95 */
        ut_gain_run(&g, pcm, out, CHUNK);
        ut_gain_heard(&g, CHUNK, at > 3 * RATE);
        for (size_t i = 0; i < CHUNK && at > 5 * RATE; i++)
            loudest = fmaxf(loudest, fabsf(out[i]));
        assert_true(g.gain_db == 0.0f || g.room_db + g.gain_db <= UT_GAIN_ROOM_DB + 0.1f);
        assert_true(g.gain_db <= UT_GAIN_MAX_DB);
    }
    assert_true(loudest > 0.02f && loudest < 0.1f);
    assert_in_range((int)g.gain_db, 18, 26);
}

static void test_steady_noise_and_silence_are_not_raised_into_voices(void **st)
{
    static const float levels[] = { 0.0f, 1e-5f, 1e-3f, 0.03f };
    float pcm[CHUNK];
    float out[CHUNK];

    (void)st;
    for (size_t k = 0; k < sizeof levels / sizeof levels[0]; k++) {
        struct ut_gain g;
        double sum = 0.0;
        size_t n = 0;

        ut_gain_init(&g);
        for (size_t at = 0; at < 30 * RATE; at += CHUNK) {
            for (size_t i = 0; i < CHUNK; i++)
                pcm[i] = levels[k] * noise() + 0.3f; /* an offset is not heard */
            ut_gain_run(&g, pcm, out, CHUNK);
            ut_gain_heard(&g, CHUNK, false);
            double mean = 0.0;
            for (size_t i = 0; i < CHUNK; i++)
                mean += (double)out[i] / CHUNK;
            for (size_t i = 0; i < CHUNK && at > 5 * RATE; i++, n++)
                sum += ((double)out[i] - mean) * ((double)out[i] - mean);
            assert_true(g.gain_db == 0.0f || fabs(mean) < 0.01); /* the offset is not raised */
        }
        double db = 10.0 * log10(sum / (double)n + 1e-14);
        double own = 20.0 * log10((double)levels[k] / sqrt(3.0) + 1e-7);
        assert_true(db <= fmax((double)UT_GAIN_ROOM_DB + 1.0, own + 0.1));
    }
}

static void test_loud_voice_after_a_quiet_one_is_not_clipped(void **st)
{
    float pcm[CHUNK];
    float out[CHUNK];
    struct ut_gain g;

    (void)st;
    ut_gain_init(&g);
    for (size_t at = 0; at < 8 * RATE; at += CHUNK) {
        speak(pcm, CHUNK, at, at < 6 * RATE ? 0.001f : 0.9f, 0.0f);
        ut_gain_run(&g, pcm, out, CHUNK);
        for (size_t i = 0; i < CHUNK; i++)
            assert_true(fabsf(out[i]) <= fmaxf(0.71f, fabsf(pcm[i])));
    }
    assert_true(g.gain_db == 0.0f);
}

static void test_works_in_place_and_on_single_samples(void **st)
{
    float pcm[CHUNK];
    float out[CHUNK];
    struct ut_gain a;
    struct ut_gain b;

    (void)st;
    ut_gain_init(&a);
    ut_gain_init(&b);
    for (size_t at = 0; at < 4 * RATE; at += CHUNK) {
        speak(pcm, CHUNK, at, 0.003f, 0.0001f);
        ut_gain_run(&a, pcm, out, CHUNK);
        ut_gain_run(&b, pcm, pcm, CHUNK);
        assert_memory_equal(pcm, out, sizeof pcm);
        assert_memory_equal(&a, &b, sizeof a);
    }
    ut_gain_init(&a);
    for (size_t i = 0; i < RATE; i++) {
        ut_gain_run(&a, &pcm[i % CHUNK], out, 1);
        assert_true(isfinite(out[0]) && isfinite(a.level_db) && isfinite(a.room_db));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ordinary_voice_is_left_exactly_as_it_is),
        cmocka_unit_test(test_quiet_voice_is_raised_and_its_room_is_not),
        cmocka_unit_test(test_steady_noise_and_silence_are_not_raised_into_voices),
        cmocka_unit_test(test_loud_voice_after_a_quiet_one_is_not_clipped),
        cmocka_unit_test(test_works_in_place_and_on_single_samples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
