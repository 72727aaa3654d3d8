/*
 * How many samples a device lost, from when its samples came: drivers tell that they lost some,
 * never how many, and a computer that was asleep tells nothing.
 *
 * What came is compared with what the clock says should have. Callbacks come late, never early, so
 * the least that is missing in a quarter of a second is what counts; a device's clock that runs
 * slow or fast is followed. One thread, no memory, no lock: for audio callbacks.
 */
#ifndef UT_AUDIO_DROPOUT_H
#define UT_AUDIO_DROPOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed but for rate_hz it is ready. Lay it out where you like. */
struct ut_dropout {
    unsigned rate_hz;
    /* private */
    bool begun;
    int64_t begin_us;
    int64_t n_come;    /* samples */
    int64_t base;      /* samples behind the clock while all is well */
    int64_t least;     /* of the window */
    unsigned n_calls;  /* in the window */
    int64_t window_us; /* when it began */
    bool overflow;     /* told in this window or the one before */
    bool overflow_before;
    bool settled;
};

/*
 * n samples came at the monotonic time now_us; `overflow`: the driver tells that some were lost.
 * Returns how many are found to be missing in front of the last few calls' samples; mostly 0.
 */
size_t ut_dropout_push(struct ut_dropout *d, int64_t now_us, size_t n, bool overflow);

#endif
