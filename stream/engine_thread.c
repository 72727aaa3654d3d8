/* The engine thread: rounds of looking at audio and running the steps that are due. */
#include <stdlib.h>

#include "base/clock.h"
#include "stream/engine_state.h"

/* Chunks of one stream looked at before the next has its turn: half a second of audio. */
enum { CHUNKS_A_TURN = 16 };
/* Mel frames of all windows of a batch: a piece of work stays short enough for the next deadline.
 */
enum { FRAMES_A_BATCH = 4500 };

void ut_engine_wake(struct ut_engine *e, struct ut_stream *s)
{
    pthread_mutex_lock(&e->lock);
    s->has_work = true;
    e->work = true;
    pthread_cond_signal(&e->wake);
    pthread_mutex_unlock(&e->lock);
}

/* Waits for work and takes the streams; false when the engine is to stop. */
static bool begin_round(struct ut_engine *e)
{
    pthread_mutex_lock(&e->lock);
    while (!e->stop && !e->work)
        pthread_cond_wait(&e->wake, &e->lock);
    bool go_on = !e->stop;
    e->work = false;
    e->n_round = 0;
    for (struct ut_stream *s = e->streams; go_on && s; s = s->next) {
        if (s->closing || !s->has_work)
            continue;
        s->in_use = true;
        s->has_work = false;
        e->round[e->n_round++] = s;
    }
    pthread_mutex_unlock(&e->lock);
    return go_on;
}

static void end_round(struct ut_engine *e, const struct ut_engine_stats *spent, bool more)
{
    pthread_mutex_lock(&e->lock);
    for (size_t i = 0; i < e->n_round; i++) {
        e->round[i]->in_use = false;
        e->round[i]->has_work = e->round[i]->has_work || e->round[i]->goes_on;
    }
    e->work = e->work || more;
    e->stats.n_batches += spent->n_batches;
    e->stats.n_steps += spent->n_steps;
    e->stats.step_us += spent->step_us;
    e->stats.listen_us += spent->listen_us;
    if (spent->longest_step_us > e->stats.longest_step_us)
        e->stats.longest_step_us = spent->longest_step_us;
    pthread_cond_broadcast(&e->released);
    pthread_mutex_unlock(&e->lock);
}

static int by_deadline(const void *a, const void *b)
{
    int64_t x = (*(struct ut_stream *const *)a)->deadline_us;
    int64_t y = (*(struct ut_stream *const *)b)->deadline_us;

    return x < y ? -1 : x > y;
}

/*
 * Every stream looks at some of its audio; those with a step due come to the front of the round, in
 * order of deadline. Returns whether some stream has more audio to look at.
 */
static bool listen(struct ut_engine *e, size_t *n_due)
{
    int64_t now_us = ut_clock_now_us();
    bool more = false;

    *n_due = 0;
    for (size_t i = 0; i < e->n_round; i++) {
        struct ut_stream *s = e->round[i];

        pthread_mutex_lock(&s->lock);
        s->goes_on = ut_session_advance(s->session, CHUNKS_A_TURN, now_us);
        bool due = ut_session_due(s->session, &s->deadline_us);
        if (ut_session_readable(s->session))
            pthread_cond_broadcast(&s->readable);
        pthread_mutex_unlock(&s->lock);
        s->goes_on = s->goes_on || due;
        more = more || s->goes_on;
        if (due) {
            e->round[i] = e->round[*n_due];
            e->round[(*n_due)++] = s;
        }
    }
    qsort(e->round, *n_due, sizeof *e->round, by_deadline);
    return more;
}

/* Prepares the most urgent step and those that fit beside it. */
static size_t prepare_batch(struct ut_engine *e, size_t n_due)
{
    size_t window = UT_SESSION_WINDOW_FRAMES * ut_mel_n_mels(e->mel);
    size_t n_frames = 0;
    size_t n = 0;

    for (size_t i = 0; i < n_due && n < e->options.max_batch; i++) {
        struct ut_stream *s = e->round[i];

        pthread_mutex_lock(&s->lock);
        ut_session_prepare(s->session, &e->steps[n], e->windows + n * window);
        pthread_mutex_unlock(&s->lock);
        if (n > 0 && n_frames + e->steps[n].n_frames > FRAMES_A_BATCH)
            continue;
        n_frames += e->steps[n].n_frames;
        e->stepping[n++] = s;
    }
    return n;
}

static void finish_step(struct ut_stream *s, const struct ut_asr_step *step, enum ut_status status)
{
    pthread_mutex_lock(&s->lock);
    ut_session_finish(s->session, step, status, ut_clock_now_us());
    pthread_cond_broadcast(&s->readable);
    pthread_mutex_unlock(&s->lock);
}

/* A batch that fails is run again one by one, so that a session fails for its own reasons only. */
static void run_batch(struct ut_engine *e, size_t n)
{
    enum ut_status status = ut_recognizer_step(e->recognizer, e->steps, n);

    for (size_t i = 0; i < n; i++) {
        if (status && n > 1)
            finish_step(e->stepping[i], &e->steps[i],
                        ut_recognizer_step(e->recognizer, &e->steps[i], 1));
        else
            finish_step(e->stepping[i], &e->steps[i], status);
    }
}

static bool run_round(struct ut_engine *e, struct ut_engine_stats *spent)
{
    size_t n_due;
    int64_t begin = ut_clock_now_us();
    bool more = listen(e, &n_due);
    size_t n = prepare_batch(e, n_due);
    int64_t listened = ut_clock_now_us();

    spent->listen_us = listened - begin;
    if (n == 0)
        return more;
    run_batch(e, n);
    spent->n_batches = 1;
    spent->n_steps = n;
    spent->step_us = ut_clock_now_us() - listened;
    spent->longest_step_us = spent->step_us;
    return true;
}

/* The first step makes the recogniser's cached silence: better now than when somebody has spoken.
 */
static void warm_up(struct ut_engine *e)
{
    size_t n_frames = UT_MEL_FRAMES_PER_S / 2;
    size_t n = n_frames * ut_mel_n_mels(e->mel);

    for (size_t i = 0; i < n; i++)
        e->windows[i] = (UT_ASR_LIVE_TOP - UT_MEL_RANGE + 4.0f) / 4.0f;
    e->steps[0] = (struct ut_asr_step){ .mel = e->windows, .n_frames = n_frames, .language = 0 };
    /* A failure shows again, with its status, in the first real step. */
    (void)!ut_recognizer_step(e->recognizer, e->steps, 1);
}

void *ut_engine_main(void *engine)
{
    struct ut_engine *e = engine;

    pthread_setname_np(pthread_self(), "utter-engine");
    warm_up(e);
    while (begin_round(e)) {
        struct ut_engine_stats spent = { 0 };
        bool more = run_round(e, &spent);

        end_round(e, &spent, more);
    }
    return NULL;
}
