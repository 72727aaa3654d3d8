#include "audio/dropout.h"

enum {
    WINDOW = 8,       /* calls, */
    WINDOW_MS = 250,  /* and so long: what was only late has then been caught up with */
    TOLD_MS = 10,     /* the least that is believed when the driver told of a loss */
    UNTOLD_MS = 250,  /* and when it did not: far beyond any jitter */
    DRIFT_SHARE = 16, /* of the difference is taken for the clocks' */
};

static size_t end_window(struct ut_dropout *d)
{
    bool told = d->overflow || d->overflow_before;
    int64_t behind = d->least - d->base;
    int64_t bound = (int64_t)d->rate_hz * (told ? TOLD_MS : UNTOLD_MS) / 1000;
    size_t missing = 0;

    d->overflow_before = d->overflow;
    d->overflow = false;
    d->n_calls = 0;
    if (!d->settled) {
        d->base = d->least;
        d->settled = true;
    } else if (behind >= bound) {
        missing = (size_t)behind;
        d->base = d->least;
        d->overflow_before = false;
    } else if (behind < 0) {
        d->base = d->least;
    } else {
        d->base += behind / DRIFT_SHARE;
    }
    return missing;
}

size_t ut_dropout_push(struct ut_dropout *d, int64_t now_us, size_t n, bool overflow)
{
    if (!d->begun) {
        d->begun = true;
        d->begin_us = now_us;
        return 0; /* they came before the clock began */
    }
    d->n_come += (int64_t)n;
    d->overflow = d->overflow || overflow;
    int64_t us = now_us - d->begin_us;
    int64_t due = us / 1000000 * d->rate_hz + us % 1000000 * d->rate_hz / 1000000;
    int64_t behind = due - d->n_come;
    if (d->n_calls == 0 || behind < d->least)
        d->least = behind;
    if (d->n_calls++ == 0)
        d->window_us = now_us;
    bool over = d->n_calls >= WINDOW && now_us - d->window_us >= WINDOW_MS * 1000;
    return over ? end_window(d) : 0;
}
