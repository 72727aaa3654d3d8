/* The public face: libutter over the engine. */
#include "stream/utter.h"

#include <stdio.h>
#include <string.h>

#include "asr/tokens.h"
#include "base/memory.h"
#include "stream/engine.h"
#include "stream/queue.h"

struct utter_engine {
    struct ut_engine *engine;
};

struct utter_stream {
    struct ut_stream *stream;
    struct ut_asr_bias *bias;
    utter_word words[UT_QUEUE_MAX_WORDS]; /* of the event that was got last */
};

const char *utter_version(void)
{
    return UT_VERSION;
}

const char *utter_status_text(utter_status status)
{
    static const char *const texts[] = {
        [UTTER_OK] = "ok",
        [UTTER_AGAIN] = "nothing yet",
        [UTTER_END] = "the stream has ended",
        [UTTER_INVALID] = "an argument is out of its range",
        [UTTER_MEMORY] = "out of memory",
        [UTTER_IO] = "input or output failed",
        [UTTER_FORMAT] = "a file is not what it should be",
        [UTTER_LIMIT] = "a limit was reached",
        [UTTER_CANCELED] = "canceled",
    };

    if ((unsigned)status >= sizeof texts / sizeof texts[0])
        return "unknown status";
    return texts[status];
}

static utter_status public_status(enum ut_status status)
{
    static const utter_status map[] = {
        [UT_OK] = UTTER_OK,          [UT_AGAIN] = UTTER_AGAIN,   [UT_END] = UTTER_END,
        [UT_EINVAL] = UTTER_INVALID, [UT_ENOMEM] = UTTER_MEMORY, [UT_EIO] = UTTER_IO,
        [UT_EFORMAT] = UTTER_FORMAT, [UT_ELIMIT] = UTTER_LIMIT,  [UT_ECANCELED] = UTTER_CANCELED,
    };

    return map[status];
}

/* Tells the caller what went wrong, and returns it in the public numbers. */
static utter_status report(enum ut_status status, const struct ut_error *err, char *error,
                           size_t error_size)
{
    if (status && error && error_size > 0)
        snprintf(error, error_size, "%s", err->text);
    return public_status(status);
}

utter_status utter_engine_open(utter_engine **out, const utter_engine_options *options, char *error,
                               size_t error_size)
{
    struct ut_error err = { UT_OK, "" };
    struct ut_engine_options o = { 0 };

    if (!out)
        return report(ut_error_set(&err, UT_EINVAL, "no place to put the engine: out is NULL"),
                      &err, error, error_size);
    if (options) {
        o.model = options->model;
        o.vad = options->vad;
        o.cache = options->cache;
        o.n_threads = options->n_threads;
    }
    utter_engine *e = ut_calloc(1, sizeof *e);
    if (!e)
        return report(ut_error_set(&err, UT_ENOMEM, "out of memory"), &err, error, error_size);
    enum ut_status status = ut_engine_create(&e->engine, &o, &err);
    if (status) {
        ut_free(e);
        return report(status, &err, error, error_size);
    }
    *out = e;
    return UTTER_OK;
}

void utter_engine_close(utter_engine *engine)
{
    if (!engine)
        return;
    ut_engine_destroy(engine->engine);
    ut_free(engine);
}

static enum ut_status take_language(struct ut_session_options *o, const char *language,
                                    struct ut_error *err)
{
    if (!language || strcmp(language, "auto") == 0)
        return UT_OK;
    o->language = ut_asr_language_find(language);
    if (o->language < 0)
        return ut_error_set(err, UT_EINVAL, "language \"%s\" is unknown", language);
    return UT_OK;
}

static enum ut_status take_options(struct ut_session_options *o, const utter_stream_options *p,
                                   struct ut_error *err)
{
    if (p->step_ms != 0 && (p->step_ms < 100 || p->step_ms > 2000))
        return ut_error_set(err, UT_EINVAL, "step of %d ms: 100 to 2000 are possible", p->step_ms);
    if (p->max_buffer_s < 0 || p->max_buffer_s > 3600)
        return ut_error_set(err, UT_EINVAL, "buffer of %d s: 1 to 3600 are possible",
                            p->max_buffer_s);
    if (p->policy && ut_commit_policy_find(p->policy) == UT_COMMIT_N_POLICIES)
        return ut_error_set(err, UT_EINVAL,
                            "policy \"%s\": evidence, agreement and attention are possible",
                            p->policy);
    if (p->policy)
        o->commit = ut_commit_options_default(ut_commit_policy_find(p->policy));
    if (p->step_ms)
        o->step = (int64_t)p->step_ms * UT_MEL_RATE_HZ / 1000;
    if (p->max_buffer_s)
        o->max_waiting = (int64_t)p->max_buffer_s * UT_MEL_RATE_HZ;
    o->translate = p->translate != 0;
    return take_language(o, p->language, err);
}

static enum ut_status take_terms(utter_stream *s, struct ut_session_options *o,
                                 utter_engine *engine, const utter_stream_options *p,
                                 struct ut_error *err)
{
    const struct ut_asr_tokens *tokens = ut_asr_model_tokens(ut_engine_model(engine->engine));
    enum ut_status status = UT_OK;

    if (p && p->n_terms > 0 && !p->terms)
        return ut_error_set(err, UT_EINVAL, "%zu terms, but terms is NULL", p->n_terms);
    if (p && p->n_terms > 0)
        status = ut_asr_bias_create(&s->bias, tokens, p->terms, p->n_terms, NULL, err);
    o->bias = s->bias;
    return status;
}

utter_status utter_stream_open(utter_engine *engine, utter_stream **out,
                               const utter_stream_options *options, char *error, size_t error_size)
{
    struct ut_error err = { UT_OK, "" };
    struct ut_session_options o = ut_session_options_default();
    enum ut_status status = UT_OK;

    if (!engine || !out)
        return report(ut_error_set(&err, UT_EINVAL, "%s is NULL", engine ? "out" : "engine"), &err,
                      error, error_size);
    if (options)
        status = take_options(&o, options, &err);
    if (status)
        return report(status, &err, error, error_size);

    utter_stream *s = ut_calloc(1, sizeof *s);
    if (!s)
        return report(ut_error_set(&err, UT_ENOMEM, "out of memory"), &err, error, error_size);
    status = take_terms(s, &o, engine, options, &err);
    if (!status)
        status =
            ut_stream_open(engine->engine, &s->stream, &o, options ? options->prompt : NULL, &err);
    if (status) {
        ut_asr_bias_destroy(s->bias);
        ut_free(s);
        return report(status, &err, error, error_size);
    }
    *out = s;
    return UTTER_OK;
}

utter_status utter_stream_feed(utter_stream *stream, const float *pcm, size_t n)
{
    if (!stream)
        return UTTER_INVALID;
    return public_status(ut_stream_feed(stream->stream, pcm, n));
}

utter_status utter_stream_feed_rate(utter_stream *stream, const float *pcm, size_t n,
                                    unsigned rate_hz)
{
    if (!stream)
        return UTTER_INVALID;
    return public_status(ut_stream_feed_rate(stream->stream, pcm, n, rate_hz));
}

utter_status utter_stream_skip(utter_stream *stream, int64_t n)
{
    if (!stream)
        return UTTER_INVALID;
    return public_status(ut_stream_skip(stream->stream, n));
}

utter_status utter_stream_feed_at(utter_stream *stream, const float *pcm, size_t n, int64_t at)
{
    if (!stream)
        return UTTER_INVALID;
    return public_status(ut_stream_feed_at(stream->stream, pcm, n, at));
}

utter_status utter_stream_get_stats(utter_stream *stream, utter_stream_stats *out, size_t size)
{
    if (!stream || !out)
        return UTTER_INVALID;
    struct ut_session_stats from = ut_stream_stats(stream->stream);
    const utter_stream_stats stats = {
        .n_samples = (uint64_t)from.n_fed,
        .n_waiting = (uint64_t)from.n_waiting,
        .n_bad = from.n_bad,
        .n_prompt_dropped = from.n_prompt_dropped,
        .n_missed = from.n_coalesced,
        .n_clipped = from.n_clipped,
        .n_frozen = from.n_frozen,
        .n_missing = from.n_missing,
        .n_gaps = from.n_gaps,
        .n_clock_jumps = from.n_clock_jumps,
        .n_rate_changes = from.n_rate_changes,
        .offset = (double)from.offset,
    };

    memcpy(out, &stats, size < sizeof stats ? size : sizeof stats);
    return UTTER_OK;
}

utter_status utter_stream_flush(utter_stream *stream)
{
    if (!stream)
        return UTTER_INVALID;
    ut_stream_flush(stream->stream);
    return UTTER_OK;
}

static double seconds(int64_t samples)
{
    return (double)samples / UT_MEL_RATE_HZ;
}

static const char *without_space(const char *text)
{
    return text + (*text == ' ');
}

static void translate_event(utter_stream *s, const struct ut_event *from, utter_event *to)
{
    const char *language = ut_asr_language_code(from->language);

    for (size_t i = 0; i < from->n_words; i++) {
        const struct ut_event_word *w = &from->words[i];

        s->words[i] = (utter_word){
            .text = without_space(w->text),
            .start = seconds(w->start),
            .end = seconds(w->end),
            .confidence = w->confidence,
            .glued = *w->text != ' ',
        };
    }
    *to = (utter_event){
        .type = (utter_event_type)from->type,
        .wall = (double)from->wall_us / 1e6,
        .audio = seconds(from->audio),
        .start = seconds(from->start),
        .end = seconds(from->end),
        .text = without_space(from->text),
        .words = s->words,
        .n_words = from->n_words,
        .language = language ? language : "",
        .glued = *from->text != ' ',
    };
}

utter_status utter_stream_get(utter_stream *stream, utter_event *event, int timeout_ms)
{
    struct ut_event e;

    if (!stream || !event)
        return UTTER_INVALID;
    enum ut_status status = ut_stream_get(stream->stream, &e, timeout_ms);
    if (status == UT_OK)
        translate_event(stream, &e, event);
    return public_status(status);
}

void utter_stream_close(utter_stream *stream)
{
    if (!stream)
        return;
    ut_stream_close(stream->stream);
    ut_asr_bias_destroy(stream->bias);
    ut_free(stream);
}
