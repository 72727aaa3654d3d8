/*
 * The engine: one copy of each model, one engine thread, any number of streams.
 *
 * The engine thread owns the compute context and the recogniser. It looks at the audio of every
 * stream, picks the steps whose deadlines are earliest and runs those that fit in one batch; when
 * nothing is due it sleeps. When it falls behind, the sessions' steps get further apart ("longer
 * hop", counted); no queue grows without bound.
 *
 * Threads: an engine may be used from any thread; a stream by one feeding and one reading thread at
 * a time. Feeding and reading hold a lock for the time of a copy, or of a few milliseconds of
 * voice activity, never for that of a step. Two engines share nothing that changes.
 */
#ifndef UT_STREAM_ENGINE_H
#define UT_STREAM_ENGINE_H

#include <stdatomic.h>

#include "asr/recognizer.h"
#include "stream/event.h"
#include "stream/session.h"

#define UT_ENGINE_MAX_STREAMS 1024

struct ut_engine;
struct ut_stream;

struct ut_engine_options {
    const char *model; /* name or path; NULL: "base" */
    const char *vad;   /* name or path; NULL: "silero" */
    const char *cache; /* directory of named models; NULL: as ut_catalog_cache() */
    int n_threads;     /* 0: one per core */
    const char *level; /* NULL or a name for ut_cpu_mask() */
    size_t max_batch;  /* steps of different streams in one pass; 0: 4 */
    size_t max_beam;   /* of ut_engine_transcribe(); 0: 5 */
};

/*
 * Loads the Whisper model. What only live streams need (voice activity, the engine thread) is made
 * by the first ut_stream_open(). `options` NULL: defaults. Errors: those of ut_catalog_path() and
 * ut_asr_model_open(). End with ut_engine_destroy(), after every stream was closed.
 */
UT_NODISCARD enum ut_status ut_engine_create(struct ut_engine **out,
                                             const struct ut_engine_options *options,
                                             struct ut_error *err);
void ut_engine_destroy(struct ut_engine *e);

struct ut_asr_model *ut_engine_model(struct ut_engine *e);

/*
 * Transcribes a whole recording on the caller's thread, with a thread team and a recogniser of its
 * own over the engine's one copy of the weights: a long file never holds up a live step by more
 * than its share of the cores. Arguments as ut_recognizer_transcribe(). When *cancel (may be NULL)
 * becomes true it returns UT_ECANCELED at the next read or segment, at most one window later; what
 * on_segment was given before stays valid. Several may run at once.
 */
UT_NODISCARD enum ut_status
ut_engine_transcribe(struct ut_engine *e, const struct ut_asr_options *options, float mel_top,
                     ut_asr_read_fn *read, void *read_ctx, ut_asr_segment_fn *on_segment,
                     void *segment_ctx, const atomic_bool *cancel, struct ut_asr_timing *timing,
                     struct ut_error *err);

struct ut_engine_stats {
    size_t n_streams;
    uint64_t n_batches;
    uint64_t n_steps;  /* in all batches */
    int64_t step_us;   /* time spent in steps */
    int64_t listen_us; /* and in voice activity, mel and segments */
    int64_t longest_step_us;
};
struct ut_engine_stats ut_engine_stats(struct ut_engine *e);

/*
 * Opens a stream. `prompt` (words to expect, UTF-8) may be NULL and replaces options->prompt.
 * options NULL: ut_session_options_default(). Errors: UT_EINVAL (an option, or a language that the
 * model does not know, or those of ut_prompt_encode()), UT_ELIMIT (streams), UT_ENOMEM, and those
 * of opening the voice activity model. Of a long prompt the last UT_SESSION_MAX_PROMPT tokens are
 * used: ut_stream_stats() says how many were dropped. End with ut_stream_close().
 */
UT_NODISCARD enum ut_status ut_stream_open(struct ut_engine *e, struct ut_stream **out,
                                           const struct ut_session_options *options,
                                           const char *prompt, struct ut_error *err);

/* 16 kHz mono. Errors as ut_session_feed(). */
UT_NODISCARD enum ut_status ut_stream_feed(struct ut_stream *s, const float *pcm, size_t n);

/*
 * Mono at any rate within UT_RESAMPLER_MIN_HZ and MAX_HZ, which may be another one at each call:
 * counted, and no sample is lost at the change. Errors as ut_session_feed(), and UT_EINVAL (rate),
 * UT_ENOMEM.
 */
UT_NODISCARD enum ut_status ut_stream_feed_rate(struct ut_stream *s, const float *pcm, size_t n,
                                                unsigned rate_hz);

/* As ut_session_feed_at() and ut_session_skip(); 16 kHz. */
UT_NODISCARD enum ut_status ut_stream_feed_at(struct ut_stream *s, const float *pcm, size_t n,
                                              int64_t at);
UT_NODISCARD enum ut_status ut_stream_skip(struct ut_stream *s, int64_t n);

/* No more audio will come. */
void ut_stream_flush(struct ut_stream *s);

/*
 * The next event, valid until the next call; waits at most timeout_ms (0: not at all, negative: as
 * long as it takes). UT_AGAIN: none in that time; UT_END: flushed and all read; others: the stream
 * failed.
 */
UT_NODISCARD enum ut_status ut_stream_get(struct ut_stream *s, struct ut_event *out,
                                          int timeout_ms);

struct ut_session_stats ut_stream_stats(struct ut_stream *s);

/* Waits for a step of this stream that is under way. Accepts NULL. */
void ut_stream_close(struct ut_stream *s);

#endif
