/*
 * libutter: real-time speech recognition in one header.
 *
 *     utter_engine *engine;
 *     utter_stream *stream;
 *     utter_event event;
 *
 *     utter_engine_open(&engine, NULL, error, sizeof error);
 *     utter_stream_open(engine, &stream, NULL, error, sizeof error);
 *     while (more audio) {
 *         utter_stream_feed(stream, pcm, n);           16 kHz mono float
 *         while (utter_stream_get(stream, &event, 0) == UTTER_OK)
 *             print(event.text);
 *     }
 *     utter_stream_flush(stream);
 *     while (utter_stream_get(stream, &event, -1) == UTTER_OK)
 *         print(event.text);
 *     utter_stream_close(stream);
 *     utter_engine_close(engine);
 *
 * An engine holds one copy of each model and one engine thread; any number of streams share it.
 * Streams may be used from different threads, each by one thread at a time. Nothing a caller feeds
 * aborts the process; errors come back as a status and a line of text. Two engines share nothing.
 */
#ifndef UTTER_H
#define UTTER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define UTTER_API __attribute__((visibility("default")))
#else
#define UTTER_API
#endif

typedef struct utter_engine utter_engine;
typedef struct utter_stream utter_stream;

typedef enum {
    UTTER_OK = 0,
    UTTER_AGAIN,   /* no event within the time given */
    UTTER_END,     /* the stream was flushed and all its events were read */
    UTTER_INVALID, /* an argument is out of its documented range */
    UTTER_MEMORY,
    UTTER_IO,
    UTTER_FORMAT, /* a file is not what it should be */
    UTTER_LIMIT,  /* a bound would be passed: more audio waiting than the stream holds */
    UTTER_CANCELED
} utter_status;

typedef struct {
    const char *model; /* name ("base", "tiny.en") or path of a GGUF; NULL: "base" */
    const char *vad;   /* name or path; NULL: "silero" */
    const char *cache; /* where named models are; NULL: $UTTER_CACHE or ~/.cache/utter */
    int n_threads;     /* 0: one per core */
} utter_engine_options;

typedef struct {
    const char *language; /* code or name; NULL or "auto": detect */
    /* Words to expect, UTF-8; NULL: none. Of a long one the last 100 tokens count: see
     * utter_stream_stats. */
    const char *prompt;
    int translate;    /* to English */
    int step_ms;      /* how often the open segment is decoded, 100 to 2000; 0: 200 */
    int max_buffer_s; /* audio that may wait before feed returns UTTER_LIMIT, 1 to 3600; 0: 60 */
    /* When words are committed: "evidence" (NULL), "agreement" or "attention". */
    const char *policy;
    const char *const *terms; /* names and words to expect, as they should be written, UTF-8 */
    size_t n_terms;           /* at most 1000; NULL or 0: none */
} utter_stream_options;

typedef enum {
    UTTER_UNSTABLE = 1, /* the words after the last committed one, which may still change */
    UTTER_COMMITTED,    /* words that will never change */
    UTTER_FINAL         /* a segment ended: all its words, as they were committed */
} utter_event_type;

typedef struct {
    const char *text; /* UTF-8, no leading space */
    double start;     /* seconds of audio since the stream began */
    double end;
    float confidence; /* [0, 1] */
    int glued;        /* nonzero: no space goes between it and the word before */
} utter_word;

/*
 * Valid until the next utter_stream_get() on the stream, or its close. A committed event also ends
 * the unstable text shown before; an unstable one follows when there still is some. A reader that
 * falls behind misses unstable events, never the others.
 */
typedef struct {
    utter_event_type type;
    double wall;      /* seconds since the stream began */
    double audio;     /* seconds of audio received when the event was made */
    double start;     /* of the segment, seconds of audio */
    double end;       /* of the last word; the segment's end in UTTER_FINAL */
    const char *text; /* UTF-8, no leading space */
    const utter_word *words;
    size_t n_words;
    const char *language; /* "en"; "" while unknown */
    int glued; /* nonzero: no space goes between this text and what was committed before */
} utter_event;

UTTER_API const char *utter_version(void);
UTTER_API const char *utter_status_text(utter_status status);

/* Loads the models. `error` (may be NULL) receives one line on failure. options NULL: defaults. */
UTTER_API utter_status utter_engine_open(utter_engine **out, const utter_engine_options *options,
                                         char *error, size_t error_size);
/* Every stream must be closed before. Accepts NULL. */
UTTER_API void utter_engine_close(utter_engine *engine);

UTTER_API utter_status utter_stream_open(utter_engine *engine, utter_stream **out,
                                         const utter_stream_options *options, char *error,
                                         size_t error_size);

/* 16 kHz mono samples in [-1, 1]. Never waits. UTTER_LIMIT: nothing was taken; read events first.
 */
UTTER_API utter_status utter_stream_feed(utter_stream *stream, const float *pcm, size_t n);

/* The same at another rate, 1000 to 768000 Hz. The rate may change from one call to the next. */
UTTER_API utter_status utter_stream_feed_rate(utter_stream *stream, const float *pcm, size_t n,
                                              unsigned rate_hz);

/*
 * n samples (at 16 kHz, at most a day of them) are missing here: lost on the way, or while the
 * microphone was off. Times go on behind them as if they had come.
 */
UTTER_API utter_status utter_stream_skip(utter_stream *stream, int64_t n);

/*
 * As utter_stream_feed(), with the time that the capture clock gives the first sample, in samples
 * at 16 kHz; its zero is anywhere. More than 30 ms ahead of the samples that came, the ones between
 * are missing; behind them, or more than a day ahead, the clock was set, and the samples follow
 * those before. Either is counted, and times of words never go back.
 */
UTTER_API utter_status utter_stream_feed_at(utter_stream *stream, const float *pcm, size_t n,
                                            int64_t at);

/*
 * The next event, waiting at most timeout_ms (0: not at all, -1: as long as it takes). A wait of
 * -1 ends with UTTER_END after a flush, so it is for flushed streams or a thread of its own.
 */
UTTER_API utter_status utter_stream_get(utter_stream *stream, utter_event *event, int timeout_ms);

/* What a stream has met with so far. None of it is an error; a program may want to say it. */
typedef struct {
    uint64_t n_samples;        /* taken, missing ones counted: where times are */
    uint64_t n_waiting;        /* of these, not looked at yet */
    uint64_t n_bad;            /* of these, no finite numbers: taken as silence */
    uint64_t n_prompt_dropped; /* tokens at the prompt's start for which there was no room */
    uint64_t n_missed;         /* unstable events that were replaced before they were read */
    uint64_t n_clipped;        /* samples at full scale or beyond, which is where they are cut */
    uint64_t n_frozen;         /* in runs of one value of at least 0.1 s: a muted microphone */
    uint64_t n_missing;        /* said to be missing, or found to be by the capture clock */
    uint64_t n_gaps;           /* in so many places */
    uint64_t n_clock_jumps;    /* times the capture clock was set back, or far ahead */
    uint64_t n_rate_changes;   /* in mid-stream */
    double offset;             /* the greatest constant part that was taken away; 0: none */
} utter_stream_stats;

/*
 * Fills the first `size` bytes of *out: sizeof(utter_stream_stats), so that a program built with an
 * older header gets what it knows. Any thread.
 */
UTTER_API utter_status utter_stream_get_stats(utter_stream *stream, utter_stream_stats *out,
                                              size_t size);

/* No more audio: what was said is brought out and the stream ends. */
UTTER_API utter_status utter_stream_flush(utter_stream *stream);

/* Accepts NULL; without a flush what was not yet recognised is given up. */
UTTER_API void utter_stream_close(utter_stream *stream);

#ifdef __cplusplus
}
#endif
#endif
