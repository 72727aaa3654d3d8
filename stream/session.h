/*
 * A session: one stream of audio on its way to words. The one place where audio, voice activity,
 * recogniser steps and the commit policy meet.
 *
 * Pure and clock-free: it computes no step itself and asks nobody for the time. The owner feeds
 * samples, lets it advance, and when a step is due has it prepared, runs it (together with those of
 * other sessions, in one ut_recognizer_step()) and hands the result back:
 *
 *     ut_session_feed(s, pcm, n, now);
 *     while (ut_session_advance(s, 64, now)) {}
 *     if (ut_session_due(s, &deadline)) {
 *         ut_session_prepare(s, &step, window);
 *         ut_recognizer_step(recognizer, &step, 1);
 *         ut_session_finish(s, &step, status, now);
 *     }
 *     while (ut_session_get(s, &event) == UT_OK) ...
 *
 * What it does is a function of the samples alone, however they are cut into chunks, as long as the
 * steps keep up; when they do not, they get further apart (options.stretch_after) and it says so in
 * its counters. Bounds: waiting audio (feed refuses more) and the event queue (a session that
 * nobody reads stops stepping, then refuses audio). Nothing said is lost between the two.
 *
 * One thread at a time. All memory is taken at create. Times are samples at 16 kHz and microseconds
 * of any monotonic clock.
 */
#ifndef UT_STREAM_SESSION_H
#define UT_STREAM_SESSION_H

#include <stdbool.h>

#include "asr/commit.h"
#include "asr/recognizer.h"
#include "audio/mel.h"
#include "diarize/segmenter.h"
#include "stream/event.h"

#define UT_SESSION_MAX_PROMPT 100 /* tokens of the caller's prompt, and of the text before */
#define UT_SESSION_WINDOW_FRAMES 3000

struct ut_session;

struct ut_session_options {
    uint64_t id;
    int language; /* -1: detect, once, on the first two seconds of speech */
    bool translate;
    const int32_t
        *prompt; /* tokens of words to expect, copied; the last UT_SESSION_MAX_PROMPT are used */
    size_t n_prompt;
    const struct ut_asr_bias *bias; /* terms to expect, or NULL; must outlive the session */
    int64_t step;                   /* samples between two steps of an open segment */
    int64_t quiet_step;    /* the same from where speech ends until its words are committed */
    int64_t first_step;    /* from the segment's first speech to its first step */
    int64_t max_waiting;   /* samples that may wait */
    int64_t stretch_after; /* samples of waiting audio from which steps get longer; 0: never */
    int64_t max_step;      /* the longest step then */
    /* Text of the segment before is the decoder's prompt when the pause was at most this long;
     * negative: never. */
    int64_t context_pause;
    /* Samples before the live edge that every step encodes anew; what is older is kept from the
     * steps before (ut_session_parts.cache). 0: all of the segment, as in one pass over it. */
    int64_t fresh;
    size_t n_queued; /* events of the greatest size that the queue holds, at least 4 */
    struct ut_segmenter_options segmenter;
    struct ut_commit_options commit;
};
struct ut_session_options ut_session_options_default(void);

/* What a session uses and does not own; all must outlive it. */
struct ut_session_parts {
    const struct ut_mel *mel;
    /* Probability of speech in the next UT_VAD_CHUNK samples, in order. */
    float (*activity)(void *ctx, const float *pcm);
    void *activity_ctx;
    struct ut_asr_cache *cache; /* this session's alone, or NULL: steps keep nothing */
};

/* Errors: UT_EINVAL (an option is out of its range), UT_ENOMEM. End with ut_session_destroy(). */
UT_NODISCARD enum ut_status ut_session_create(struct ut_session **out,
                                              const struct ut_session_parts *parts,
                                              const struct ut_session_options *options,
                                              int64_t now_us);
void ut_session_destroy(struct ut_session *s);

/*
 * Takes n samples in [-1, 1]. NaN and infinities count as 0, louder ones are clipped, a constant
 * part is taken away (audio/offset.h); all of it is counted. Errors: UT_ELIMIT (nothing taken: too
 * much audio waits), UT_EINVAL (after a flush).
 */
UT_NODISCARD enum ut_status ut_session_feed(struct ut_session *s, const float *pcm, size_t n,
                                            int64_t now_us);

/* How many samples ut_session_feed() would take now. */
size_t ut_session_room(const struct ut_session *s);

/*
 * n samples are missing here: lost on the way, or while the microphone was off. Times go on behind
 * them as if they had come. A segment that is open hears two seconds of silence and ends. Errors:
 * as ut_session_feed(), and UT_EINVAL (more than UT_SESSION_MAX_GAP).
 */
#define UT_SESSION_MAX_GAP ((int64_t)24 * 3600 * UT_MEL_RATE_HZ)
UT_NODISCARD enum ut_status ut_session_skip(struct ut_session *s, int64_t n, int64_t now_us);

/*
 * As ut_session_feed(), of samples that the capture clock (in samples; its zero is anywhere) says
 * begin at `at`. Up to 30 ms are jitter. A clock that is further ahead means that samples are
 * missing; one that went back, or further ahead than UT_SESSION_MAX_GAP, was set: the samples
 * follow those before (counted).
 */
UT_NODISCARD enum ut_status ut_session_feed_at(struct ut_session *s, const float *pcm, size_t n,
                                               int64_t at, int64_t now_us);

/* No more audio: what was said is brought out, then ut_session_get() returns UT_END. */
void ut_session_flush(struct ut_session *s);

/*
 * Looks at up to `n_chunks` waiting chunks of UT_VAD_CHUNK samples, stopping where a step is due.
 * True when there is more that it could do at once.
 */
bool ut_session_advance(struct ut_session *s, size_t n_chunks, int64_t now_us);

/* True when a step is ready to run; *deadline_us is when its words should be out. */
bool ut_session_due(const struct ut_session *s, int64_t *deadline_us);

/*
 * Fills the inputs of the step that is due; `window` [UT_SESSION_WINDOW_FRAMES, n_mels] receives
 * its audio. The inputs point into the session and the window until ut_session_finish().
 */
void ut_session_prepare(struct ut_session *s, struct ut_asr_step *step, float *window);

/* Takes the outputs. With a status other than UT_OK the session ends: get returns it at last. */
void ut_session_finish(struct ut_session *s, const struct ut_asr_step *step, enum ut_status status,
                       int64_t now_us);

/*
 * The next event, valid until the next call. UT_AGAIN: none yet. UT_END: flushed and all read.
 * Others: what a step failed with.
 */
UT_NODISCARD enum ut_status ut_session_get(struct ut_session *s, struct ut_event *out);

/* Whether ut_session_get() would return at once with something other than UT_AGAIN. */
bool ut_session_readable(const struct ut_session *s);

/* Whether it waits for its events to be read before it looks at more audio. */
bool ut_session_full(const struct ut_session *s);

struct ut_session_stats {
    int64_t n_fed; /* samples, missing ones counted */
    int64_t n_waiting;
    uint64_t n_bad;          /* samples that were not finite */
    uint64_t n_clipped;      /* at full scale or beyond */
    uint64_t n_frozen;       /* in runs of one value of at least a tenth of a second */
    uint64_t n_missing;      /* that were skipped */
    uint64_t n_gaps;         /* in so many places */
    uint64_t n_clock_jumps;  /* times the capture clock was set */
    uint64_t n_rate_changes; /* in mid-stream (ut_stream_feed_rate()) */
    float offset;            /* the greatest constant part that was taken away; 0: none */
    uint64_t n_steps;
    uint64_t n_stretched; /* steps further apart than options.step: "longer hop" */
    uint64_t n_refused;   /* hypotheses that the guards took for no speech */
    uint64_t n_looped;
    uint64_t n_forced_cuts;
    uint64_t n_splits;         /* segments begun anew behind their committed words, after a loop */
    uint64_t n_coalesced;      /* unstable events that no one read in time */
    uint64_t n_prompt_dropped; /* tokens of options.prompt for which there was no room */
};
/* Samples that were not looked at yet. */
int64_t ut_session_n_waiting(const struct ut_session *s);
struct ut_session_stats ut_session_stats(const struct ut_session *s);

#endif
