/*
 * A live stream through libutter: audio in, events to the outputs. What `caption --live` and `mic`
 * share. One thread.
 */
#ifndef UT_CLIENTS_LIVE_H
#define UT_CLIENTS_LIVE_H

#include "clients/outputs.h"
#include "clients/settings.h"
#include "stream/utter.h"

struct ut_live {
    utter_engine *engine;
    utter_stream *stream;
    struct ut_outputs *outputs;
    struct ut_caption_word *words; /* of the event at hand */
    size_t n_capacity;
    double wall;              /* of the last event */
    double heard;             /* seconds of audio fed */
    uint64_t n_lost;          /* samples that found the stream full (mic) */
    uint64_t n_owed;          /* samples missing that the stream was not told of yet */
    utter_stream_stats stats; /* set by ut_live_finish() */
    bool output_failed;       /* the failure returned is an output's */
};

/* The engine for these settings. Errors: as ut_offline_open(). End with utter_engine_close(). */
UT_NODISCARD enum ut_status ut_live_engine(utter_engine **out, const struct ut_settings *s,
                                           struct ut_error *err);

/* A stream on it whose events go to `outputs`. Errors: UT_EINVAL (language, task), UT_ENOMEM. */
UT_NODISCARD enum ut_status ut_live_open(struct ut_live *out, utter_engine *engine,
                                         const struct ut_settings *s, struct ut_outputs *outputs,
                                         struct ut_error *err);

/* Says on standard error what of --prompt is not used. */
void ut_live_warn_prompt(const struct ut_live *l);

void ut_live_close(struct ut_live *l); /* accepts a zeroed struct */

/* Gives away `n` samples; UT_ELIMIT: the stream is full and took none. */
UT_NODISCARD enum ut_status ut_live_feed(struct ut_live *l, const float *pcm, size_t n,
                                         struct ut_error *err);

/*
 * Tells that n samples are missing here, and those of earlier calls that had to wait; UT_ELIMIT:
 * the stream is full, they are told later. Before the samples behind them are fed.
 */
UT_NODISCARD enum ut_status ut_live_skip(struct ut_live *l, uint64_t n);

/* Hands on the events that come before the monotonic time `until_us`. Errors: the outputs'. */
UT_NODISCARD enum ut_status ut_live_poll(struct ut_live *l, int64_t until_us, struct ut_error *err);

/* No more audio: hands on all that is left. */
UT_NODISCARD enum ut_status ut_live_finish(struct ut_live *l, struct ut_error *err);

/* Whether the file can be opened at all, before outputs are. Errors: those of the reader. */
UT_NODISCARD enum ut_status ut_live_check_file(const char *path, struct ut_error *err);

/*
 * Captions a file in real time, `speed` times faster. *input_error: the failure is the file's.
 * UT_ECANCELED when interrupted, with all that was said until then brought out.
 */
UT_NODISCARD enum ut_status ut_live_run_file(struct ut_live *l, const char *path, double speed,
                                             bool *input_error, struct ut_error *err);

#endif
