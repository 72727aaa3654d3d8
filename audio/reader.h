/*
 * An audio file as 16 kHz mono samples: any format of libsndfile (WAV, FLAC, Ogg, MP3, ...) and Ogg
 * Opus, any rate and channel count. The file is hostile until it has been read.
 *
 * One thread. Reads in blocks; memory does not grow with the file. Channels are averaged; Ogg Opus
 * is first mixed to stereo by its own rules. A pipe is first copied to a temporary file whole
 * (audio/spool.h).
 */
#ifndef UT_AUDIO_READER_H
#define UT_AUDIO_READER_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct ut_reader;

/*
 * "-" is standard input. Errors, which name the file and why: UT_EIO, UT_EFORMAT (no audio, or a
 * rate or channel count out of range), UT_ENOMEM; from a pipe also UT_ELIMIT and UT_ECANCELED (a
 * signal came).
 */
UT_NODISCARD enum ut_status ut_reader_open(struct ut_reader **out, const char *path,
                                           struct ut_error *err);
void ut_reader_close(struct ut_reader *r);

/*
 * Reads up to n samples; *got is 0 only together with UT_END. A file that turns out truncated or
 * damaged gives what was readable and then UT_EFORMAT with its reason, as often as asked. NaN,
 * infinities and values beyond 2^16 are given as 0 and counted. Errors: UT_EFORMAT, UT_EIO,
 * UT_ENOMEM.
 */
UT_NODISCARD enum ut_status ut_reader_read(struct ut_reader *r, float *pcm, size_t n, size_t *got,
                                           struct ut_error *err);

/* Back to the start, where the file allows. Errors: UT_EIO. */
UT_NODISCARD enum ut_status ut_reader_rewind(struct ut_reader *r, struct ut_error *err);

struct ut_reader_info {
    unsigned rate_hz;
    unsigned n_channels;
    int64_t n_samples;  /* at 16 kHz, as the header says; -1 when unknown */
    const char *format; /* "wav", "flac", "ogg opus", ... for messages */
};
struct ut_reader_info ut_reader_info(const struct ut_reader *r);

/* Samples of the file read so far, in all channels, that were given as 0 because they were none. */
uint64_t ut_reader_n_bad(const struct ut_reader *r);

#endif
