/* Streams of an engine: a session behind a lock, in the engine's list. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "stream/engine_state.h"
#include "stream/prompt.h"

static float activity_of(void *ctx, const float *pcm)
{
    return ut_activity_push(ctx, pcm);
}

/* What the model can do decides about language and task. */
static enum ut_status fit_language(struct ut_session_options *o, const struct ut_asr_model *m,
                                   struct ut_error *err)
{
    int english = ut_asr_language_find("en");

    if (ut_asr_tokens_multilingual(ut_asr_model_tokens(m)))
        return UT_OK;
    if (o->language >= 0 && o->language != english)
        return ut_error_set(err, UT_EINVAL, "language \"%s\": the model knows English only",
                            ut_asr_language_code(o->language));
    if (o->translate)
        return ut_error_set(err, UT_EINVAL, "translate: the model knows English only");
    o->language = english;
    return UT_OK;
}

static enum ut_status make_session(struct ut_stream *s, const struct ut_session_options *options,
                                   const char *prompt, struct ut_error *err)
{
    struct ut_session_options o = options ? *options : ut_session_options_default();
    const struct ut_asr_tokens *tokens = ut_asr_model_tokens(s->engine->model);
    int32_t *ids = NULL;
    enum ut_status status = fit_language(&o, s->engine->model, err);

    if (!status && prompt) {
        status = ut_prompt_encode(&ids, &o.n_prompt, prompt, tokens, err);
        o.prompt = ids;
    }
    if (status)
        return status;

    status = ut_activity_create(&s->activity, s->engine->vad_model, NULL);
    if (!status)
        status = ut_recognizer_new_cache(s->engine->recognizer, &s->cache);
    if (!status) {
        const struct ut_session_parts parts = { s->engine->mel, activity_of, s->activity,
                                                s->cache };
        status = ut_session_create(&s->session, &parts, &o, ut_clock_now_us());
    }
    ut_free(ids);
    if (status)
        ut_error_set(err, status, "cannot open a stream: %s", ut_status_name(status));
    return status;
}

static void free_stream(struct ut_stream *s)
{
    ut_session_destroy(s->session);
    ut_resampler_destroy(s->resampler);
    ut_asr_cache_destroy(s->cache);
    ut_activity_destroy(s->activity);
    pthread_cond_destroy(&s->readable);
    pthread_mutex_destroy(&s->lock);
    ut_free(s);
}

static enum ut_status join_engine(struct ut_stream *s, struct ut_error *err)
{
    struct ut_engine *e = s->engine;
    enum ut_status status = UT_OK;

    pthread_mutex_lock(&e->lock);
    if (e->n_streams == UT_ENGINE_MAX_STREAMS) {
        status = ut_error_set(err, UT_ELIMIT, "more than %d streams", UT_ENGINE_MAX_STREAMS);
    } else {
        s->next = e->streams;
        e->streams = s;
        e->n_streams++;
    }
    pthread_mutex_unlock(&e->lock);
    return status;
}

enum ut_status ut_stream_open(struct ut_engine *e, struct ut_stream **out,
                              const struct ut_session_options *options, const char *prompt,
                              struct ut_error *err)
{
    enum ut_status status = ut_engine_go_live(e, err);
    if (status)
        return status;
    struct ut_stream *s = ut_calloc(1, sizeof *s);
    if (!s)
        return ut_error_set(err, UT_ENOMEM, "no memory for a stream");

    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->readable, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&s->lock, NULL);
    s->engine = e;
    s->rate_hz = UT_MEL_RATE_HZ;
    status = make_session(s, options, prompt, err);
    if (!status)
        status = join_engine(s, err);
    if (status) {
        free_stream(s);
        return status;
    }
    *out = s;
    return UT_OK;
}

static struct timespec time_of(int64_t us)
{
    return (struct timespec){ .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };
}

enum ut_status ut_stream_get(struct ut_stream *s, struct ut_event *out, int timeout_ms)
{
    struct timespec until = time_of(ut_clock_now_us() + (int64_t)timeout_ms * 1000);
    bool timed_out = timeout_ms == 0;

    pthread_mutex_lock(&s->lock);
    while (!ut_session_readable(s->session) && !timed_out) {
        if (timeout_ms < 0)
            pthread_cond_wait(&s->readable, &s->lock);
        else
            timed_out = pthread_cond_timedwait(&s->readable, &s->lock, &until) == ETIMEDOUT;
    }
    bool was_full = ut_session_full(s->session);
    enum ut_status status = ut_session_get(s->session, out);
    bool go_on = was_full && !ut_session_full(s->session);
    pthread_mutex_unlock(&s->lock);
    if (go_on)
        ut_engine_wake(s->engine, s);
    return status;
}

struct ut_session_stats ut_stream_stats(struct ut_stream *s)
{
    pthread_mutex_lock(&s->lock);
    struct ut_session_stats stats = ut_session_stats(s->session);
    stats.n_bad += s->n_bad;
    stats.n_rate_changes = s->n_rate_changes;
    pthread_mutex_unlock(&s->lock);
    return stats;
}

void ut_stream_close(struct ut_stream *s)
{
    if (!s)
        return;

    struct ut_engine *e = s->engine;
    pthread_mutex_lock(&e->lock);
    s->closing = true;
    while (s->in_use)
        pthread_cond_wait(&e->released, &e->lock);
    struct ut_stream **at = &e->streams;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    e->n_streams--;
    pthread_mutex_unlock(&e->lock);
    free_stream(s);
}
