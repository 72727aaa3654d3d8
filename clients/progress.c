#include "clients/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "clients/terminal.h"

#define LONG_S 30 /* shorter recordings are done before a row helps */
#define REDRAW_US 200000
#define WINDOW_S 30 /* what is read ahead of the words */

void ut_progress_begin(struct ut_progress *p)
{
    *p = (struct ut_progress){
        .on = isatty(STDERR_FILENO),
        .start_us = ut_clock_now_us(),
        .n_total = -1,
    };
}

/* Audio that is surely captioned: words may end early in a pause, reading runs a window ahead. */
static int64_t done_samples(const struct ut_progress *p)
{
    int64_t behind = p->n_read - (int64_t)WINDOW_S * 16000;

    return behind > p->n_done ? behind : p->n_done;
}

void ut_progress_text(const struct ut_progress *p, int64_t elapsed_us, size_t columns, char *text,
                      size_t size)
{
    double done = (double)done_samples(p) / 16000;
    double total = (double)p->n_total / 16000;
    double elapsed = (double)elapsed_us / 1e6;
    double speed = elapsed > 0 ? done / elapsed : 0;
    double share = total > 0 ? done / total : 0;
    char bar[41] = "";
    char figures[80];

    if (share > 1)
        share = 1;
    long left = speed > 0 && total > done ? (long)((total - done) / speed + 0.5) : 0;
    if (p->n_total > 0)
        snprintf(figures, sizeof figures, "%3.0f %%  %.1fx real time  %ld:%02ld left", share * 100,
                 speed, left / 60, left % 60);
    else
        snprintf(figures, sizeof figures, "%ld:%02ld  %.1fx real time", (long)done / 60,
                 (long)done % 60, speed);
    if (p->n_total > 0 && columns > strlen(figures) + 16) {
        size_t width = columns - strlen(figures) - 6;
        if (width > sizeof bar - 1)
            width = sizeof bar - 1;
        size_t full = (size_t)(share * (double)width);
        memset(bar, '.', width);
        memset(bar, '#', full);
        bar[width] = '\0';
    }
    snprintf(text, size, bar[0] ? "[%s]  %s" : "%s%s", bar, figures);
}

static void redraw(struct ut_progress *p)
{
    int64_t now = ut_clock_now_us();
    char text[160];

    if (!p->on || now - p->drawn_us < REDRAW_US)
        return;
    if (p->n_total >= 0 && p->n_total < (int64_t)LONG_S * 16000)
        return;
    p->drawn_us = now;
    ut_progress_text(p, now - p->start_us, ut_terminal_columns(STDERR_FILENO), text, sizeof text);
    ut_terminal_status(text);
}

void ut_progress_read(struct ut_progress *p, int64_t n_read, int64_t n_total)
{
    p->n_read = n_read;
    p->n_total = n_total;
    redraw(p);
}

void ut_progress_segment(struct ut_progress *p, int64_t end)
{
    p->n_done = end;
    p->drawn_us = 0;
    redraw(p);
}
