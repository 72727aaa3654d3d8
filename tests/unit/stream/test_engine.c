/*
 * The engine with its threads, on the model named by the argument ("tiny.en"). Skipped when the
 * cache lacks it.
 */
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

#include "base/clock.h"
#include "base/memory.h"
#include "stream/engine.h"
#include "stream/prompt.h"
#include "stream/utter.h"
#include "tests/unit/stream/rig.h"

enum { RATE = UT_MEL_RATE_HZ, N_CLIP = 9 * RATE, N_WHOLE = 8 * RATE /* ends in a pause */ };

static const char *model_name = "tiny.en";
static float *narration;
static size_t n_narration;

static struct ut_engine *open_engine(void)
{
    const struct ut_engine_options o = { .model = model_name, .n_threads = 1, .max_batch = 4 };
    struct ut_engine *e = NULL;
    struct ut_error err = { 0 };

    if (ut_engine_create(&e, &o, &err))
        fail_msg("%s", err.text);
    return e;
}

/* Steps that do not depend on how fast the machine is, so that texts can be compared. */
static struct ut_session_options steady_options(void)
{
    struct ut_session_options o = ut_session_options_default();

    o.stretch_after = 0;
    return o;
}

struct said {
    char text[4096];
    size_t n_finals;
    enum ut_status status;
};

/* Feeds the clip in uneven chunks while reading, flushes, and reads to the end. */
static void caption(struct ut_engine *e, struct said *out)
{
    const struct ut_session_options o = steady_options();
    struct ut_stream *s;
    struct ut_event event;
    size_t at = 0;

    memset(out, 0, sizeof *out);
    out->status = ut_stream_open(e, &s, &o, NULL, NULL);
    if (out->status)
        return;
    while (at < N_CLIP && !out->status) {
        size_t n = 300 + at % 1700;

        n = n < N_CLIP - at ? n : N_CLIP - at;
        out->status = ut_stream_feed(s, narration + at, n);
        at += n;
    }
    ut_stream_flush(s);
    while (!out->status && (out->status = ut_stream_get(s, &event, -1)) == UT_OK) {
        size_t n = strlen(out->text);

        if (event.type == UT_EVENT_COMMITTED)
            snprintf(out->text + n, sizeof out->text - n, "%s", event.text);
        out->n_finals += event.type == UT_EVENT_FINAL;
    }
    ut_stream_close(s);
}

struct caption_job {
    pthread_t thread;
    struct ut_engine *engine;
    struct said said;
};

static void *caption_thread(void *arg)
{
    struct caption_job *job = arg;

    caption(job->engine, &job->said);
    return NULL;
}

static void run_jobs(struct caption_job *jobs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_int_equal(pthread_create(&jobs[i].thread, NULL, caption_thread, &jobs[i]), 0);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(pthread_join(jobs[i].thread, NULL), 0);
}

static void test_streams_of_one_engine_and_of_two_say_what_one_alone_says(void **state)
{
    static struct said alone;
    static struct caption_job jobs[4];
    struct ut_engine *a = open_engine();
    struct ut_engine *b = open_engine();

    (void)state;
    caption(a, &alone);
    assert_int_equal(alone.status, UT_END);
    assert_non_null(strstr(alone.text, "It was the best of times"));
    assert_true(alone.n_finals >= 1);

    for (size_t i = 0; i < 4; i++)
        jobs[i].engine = i < 2 ? a : b;
    run_jobs(jobs, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(jobs[i].said.status, UT_END);
        assert_string_equal(jobs[i].said.text, alone.text);
    }
    struct ut_engine_stats stats = ut_engine_stats(a);
    print_message("%llu steps in %llu batches, longest %.3f s\n", (unsigned long long)stats.n_steps,
                  (unsigned long long)stats.n_batches, (double)stats.longest_step_us / 1e6);
    assert_int_equal(stats.n_streams, 0);
    assert_true(stats.n_batches < stats.n_steps); /* some steps went together */
    ut_engine_destroy(a);
    ut_engine_destroy(b);
}

static void test_closing_in_mid_speech_and_opening_again_works(void **state)
{
    struct ut_engine *e = open_engine();

    (void)state;
    for (int i = 0; i < 6; i++) {
        struct ut_stream *s;
        struct ut_event event;

        assert_int_equal(ut_stream_open(e, &s, NULL, i % 2 ? "tale of two cities" : NULL, NULL),
                         UT_OK);
        assert_int_equal(ut_stream_get(s, &event, 0), UT_AGAIN);
        assert_int_equal(ut_stream_feed(s, narration, (size_t)(i + 1) * RATE), UT_OK);
        if (i % 3 == 2)
            ut_stream_flush(s);
        (void)!ut_stream_get(s, &event, 20 * i);
        ut_stream_close(s);
    }
    ut_stream_close(NULL);
    ut_engine_destroy(e);
    ut_engine_destroy(NULL);
}

static void test_stream_refuses_more_than_its_buffer_and_goes_on(void **state)
{
    struct ut_session_options o = ut_session_options_default();
    struct ut_engine *e = open_engine();
    struct ut_stream *s;
    struct ut_event event;
    enum ut_status status = UT_OK;

    (void)state;
    o.max_waiting = 2 * RATE;
    assert_int_equal(ut_stream_open(e, &s, &o, NULL, NULL), UT_OK);
    assert_int_equal(ut_stream_feed(s, narration, 2 * RATE + 1), UT_ELIMIT);
    for (int i = 0; i < 100 && !status; i++)
        status = ut_stream_feed(s, narration, RATE);
    assert_int_equal(status, UT_ELIMIT);
    assert_true(ut_stream_stats(s).n_waiting <= 2 * RATE);
    ut_stream_flush(s);
    while ((status = ut_stream_get(s, &event, -1)) == UT_OK) {
    }
    assert_int_equal(status, UT_END);
    ut_stream_close(s);
    ut_engine_destroy(e);
}

static void test_what_cannot_be_opened_says_why(void **state)
{
    const struct ut_engine_options no_model = { .model = "tiny.en-q4_1", .cache = "/nonexistent" };
    const struct ut_engine_options no_vad = { .model = model_name, .vad = "/nonexistent.gguf" };
    struct ut_session_options o = ut_session_options_default();
    struct ut_engine *e = NULL;
    struct ut_stream *s = NULL;
    struct ut_error err;

    (void)state;
    assert_int_equal(ut_engine_create(&e, &no_model, &err), UT_EIO);
    assert_non_null(strstr(err.text, "utter models fetch"));
    assert_null(e);

    assert_int_equal(ut_engine_create(&e, &no_vad, &err), UT_OK);
    assert_int_equal(ut_stream_open(e, &s, NULL, NULL, &err), UT_EIO);
    assert_non_null(strstr(err.text, "/nonexistent.gguf"));
    ut_engine_destroy(e);

    e = open_engine();
    o.language = 3; /* English-only model */
    assert_int_equal(ut_stream_open(e, &s, &o, NULL, &err), UT_EINVAL);
    o = ut_session_options_default();
    o.step = -1;
    assert_int_equal(ut_stream_open(e, &s, &o, NULL, &err), UT_EINVAL);
    assert_null(s);
    ut_engine_destroy(e);
}

static void test_long_prompt_keeps_its_end_and_says_what_it_dropped(void **state)
{
    utter_engine_options eo = { .model = model_name, .n_threads = 1 };
    utter_stream_options so = { .prompt = "caf\xe9" };
    static char words[UT_PROMPT_MAX_BYTES + 2];
    utter_stream_stats stats;
    utter_engine *engine = NULL;
    utter_stream *stream = NULL;
    char error[120] = "";

    (void)state;
    assert_int_equal(utter_engine_open(&engine, &eo, error, sizeof error), UTTER_OK);
    assert_int_equal(utter_stream_open(engine, &stream, &so, error, sizeof error), UTTER_INVALID);
    assert_string_equal(error, "prompt: byte 3 (0xe9) is no UTF-8");

    for (size_t i = 0; i < 150; i++)
        memcpy(words + 5 * i, " word", 5); /* one token each */
    so.prompt = words;
    assert_int_equal(utter_stream_open(engine, &stream, &so, error, sizeof error), UTTER_OK);
    assert_int_equal(utter_stream_get_stats(stream, &stats, sizeof stats), UTTER_OK);
    assert_int_equal(stats.n_prompt_dropped, 50);
    utter_stream_close(stream);

    words[5 * 100] = '\0';
    assert_int_equal(utter_stream_open(engine, &stream, &so, error, sizeof error), UTTER_OK);
    memset(&stats, 0xff, sizeof stats);
    assert_int_equal(utter_stream_get_stats(stream, &stats, sizeof stats.n_samples), UTTER_OK);
    assert_int_equal(stats.n_samples, 0);
    assert_true(stats.n_waiting == UINT64_MAX); /* an older program's stats end before it */
    assert_int_equal(utter_stream_get_stats(stream, &stats, sizeof stats), UTTER_OK);
    assert_int_equal(stats.n_prompt_dropped, 0);
    utter_stream_close(stream);

    memset(words, 'a', UT_PROMPT_MAX_BYTES + 1);
    assert_int_equal(utter_stream_open(engine, &stream, &so, error, sizeof error), UTTER_INVALID);
    assert_non_null(strstr(error, "65537 bytes"));
    utter_engine_close(engine);
}

/* Reads to the end; words as one text. */
static void read_rest(utter_stream *stream, char *text, size_t size, double *last_start)
{
    utter_event event;

    text[0] = '\0';
    while (utter_stream_get(stream, &event, -1) == UTTER_OK) {
        for (size_t i = 0; i < event.n_words && event.type == UTTER_COMMITTED; i++) {
            size_t n = strlen(text);
            assert_true(event.words[i].start >= *last_start);
            *last_start = event.words[i].start;
            snprintf(text + n, size - n, "%s ", event.words[i].text);
        }
    }
}

/* Linear interpolation is enough for speech that is tested with. */
static size_t stretch(float *out, const float *in, size_t n, double rate)
{
    size_t n_out = (size_t)((double)n * rate / RATE);

    for (size_t i = 0; i < n_out; i++) {
        double at = (double)i * RATE / rate;
        size_t k = (size_t)at;
        float next = k + 1 < n ? in[k + 1] : in[n - 1];
        out[i] = in[k] + (float)(at - (double)k) * (next - in[k]);
    }
    return n_out;
}

static void test_rate_that_changes_in_mid_stream_loses_nothing(void **state)
{
    static const unsigned rates[] = { 48000, 16000, 8000, 44100, 16000 };
    utter_engine_options eo = { .model = model_name, .n_threads = 2 };
    static float pcm[2 * 48000];
    utter_stream_stats stats;
    utter_engine *engine = NULL;
    utter_stream *stream = NULL;
    char text[2000];
    double last = 0.0;

    (void)state;
    assert_int_equal(utter_engine_open(&engine, &eo, NULL, 0), UTTER_OK);
    assert_int_equal(utter_stream_open(engine, &stream, NULL, NULL, 0), UTTER_OK);
    for (size_t at = 0; at < N_CLIP; at += 2 * RATE) {
        size_t n = N_CLIP - at < 2 * RATE ? N_CLIP - at : 2 * RATE;
        unsigned rate = rates[at / (2 * RATE)];

        n = stretch(pcm, narration + at, n, rate);
        pcm[7] = NAN;
        assert_int_equal(utter_stream_feed_rate(stream, pcm, n, rate), UTTER_OK);
    }
    assert_int_equal(utter_stream_feed_rate(stream, pcm, 1, 999), UTTER_INVALID);
    assert_int_equal(utter_stream_feed_rate(stream, pcm, 1, 768001), UTTER_INVALID);
    assert_int_equal(utter_stream_flush(stream), UTTER_OK);
    read_rest(stream, text, sizeof text, &last);
    assert_int_equal(utter_stream_get_stats(stream, &stats, sizeof stats), UTTER_OK);
    assert_in_range(stats.n_samples, N_CLIP - 3, N_CLIP + 3);
    assert_int_equal(stats.n_rate_changes, 4);
    assert_int_equal(stats.n_bad, 5);
    print_message("%s\n", text);
    assert_non_null(strstr(text, "best of times"));
    assert_non_null(strstr(text, "worst of time"));
    utter_stream_close(stream);
    utter_engine_close(engine);
}

static void test_hour_that_is_missing_is_an_hour_in_the_times(void **state)
{
    utter_engine_options eo = { .model = model_name, .n_threads = 2 };
    utter_stream_stats stats;
    utter_engine *engine = NULL;
    utter_stream *stream = NULL;
    char before[2000];
    char text[4000];
    char expect[4000];
    double last = 0.0;
    double last_plain = 0.0;

    (void)state;
    assert_int_equal(utter_engine_open(&engine, &eo, NULL, 0), UTTER_OK);
    assert_int_equal(utter_stream_open(engine, &stream, NULL, NULL, 0), UTTER_OK);
    assert_int_equal(utter_stream_feed(stream, narration, N_WHOLE), UTTER_OK);
    assert_int_equal(utter_stream_flush(stream), UTTER_OK);
    read_rest(stream, before, sizeof before, &last_plain);
    utter_stream_close(stream);

    assert_int_equal(utter_stream_open(engine, &stream, NULL, NULL, 0), UTTER_OK);
    assert_int_equal(utter_stream_feed(stream, narration, N_WHOLE), UTTER_OK);
    assert_int_equal(utter_stream_skip(stream, 3600 * RATE - N_WHOLE), UTTER_OK);
    assert_int_equal(utter_stream_feed(stream, narration, N_WHOLE), UTTER_OK);
    assert_int_equal(utter_stream_flush(stream), UTTER_OK);
    read_rest(stream, text, sizeof text, &last);
    snprintf(expect, sizeof expect, "%s%s", before, before);
    assert_string_equal(text, expect);
    assert_true(fabs(last - last_plain - 3600.0) < 0.1);
    assert_int_equal(utter_stream_get_stats(stream, &stats, sizeof stats), UTTER_OK);
    assert_int_equal(stats.n_samples, 3600 * RATE + N_WHOLE);
    assert_int_equal(stats.n_missing, 3600 * RATE - N_WHOLE);
    assert_int_equal(stats.n_gaps, 1);
    utter_stream_close(stream);

    assert_int_equal(utter_stream_open(engine, &stream, NULL, NULL, 0), UTTER_OK);
    assert_int_equal(utter_stream_feed_at(stream, narration, RATE, 77), UTTER_OK);
    assert_int_equal(utter_stream_feed_at(stream, narration, RATE, 77 + 3 * RATE), UTTER_OK);
    assert_int_equal(utter_stream_get_stats(stream, &stats, sizeof stats), UTTER_OK);
    assert_int_equal(stats.n_samples, 4 * RATE);
    assert_int_equal(utter_stream_skip(NULL, 1), UTTER_INVALID);
    assert_int_equal(utter_stream_feed_at(NULL, narration, 1, 0), UTTER_INVALID);
    assert_int_equal(utter_stream_feed_rate(NULL, narration, 1, 8000), UTTER_INVALID);
    utter_stream_close(stream);
    utter_engine_close(engine);
}

struct reading {
    size_t at;
    atomic_bool *cancel;
    size_t n_segments;
};

static enum ut_status read_clip(void *ctx, float *pcm, size_t n, size_t *got, struct ut_error *err)
{
    struct reading *r = ctx;

    (void)err;
    *got = n < n_narration - r->at ? n : n_narration - r->at;
    memcpy(pcm, narration + r->at, *got * sizeof *pcm);
    r->at += *got;
    return *got ? UT_OK : UT_END;
}

static enum ut_status count_segment(void *ctx, const struct ut_asr_segment *segment)
{
    struct reading *r = ctx;

    assert_true(strlen(segment->text) > 0);
    r->n_segments++;
    if (r->cancel)
        atomic_store(r->cancel, true);
    return UT_OK;
}

static void test_transcription_runs_beside_a_stream_and_can_be_canceled(void **state)
{
    static struct caption_job job;
    struct ut_asr_options o = ut_asr_options_default();
    struct ut_engine *e = open_engine();
    atomic_bool cancel = false;
    struct reading whole = { 0 };
    struct reading half = { .cancel = &cancel };

    (void)state;
    o.beam = 1;
    job.engine = e;
    assert_int_equal(pthread_create(&job.thread, NULL, caption_thread, &job), 0);
    assert_int_equal(ut_engine_transcribe(e, &o, NAN, read_clip, &whole, count_segment, &whole,
                                          NULL, NULL, NULL),
                     UT_OK);
    assert_int_equal(ut_engine_transcribe(e, &o, NAN, read_clip, &half, count_segment, &half,
                                          &cancel, NULL, NULL),
                     UT_ECANCELED);
    assert_int_equal(pthread_join(job.thread, NULL), 0);
    assert_int_equal(job.said.status, UT_END);
    assert_true(whole.n_segments > 1);
    assert_int_equal(half.n_segments, 1);
    ut_engine_destroy(e);
}

static void test_public_interface_gives_the_same_words_without_spaces(void **state)
{
    utter_engine_options eo = { .model = model_name, .n_threads = 2 };
    utter_stream_options so = { .language = "xx" };
    utter_engine *engine = NULL;
    utter_stream *stream = NULL;
    utter_event event;
    char error[120] = "";
    size_t n_words = 0;
    size_t n_final_words = 0;
    double last = 0.0;

    (void)state;
    int64_t begin = ut_clock_now_us();
    assert_int_equal(utter_engine_open(&engine, &eo, error, sizeof error), UTTER_OK);
    assert_int_equal(utter_stream_open(engine, &stream, &so, error, sizeof error), UTTER_INVALID);
    assert_non_null(strstr(error, "\"xx\""));
    assert_int_equal(utter_stream_open(engine, &stream, NULL, error, sizeof error), UTTER_OK);
    assert_int_equal(utter_stream_feed(stream, narration, N_CLIP), UTTER_OK);
    print_message("listening after %.0f ms\n", (double)(ut_clock_now_us() - begin) / 1e3);
    assert_int_equal(utter_stream_flush(stream), UTTER_OK);
    while (utter_stream_get(stream, &event, -1) == UTTER_OK) {
        assert_true(event.text[0] != ' ' && event.wall >= 0.0);
        assert_string_equal(event.language, "en");
        for (size_t i = 0; i < event.n_words && event.type == UTTER_COMMITTED; i++, n_words++) {
            assert_true(event.words[i].text[0] && event.words[i].text[0] != ' ');
            assert_true(event.words[i].start >= last);
            last = event.words[i].end;
        }
        n_final_words += event.type == UTTER_FINAL ? event.n_words : 0;
    }
    assert_true(n_words >= 20);
    assert_int_equal(n_words, n_final_words);
    assert_int_equal(utter_stream_get(stream, &event, 0), UTTER_END);
    assert_int_equal(utter_stream_feed(stream, narration, 1), UTTER_INVALID);
    utter_stream_close(stream);
    utter_engine_close(engine);
    utter_stream_close(NULL);
    utter_engine_close(NULL);
    assert_int_equal(utter_engine_open(NULL, NULL, NULL, 0), UTTER_INVALID);
    error[0] = '\0';
    assert_int_equal(utter_engine_open(NULL, &eo, error, sizeof error), UTTER_INVALID);
    assert_non_null(strstr(error, "out is NULL"));
    error[0] = '\0';
    assert_int_equal(utter_stream_open(NULL, &stream, NULL, error, sizeof error), UTTER_INVALID);
    assert_non_null(strstr(error, "engine is NULL"));
    assert_string_equal(utter_status_text(UTTER_LIMIT), "a limit was reached");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams_of_one_engine_and_of_two_say_what_one_alone_says),
        cmocka_unit_test(test_closing_in_mid_speech_and_opening_again_works),
        cmocka_unit_test(test_stream_refuses_more_than_its_buffer_and_goes_on),
        cmocka_unit_test(test_what_cannot_be_opened_says_why),
        cmocka_unit_test(test_long_prompt_keeps_its_end_and_says_what_it_dropped),
        cmocka_unit_test(test_rate_that_changes_in_mid_stream_loses_nothing),
        cmocka_unit_test(test_hour_that_is_missing_is_an_hour_in_the_times),
        cmocka_unit_test(test_transcription_runs_beside_a_stream_and_can_be_canceled),
        cmocka_unit_test(test_public_interface_gives_the_same_words_without_spaces),
    };
    struct rig rig;

    if (argc > 1)
        model_name = argv[1];
    if (!rig_open(&rig, model_name))
        return 77;
    rig_close(&rig);
    if (!rig_read("two_cities.wav", &narration, &n_narration))
        return 77;
    int n_failed = cmocka_run_group_tests(tests, NULL, NULL);
    ut_free(narration);
    return n_failed;
}
