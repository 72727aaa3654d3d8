/*
 * The one place that knows libmpg123: MP3 (and MPEG layers I and II), mixed to mono. libsndfile
 * reads these files through the same library, but then it writes notes about damage to stderr, and
 * takes memory for ID3 tags by their headers' word.
 */
#include <mpg123.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "audio/source.h"
#include "base/memory.h"

#define FRAME 1152 /* samples in a frame, the most */

struct mpg123 {
    mpg123_handle *handle;
    int fd;
    long rate_hz;
    int64_t n_frames; /* samples as the Xing or Info tag says; -1 when there is none */
    int64_t n_read;
};

static ssize_t read_bytes(void *stream, void *to, size_t n)
{
    struct mpg123 *m = stream;

    return read(m->fd, to, n);
}

static off_t seek_bytes(void *stream, off_t offset, int whence)
{
    struct mpg123 *m = stream;

    return lseek(m->fd, offset, whence);
}

static void close_mpg123(void *decoder)
{
    struct mpg123 *m = decoder;

    mpg123_delete(m->handle); /* accepts NULL, closes */
    ut_free(m);
}

/* Whether the first frame, behind an ID3v2 tag, is a Xing or Info tag: then the length is exact. */
static bool has_info_tag(int fd)
{
    unsigned char head[10];
    unsigned char frame[256];
    off_t at = 0;

    if (pread(fd, head, sizeof head, 0) != (ssize_t)sizeof head)
        return false;
    if (memcmp(head, "ID3", 3) == 0) /* ten bytes and a length of four times seven bits */
        at = 10 + ((head[6] & 0x7f) << 21 | (head[7] & 0x7f) << 14 | (head[8] & 0x7f) << 7 |
                   (head[9] & 0x7f));
    ssize_t n = pread(fd, frame, sizeof frame, at);
    for (ssize_t i = 0; i + 4 <= n; i++) {
        if (memcmp(frame + i, "Xing", 4) == 0 || memcmp(frame + i, "Info", 4) == 0)
            return true;
    }
    return false;
}

static enum ut_status judge_end(const struct mpg123 *m, struct ut_error *err)
{
    if (m->n_frames - m->n_read >= FRAME)
        return ut_error_set(err, UT_EFORMAT,
                            "truncated or damaged: %lld of %lld frames could be read",
                            (long long)m->n_read, (long long)m->n_frames);
    return UT_END;
}

static enum ut_status read_mpg123(void *decoder, float *frames, size_t n, size_t *got,
                                  struct ut_error *err)
{
    struct mpg123 *m = decoder;
    size_t n_bytes = 0;

    for (;;) {
        int st = mpg123_read(m->handle, (void *)frames, n * sizeof *frames, &n_bytes);

        if (n_bytes > 0)
            break;
        if (st == MPG123_DONE)
            return judge_end(m, err);
        if (st != MPG123_OK && st != MPG123_NEW_FORMAT)
            return ut_error_set(err, UT_EFORMAT, "damaged after frame %lld: %s",
                                (long long)m->n_read, mpg123_strerror(m->handle));
        long rate_hz = 0;
        int n_channels = 0;
        int encoding = 0;
        if (mpg123_getformat(m->handle, &rate_hz, &n_channels, &encoding) != MPG123_OK ||
            rate_hz != m->rate_hz)
            return ut_error_set(err, UT_EFORMAT, "sample rate changes from %ld to %ld Hz at %lld",
                                m->rate_hz, rate_hz, (long long)m->n_read);
    }
    *got = n_bytes / sizeof *frames;
    m->n_read += (int64_t)*got;
    return UT_OK;
}

static enum ut_status rewind_mpg123(void *decoder, struct ut_error *err)
{
    struct mpg123 *m = decoder;

    if (mpg123_seek(m->handle, 0, SEEK_SET) != 0)
        return ut_error_set(err, UT_EIO, "cannot go back to the start: %s",
                            mpg123_strerror(m->handle));
    m->n_read = 0;
    return UT_OK;
}

static const struct ut_source_ops mpg123_ops = { read_mpg123, rewind_mpg123, close_mpg123 };

static bool start(struct mpg123 *m, unsigned *n_file_channels)
{
    struct mpg123_frameinfo info;
    long flags = MPG123_QUIET | MPG123_FORCE_FLOAT | MPG123_MONO_MIX | MPG123_SKIP_ID3V2;
    int n_channels = 0;
    int encoding = 0;

    if (mpg123_param(m->handle, MPG123_ADD_FLAGS, flags, 0.0) != MPG123_OK ||
        mpg123_replace_reader_handle(m->handle, read_bytes, seek_bytes, NULL) != MPG123_OK ||
        mpg123_open_handle(m->handle, m) != MPG123_OK ||
        mpg123_getformat(m->handle, &m->rate_hz, &n_channels, &encoding) != MPG123_OK ||
        mpg123_info(m->handle, &info) != MPG123_OK)
        return false;
    *n_file_channels = info.mode == MPG123_M_MONO ? 1 : 2;
    return n_channels == 1 && encoding == MPG123_ENC_FLOAT_32;
}

enum ut_status ut_mpg123_open(struct ut_source *out, int fd, struct ut_error *err)
{
    struct mpg123 *m = ut_calloc(1, sizeof *m);
    unsigned n_file_channels = 0;

    if (!m)
        return ut_error_set(err, UT_ENOMEM, "no memory to read audio");
    m->fd = fd;
    m->handle = mpg123_new(NULL, NULL);
    if (!m->handle) {
        close_mpg123(m);
        return ut_error_set(err, UT_ENOMEM, "no memory to decode MP3");
    }
    if (lseek(fd, 0, SEEK_SET) != 0 || !start(m, &n_file_channels)) {
        ut_error_set(err, UT_EFORMAT, "no MP3 that can be read: %s", mpg123_strerror(m->handle));
        close_mpg123(m);
        return UT_EFORMAT;
    }
    int64_t total = mpg123_length(m->handle);
    m->n_frames = total > 0 && has_info_tag(fd) ? total : -1;
    *out = (struct ut_source){
        .ops = &mpg123_ops,
        .decoder = m,
        .rate_hz = (unsigned)m->rate_hz,
        .n_channels = 1,
        .n_file_channels = n_file_channels,
        .n_frames = total > 0 ? total : -1,
        .format = "mp3",
    };
    return UT_OK;
}
