#include "clients/live.h"

#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "clients/command.h"
#include "clients/terms.h"
#include "stream/session.h"

static enum ut_status status_of(utter_status status)
{
    switch (status) {
    case UTTER_OK:
        return UT_OK;
    case UTTER_AGAIN:
        return UT_AGAIN;
    case UTTER_END:
        return UT_END;
    case UTTER_INVALID:
        return UT_EINVAL;
    case UTTER_MEMORY:
        return UT_ENOMEM;
    case UTTER_IO:
        return UT_EIO;
    case UTTER_FORMAT:
        return UT_EFORMAT;
    case UTTER_LIMIT:
        return UT_ELIMIT;
    default:
        return UT_ECANCELED;
    }
}

enum ut_status ut_live_engine(utter_engine **out, const struct ut_settings *s, struct ut_error *err)
{
    char text[240];
    utter_engine_options options = {
        .model = s->model,
        .vad = s->vad,
        .n_threads = s->n_threads,
    };

    enum ut_status st = status_of(utter_engine_open(out, &options, text, sizeof text));
    return st == UT_OK ? UT_OK : ut_error_set(err, st, "%s", text);
}

enum ut_status ut_live_open(struct ut_live *out, utter_engine *engine, const struct ut_settings *s,
                            struct ut_outputs *outputs, struct ut_error *err)
{
    struct ut_live l = { .engine = engine, .outputs = outputs };
    char text[240];
    struct ut_terms terms = { 0 };
    enum ut_status st = ut_terms_open(&terms, s, err);
    if (st != UT_OK)
        return st;
    utter_stream_options options = {
        .language = s->language,
        .prompt = s->prompt,
        .translate = s->translate,
        .step_ms = s->step_ms,
        .policy = s->policy,
        .terms = terms.list,
        .n_terms = terms.n,
    };

    st = status_of(utter_stream_open(engine, &l.stream, &options, text, sizeof text));
    ut_terms_close(&terms);
    if (st != UT_OK)
        return ut_error_set(err, st, "%s", text);
    *out = l;
    return UT_OK;
}

void ut_live_warn_prompt(const struct ut_live *l)
{
    utter_stream_stats stats = { 0 };

    if (utter_stream_get_stats(l->stream, &stats, sizeof stats) == UTTER_OK &&
        stats.n_prompt_dropped)
        ut_cmd_warn("--prompt: its first %llu tokens are left out: %d fit in front of live audio",
                    (unsigned long long)stats.n_prompt_dropped, UT_SESSION_MAX_PROMPT);
}

void ut_live_close(struct ut_live *l)
{
    utter_stream_close(l->stream);
    ut_free(l->words);
    *l = (struct ut_live){ 0 };
}

enum ut_status ut_live_skip(struct ut_live *l, uint64_t n)
{
    l->n_owed += n;
    if (l->n_owed == 0)
        return UT_OK;
    int64_t most = (int64_t)1 << 30;
    int64_t now = l->n_owed < (uint64_t)most ? (int64_t)l->n_owed : most;
    utter_status st = utter_stream_skip(l->stream, now);
    if (st == UTTER_OK) {
        l->n_owed -= (uint64_t)now;
        l->heard += (double)now / 16000;
    }
    return status_of(st);
}

enum ut_status ut_live_feed(struct ut_live *l, const float *pcm, size_t n, struct ut_error *err)
{
    utter_status st = utter_stream_feed(l->stream, pcm, n);

    l->heard += st == UTTER_OK ? (double)n / 16000 : 0;
    return st == UTTER_OK ? UT_OK
                          : ut_error_set(err, status_of(st), "stream: %s", utter_status_text(st));
}

static bool writes_spaces(const char *language)
{
    static const char *const without[] = { "zh", "ja", "yue", "th", "lo", "my", "km", "bo" };

    for (size_t i = 0; i < sizeof without / sizeof without[0]; i++) {
        if (strcmp(language, without[i]) == 0)
            return false;
    }
    return true;
}

/* A word has a space before it when the event's text has; languages without spaces have none. */
static void find_spaces(struct ut_caption_word *words, size_t n, const char *text,
                        const char *language)
{
    for (size_t i = 0; i < n; i++) {
        const char *at = words[i].text[0] ? strstr(text, words[i].text) : NULL;

        /* the first word goes on from the event before, whose text is not at hand */
        words[i].space = i == 0 ? writes_spaces(language) : !at || at[-1] == ' ';
        if (at)
            text = at + strlen(words[i].text);
    }
}

static enum ut_status grow(struct ut_live *l, size_t n, struct ut_error *err)
{
    if (n <= l->n_capacity)
        return UT_OK;
    struct ut_caption_word *words = ut_calloc(n + 64, sizeof *words);
    if (!words)
        return ut_error_set(err, UT_ENOMEM, "captions: out of memory");
    ut_free(l->words);
    l->words = words;
    l->n_capacity = n + 64;
    return UT_OK;
}

static enum ut_status hand_on(struct ut_live *l, const utter_event *e, struct ut_error *err)
{
    enum ut_status st = grow(l, e->n_words, err);

    if (st != UT_OK)
        return st;
    for (size_t i = 0; i < e->n_words; i++) {
        l->words[i] = (struct ut_caption_word){
            .text = e->words[i].text,
            .start = e->words[i].start,
            .end = e->words[i].end,
            .confidence = e->words[i].confidence,
        };
    }
    find_spaces(l->words, e->n_words, e->text, e->language);
    struct ut_caption_event event = {
        .type = (enum ut_caption_event_type)e->type,
        .wall = e->wall,
        .audio = e->audio,
        .segment = {
            .start = e->start,
            .end = e->end,
            .text = e->text,
            .words = l->words,
            .n_words = e->n_words,
            .language = e->language,
        },
    };
    l->wall = e->wall;
    st = ut_outputs_event(l->outputs, &event, err);
    l->output_failed = st != UT_OK;
    return st;
}

enum ut_status ut_live_poll(struct ut_live *l, int64_t until_us, struct ut_error *err)
{
    for (;;) {
        utter_event event;
        int64_t left_us = until_us - ut_clock_now_us();
        int wait_ms = left_us > 0 ? (int)(left_us / 1000) : 0;
        utter_status got = utter_stream_get(l->stream, &event, wait_ms);

        if (got == UTTER_AGAIN || got == UTTER_END) {
            if (got == UTTER_AGAIN)
                ut_clock_sleep_until(until_us);
            return got == UTTER_END ? UT_END : UT_OK;
        }
        if (got != UTTER_OK)
            return ut_error_set(err, status_of(got), "stream: %s", utter_status_text(got));
        enum ut_status st = hand_on(l, &event, err);
        if (st != UT_OK)
            return st;
    }
}

enum ut_status ut_live_finish(struct ut_live *l, struct ut_error *err)
{
    utter_status flushed = utter_stream_flush(l->stream);
    enum ut_status st = UT_OK;

    if (flushed != UTTER_OK)
        return ut_error_set(err, status_of(flushed), "stream: %s", utter_status_text(flushed));
    while (st == UT_OK)
        st = ut_live_poll(l, ut_clock_now_us() + 100000, err);
    if (st != UT_END)
        return st;
    if (utter_stream_get_stats(l->stream, &l->stats, sizeof l->stats) != UTTER_OK)
        return UT_OK;
    st = ut_outputs_stream(l->outputs, &l->stats, l->wall, err);
    l->output_failed = st != UT_OK;
    return st;
}
