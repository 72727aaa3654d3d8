#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "diarize/segmenter.h"

enum { RATE = 16000, CHUNK = UT_VAD_CHUNK, MAX_SEGMENTS = 512, MAX_CHUNKS = 16384 };

struct run {
    struct ut_segmenter s;
    size_t n;
    int64_t start[MAX_SEGMENTS];
    int64_t end[MAX_SEGMENTS];
    size_t n_cuts;
};

static void begin(struct run *r, const struct ut_segmenter_options *o)
{
    struct ut_segmenter_options defaults = ut_segmenter_options_default();

    memset(r, 0, sizeof *r);
    assert_int_equal(ut_segmenter_init(&r->s, o ? o : &defaults), UT_OK);
}

static void note_end(struct run *r)
{
    assert_true(r->n > 0 && r->n < MAX_SEGMENTS);
    r->end[r->n - 1] = r->s.end;
}

static void push(struct run *r, float p)
{
    switch (ut_segmenter_push(&r->s, p)) {
    case UT_SEGMENTER_NONE:
        break;
    case UT_SEGMENTER_OPENED:
        r->start[r->n++] = r->s.start;
        break;
    case UT_SEGMENTER_CLOSED:
        note_end(r);
        break;
    case UT_SEGMENTER_CUT:
        note_end(r);
        r->n_cuts++;
        r->start[r->n++] = r->s.start;
        break;
    }
}

static void push_seconds(struct run *r, float p, double seconds)
{
    for (int i = 0; i < (int)(seconds * RATE / CHUNK); i++)
        push(r, p);
}

static void flush(struct run *r)
{
    bool was_open = r->s.open;

    if (!ut_segmenter_flush(&r->s))
        return;
    if (!was_open)
        r->start[r->n++] = r->s.start;
    note_end(r);
}

static void test_speech_between_pauses_opens_and_closes_with_margins(void **state)
{
    struct run r;

    (void)state;
    begin(&r, NULL);
    push_seconds(&r, 0.01f, 2.0);
    int64_t onset = r.s.n_samples;
    push_seconds(&r, 0.95f, 3.0);
    int64_t end = r.s.n_samples;
    push_seconds(&r, 0.01f, 0.5);
    assert_true(r.s.open);
    assert_int_equal(ut_segmenter_silence(&r.s), r.s.n_samples - end);
    push_seconds(&r, 0.01f, (double)r.s.options.min_silence / RATE - 0.45);
    assert_false(r.s.open);
    assert_int_equal(r.n, 1);
    assert_int_equal(r.start[0], onset - r.s.options.pre_roll);
    assert_int_equal(r.end[0], end + r.s.options.post_roll);
    assert_true(fabsf(r.s.evidence - 0.95f) < 1e-4f);
}

static void test_pause_shorter_than_min_silence_keeps_the_segment(void **state)
{
    struct run r;

    (void)state;
    begin(&r, NULL);
    for (int i = 0; i < 4; i++) {
        push_seconds(&r, 0.9f, 2.0);
        push_seconds(&r, 0.02f, 0.7);
    }
    assert_true(r.s.open);
    assert_int_equal(r.n, 1);
}

static void test_blip_of_one_chunk_opens_nothing_and_hysteresis_keeps_soft_speech(void **state)
{
    struct run r;

    (void)state;
    begin(&r, NULL);
    for (int i = 0; i < 20; i++) {
        push(&r, 0.9f);
        push_seconds(&r, 0.1f, 0.3);
    }
    assert_int_equal(r.n, 0);
    push_seconds(&r, 0.9f, 0.3);
    push_seconds(&r, 0.4f, 5.0); /* under onset, over offset */
    assert_true(r.s.open);
    assert_int_equal(ut_segmenter_silence(&r.s), 0);
}

static void test_monologue_is_cut_in_its_quietest_place_and_goes_on_there(void **state)
{
    struct run r;

    (void)state;
    begin(&r, NULL);
    push_seconds(&r, 0.95f, 20.0);
    int64_t dip = r.s.n_samples;
    push_seconds(&r, 0.2f, 0.25);
    push_seconds(&r, 0.95f, 12.0);
    flush(&r);
    assert_int_equal(r.n_cuts, 1);
    assert_int_equal(r.n, 2);
    assert_int_equal(r.start[1], r.end[0]);
    assert_true(r.end[0] >= dip && r.end[0] <= dip + RATE / 4 + CHUNK);
    assert_true(r.s.n_speech > 0 && r.s.evidence > 0.9f);
}

static void test_long_segment_closes_at_a_shorter_pause(void **state)
{
    struct run r;

    (void)state;
    begin(&r, NULL);
    push_seconds(&r, 0.95f, 24.0);
    push_seconds(&r, 0.02f, 0.6);
    assert_true(r.s.open);
    push_seconds(&r, 0.02f, 0.3);
    assert_false(r.s.open); /* 0.9 s of the 2 that a short segment needs */
    assert_int_equal(r.n, 1);
}

static void test_flush_opens_speech_that_just_began(void **state)
{
    struct run r;

    (void)state;
    begin(&r, NULL);
    push_seconds(&r, 0.0f, 1.0);
    push(&r, 0.9f);
    flush(&r);
    assert_int_equal(r.n, 1);
    assert_int_equal(r.end[0], r.s.n_samples);
    assert_false(ut_segmenter_flush(&r.s));
}

static void test_cut_by_the_caller_checks_the_place(void **state)
{
    struct run r;

    (void)state;
    begin(&r, NULL);
    assert_int_equal(ut_segmenter_cut(&r.s, 0), UT_EINVAL);
    push_seconds(&r, 0.9f, 4.0);
    assert_int_equal(ut_segmenter_cut(&r.s, r.s.start), UT_EINVAL);
    assert_int_equal(ut_segmenter_cut(&r.s, r.s.n_samples), UT_EINVAL);
    assert_int_equal(ut_segmenter_cut(&r.s, 2 * RATE), UT_OK);
    assert_true(r.s.open);
    assert_int_equal(r.s.start, 2 * RATE);
    assert_int_equal(r.s.end, 2 * RATE);
}

static void test_options_that_contradict_are_refused(void **state)
{
    struct ut_segmenter s;
    struct ut_segmenter_options o = ut_segmenter_options_default();

    (void)state;
    o.offset = 0.6f;
    assert_int_equal(ut_segmenter_init(&s, &o), UT_EINVAL);
    o = ut_segmenter_options_default();
    o.onset = NAN;
    assert_int_equal(ut_segmenter_init(&s, &o), UT_EINVAL);
    o = ut_segmenter_options_default();
    o.max_length = UT_SEGMENTER_MAX_LENGTH + 1;
    assert_int_equal(ut_segmenter_init(&s, &o), UT_EINVAL);
    o = ut_segmenter_options_default();
    o.post_roll = o.short_silence + 1;
    assert_int_equal(ut_segmenter_init(&s, &o), UT_EINVAL);
}

static uint32_t next_random(uint32_t *x)
{
    *x = *x * 1664525u + 1013904223u;
    return *x >> 8;
}

/* Speech-like walks between loud, soft and silent stretches, with NaN strewn in. */
static size_t make_walk(float *p, size_t n, uint32_t seed)
{
    size_t i = 0;

    while (i < n) {
        size_t length = 1 + next_random(&seed) % (seed & 1 ? 400 : 12);
        float level = (float)(next_random(&seed) % 101) / 100.0f;

        for (; length > 0 && i < n; length--, i++)
            p[i] = next_random(&seed) % 97 == 0 ? NAN : level;
    }
    return n;
}

/* Which runs of chunks are speech, by the definition in the header, independent of the module. */
static void mark_speech(bool *speech, const float *p, size_t n,
                        const struct ut_segmenter_options *o)
{
    bool in = false;

    for (size_t i = 0; i < n; i++) {
        in = p[i] >= (in ? o->offset : o->onset);
        speech[i] = in;
    }
    for (size_t i = 0; i < n;) {
        size_t from = i;

        while (i < n && speech[i])
            i++;
        if ((int64_t)(i - from) * CHUNK < o->min_speech)
            memset(speech + from, 0, (i - from) * sizeof *speech);
        i += i == from;
    }
}

static void check_segments(const struct run *r, const bool *speech, size_t n_chunks)
{
    for (size_t k = 0; k < r->n; k++) {
        assert_true(r->start[k] < r->end[k]);
        assert_true(r->end[k] - r->start[k] <= r->s.options.max_length);
        assert_true(r->end[k] <= (int64_t)n_chunks * CHUNK);
        if (k > 0)
            assert_true(r->start[k] >= r->end[k - 1]);
    }
    size_t k = 0;
    for (size_t i = 0; i < n_chunks; i++) {
        int64_t s = (int64_t)i * CHUNK;

        if (!speech[i])
            continue;
        while (k < r->n && r->end[k] <= s)
            k++;
        assert_true(k < r->n && r->start[k] <= s);
        /* A chunk may straddle a cut: its rest is then in the very next segment. */
        if (r->end[k] < s + CHUNK)
            assert_true(k + 1 < r->n && r->start[k + 1] == r->end[k]);
    }
}

static void test_random_walks_put_every_speech_sample_in_exactly_one_bounded_segment(void **state)
{
    static float p[MAX_CHUNKS];
    static bool speech[MAX_CHUNKS];
    struct ut_segmenter_options small = ut_segmenter_options_default();
    struct run r;

    (void)state;
    small.max_length = 3 * RATE;
    small.stretch_from = RATE;
    for (uint32_t seed = 1; seed <= 40; seed++) {
        size_t n = make_walk(p, 2000 + 97 * seed, seed);

        begin(&r, seed & 1 ? &small : NULL);
        for (size_t i = 0; i < n; i++)
            push(&r, p[i]);
        flush(&r);
        mark_speech(speech, p, n, &r.s.options);
        check_segments(&r, speech, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_speech_between_pauses_opens_and_closes_with_margins),
        cmocka_unit_test(test_pause_shorter_than_min_silence_keeps_the_segment),
        cmocka_unit_test(test_blip_of_one_chunk_opens_nothing_and_hysteresis_keeps_soft_speech),
        cmocka_unit_test(test_monologue_is_cut_in_its_quietest_place_and_goes_on_there),
        cmocka_unit_test(test_long_segment_closes_at_a_shorter_pause),
        cmocka_unit_test(test_flush_opens_speech_that_just_began),
        cmocka_unit_test(test_cut_by_the_caller_checks_the_place),
        cmocka_unit_test(test_options_that_contradict_are_refused),
        cmocka_unit_test(test_random_walks_put_every_speech_sample_in_exactly_one_bounded_segment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
