/*
 * What counts as a sample: a finite float within 2^16, far above any PCM scale (files that keep
 * int16 values as floats pass) and far below where sums of squares stop being finite. All else is
 * broken input and becomes 0. Any thread.
 */
#ifndef UT_AUDIO_SAMPLE_H
#define UT_AUDIO_SAMPLE_H

#include <math.h>
#include <stdbool.h>

#define UT_SAMPLE_BOUND 65536.0f

static inline bool ut_sample_ok(float x)
{
    return fabsf(x) <= UT_SAMPLE_BOUND;
}

static inline float ut_sample_clean(float x)
{
    return ut_sample_ok(x) ? x : 0.0f;
}

#endif
