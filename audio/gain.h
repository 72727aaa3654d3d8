/*
 * How loud a voice is, how loud the room, and the gain that brings a quiet voice to the level that
 * models of voice activity know. docs/decisions/011.
 *
 * One thread, no memory of its own; audio at 16 kHz in chunks of about 32 ms. Levels are decibels
 * of full scale of the audio above 80 Hz, so that an offset or rumble is no voice. The room is the
 * lowest level of the last four seconds. The gain is at least 0 dB and
 *   - never raises the room above UT_GAIN_ROOM_DB, so that silence and steady noise stay what they
 *     are, nor the loudest recent chunk above UT_GAIN_VOICE_DB, nor any sample above full scale;
 *   - falls within the chunk that is too loud for it, rises by 12 dB a second while no speech is
 *     found and by 3 afterwards.
 * A voice of ordinary level is left exactly as it is.
 */
#ifndef UT_AUDIO_GAIN_H
#define UT_AUDIO_GAIN_H

#include <stdbool.h>
#include <stddef.h>

#define UT_GAIN_MAX_DB 30.0f
#define UT_GAIN_ROOM_DB (-72.0f)
#define UT_GAIN_VOICE_DB (-30.0f)
#define UT_GAIN_SILENCE_DB (-140.0f) /* the level of nothing at all */

enum { UT_GAIN_WINDOWS = 4 };

/* Lay it out where you like. */
struct ut_gain {
    /* readable, of the last chunk */
    float level_db;
    float room_db;
    float gain_db;
    /* private */
    float before; /* last sample and output of the high-pass */
    float passed;
    float offset; /* taken from what is raised */
    bool has_offset;
    float smooth_db;
    float voice_db;
    float lowest_db[UT_GAIN_WINDOWS]; /* of each past second */
    float lowest_now_db;
    size_t n_in_window; /* samples */
    size_t n_nothing;
    size_t n_since_speech;
};

void ut_gain_init(struct ut_gain *g);

/*
 * Looks at the next n samples, finite ones in [-1, 1], n at least 1; writes them with the gain to
 * out [n], which may be pcm.
 */
void ut_gain_run(struct ut_gain *g, const float *pcm, float *out, size_t n);

/* Whether the chunk that came last was found to be speech. */
void ut_gain_heard(struct ut_gain *g, size_t n, bool speech);

#endif
