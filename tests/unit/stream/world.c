#include "tests/unit/stream/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "stream/session_state.h"

void world_say(struct world *w, int64_t pause, int64_t length)
{
    assert_true(w->n < WORLD_MAX_WORDS);
    w->start[w->n] = w->length + pause;
    w->end[w->n] = w->length + pause + length;
    w->length = w->end[w->n++];
}

static float activity_at(const struct world *w, int64_t from, int64_t to)
{
    for (size_t i = 0; i < w->n; i++) {
        if (w->start[i] < to && w->end[i] > from)
            return 0.95f;
        bool in_gap = i > 0 && w->end[i - 1] < to && w->start[i] > from;
        if (in_gap && w->start[i] - w->end[i - 1] < UT_MEL_RATE_HZ / 5)
            return w->gap_probability;
    }
    return 0.01f;
}

float world_activity(void *ctx, const float *pcm)
{
    struct world *w = ctx;
    int64_t at = w->n_heard;

    (void)pcm;
    w->n_heard += UT_VAD_CHUNK;
    return activity_at(w, at, at + UT_VAD_CHUNK);
}

static uint32_t next_random(uint32_t *x)
{
    *x = *x * 1664525u + 1013904223u;
    return *x >> 8;
}

/*
 * Hears the words whose middle is inside. One that ends within 0.3 s of an edge where speech goes
 * on is often misheard, as with a real model.
 */
void world_step(struct world *w, const struct ut_session *s, struct ut_asr_step *step)
{
    bool final = s->want == UT_SESSION_WANT_FINAL;
    size_t n = 0;

    for (size_t i = 0; i < w->n; i++) {
        int64_t middle = (w->start[i] + w->end[i]) / 2;
        bool near = !final && w->end[i] > s->want_edge - UT_MEL_RATE_HZ / 10;

        if (middle < s->start || middle >= s->want_edge)
            continue;
        bool misheard = near && next_random(&w->noise) % 2;
        uint32_t number = misheard ? next_random(&w->noise) % 10 : (uint32_t)i;
        snprintf(w->text[n], sizeof w->text[n], " %c%u", misheard ? 'x' : 'w', number);
        w->heard[n] = (struct ut_asr_word){ .text = w->text[n],
                                            .start = w->start[i] - s->start,
                                            .end = w->end[i] - s->start,
                                            .confidence = 0.9f,
                                            .weakest = misheard ? 0.3f : 0.95f };
        w->tokens[n] = (int32_t)i;
        n++;
    }
    step->looped = w->loops_after > 0 && s->want_edge - s->start > w->loops_after;
    if (step->looped) {
        w->heard[0] = (struct ut_asr_word){
            .text = " loop loop", .end = UT_MEL_RATE_HZ / 2, .confidence = 0.9f, .weakest = 0.9f
        };
        n = 1;
    }
    step->words = w->heard;
    step->n_words = n;
    step->tokens = w->tokens;
    step->n_tokens = n;
    step->detected_language = 0;
    step->no_speech_prob = w->no_speech_prob;
    step->avg_logprob = w->avg_logprob;
}

void log_event(struct log *l, const struct ut_event *e)
{
    static const char *const names[] = { "", "unstable", "committed", "final" };
    size_t n = strlen(l->events);
    int64_t last = e->type == UT_EVENT_FINAL ? e->start : l->last_end;

    for (size_t i = 0; i < e->n_words; i++) {
        assert_true(e->words[i].start >= last || e->type == UT_EVENT_FINAL);
        assert_true(e->words[i].end >= e->words[i].start);
        last = e->words[i].end;
    }
    snprintf(l->events + n, sizeof l->events - n, "%s %llu %lld %lld%s\n", names[e->type],
             (unsigned long long)e->segment, (long long)e->start, (long long)e->end, e->text);
    l->n_events++;
    if (e->type == UT_EVENT_UNSTABLE) {
        l->n_unstable++;
        return;
    }
    char *to = e->type == UT_EVENT_FINAL ? l->finals : l->committed;
    size_t n_to = strlen(to);
    assert_true(n_to + strlen(e->text) < sizeof l->finals);
    snprintf(to + n_to, sizeof l->finals - n_to, "%s", e->text);
    if (e->type == UT_EVENT_FINAL) {
        l->n_finals++;
        assert_true(e->end - e->start <= UT_SEGMENTER_MAX_LENGTH);
        return;
    }
    l->last_end = last;
    double lag = (double)(e->audio - last) / UT_MEL_RATE_HZ;
    if (lag > l->worst_lag_s)
        l->worst_lag_s = lag;
}
