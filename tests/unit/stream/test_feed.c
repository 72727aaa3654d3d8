/*
 * What a session makes of damaged, missing and badly clocked audio, without a model: voice activity
 * is loudness, and each step hears one word, "a", in the loud part of what it is given.
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

#include "stream/session_state.h"

enum { RATE = UT_MEL_RATE_HZ, MAX_WORDS = 256 };

static struct ut_mel *mel;
static float window[UT_SESSION_WINDOW_FRAMES * 80];
static float tone[4 * RATE]; /* three seconds of it, one of silence */

struct run {
    struct ut_session *s;
    int64_t now_us;
    int64_t start[MAX_WORDS]; /* of the final segments' words */
    int64_t end[MAX_WORDS];
    size_t n;
    int64_t last_end;
    int64_t last_audio;
};

static float loudness(void *ctx, const float *pcm)
{
    float top = 0.0f;

    (void)ctx;
    for (size_t i = 0; i < UT_VAD_CHUNK; i++)
        top = fmaxf(top, fabsf(pcm[i]));
    return top > 0.01f ? 0.95f : 0.01f;
}

static void begin(struct run *r, const struct ut_session_options *options)
{
    const struct ut_session_options o = options ? *options : ut_session_options_default();
    const struct ut_session_parts parts = { .mel = mel, .activity = loudness };

    memset(r, 0, sizeof *r);
    assert_int_equal(ut_session_create(&r->s, &parts, &o, 0), UT_OK);
}

static void take_events(struct run *r)
{
    struct ut_event e;

    while (ut_session_get(r->s, &e) == UT_OK) {
        assert_true(e.start >= 0 && e.audio >= r->last_audio);
        r->last_audio = e.audio;
        if (e.type == UT_EVENT_COMMITTED)
            assert_true(e.words[0].start >= r->last_end);
        if (e.type != UT_EVENT_FINAL)
            continue;
        assert_true(e.n_words >= 1 && r->n < MAX_WORDS);
        r->start[r->n] = e.start;
        r->end[r->n++] = e.words[e.n_words - 1].end;
        r->last_end = e.words[e.n_words - 1].end;
    }
}

static void settle(struct run *r)
{
    struct ut_asr_step step;
    int64_t deadline;
    bool more = true;

    while (more) {
        more = ut_session_advance(r->s, 64, r->now_us);
        if (ut_session_due(r->s, &deadline)) {
            /* of a long segment the last seconds alone are still there */
            int64_t from = r->s->start > r->s->origin ? r->s->start : r->s->origin;
            int64_t to = r->s->want_edge;

            ut_session_prepare(r->s, &step, window);
            if (from < r->s->origin)
                from = r->s->origin; /* older audio is kept as mel frames alone */
            while (from < to && fabsf(r->s->data[from - r->s->origin]) < 0.01f)
                from++;
            while (to > from && fabsf(r->s->data[to - 1 - r->s->origin]) < 0.01f)
                to--;
            struct ut_asr_word word = { .text = " a",
                                        .start = from - r->s->start,
                                        .end = to - r->s->start,
                                        .confidence = 0.9f,
                                        .weakest = 0.9f };
            const int32_t token = 7;
            step.words = &word;
            step.n_words = to > from;
            step.tokens = &token;
            step.n_tokens = 1;
            step.avg_logprob = -0.1f;
            ut_session_finish(r->s, &step, UT_OK, r->now_us);
            more = true;
        }
        take_events(r);
    }
}

static void feed(struct run *r, const float *pcm, size_t n)
{
    assert_int_equal(ut_session_feed(r->s, pcm, n, r->now_us), UT_OK);
    r->now_us += (int64_t)n * 1000000 / RATE;
    settle(r);
}

static void feed_silence(struct run *r, size_t n)
{
    static const float silence[RATE];

    for (size_t left = n; left > 0; left -= left < RATE ? left : RATE)
        feed(r, silence, left < RATE ? left : RATE);
}

static void end(struct run *r)
{
    ut_session_flush(r->s);
    settle(r);
    struct ut_event e;
    assert_int_equal(ut_session_get(r->s, &e), UT_END);
    ut_session_destroy(r->s);
}

static void test_times_go_on_behind_a_gap_of_any_length(void **state)
{
    static const int64_t gaps[] = { 1,
                                    160,
                                    8000,
                                    2 * RATE,
                                    2 * RATE + 33,
                                    40000,
                                    10 * RATE,
                                    3600 * RATE,
                                    (int64_t)10 * 3600 * RATE + 3,
                                    12345678901 % UT_SESSION_MAX_GAP };

    (void)state;
    for (size_t k = 0; k < sizeof gaps / sizeof gaps[0]; k++) {
        struct run r;

        begin(&r, NULL);
        feed_silence(&r, RATE + 77);
        feed(&r, tone, RATE);
        feed_silence(&r, 2 * RATE);
        int64_t before = 4 * RATE + 77;
        assert_int_equal(ut_session_skip(r.s, gaps[k], r.now_us), UT_OK);
        assert_int_equal(ut_session_stats(r.s).n_fed, before + gaps[k]);
        settle(&r);
        feed_silence(&r, RATE);
        feed(&r, tone, RATE);
        feed_silence(&r, 2 * RATE);
        struct ut_session_stats stats = ut_session_stats(r.s);
        assert_int_equal(stats.n_fed, before + gaps[k] + 4 * RATE);
        assert_int_equal(stats.n_missing, gaps[k]);
        assert_int_equal(stats.n_gaps, 1);
        end(&r);
        assert_int_equal(r.n, 2);
        /* the tone's first sample is 0; a word's end is where the tone's last half wave ends */
        assert_true(llabs(r.end[0] - (2 * RATE + 77)) <= 40);
        assert_true(llabs(r.end[1] - (before + gaps[k] + 2 * RATE)) <= 40);
        assert_true(r.start[1] > r.end[0]);
    }
}

static void test_gap_in_mid_speech_ends_the_segment_where_it_was_lost(void **state)
{
    struct run r;

    (void)state;
    begin(&r, NULL);
    feed(&r, tone, 2 * RATE + 100);
    assert_int_equal(ut_session_skip(r.s, 60 * RATE, r.now_us), UT_OK);
    feed(&r, tone, 2 * RATE);
    end(&r);
    assert_int_equal(r.n, 2);
    assert_true(llabs(r.end[0] - (2 * RATE + 100)) <= 40);
    assert_true(r.start[1] > 60 * RATE && r.start[1] <= 62 * RATE + 100);
    assert_true(llabs(r.end[1] - (64 * RATE + 100)) <= 40);
}

static void test_gaps_that_wait_are_bounded_and_all_are_jumped(void **state)
{
    struct run r;
    int64_t n = 0;
    size_t k = 0;

    (void)state;
    begin(&r, NULL);
    while (ut_session_skip(r.s, 100 * RATE + 5, r.now_us) == UT_OK) {
        n += 100 * RATE + 5;
        k++;
        assert_true(k < 100);
    }
    assert_int_equal(k, UT_SESSION_MAX_JUMPS);
    settle(&r);
    assert_int_equal(ut_session_stats(r.s).n_fed, n);
    assert_int_equal(ut_session_skip(r.s, 100 * RATE, r.now_us), UT_OK);
    n += 100 * RATE;
    feed(&r, tone, RATE);
    end(&r);
    assert_int_equal(r.n, 1);
    assert_true(llabs(r.end[0] - (n + RATE)) <= 40);
}

static void test_gaps_out_of_range_are_refused_and_take_nothing(void **state)
{
    struct ut_session_options o = ut_session_options_default();
    struct run r;

    (void)state;
    o.max_waiting = RATE;
    begin(&r, &o);
    assert_int_equal(ut_session_skip(r.s, -1, 0), UT_EINVAL);
    assert_int_equal(ut_session_skip(r.s, UT_SESSION_MAX_GAP + 1, 0), UT_EINVAL);
    assert_int_equal(ut_session_skip(r.s, 10 * RATE, 0), UT_ELIMIT); /* its silence is too long */
    assert_int_equal(ut_session_skip(r.s, RATE, 0), UT_OK);
    assert_int_equal(ut_session_skip(r.s, 1, 0), UT_ELIMIT);
    assert_int_equal(ut_session_stats(r.s).n_missing, RATE);
    settle(&r);
    ut_session_flush(r.s);
    assert_int_equal(ut_session_skip(r.s, 1, 0), UT_EINVAL);
    ut_session_destroy(r.s);
}

static void feed_at(struct run *r, int64_t at, size_t n, enum ut_status want)
{
    assert_int_equal(ut_session_feed_at(r->s, tone, n, at, r->now_us), want);
    r->now_us += (int64_t)n * 1000000 / RATE;
    settle(r);
}

static void test_capture_clock_finds_gaps_and_survives_being_set(void **state)
{
    const int64_t zero = -5000000000;
    struct run r;

    (void)state;
    begin(&r, NULL);
    feed_at(&r, zero, 1600, UT_OK);
    feed_at(&r, zero + 1600 + 400, 1600, UT_OK); /* jitter */
    feed_at(&r, zero + 3200 - 400, 1600, UT_OK);
    assert_int_equal(ut_session_stats(r.s).n_fed, 4800);
    assert_int_equal(ut_session_stats(r.s).n_gaps, 0);

    feed_at(&r, zero + 4800 + 1000, 1600, UT_OK); /* 1000 samples lost */
    assert_int_equal(ut_session_stats(r.s).n_fed, 7400);
    assert_int_equal(ut_session_stats(r.s).n_missing, 1000);

    feed_at(&r, zero - 90000000, 1600, UT_OK); /* set back by an hour and a half */
    feed_at(&r, zero - 90000000 + 1600, 1600, UT_OK);
    assert_int_equal(ut_session_stats(r.s).n_fed, 10600);
    assert_int_equal(ut_session_stats(r.s).n_clock_jumps, 1);

    feed_at(&r, INT64_MAX / 8, 1600, UT_OK);                    /* and far ahead */
    feed_at(&r, INT64_MAX / 8 + 1600 + 60 * RATE, 1600, UT_OK); /* a minute lost */
    assert_int_equal(ut_session_stats(r.s).n_clock_jumps, 2);
    assert_int_equal(ut_session_stats(r.s).n_fed, 13800 + 60 * RATE);
    assert_int_equal(ut_session_stats(r.s).n_gaps, 2);

    feed_at(&r, INT64_MAX, 1, UT_EINVAL);
    feed_at(&r, INT64_MIN, 1, UT_EINVAL);
    end(&r);
}

static void test_damage_is_counted_the_same_however_it_is_cut(void **state)
{
    static float pcm[6 * RATE];
    static const size_t cuts[] = { 1, 7, 512, 1600, 6 * RATE };

    (void)state;
    for (size_t i = 0; i < 6 * RATE; i++)
        pcm[i] = tone[i % RATE] * 0.5f;
    for (size_t i = 1000; i < 1003; i++)
        pcm[i] = i % 2 ? NAN : -INFINITY;
    for (size_t i = 2000; i < 2010; i++)
        pcm[i] = 1.5f;
    pcm[2020] = -32768.0f / 32768.0f;
    for (size_t i = 3 * RATE; i < 4 * RATE; i++)
        pcm[i] = 0.0f; /* muted: one of it is the first */
    for (size_t i = 5 * RATE; i < 5 * RATE + RATE / 11; i++)
        pcm[i] = 0.1f; /* too short to say */
    for (size_t k = 0; k < sizeof cuts / sizeof cuts[0]; k++) {
        struct run r;

        begin(&r, NULL);
        for (size_t at = 0; at < 6 * RATE; at += cuts[k])
            feed(&r, pcm + at, 6 * RATE - at < cuts[k] ? 6 * RATE - at : cuts[k]);
        struct ut_session_stats stats = ut_session_stats(r.s);
        assert_int_equal(stats.n_bad, 3);
        assert_int_equal(stats.n_clipped, 11);
        assert_in_range(stats.n_frozen, RATE - 1, RATE);
        assert_true(stats.offset == 0.0f);
        end(&r);
    }
}

static void test_offset_is_taken_away_after_a_second_and_told(void **state)
{
    static float first[8 * RATE];
    static float pcm[8 * RATE];

    (void)state;
    for (int k = 0; k < 2; k++) {
        struct ut_session_options o = ut_session_options_default();
        struct run r;
        double sum = 0.0;

        for (size_t i = 0; i < 8 * RATE; i++)
            pcm[i] = 0.005f * tone[i % RATE] - 0.3f;
        begin(&r, &o);
        r.s->cursor = 0;
        size_t cut = k ? 333 : 4000;
        for (size_t at = 0; at < 8 * RATE; at += cut)
            assert_int_equal(
                ut_session_feed(r.s, pcm + at, 8 * RATE - at < cut ? 8 * RATE - at : cut, 0),
                UT_OK);
        assert_memory_equal(pcm, r.s->data, RATE * sizeof *pcm);
        for (size_t i = 4 * RATE; i < 8 * RATE; i++)
            sum += (double)r.s->data[i] / (4 * RATE);
        assert_true(fabs(sum) < 0.001);
        assert_true(fabsf(ut_session_stats(r.s).offset + 0.3f) < 0.001f);
        if (k == 0)
            memcpy(first, r.s->data, sizeof first);
        else
            assert_memory_equal(first, r.s->data, sizeof first);
        ut_session_destroy(r.s);
    }
}

/* Anything a network may do to a stream, at random. */
static void test_random_damage_keeps_times_and_counts_straight(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 40; seed++) {
        struct ut_session_options o = ut_session_options_default();
        struct run r;
        uint32_t x = seed;
        int64_t n = 0;
        uint64_t n_missing = 0;

        o.max_waiting = 8 * RATE;
        begin(&r, &o);
        for (int i = 0; i < 60; i++) {
            x = x * 1664525u + 1013904223u;
            size_t size = (x >> 8) % (i % 7 == 0 ? 3 * RATE : 3000);
            int64_t gap = (x >> 9) % (i % 11 == 0 ? 500 * RATE : 20000);
            enum ut_status status = UT_OK;

            if (x >> 30 == 0) {
                status = ut_session_skip(r.s, gap, r.now_us);
                n += status ? 0 : gap;
                n_missing += status ? 0 : (uint64_t)gap;
            } else {
                const float *from = x >> 30 == 1 ? tone : tone + 3 * RATE; /* loud, or silence */
                status = ut_session_feed(r.s, from, size % RATE, r.now_us);
                n += status ? 0 : (int64_t)(size % RATE);
            }
            assert_true(status == UT_OK || status == UT_ELIMIT);
            r.now_us += 50000;
            if (x % 3)
                settle(&r);
            assert_int_equal(ut_session_stats(r.s).n_fed, n);
            assert_int_equal(ut_session_stats(r.s).n_missing, n_missing);
        }
        end(&r);
        for (size_t i = 1; i < r.n; i++)
            assert_true(r.start[i] >= r.start[i - 1] && r.end[i] >= r.end[i - 1]);
        assert_true(r.n == 0 || r.end[r.n - 1] <= n);
    }
}

static int prepare(void **state)
{
    (void)state;
    for (size_t i = 0; i < RATE; i++)
        tone[i] = tone[2 * RATE + i] = 0.4f * sinf(0.2f * (float)i);
    for (size_t i = 0; i < RATE; i++)
        tone[RATE + i] = tone[i];
    return ut_mel_create(&mel, 80) != UT_OK;
}

static int drop(void **state)
{
    (void)state;
    ut_mel_destroy(mel);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times_go_on_behind_a_gap_of_any_length),
        cmocka_unit_test(test_gap_in_mid_speech_ends_the_segment_where_it_was_lost),
        cmocka_unit_test(test_gaps_that_wait_are_bounded_and_all_are_jumped),
        cmocka_unit_test(test_gaps_out_of_range_are_refused_and_take_nothing),
        cmocka_unit_test(test_capture_clock_finds_gaps_and_survives_being_set),
        cmocka_unit_test(test_damage_is_counted_the_same_however_it_is_cut),
        cmocka_unit_test(test_offset_is_taken_away_after_a_second_and_told),
        cmocka_unit_test(test_random_damage_keeps_times_and_counts_straight),
    };
    return cmocka_run_group_tests(tests, prepare, drop);
}
