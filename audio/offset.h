/*
 * A constant part in a signal ("DC offset"), found and taken away.
 *
 * One thread, no memory of its own; 16 kHz. What it gives is a function of the samples alone,
 * however they are cut up. Nothing changes until a whole second had a mean beyond
 * UT_OFFSET_LIMIT: recordings have thumps and small offsets that do no harm, and are left bit by
 * bit as they are. From then on a running mean (half a second) is taken away, until a second's is
 * below half the limit.
 */
#ifndef UT_AUDIO_OFFSET_H
#define UT_AUDIO_OFFSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* -34 dB: beside it speech at -60 dB is misheard. docs/decisions/011 */
#define UT_OFFSET_LIMIT 0.02f

/* A zeroed one is ready. Lay it out where you like. */
struct ut_offset {
    /* readable */
    float worst; /* the greatest mean of a second so far that was taken away, with its sign; 0: none
                  */
    /* private */
    bool active;
    float mean;  /* running */
    int32_t sum; /* of the second under way, in steps of 2^-15: the same however it is cut */
    size_t n_sum;
};

/* Takes what is constant away from the next n samples, in [-1, 1]. */
void ut_offset_run(struct ut_offset *o, float *pcm, size_t n);

#endif
