/*
 * What a decoder of one kind of audio file gives the reader: interleaved float frames.
 *
 * One thread. A decoder reads from a descriptor that the reader owns, and reports why it stopped;
 * the reader prepends the file's name. Adding a format is one file with one open function and a
 * line in reader.c. Decoders of single packets (mu-law, Opus from a socket) are no sources: they
 * turn a packet into frames and hand those to a ut_resampler.
 */
#ifndef UT_AUDIO_SOURCE_H
#define UT_AUDIO_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct ut_source_ops {
    /*
     * frames [n, n_channels]; UT_OK with *got in [1, n], UT_END, UT_EFORMAT (damage: all that was
     * readable has been given), UT_EIO or UT_ENOMEM. No call follows one that was not UT_OK, but
     * for rewind and close.
     */
    enum ut_status (*read)(void *decoder, float *frames, size_t n, size_t *got,
                           struct ut_error *err);
    enum ut_status (*rewind)(void *decoder, struct ut_error *err);
    void (*close)(void *decoder);
};

struct ut_source {
    const struct ut_source_ops *ops;
    void *decoder;
    unsigned rate_hz;
    unsigned n_channels;      /* in the frames that read() gives */
    unsigned n_file_channels; /* in the file, for people */
    int64_t n_frames;         /* as the header says, unchecked; -1 when unknown */
    const char *format;       /* constant text */
};

/*
 * Each fills *out from the regular file `fd`, read from its start, or leaves it untouched:
 * UT_EFORMAT when the bytes are of another kind or damaged, UT_EIO, UT_ENOMEM. `fd` stays the
 * caller's and must outlive the source.
 */
UT_NODISCARD enum ut_status ut_sndfile_open(struct ut_source *out, int fd, struct ut_error *err);
UT_NODISCARD enum ut_status ut_opusfile_open(struct ut_source *out, int fd, struct ut_error *err);
UT_NODISCARD enum ut_status ut_vorbisfile_open(struct ut_source *out, int fd, struct ut_error *err);
UT_NODISCARD enum ut_status ut_mpg123_open(struct ut_source *out, int fd, struct ut_error *err);

#endif
