/*
 * Voice activity with its gain and its gate, on the model and the recordings of the cache; without
 * them says so and is skipped.
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
#include <unistd.h>

#include "audio/reader.h"
#include "base/memory.h"
#include "diarize/activity.h"
#include "diarize/segmenter.h"

enum { RATE = 16000, MOST = 200 * RATE, MAX_SEGMENTS = 64 };

static struct ut_compute *compute;
static struct ut_vad_model *model;
static float *pcm; /* the recordings, with pauses of every kind between */
static size_t n_pcm;
static float *other;

struct segments {
    int64_t at[2 * MAX_SEGMENTS];
    size_t n;
    struct ut_activity_stats stats;
};

static void find_segments(struct segments *out, const float *in, size_t n,
                          const struct ut_activity_options *options)
{
    const struct ut_segmenter_options o = ut_segmenter_options_default();
    struct ut_segmenter s;
    struct ut_activity *a;

    *out = (struct segments){ 0 };
    assert_int_equal(ut_activity_create(&a, model, options), UT_OK);
    assert_int_equal(ut_segmenter_init(&s, &o), UT_OK);
    for (size_t at = 0; at + UT_VAD_CHUNK <= n; at += UT_VAD_CHUNK) {
        float p = ut_activity_push(a, in + at);
        enum ut_segmenter_event event = ut_segmenter_push(&s, p);

        assert_true(p >= 0.0f && p <= 1.0f);
        if (event == UT_SEGMENTER_NONE)
            continue;
        assert_true(out->n < 2 * MAX_SEGMENTS);
        out->at[out->n++] = event == UT_SEGMENTER_OPENED ? s.start : s.end;
    }
    out->stats = ut_activity_stats(a);
    ut_activity_destroy(a);
}

static void test_ordinary_recordings_have_the_same_segments_with_gain_and_gate(void **st)
{
    static const struct ut_activity_options plain = { true, true };
    static struct segments want;
    static struct segments got;

    (void)st;
    find_segments(&want, pcm, n_pcm, &plain);
    find_segments(&got, pcm, n_pcm, NULL);
    assert_true(want.n >= 8);
    assert_int_equal(got.n, want.n);
    assert_memory_equal(got.at, want.at, want.n * sizeof want.at[0]);
    assert_int_equal(want.stats.n_run, want.stats.n_chunks);
    assert_true(got.stats.n_run < got.stats.n_chunks); /* it slept in the pauses */
    print_message("%llu of %llu chunks heard\n", (unsigned long long)got.stats.n_run,
                  (unsigned long long)got.stats.n_chunks);
}

/* How much of the segments of the plain recordings is inside of those found here, in percent. */
static double coverage(const struct segments *want, const struct segments *got)
{
    int64_t inside = 0;
    int64_t all = 0;

    for (size_t i = 0; i + 1 < want->n; i += 2) {
        all += want->at[i + 1] - want->at[i];
        for (size_t k = 0; k + 1 < got->n; k += 2) {
            int64_t from = got->at[k] > want->at[i] ? got->at[k] : want->at[i];
            int64_t to = got->at[k + 1] < want->at[i + 1] ? got->at[k + 1] : want->at[i + 1];

            inside += to > from ? to - from : 0;
        }
    }
    return 100.0 * (double)inside / (double)all;
}

static void test_recordings_forty_decibels_down_are_heard_only_with_gain(void **st)
{
    static const struct ut_activity_options plain = { true, true };
    static struct segments want;
    static struct segments raw;
    static struct segments got;

    (void)st;
    for (size_t i = 0; i < n_pcm; i++)
        other[i] = roundf(pcm[i] * 327.68f) / 32768.0f; /* as 16 bits keep it */
    find_segments(&want, pcm, n_pcm, &plain);
    find_segments(&raw, other, n_pcm, &plain);
    find_segments(&got, other, n_pcm, NULL);
    print_message("found without gain %.1f %%, with it %.1f %%\n", coverage(&want, &raw),
                  coverage(&want, &got));
    assert_true(coverage(&want, &raw) < 20.0);
    assert_true(coverage(&want, &got) > 90.0);
    assert_true(coverage(&got, &want) > 95.0); /* and nothing beside them */
}

/* Rooms in which nobody speaks: the model sleeps, and wakes for who speaks then. */
static void test_empty_rooms_cost_next_to_nothing_and_voices_wake(void **st)
{
    static const float rooms[] = { 0.0f, 1e-5f, 1e-3f, 0.01f };
    enum { EMPTY = 60 * RATE };
    static struct segments alone;
    static struct segments got;
    const size_t n_voice = 10 * RATE;

    (void)st;
    for (size_t k = 0; k < sizeof rooms / sizeof rooms[0]; k++) {
        uint32_t x = 7;

        for (size_t i = 0; i < EMPTY + n_voice; i++) {
            x = x * 1664525u + 1013904223u;
            other[i] = rooms[k] * ((float)(x >> 8) / 8388608.0f - 1.0f);
            other[i] += i < EMPTY ? 0.0f : pcm[i - EMPTY];
        }
        find_segments(&got, other, EMPTY, NULL);
        assert_int_equal(got.n, 0);
        print_message("room %g: %llu of %llu chunks heard\n", (double)rooms[k],
                      (unsigned long long)got.stats.n_run, (unsigned long long)got.stats.n_chunks);
        assert_true(got.stats.n_run * 20 < got.stats.n_chunks);
        find_segments(&got, other, EMPTY + n_voice, NULL);
        find_segments(&alone, other, EMPTY + n_voice, &(struct ut_activity_options){ true, true });
        assert_true(alone.n >= 1);
        assert_int_equal(got.n, alone.n);
        for (size_t i = 0; i < got.n; i++)
            assert_true(llabs(got.at[i] - alone.at[i]) <= UT_VAD_CHUNK);
    }
}

static void test_reset_forgets_and_hostile_samples_pass(void **st)
{
    float chunk[UT_VAD_CHUNK];
    float first[32];
    struct ut_activity *a;

    (void)st;
    assert_int_equal(ut_activity_create(&a, model, NULL), UT_OK);
    for (size_t i = 0; i < 32; i++)
        first[i] = ut_activity_push(a, pcm + i * UT_VAD_CHUNK);
    for (size_t i = 0; i < UT_VAD_CHUNK; i++)
        chunk[i] = i % 3 ? NAN : i % 2 ? -INFINITY : 1e30f;
    for (size_t i = 0; i < 64; i++) {
        float p = ut_activity_push(a, chunk);
        assert_true(p >= 0.0f && p <= 1.0f);
    }
    assert_true(isfinite(ut_activity_stats(a).room_db));
    ut_activity_reset(a);
    for (size_t i = 0; i < 32; i++)
        assert_true(ut_activity_push(a, pcm + i * UT_VAD_CHUNK) == first[i]);
    ut_activity_destroy(a);
    ut_activity_destroy(NULL);
}

/* Digital silence, or the noise of a quiet microphone. */
static void add_pause(size_t n, float level)
{
    uint32_t x = 3;

    for (size_t i = 0; i < n; i++) {
        x = x * 1664525u + 1013904223u;
        pcm[n_pcm++] = level * ((float)(x >> 8) / 8388608.0f - 1.0f);
    }
}

static bool add_recording(const char *cache, const char *name)
{
    struct ut_reader *reader;
    struct ut_error err;
    char path[512];
    size_t got;

    snprintf(path, sizeof path, "%s/samples/%s", cache, name);
    if (ut_reader_open(&reader, path, &err)) {
        printf("skipped: %s\n", err.text);
        return false;
    }
    while (ut_reader_read(reader, pcm + n_pcm, MOST / 4, &got, &err) == UT_OK)
        n_pcm += got;
    ut_reader_close(reader);
    return true;
}

static bool prepare(const char *cache)
{
    const struct ut_compute_options one = { .n_threads = 1 };
    struct ut_error err;
    char path[512];

    pcm = ut_alloc(MOST, sizeof *pcm);
    other = ut_alloc(MOST, sizeof *other);
    assert_true(pcm && other);
    snprintf(path, sizeof path, "%s/models/silero-vad-v6.gguf", cache);
    assert_int_equal(ut_compute_create(&compute, &one, NULL), UT_OK);
    if (ut_vad_model_open(&model, compute, path, &err)) {
        printf("skipped: %s\n", err.text);
        return false;
    }
    if (!add_recording(cache, "two_cities.wav"))
        return false;
    add_pause(7 * RATE, 0.0f);
    if (!add_recording(cache, "sample.wav"))
        return false;
    add_pause(11 * RATE, 1e-3f);
    if (!add_recording(cache, "beckett.wav"))
        return false;
    add_pause(3 * RATE, 1e-4f);
    return true;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ordinary_recordings_have_the_same_segments_with_gain_and_gate),
        cmocka_unit_test(test_recordings_forty_decibels_down_are_heard_only_with_gain),
        cmocka_unit_test(test_empty_rooms_cost_next_to_nothing_and_voices_wake),
        cmocka_unit_test(test_reset_forgets_and_hostile_samples_pass),
    };
    const char *home = getenv("HOME");
    const char *named = getenv("UTTER_CACHE");
    char cache[400];
    int result = 77;

    snprintf(cache, sizeof cache, "%s%s",
             named  ? named
             : home ? home
                    : "",
             named ? "" : "/.cache/utter");
    if (prepare(cache))
        result = cmocka_run_group_tests(tests, NULL, NULL);
    ut_vad_model_close(model);
    ut_compute_destroy(compute);
    ut_free(pcm);
    ut_free(other);
    return result;
}
