/* Audio into a stream: any rate, with gaps and clocks. */
#include <math.h>

#include "base/clock.h"
#include "stream/engine_state.h"

enum {
    BLOCK = 1024,
    /* Samples at 16 kHz that a resampler may hold back beside what it was given: 115 ms (audio/
     * resampler.h), and rounding. */
    HELD_BACK = 2048
};

static void wake_for(struct ut_stream *s, enum ut_status status)
{
    bool enough = ut_session_n_waiting(s->session) >= UT_VAD_CHUNK;

    pthread_mutex_unlock(&s->lock);
    if (!status && enough)
        ut_engine_wake(s->engine, s);
}

/* What the resampler holds goes into the session. */
static enum ut_status drain(struct ut_stream *s, int64_t now_us)
{
    float pcm[BLOCK];
    enum ut_status status = UT_OK;
    size_t n = BLOCK;

    while (!status && s->resampler && n > 0) {
        status = ut_resampler_flush(s->resampler, pcm, BLOCK, &n);
        if (!status)
            status = ut_session_feed(s->session, pcm, n, now_us);
    }
    return status;
}

/* From here on samples come at `rate_hz`. */
static enum ut_status set_rate(struct ut_stream *s, unsigned rate_hz, int64_t now_us)
{
    struct ut_resampler *next = NULL;
    enum ut_status status = UT_OK;

    if (rate_hz == s->rate_hz)
        return UT_OK;
    if (rate_hz != UT_MEL_RATE_HZ)
        status = ut_resampler_create(&next, rate_hz, 1);
    if (!status)
        status = drain(s, now_us);
    if (status) {
        ut_resampler_destroy(next);
        return status;
    }
    ut_resampler_destroy(s->resampler);
    s->resampler = next;
    s->n_rate_changes += s->has_rate;
    s->rate_hz = rate_hz;
    return UT_OK;
}

static enum ut_status resample(struct ut_stream *s, const float *in, size_t n, int64_t now_us)
{
    float pcm[BLOCK];
    enum ut_status status = UT_OK;
    size_t n_used = 0;
    size_t n_out = 0;

    for (size_t i = 0; i < n; i++)
        s->n_bad += isfinite(in[i]) ? 0 : 1;
    for (size_t at = 0; at < n && !status; at += n_used) {
        status = ut_resampler_run(s->resampler, in + at, n - at, &n_used, pcm, BLOCK, &n_out);
        if (!status)
            status = ut_session_feed(s->session, pcm, n_out, now_us);
    }
    return status;
}

/* Whether n samples at rate_hz, and what is held back of those before, surely fit. */
static bool fits(const struct ut_stream *s, size_t n, unsigned rate_hz)
{
    if (n > SIZE_MAX / UT_MEL_RATE_HZ)
        return false;
    size_t most = n * UT_MEL_RATE_HZ / rate_hz + HELD_BACK;
    return most <= ut_session_room(s->session);
}

enum ut_status ut_stream_feed_rate(struct ut_stream *s, const float *pcm, size_t n,
                                   unsigned rate_hz)
{
    int64_t now_us = ut_clock_now_us();
    enum ut_status status = UT_OK;

    if (rate_hz < UT_RESAMPLER_MIN_HZ || rate_hz > UT_RESAMPLER_MAX_HZ || (n > 0 && !pcm))
        return UT_EINVAL;
    pthread_mutex_lock(&s->lock);
    bool plain = rate_hz == UT_MEL_RATE_HZ && !s->resampler;
    if (!plain)
        status = ut_session_feed(s->session, NULL, 0, now_us); /* whether it takes any */
    if (!status && !plain && !fits(s, n, rate_hz))
        status = UT_ELIMIT;
    if (!status)
        status = set_rate(s, rate_hz, now_us);
    s->has_rate = s->has_rate || !status;
    if (!status)
        status = s->resampler ? resample(s, pcm, n, now_us)
                              : ut_session_feed(s->session, pcm, n, now_us);
    wake_for(s, status);
    return status;
}

enum ut_status ut_stream_feed(struct ut_stream *s, const float *pcm, size_t n)
{
    return ut_stream_feed_rate(s, pcm, n, UT_MEL_RATE_HZ);
}

enum ut_status ut_stream_feed_at(struct ut_stream *s, const float *pcm, size_t n, int64_t at)
{
    int64_t now_us = ut_clock_now_us();

    pthread_mutex_lock(&s->lock);
    enum ut_status status = s->resampler && !fits(s, n, UT_MEL_RATE_HZ) ? UT_ELIMIT : UT_OK;
    if (!status)
        status = set_rate(s, UT_MEL_RATE_HZ, now_us);
    if (!status)
        status = ut_session_feed_at(s->session, pcm, n, at, now_us);
    wake_for(s, status);
    return status;
}

enum ut_status ut_stream_skip(struct ut_stream *s, int64_t n)
{
    int64_t now_us = ut_clock_now_us();

    pthread_mutex_lock(&s->lock);
    enum ut_status status = s->resampler && !fits(s, 0, UT_MEL_RATE_HZ) ? UT_ELIMIT : UT_OK;
    if (!status)
        status = drain(s, now_us);
    if (!status && s->resampler)
        status = ut_resampler_reset(s->resampler);
    if (!status)
        status = ut_session_skip(s->session, n, now_us);
    wake_for(s, status);
    return status;
}

void ut_stream_flush(struct ut_stream *s)
{
    pthread_mutex_lock(&s->lock);
    /* Without room the last tenth of a second is lost, as it would be with a full stream. */
    (void)!drain(s, ut_clock_now_us());
    ut_session_flush(s->session);
    pthread_mutex_unlock(&s->lock);
    ut_engine_wake(s->engine, s);
}
