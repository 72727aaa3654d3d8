#include "stream/session.h"

#include <string.h>

#include "base/memory.h"
#include "stream/session_state.h"

/* Room that must be free before audio is looked at: a committed and a final event. */
enum { EVENTS_OF_A_STEP = 2 };

struct ut_session_options ut_session_options_default(void)
{
    return (struct ut_session_options){
        .language = -1,
        .step = UT_MEL_RATE_HZ / 5,
        .quiet_step = 2 * UT_VAD_CHUNK,
        .first_step = UT_MEL_RATE_HZ * 35 / 100,
        .max_waiting = 60 * UT_MEL_RATE_HZ,
        .stretch_after = UT_MEL_RATE_HZ,
        .max_step = 2 * UT_MEL_RATE_HZ,
        .context_pause = -1,
        .fresh = 4 * UT_MEL_RATE_HZ,
        .n_queued = 8,
        .segmenter = ut_segmenter_options_default(),
        .commit = ut_commit_options_default(UT_COMMIT_EVIDENCE),
    };
}

static bool options_are_sound(const struct ut_session_options *o)
{
    return o->step >= UT_VAD_CHUNK && o->step <= o->max_step &&
           o->max_step <= 10 * UT_MEL_RATE_HZ && o->quiet_step >= UT_VAD_CHUNK &&
           o->first_step >= 0 && o->first_step <= 10 * UT_MEL_RATE_HZ &&
           o->max_waiting >= UT_MEL_RATE_HZ && o->max_waiting <= (int64_t)3600 * UT_MEL_RATE_HZ &&
           o->stretch_after >= 0 && o->fresh >= 0 && o->n_queued >= 4 && o->n_queued <= 1024 &&
           (o->prompt || o->n_prompt == 0) &&
           o->segmenter.pre_roll + o->segmenter.min_speech + 2 * UT_VAD_CHUNK <= UT_SESSION_HISTORY;
}

static void copy_prompt(struct ut_session *s, const struct ut_session_options *o)
{
    size_t n = o->n_prompt < UT_SESSION_MAX_PROMPT ? o->n_prompt : UT_SESSION_MAX_PROMPT;

    if (n > 0)
        memcpy(s->initial_prompt, o->prompt + (o->n_prompt - n), n * sizeof *s->initial_prompt);
    s->options.prompt = s->initial_prompt;
    s->options.n_prompt = n;
    s->stats.n_prompt_dropped = o->n_prompt - n;
}

static enum ut_status take_memory(struct ut_session *s)
{
    /* Room to move the history down only once in a while. */
    s->capacity = (size_t)s->options.max_waiting + 2 * (size_t)UT_SESSION_HISTORY;
    s->data = ut_alloc(s->capacity, sizeof *s->data);
    if (!s->data)
        return UT_ENOMEM;

    enum ut_status status = ut_mel_stream_create(&s->mel, s->parts.mel, UT_SESSION_WINDOW_FRAMES);
    if (!status)
        status = ut_commit_create(&s->commit, &s->options.commit, UT_QUEUE_MAX_WORDS);
    if (!status)
        status = ut_commit_words_init(&s->heard, UT_QUEUE_MAX_WORDS);
    if (!status)
        status = ut_queue_create(&s->queue, s->options.n_queued);
    return status;
}

enum ut_status ut_session_create(struct ut_session **out, const struct ut_session_parts *parts,
                                 const struct ut_session_options *options, int64_t now_us)
{
    if (!options_are_sound(options))
        return UT_EINVAL;

    struct ut_session *s = ut_calloc(1, sizeof *s);
    if (!s)
        return UT_ENOMEM;
    s->options = *options;
    s->parts = *parts;
    if (options->fresh == 0)
        s->parts.cache = NULL;
    s->begin_us = now_us;
    s->fed_us = now_us;
    s->language = options->language;
    copy_prompt(s, options);
    enum ut_status status = ut_segmenter_init(&s->segmenter, &options->segmenter);
    if (!status)
        status = take_memory(s);
    if (status) {
        ut_session_destroy(s);
        return status;
    }
    *out = s;
    return UT_OK;
}

void ut_session_destroy(struct ut_session *s)
{
    if (!s)
        return;
    ut_free(s->data);
    ut_mel_stream_destroy(s->mel);
    ut_commit_destroy(s->commit);
    ut_commit_words_finish(&s->heard);
    ut_queue_destroy(s->queue);
    ut_free(s);
}

void ut_session_flush(struct ut_session *s)
{
    s->flushed = true;
}

enum ut_status ut_session_get(struct ut_session *s, struct ut_event *out)
{
    if (ut_queue_get(s->queue, out) == UT_OK)
        return UT_OK;
    if (s->failure)
        return s->failure;
    return s->ended ? UT_END : UT_AGAIN;
}

bool ut_session_full(const struct ut_session *s)
{
    return ut_queue_room(s->queue) < EVENTS_OF_A_STEP;
}

bool ut_session_readable(const struct ut_session *s)
{
    return !ut_queue_empty(s->queue) || s->failure || s->ended;
}

int64_t ut_session_n_waiting(const struct ut_session *s)
{
    return s->cursor < s->stats.n_fed ? s->stats.n_fed - s->cursor : 0;
}

struct ut_session_stats ut_session_stats(const struct ut_session *s)
{
    struct ut_session_stats stats = s->stats;

    stats.n_waiting = ut_session_n_waiting(s);
    stats.n_fed += s->n_pending;
    stats.offset = s->offset.worst;
    stats.n_coalesced = ut_queue_n_coalesced(s->queue);
    return stats;
}
