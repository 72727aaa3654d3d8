/*
 * A level meter: how loud the microphone is, for people to look at.
 *
 * One thread. Decibels of full scale: 0 is a square wave between -1 and 1, a full sine is -3 in the
 * mean and 0 at the peak; silence is UT_LEVEL_FLOOR_DB. The mean forgets with a time constant of
 * 300 ms, as a VU meter; the peak jumps up and falls 20 dB a second.
 */
#ifndef UT_AUDIO_LEVEL_H
#define UT_AUDIO_LEVEL_H

#include <stddef.h>

#define UT_LEVEL_FLOOR_DB (-90.0f)

/* Lay it out where you like; fields are private. */
struct ut_level {
    float mean_square;
    float peak;
    float keep; /* of the mean square, per sample */
    float fall; /* of the peak, per sample */
};

/* rate_hz of what is fed, at least 1. */
void ut_level_init(struct ut_level *level, unsigned rate_hz);

/* Takes n mono samples in [-1, 1]; broken ones (audio/sample.h) count as 0. */
void ut_level_feed(struct ut_level *level, const float *pcm, size_t n);

float ut_level_mean_db(const struct ut_level *level);
float ut_level_peak_db(const struct ut_level *level);

#endif
