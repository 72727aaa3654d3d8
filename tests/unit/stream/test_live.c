/*
 * A session with real models on real recordings, on a simulated clock. Arguments: the model
 * ("tiny.en"), and with a recording behind it only its figures are printed. Skipped when the cache
 * lacks them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tests/unit/stream/rig.h"

enum { RATE = UT_MEL_RATE_HZ };

static struct rig rig;
static float *narration;
static size_t n_narration;
static struct rig_result result;
static struct rig_result other;

static void print_figures(const char *what, size_t n)
{
    double seconds = (double)n / RATE;

    print_message(
        "%s: %zu words, %zu segments, commit lag p50 %.2f p90 %.2f p95 %.2f max %.2f s, "
        "first words at %.2f s, %llu steps (%llu stretched, %llu forced cuts), "
        "CPU %.2f s a second\n",
        what, result.n_words, result.n_finals, rig_quantile(result.lag_s, result.n_words, 0.5),
        rig_quantile(result.lag_s, result.n_words, 0.9),
        rig_quantile(result.lag_s, result.n_words, 0.95),
        rig_quantile(result.lag_s, result.n_words, 1.0), result.first_word_s,
        (unsigned long long)result.stats.n_steps, (unsigned long long)result.stats.n_stretched,
        (unsigned long long)result.stats.n_forced_cuts, 2.0 * result.compute_s / seconds);
}

static void test_narration_in_real_time_is_committed_in_time_and_right(void **state)
{
    static char want[RIG_MAX_TEXT];
    const struct ut_session_options o = ut_session_options_default();
    const struct rig_plan plan = { 512, true, 0 };

    (void)state;
    rig_play(&rig, &o, narration, n_narration, &plan, &result);
    print_figures("narration", n_narration);
    rig_transcribe(&rig, narration, n_narration, want, sizeof want);
    double agreement = rig_agreement(want, result.committed);
    print_message("%.1f %% of the words of a whole-file decode\n", 100.0 * agreement);
    assert_true(agreement >= 0.85);
    assert_true(result.n_finals >= 1);
    assert_true(result.n_unstable > 20);
}

static void test_chunk_size_does_not_change_what_is_said(void **state)
{
    struct ut_session_options o = ut_session_options_default();
    size_t n = 8 * RATE;

    (void)state;
    o.stretch_after = 0;
    rig_play(&rig, &o, narration, n, &(struct rig_plan){ 1, false, 0 }, &result);
    rig_play(&rig, &o, narration, n, &(struct rig_plan){ 5 * RATE, false, 0 }, &other);
    assert_string_equal(result.committed, other.committed);
    assert_int_equal(result.stats.n_steps, other.stats.n_steps);
    assert_true(result.n_words >= 12);
}

/* Ten seconds at once, as after a network that hung: longer steps, the same words. */
static void test_bursts_give_the_words_of_an_even_stream(void **state)
{
    const struct ut_session_options o = ut_session_options_default();
    size_t n = 17 * RATE; /* to a pause */

    (void)state;
    rig_play(&rig, &o, narration, n, &(struct rig_plan){ 320, false, 0 }, &result);
    rig_play(&rig, &o, narration, n, &(struct rig_plan){ 10 * RATE, false, 0 }, &other);
    print_message("even:%s\nbursts:%s\n", result.committed, other.committed);
    assert_true(other.stats.n_steps < result.stats.n_steps);
    assert_true(other.stats.n_stretched > 0);
    /* but for a comma here and there */
    assert_true(rig_agreement(result.committed, other.committed) == 1.0);
    assert_true(rig_agreement(other.committed, result.committed) == 1.0);
}

static void test_silence_and_soft_noise_give_no_words(void **state)
{
    const struct ut_session_options o = ut_session_options_default();
    size_t n = 20 * RATE;
    float *pcm = ut_calloc(n, sizeof *pcm);
    uint32_t x = 1;

    (void)state;
    assert_non_null(pcm);
    for (size_t s = n / 2; s < n; s++) {
        x = x * 1664525u + 1013904223u;
        pcm[s] = ((float)(x >> 8) / 8388608.0f - 1.0f) * 0.02f + 0.1f; /* and a DC offset */
    }
    rig_play(&rig, &o, pcm, n, &(struct rig_plan){ 1600, false, 0 }, &result);
    assert_int_equal(result.n_words, 0);
    assert_string_equal(result.committed, "");
    ut_free(pcm);
}

static void test_hostile_audio_leaves_the_words_around_it(void **state)
{
    const struct ut_session_options o = ut_session_options_default();
    size_t n = 12 * RATE;
    float *pcm = ut_alloc(n, sizeof *pcm);

    (void)state;
    assert_non_null(pcm);
    memcpy(pcm, narration, n * sizeof *pcm);
    for (size_t s = 5 * RATE; s < 6 * RATE; s++)
        pcm[s] = s % 2 ? NAN : 1e30f;
    for (size_t s = 9 * RATE; s < n; s++)
        pcm[s] *= 40.0f; /* clipped hard */
    rig_play(&rig, &o, pcm, n, &(struct rig_plan){ 10 * RATE, false, 0 }, &result);
    assert_true(result.stats.n_bad >= RATE / 2);
    assert_non_null(strstr(result.committed, "best of times"));
    ut_free(pcm);
}

static void test_session_thrown_away_in_mid_speech_is_gone(void **state)
{
    const struct ut_session_options o = ut_session_options_default();

    (void)state;
    rig_play(&rig, &o, narration, n_narration, &(struct rig_plan){ 1600, false, 3 * RATE },
             &result);
    assert_int_equal(result.n_finals, 0);
}

static int print_recording(const char *name)
{
    const struct ut_session_options o = ut_session_options_default();
    static char want[RIG_MAX_TEXT];
    float *pcm;
    size_t n;

    if (!rig_read(name, &pcm, &n))
        return 77;
    rig_play(&rig, &o, pcm, n, &(struct rig_plan){ 512, true, 0 }, &result);
    print_figures(name, n);
    rig_transcribe(&rig, pcm, n, want, sizeof want);
    printf("live:%s\nfile:%s\nagreement %.3f\n", result.committed, want,
           rig_agreement(want, result.committed));
    ut_free(pcm);
    rig_close(&rig);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_narration_in_real_time_is_committed_in_time_and_right),
        cmocka_unit_test(test_chunk_size_does_not_change_what_is_said),
        cmocka_unit_test(test_bursts_give_the_words_of_an_even_stream),
        cmocka_unit_test(test_silence_and_soft_noise_give_no_words),
        cmocka_unit_test(test_hostile_audio_leaves_the_words_around_it),
        cmocka_unit_test(test_session_thrown_away_in_mid_speech_is_gone),
    };

    if (!rig_open(&rig, argc > 1 ? argv[1] : "tiny.en"))
        return 77;
    if (argc > 2)
        return print_recording(argv[2]);
    if (!rig_read("two_cities.wav", &narration, &n_narration))
        return 77;
    int n_failed = cmocka_run_group_tests(tests, NULL, NULL);
    ut_free(narration);
    rig_close(&rig);
    return n_failed;
}
