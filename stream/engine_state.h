/*
 * What an engine and its streams hold. Private to stream/engine*.c and stream/stream*.c.
 *
 * Locks: `lock` of the engine guards the list and the flags; `lock` of a stream guards its session.
 * Where both are wanted the engine's is never held while a stream's is taken. The engine thread
 * marks the streams of a round in_use and then works on them without the engine's lock; closing a
 * stream waits for `released`.
 */
#ifndef UT_STREAM_ENGINE_STATE_H
#define UT_STREAM_ENGINE_STATE_H

#include <pthread.h>

#include "audio/resampler.h"
#include "diarize/activity.h"
#include "stream/engine.h"

enum { UT_ENGINE_MAX_BATCH = 16 };

struct ut_stream {
    struct ut_engine *engine;
    pthread_mutex_t lock;
    pthread_cond_t readable; /* clock: CLOCK_MONOTONIC */
    struct ut_session *session;
    struct ut_activity *activity;
    struct ut_asr_cache *cache;
    struct ut_resampler *resampler; /* NULL at 16 kHz */
    unsigned rate_hz;
    bool has_rate;  /* samples have come */
    uint64_t n_bad; /* before the resampler, which makes silence of them */
    uint64_t n_rate_changes;
    /* under the engine's lock */
    struct ut_stream *next;
    bool in_use;
    bool closing;  /* takes no part in further rounds */
    bool has_work; /* takes part in the next */
    /* engine thread */
    int64_t deadline_us;
    bool goes_on; /* there is more to do than this round did */
};

struct ut_engine {
    struct ut_engine_options options; /* strings are not kept */
    struct ut_compute *compute;
    struct ut_asr_model *model;
    char *model_path;

    /* What live streams need; made by the first one. */
    struct ut_compute *vad_compute; /* one thread: a chunk is too little work to share */
    struct ut_vad_model *vad_model;
    struct ut_mel *mel;
    struct ut_recognizer *recognizer;
    float *windows; /* [max_batch, UT_SESSION_WINDOW_FRAMES, n_mels] */
    char *vad_path; /* NULL: vad_error says why */
    struct ut_error vad_error;

    pthread_mutex_t live_lock; /* only one thread makes the above */
    bool live;
    pthread_t thread;

    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_cond_t released;
    struct ut_stream *streams;
    size_t n_streams;
    bool work;
    bool stop;
    struct ut_engine_stats stats;

    /* engine thread: the streams of a round */
    struct ut_stream *round[UT_ENGINE_MAX_STREAMS];
    size_t n_round;
    struct ut_asr_step steps[UT_ENGINE_MAX_BATCH];
    struct ut_stream *stepping[UT_ENGINE_MAX_BATCH];
};

/* engine_thread.c */
void *ut_engine_main(void *engine);

/* Says that there may be something to do for a stream. Any thread, no stream's lock held. */
void ut_engine_wake(struct ut_engine *e, struct ut_stream *s);

/* engine.c: makes what live streams need, once. */
UT_NODISCARD enum ut_status ut_engine_go_live(struct ut_engine *e, struct ut_error *err);

#endif
