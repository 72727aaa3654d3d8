/*
 * The progress row of a long recording: share done, real-time factor, time left. Only on a
 * terminal and only when it pays. One thread.
 */
#ifndef UT_CLIENTS_PROGRESS_H
#define UT_CLIENTS_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ut_progress {
    bool on;          /* standard error is a terminal */
    int64_t start_us; /* monotonic */
    int64_t drawn_us; /* when the row was drawn last */
    int64_t n_read;   /* samples at 16 kHz */
    int64_t n_total;  /* -1: unknown */
    int64_t n_done;   /* end of the last segment */
};

void ut_progress_begin(struct ut_progress *p);
void ut_progress_read(struct ut_progress *p, int64_t n_read, int64_t n_total);
void ut_progress_segment(struct ut_progress *p, int64_t end);

/* The row's text for `columns` columns, elapsed microseconds given: what a test can see. */
void ut_progress_text(const struct ut_progress *p, int64_t elapsed_us, size_t columns, char *text,
                      size_t size);

#endif
