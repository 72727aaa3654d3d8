#include <stdio.h>

#include "audio/reader.h"
#include "base/clock.h"
#include "clients/interrupt.h"
#include "clients/live.h"

#define CHUNK 1600 /* samples: a tenth of a second, as a microphone would bring them */

static void show_status(struct ut_live *l, double n_seconds)
{
    char text[128];
    int heard = (int)l->heard;
    int total = (int)n_seconds;

    if (total > 0)
        snprintf(text, sizeof text, "%d:%02d of %d:%02d", heard / 60, heard % 60, total / 60,
                 total % 60);
    else
        snprintf(text, sizeof text, "%d:%02d", heard / 60, heard % 60);
    ut_outputs_status(l->outputs, text);
}

/*
 * Gives the chunk away, waiting for room when a fast file outruns the engine. An interruption ends
 * the wait; it is no failure, and what was taken before is still to be brought out.
 */
static enum ut_status feed_all(struct ut_live *l, const float *pcm, size_t n, struct ut_error *err)
{
    enum ut_status st = ut_live_feed(l, pcm, n, err);

    while (st == UT_ELIMIT && !ut_interrupt_seen()) {
        st = ut_live_poll(l, ut_clock_now_us() + 20000, err);
        if (st == UT_OK)
            st = ut_live_feed(l, pcm, n, err);
    }
    return st == UT_ELIMIT && ut_interrupt_seen() ? UT_OK : st;
}

static enum ut_status stream_file(struct ut_live *l, struct ut_reader *reader, double speed,
                                  bool *input_error, struct ut_error *err)
{
    float pcm[CHUNK];
    double n_seconds = (double)ut_reader_info(reader).n_samples / 16000;
    int64_t start = ut_clock_now_us();
    enum ut_status st = UT_OK;

    while (st == UT_OK && !ut_interrupt_seen()) {
        size_t got;
        st = ut_reader_read(reader, pcm, CHUNK, &got, err);
        *input_error = st != UT_OK && st != UT_END;
        if (st != UT_OK)
            break;
        /* a sample exists once it has been said: the chunk is due at its end */
        double due = (l->heard + (double)got / 16000) / speed;
        st = ut_live_poll(l, start + (int64_t)(due * 1e6), err);
        if (st == UT_OK)
            st = feed_all(l, pcm, got, err);
        if (st == UT_OK)
            show_status(l, n_seconds);
    }
    return st;
}

enum ut_status ut_live_check_file(const char *path, struct ut_error *err)
{
    struct ut_reader *reader;

    /* standard input can be opened only once */
    if (path[0] == '-' && !path[1])
        return UT_OK;
    enum ut_status st = ut_reader_open(&reader, path, err);
    if (st == UT_OK)
        ut_reader_close(reader);
    return st;
}

enum ut_status ut_live_run_file(struct ut_live *l, const char *path, double speed,
                                bool *input_error, struct ut_error *err)
{
    struct ut_reader *reader;

    *input_error = true;
    enum ut_status st = ut_reader_open(&reader, path, err);
    if (st != UT_OK)
        return st;
    *input_error = false;
    st = stream_file(l, reader, speed, input_error, err);
    if (st == UT_END && ut_reader_n_bad(reader)) {
        *input_error = true;
        st = ut_error_set(err, UT_EFORMAT,
                          "%s: %llu samples are no numbers and were taken as silence", path,
                          (unsigned long long)ut_reader_n_bad(reader));
    }
    ut_reader_close(reader);
    if (st != UT_OK && st != UT_END && !*input_error)
        return st;
    /* what was said before the end, the damage or the interruption is brought out */
    enum ut_status rest = ut_live_finish(l, *input_error ? NULL : err);
    if (*input_error)
        return st;
    if (rest == UT_OK && ut_interrupt_seen())
        return ut_error_set(err, UT_ECANCELED, "interrupted");
    return rest;
}
