/*
 * A session's policy, with the recogniser played by a script (world.h): what is said comes out once
 * and in order whatever the pauses, the chunks and the reader do.
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

#include "tests/unit/stream/world.h"

enum { RATE = UT_MEL_RATE_HZ };

/* What the session takes from the heap, counted by the linker's --wrap. */
static size_t n_allocations;
int __real_posix_memalign(void **p, size_t align, size_t n);
int __wrap_posix_memalign(void **p, size_t align, size_t n);
int __wrap_posix_memalign(void **p, size_t align, size_t n)
{
    n_allocations++;
    return __real_posix_memalign(p, align, n);
}

static struct ut_mel *mel;
static float window[UT_SESSION_WINDOW_FRAMES * 80];
static struct log seen; /* of the last run */
static struct log before;

struct run {
    struct ut_session *s;
    struct world *w;
    int64_t now_us;
    bool reads;
    enum ut_status step_status;
};

static void begin(struct run *r, struct world *w, const struct ut_session_options *options)
{
    struct ut_session_options o = options ? *options : ut_session_options_default();
    struct ut_session_parts parts = { mel, world_activity, w, NULL };

    memset(&seen, 0, sizeof seen);
    *r = (struct run){ .w = w, .reads = true };
    w->n_heard = 0;
    assert_int_equal(ut_session_create(&r->s, &parts, &o, 0), UT_OK);
}

static enum ut_status read_all(struct run *r)
{
    struct ut_event e;
    enum ut_status status;

    while ((status = ut_session_get(r->s, &e)) == UT_OK)
        log_event(&seen, &e);
    return status;
}

/* Runs all that can be run. */
static void settle(struct run *r)
{
    struct ut_asr_step step;
    int64_t deadline;
    bool more = true;

    while (more) {
        more = ut_session_advance(r->s, 16, r->now_us);
        if (ut_session_due(r->s, &deadline)) {
            ut_session_prepare(r->s, &step, window);
            assert_true(step.n_frames % 2 == 0 && step.n_frames <= UT_SESSION_WINDOW_FRAMES);
            world_step(r->w, r->s, &step);
            ut_session_finish(r->s, &step, r->step_status, r->now_us);
            more = true;
        }
        if (r->reads)
            (void)!read_all(r);
    }
}

static enum ut_status feed(struct run *r, const float *pcm, size_t n)
{
    enum ut_status status = ut_session_feed(r->s, pcm, n, r->now_us);

    r->now_us += (int64_t)n * 1000000 / RATE;
    return status;
}

/* The whole world in chunks of n samples, then a flush. */
static void play(struct run *r, size_t n_chunk)
{
    static float silence[10 * RATE];

    for (int64_t s = 0; s < r->w->length; s += (int64_t)n_chunk) {
        int64_t left = r->w->length - s;
        size_t n = left < (int64_t)n_chunk ? (size_t)left : n_chunk;

        assert_int_equal(feed(r, silence, n), UT_OK);
        settle(r);
    }
    ut_session_flush(r->s);
    settle(r);
    assert_int_equal(read_all(r), UT_END);
}

static void expect_all_words(const struct world *w)
{
    static char want[16384];
    size_t n = 0;

    want[0] = '\0';
    for (size_t i = 0; i < w->n; i++)
        n += (size_t)snprintf(want + n, sizeof want - n, " w%zu", i);
    assert_string_equal(seen.committed, want);
    assert_string_equal(seen.finals, want);
}

/* Phrases with pauses of all lengths; now and then a monologue without any. */
static void make_world(struct world *w, uint32_t seed)
{
    memset(w, 0, sizeof *w);
    w->noise = seed;
    w->gap_probability = seed & 1 ? 0.95f : 0.2f;
    for (size_t phrase = 0; phrase < 8; phrase++) {
        uint32_t kind = (seed + (uint32_t)phrase * 7) % 5;
        size_t n_words = kind == 0 ? 90 : 2 + (seed * 13 + phrase * 5) % 12;
        int64_t pause = (int64_t)((seed * 31 + phrase * 17) % 30) * RATE / 10;

        for (size_t i = 0; i < n_words; i++)
            world_say(w, i == 0 ? pause + RATE / 5 : RATE / 20, RATE / 4 + (int64_t)i % 5 * 800);
    }
    w->length += RATE;
}

static void test_every_word_comes_out_once_and_in_order(void **state)
{
    static struct world w;
    struct run r;

    (void)state;
    for (uint32_t seed = 1; seed <= 12; seed++) {
        make_world(&w, seed);
        begin(&r, &w, NULL);
        play(&r, 512);
        expect_all_words(&w);
        assert_true(seen.n_finals > 1);
        ut_session_destroy(r.s);
    }
}

static void test_monologue_of_a_minute_commits_within_three_seconds(void **state)
{
    static struct world w;
    struct run r;

    (void)state;
    memset(&w, 0, sizeof w);
    w.noise = 5;
    w.gap_probability = 0.95f;
    for (size_t i = 0; i < 200; i++)
        world_say(&w, RATE / 50, RATE * 3 / 10);
    begin(&r, &w, NULL);
    play(&r, 1600);
    expect_all_words(&w);
    assert_true(ut_session_stats(r.s).n_forced_cuts >= 2);
    assert_true(seen.worst_lag_s <= 3.0);
    ut_session_destroy(r.s);
}

static void test_loops_cost_no_word_and_show_none(void **state)
{
    static struct world w;
    struct run r;

    (void)state;
    for (uint32_t seed = 1; seed <= 6; seed++) {
        make_world(&w, seed);
        w.loops_after = 5 * RATE;
        begin(&r, &w, NULL);
        play(&r, 512);
        expect_all_words(&w);
        assert_null(strstr(seen.events, "loop"));
        assert_true(ut_session_stats(r.s).n_splits > 0);
        assert_true(ut_session_stats(r.s).n_looped >= ut_session_stats(r.s).n_splits);
        ut_session_destroy(r.s);
    }
}

static void test_chunks_of_one_sample_say_the_same_as_large_ones(void **state)
{
    static struct world w;
    struct ut_session_options o = ut_session_options_default();
    struct run r;

    (void)state;
    o.stretch_after = 0;
    make_world(&w, 3);
    begin(&r, &w, &o);
    play(&r, 1);
    ut_session_destroy(r.s);
    expect_all_words(&w);
    before = seen;

    make_world(&w, 3);
    begin(&r, &w, &o);
    play(&r, 10 * RATE);
    ut_session_destroy(r.s);
    assert_string_equal(seen.events, before.events);
    assert_int_equal(seen.n_events, before.n_events);
}

static void test_a_burst_makes_steps_longer_and_loses_nothing(void **state)
{
    static struct world w;
    struct run r;

    (void)state;
    make_world(&w, 5);
    begin(&r, &w, NULL);
    play(&r, 10 * RATE);
    expect_all_words(&w);
    assert_true(ut_session_stats(r.s).n_stretched > 0);
    ut_session_destroy(r.s);
}

static void test_words_are_shown_early_and_committed_before_the_segment_ends(void **state)
{
    static struct world w;
    struct run r;

    (void)state;
    memset(&w, 0, sizeof w);
    for (size_t i = 0; i < 20; i++)
        world_say(&w, RATE / 50, RATE * 3 / 10);
    begin(&r, &w, NULL);
    static float silence[RATE];
    assert_int_equal(feed(&r, silence, RATE * 7 / 10), UT_OK);
    settle(&r);
    assert_int_equal(seen.n_unstable, 1); /* the first word, 0.25 s after its end */
    for (int i = 0; i < 5; i++) {
        assert_int_equal(feed(&r, silence, RATE / 2), UT_OK);
        settle(&r);
    }
    assert_int_equal(seen.n_finals, 0);
    assert_true(strlen(seen.committed) >= strlen(" w0 w1 w2 w3"));
    ut_session_destroy(r.s); /* closed without a flush */
}

static void test_pause_needs_no_second_pass_at_the_end(void **state)
{
    static struct world w;
    struct run r;

    (void)state;
    memset(&w, 0, sizeof w);
    for (size_t i = 0; i < 6; i++)
        world_say(&w, RATE / 50, RATE * 3 / 10);
    w.length += 10 * RATE;
    begin(&r, &w, NULL);
    play(&r, 512);
    expect_all_words(&w);
    /* 1.9 s of speech: eight steps from 0.35 s on, two until its words are committed, one when the
     * pause has been heard. */
    assert_int_equal(ut_session_stats(r.s).n_steps, 11);
    ut_session_destroy(r.s);
}

static void test_unread_session_stops_refuses_audio_and_loses_nothing(void **state)
{
    static struct world w;
    static float silence[RATE];
    struct ut_session_options o = ut_session_options_default();
    struct run r;
    int64_t s = 0;

    (void)state;
    memset(&w, 0, sizeof w); /* long enough for some hundred small events */
    w.gap_probability = 0.2f;
    for (size_t i = 0; i < 1000; i++)
        world_say(&w, i % 9 == 0 ? RATE : RATE / 20, RATE / 4);
    w.length += RATE;
    o.n_queued = 4;
    o.commit.show = (struct ut_commit_show){ 0 };
    o.max_waiting = 5 * RATE;
    o.segmenter.max_length = 4 * RATE; /* many finals */
    o.segmenter.stretch_from = RATE;
    begin(&r, &w, &o);
    r.reads = false;
    enum ut_status status = UT_OK;
    while (s < w.length) {
        size_t n = w.length - s < RATE ? (size_t)(w.length - s) : RATE;

        status = feed(&r, silence, n);
        if (status)
            break;
        s += (int64_t)n;
        settle(&r);
    }
    assert_int_equal(status, UT_ELIMIT);
    assert_true(ut_session_full(r.s));
    assert_true(ut_session_stats(r.s).n_waiting > 4 * RATE);
    assert_true(ut_session_stats(r.s).n_coalesced > 0);

    r.reads = true;
    assert_int_equal(read_all(&r), UT_AGAIN);
    settle(&r);
    while (s < w.length) {
        size_t n = w.length - s < RATE ? (size_t)(w.length - s) : RATE;

        assert_int_equal(feed(&r, silence, n), UT_OK);
        s += (int64_t)n;
        settle(&r);
    }
    ut_session_flush(r.s);
    settle(&r);
    assert_int_equal(read_all(&r), UT_END);
    expect_all_words(&w);
    ut_session_destroy(r.s);
}

static void test_guards_refuse_words_on_what_is_no_speech(void **state)
{
    static struct world w;
    struct run r;

    (void)state;
    make_world(&w, 2);
    w.no_speech_prob = 0.9f;
    w.avg_logprob = -1.5f;
    begin(&r, &w, NULL);
    play(&r, 512);
    assert_int_equal(seen.n_events, 0);
    assert_true(ut_session_stats(r.s).n_refused > 0);
    ut_session_destroy(r.s);

    /* One of the two suffices where there was hardly any speech. */
    memset(&w, 0, sizeof w);
    w.no_speech_prob = 0.4f;
    world_say(&w, RATE, RATE / 5);
    w.length += 2 * RATE;
    begin(&r, &w, NULL);
    play(&r, 512);
    assert_int_equal(seen.n_events, 0);
    ut_session_destroy(r.s);

    /* It does not where there was plenty. */
    make_world(&w, 2);
    w.no_speech_prob = 0.4f;
    begin(&r, &w, NULL);
    play(&r, 512);
    expect_all_words(&w);
    ut_session_destroy(r.s);
}

static void test_flush_with_nothing_ends_at_once(void **state)
{
    static struct world w;
    struct ut_event e;
    struct run r;
    float x = 0.0f;

    (void)state;
    memset(&w, 0, sizeof w);
    begin(&r, &w, NULL);
    assert_false(ut_session_readable(r.s));
    assert_int_equal(ut_session_get(r.s, &e), UT_AGAIN);
    ut_session_flush(r.s);
    settle(&r);
    assert_true(ut_session_readable(r.s));
    assert_int_equal(ut_session_get(r.s, &e), UT_END);
    assert_int_equal(ut_session_feed(r.s, &x, 1, 0), UT_EINVAL);
    ut_session_destroy(r.s);
}

static void test_flush_in_the_middle_of_a_word_brings_it_out(void **state)
{
    static struct world w;
    struct run r;

    (void)state;
    memset(&w, 0, sizeof w);
    for (size_t i = 0; i < 7; i++)
        world_say(&w, RATE / 50, RATE * 3 / 10);
    begin(&r, &w, NULL);
    play(&r, 333); /* the audio ends with the last word */
    expect_all_words(&w);
    ut_session_destroy(r.s);
}

static void test_bad_samples_count_and_do_no_harm(void **state)
{
    static struct world w;
    static float bad[RATE];
    struct run r;

    (void)state;
    make_world(&w, 2);
    for (size_t s = 0; s < RATE; s++)
        bad[s] = s % 3 == 0 ? NAN : s % 3 == 1 ? -INFINITY : 3e38f;
    begin(&r, &w, NULL);
    for (int64_t s = 0; s + RATE <= w.length; s += RATE) {
        assert_int_equal(feed(&r, bad, RATE), UT_OK);
        settle(&r);
    }
    ut_session_flush(r.s);
    settle(&r);
    assert_int_equal(read_all(&r), UT_END);
    assert_true(ut_session_stats(r.s).n_bad > RATE);
    assert_true(seen.n_finals > 0);
    assert_int_equal(ut_session_feed(r.s, NULL, 1, 0), UT_EINVAL);
    ut_session_destroy(r.s);
}

static void test_a_step_that_fails_ends_the_session_with_its_status(void **state)
{
    static struct world w;
    static float silence[10 * RATE];
    struct run r;

    (void)state;
    make_world(&w, 2);
    begin(&r, &w, NULL);
    r.step_status = UT_ENOMEM;
    assert_int_equal(feed(&r, silence, 10 * RATE), UT_OK);
    settle(&r);
    assert_int_equal(read_all(&r), UT_ENOMEM);
    assert_int_equal(feed(&r, silence, RATE), UT_ENOMEM);
    ut_session_destroy(r.s);
}

static void test_steady_state_takes_no_memory(void **state)
{
    static struct world w;
    struct run r;

    (void)state;
    make_world(&w, 4);
    begin(&r, &w, NULL);
    n_allocations = 0;
    play(&r, 512);
    assert_int_equal(n_allocations, 0);
    expect_all_words(&w);
    ut_session_destroy(r.s);
    begin(&r, &w, NULL);
    assert_true(n_allocations > 0); /* it does count */
    ut_session_destroy(r.s);
}

static void test_language_is_kept_once_it_was_heard_long_enough(void **state)
{
    static struct world w;
    static float silence[RATE];
    struct ut_asr_step step;
    struct run r;

    (void)state;
    memset(&w, 0, sizeof w);
    for (size_t i = 0; i < 12; i++)
        world_say(&w, RATE / 50, RATE * 3 / 10);
    begin(&r, &w, NULL);
    assert_int_equal(feed(&r, silence, RATE / 2), UT_OK);
    while (ut_session_advance(r.s, 1, 0)) {
    }
    ut_session_prepare(r.s, &step, window);
    assert_int_equal(step.language, -1);
    world_step(&w, r.s, &step);
    ut_session_finish(r.s, &step, UT_OK, 0);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(feed(&r, silence, RATE / 2), UT_OK);
        settle(&r);
    }
    assert_int_equal(feed(&r, silence, RATE / 2), UT_OK);
    while (ut_session_advance(r.s, 1, 0)) {
    }
    ut_session_prepare(r.s, &step, window);
    assert_int_equal(step.language, 0);
    ut_session_destroy(r.s);
}

static void test_options_out_of_range_are_refused(void **state)
{
    static struct world w;
    struct ut_session_parts parts = { mel, world_activity, &w, NULL };
    struct ut_session_options o = ut_session_options_default();
    struct ut_session *s = NULL;

    (void)state;
    o.step = 0;
    assert_int_equal(ut_session_create(&s, &parts, &o, 0), UT_EINVAL);
    o = ut_session_options_default();
    o.max_waiting = INT64_MAX;
    assert_int_equal(ut_session_create(&s, &parts, &o, 0), UT_EINVAL);
    o = ut_session_options_default();
    o.segmenter.pre_roll = 60 * RATE;
    assert_int_equal(ut_session_create(&s, &parts, &o, 0), UT_EINVAL);
    o = ut_session_options_default();
    o.commit.n_agree = 0;
    assert_int_equal(ut_session_create(&s, &parts, &o, 0), UT_EINVAL);
    assert_null(s);
    ut_session_destroy(NULL);
}

static int make_mel(void **state)
{
    (void)state;
    return ut_mel_create(&mel, 80) != UT_OK;
}

static int drop_mel(void **state)
{
    (void)state;
    ut_mel_destroy(mel);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_word_comes_out_once_and_in_order),
        cmocka_unit_test(test_monologue_of_a_minute_commits_within_three_seconds),
        cmocka_unit_test(test_loops_cost_no_word_and_show_none),
        cmocka_unit_test(test_chunks_of_one_sample_say_the_same_as_large_ones),
        cmocka_unit_test(test_a_burst_makes_steps_longer_and_loses_nothing),
        cmocka_unit_test(test_words_are_shown_early_and_committed_before_the_segment_ends),
        cmocka_unit_test(test_pause_needs_no_second_pass_at_the_end),
        cmocka_unit_test(test_unread_session_stops_refuses_audio_and_loses_nothing),
        cmocka_unit_test(test_guards_refuse_words_on_what_is_no_speech),
        cmocka_unit_test(test_flush_with_nothing_ends_at_once),
        cmocka_unit_test(test_flush_in_the_middle_of_a_word_brings_it_out),
        cmocka_unit_test(test_bad_samples_count_and_do_no_harm),
        cmocka_unit_test(test_a_step_that_fails_ends_the_session_with_its_status),
        cmocka_unit_test(test_steady_state_takes_no_memory),
        cmocka_unit_test(test_language_is_kept_once_it_was_heard_long_enough),
        cmocka_unit_test(test_options_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, make_mel, drop_mel);
}
