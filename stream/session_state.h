/*
 * What a session holds. Private to stream/session*.c:
 * session.c       create, get: the outer face
 * session_feed.c  samples in, with what is wrong with them
 * session_audio.c samples -> voice activity -> segments -> which step is due
 * session_step.c  a step's inputs, and what becomes of its words
 */
#ifndef UT_STREAM_SESSION_STATE_H
#define UT_STREAM_SESSION_STATE_H

#include "asr/commit_words.h"
#include "audio/offset.h"
#include "stream/session.h"
#include "stream/words.h"

enum {
    UT_SESSION_HOP = UT_MEL_HOP,
    /* Kept behind the cursor: what a segment that opens now may still want (its pre-roll). */
    UT_SESSION_HISTORY = 2 * UT_MEL_RATE_HZ,
    /* A hypothesis that saw this much of a pause has heard the speech before it to the end. */
    UT_SESSION_HEARD = 3 * UT_MEL_RATE_HZ / 10,
    UT_SESSION_MAX_TOKENS = 448,
    UT_SESSION_MAX_JUMPS = 8, /* gaps that wait to be jumped over */
};

enum ut_session_want {
    UT_SESSION_WANT_NOTHING = 0,
    UT_SESSION_WANT_PARTIAL, /* decode the open segment up to want_edge */
    UT_SESSION_WANT_FINAL    /* the same, and commit all of it: the segment ends there */
};

/* Samples that are missing behind sample `at`, which is a chunk's border behind silence. */
struct ut_session_jump {
    int64_t at;
    int64_t n; /* whole chunks */
};

struct ut_session {
    struct ut_session_options options;
    struct ut_session_parts parts;
    int64_t begin_us;
    int32_t initial_prompt[UT_SESSION_MAX_PROMPT];

    /* Audio: data[0] is sample `origin`, n of them; the cursor is where advance has come to. */
    float *data;
    size_t capacity;
    size_t n;
    int64_t origin;
    int64_t cursor;
    int64_t fed_us; /* when the newest sample came */
    struct ut_offset offset;
    float newest; /* sample, as it came, and how often it came in a row */
    size_t n_same;
    struct ut_session_jump jumps[UT_SESSION_MAX_JUMPS];
    size_t n_jumps;
    int64_t n_pending; /* samples in them, not counted in stats.n_fed yet */
    bool has_clock;
    int64_t clock_offset; /* the capture clock's samples less ours */
    bool flushed;
    bool ended;
    enum ut_status failure;

    /* The open segment. */
    struct ut_segmenter segmenter;
    struct ut_mel_stream *mel;
    int64_t mel_origin; /* sample that is the mel stream's first */
    bool open;
    float level;       /* greatest raw mel value that its kept part was brought to */
    int64_t start;     /* a whole number of hops from mel_origin */
    int64_t next_step; /* cursor at which it is decoded again */
    uint64_t number;

    /* The step that is due or under way. */
    enum ut_session_want want;
    int64_t want_edge;
    bool goes_on; /* a final at a cut: the next segment starts at want_edge */
    int32_t prompt[2 * UT_SESSION_MAX_PROMPT];

    /* What is known of the open segment's words. */
    struct ut_commit *commit;
    struct ut_words committed;
    struct ut_words tail;
    int32_t hypothesis[UT_SESSION_MAX_TOKENS];
    size_t n_hypothesis;
    struct ut_commit_words heard; /* the hypothesis as words, times from the segment's start */
    int64_t heard_edge;           /* audio that it has heard; `start` when there is none */
    int64_t tried_edge;           /* the same of the last step, whatever became of it */
    int64_t broken_edge; /* of the first of the broken steps that end with the last one; else -1 */
    bool shows_tail;     /* the reader may be looking at an unstable tail */
    int64_t last_end;    /* of the last committed word of the session */

    /* What outlives a segment. */
    int language;                           /* -1 until known */
    int32_t context[UT_SESSION_MAX_PROMPT]; /* last tokens before the open segment */
    size_t n_context;
    int64_t context_end; /* where that text ended */

    struct ut_queue *queue;
    struct ut_session_stats stats;
};

/* session_feed.c: whether the cursor is where samples are missing; goes on behind them, when no
 * segment is open. */
bool ut_session_at_jump(const struct ut_session *s);
void ut_session_jump(struct ut_session *s);

/* session_step.c */
void ut_session_begin_segment(struct ut_session *s, int64_t start);
/* The open segment ends at once with what is committed, and goes on as one that begins at `at`
 * inside of it. */
void ut_session_resume_segment(struct ut_session *s, int64_t at, int64_t now_us);
/* Ends the open segment with the hypothesis as it is; needs no further step. */
void ut_session_end_segment(struct ut_session *s, int64_t now_us);

#endif
