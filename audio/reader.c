#include "audio/reader.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "audio/resampler.h"
#include "audio/sample.h"
#include "audio/source.h"
#include "audio/spool.h"
#include "base/memory.h"

#define RATE_HZ 16000
#define BLOCK_SAMPLES ((size_t)16384) /* of all channels together */
#define NAME_BYTES 120                /* leaves room for the reason in an error */

struct ut_reader {
    char name[NAME_BYTES];
    int fd;
    struct ut_source source;
    struct ut_resampler *resampler;
    uint64_t n_bad;

    float *block; /* [BLOCK_SAMPLES / n_channels, n_channels] */
    size_t at;    /* frames of the block that the resampler has taken */
    size_t n;     /* frames in the block */

    bool ended;          /* the source gives no more */
    enum ut_status last; /* why: UT_END or what reading failed with */
    struct ut_error reason;
};

/* "- " becomes words, a long path its end, cut where a UTF-8 character starts. */
static void set_name(char name[NAME_BYTES], const char *path)
{
    size_t n = strlen(path);

    if (strcmp(path, "-") == 0) {
        snprintf(name, NAME_BYTES, "standard input");
    } else if (n < NAME_BYTES) {
        memcpy(name, path, n + 1);
    } else {
        path += n - (NAME_BYTES - 4);
        while (((unsigned char)*path & 0xc0) == 0x80)
            path++;
        snprintf(name, NAME_BYTES, "...%s", path);
    }
}

/* Any MPEG audio frame header, or an ID3v2 tag as one usually begins with. */
static bool looks_like_mpeg(const unsigned char *head, size_t n)
{
    if (n < 4)
        return false;
    if (memcmp(head, "ID3", 3) == 0)
        return true;
    bool sync = head[0] == 0xff && (head[1] & 0xe0) == 0xe0;
    bool version = (head[1] & 0x18) != 0x08;
    bool layer = (head[1] & 0x06) != 0;
    bool bitrate = (head[2] & 0xf0) != 0xf0;
    bool rate = (head[2] & 0x0c) != 0x0c;
    return sync && version && layer && bitrate && rate;
}

static bool ends_in_mp3(const char *path)
{
    size_t n = strlen(path);

    return n >= 4 && strcasecmp(path + n - 4, ".mp3") == 0;
}

/* By the first packet of the first page; another one (a video, a skeleton) may come before. */
static enum ut_status open_ogg(struct ut_source *out, int fd, const unsigned char *packet,
                               struct ut_error *err)
{
    if (memcmp(packet, "\177FLAC", 5) == 0)
        return ut_sndfile_open(out, fd, err);
    if (memcmp(packet, "\001vorbis", 7) != 0) {
        enum ut_status st = ut_opusfile_open(out, fd, err);
        if (st != UT_EFORMAT || memcmp(packet, "OpusHead", 8) == 0)
            return st;
    }
    return ut_vorbisfile_open(out, fd, err);
}

/* Chooses by the first bytes. */
static enum ut_status open_source(struct ut_source *out, int fd, const char *path,
                                  struct ut_error *err)
{
    unsigned char head[28 + 8] = { 0 }; /* a page of one packet, and how the packet begins */
    ssize_t n = pread(fd, head, sizeof head, 0);

    if (n < 0)
        return ut_error_set(err, UT_EIO, "cannot read");
    if (n == 0)
        return ut_error_set(err, UT_EFORMAT, "an empty file");
    if (memcmp(head, "OggS", 4) == 0)
        return open_ogg(out, fd, head + 28, err);
    if (looks_like_mpeg(head, (size_t)n)) {
        enum ut_status st = ut_mpg123_open(out, fd, err);
        /* An ID3 tag may also stand before FLAC. */
        if (st == UT_OK || head[0] == 0xff)
            return st;
    }
    enum ut_status st = ut_sndfile_open(out, fd, err);
    /* Recordings of MP3 radio begin in the middle of a frame. */
    if (st == UT_EFORMAT && ends_in_mp3(path))
        st = ut_mpg123_open(out, fd, err);
    return st;
}

static enum ut_status check_source(const struct ut_source *s, struct ut_error *err)
{
    if (s->rate_hz < UT_RESAMPLER_MIN_HZ || s->rate_hz > UT_RESAMPLER_MAX_HZ)
        return ut_error_set(err, UT_EFORMAT, "sample rate %u Hz is outside %u..%u", s->rate_hz,
                            UT_RESAMPLER_MIN_HZ, UT_RESAMPLER_MAX_HZ);
    if (s->n_channels < 1 || s->n_channels > UT_RESAMPLER_MAX_CHANNELS)
        return ut_error_set(err, UT_EFORMAT, "%u channels are outside 1..%u", s->n_channels,
                            UT_RESAMPLER_MAX_CHANNELS);
    return UT_OK;
}

static enum ut_status open_reader(struct ut_reader *r, const char *path, struct ut_error *err)
{
    enum ut_status st = ut_spool_open(&r->fd, path, err);

    if (st == UT_OK)
        st = open_source(&r->source, r->fd, path, err);
    if (st == UT_OK)
        st = check_source(&r->source, err);
    if (st != UT_OK)
        return st;
    st = ut_resampler_create(&r->resampler, r->source.rate_hz, r->source.n_channels);
    r->block = ut_alloc(BLOCK_SAMPLES, sizeof *r->block);
    if (st != UT_OK || !r->block)
        return ut_error_set(err, UT_ENOMEM, "no memory to read audio");
    return UT_OK;
}

enum ut_status ut_reader_open(struct ut_reader **out, const char *path, struct ut_error *err)
{
    struct ut_reader *r = ut_calloc(1, sizeof *r);
    struct ut_error reason = { 0 };

    if (!r)
        return ut_error_set(err, UT_ENOMEM, "no memory to read audio");
    r->fd = -1;
    set_name(r->name, path);
    enum ut_status st = open_reader(r, path, &reason);
    if (st != UT_OK) {
        ut_error_set(err, st, "%s: %s", r->name, reason.text);
        ut_reader_close(r);
        return st;
    }
    *out = r;
    return UT_OK;
}

void ut_reader_close(struct ut_reader *r)
{
    if (!r)
        return;
    if (r->source.ops)
        r->source.ops->close(r->source.decoder);
    ut_resampler_destroy(r->resampler);
    if (r->fd >= 0)
        close(r->fd);
    ut_free(r->block);
    ut_free(r);
}

/* Fills the block, which is empty; notes the end. */
static void fill_block(struct ut_reader *r)
{
    size_t n_channels = r->source.n_channels;
    size_t got = 0;
    struct ut_error reason = { 0 };
    enum ut_status st =
        r->source.ops->read(r->source.decoder, r->block, BLOCK_SAMPLES / n_channels, &got, &reason);

    r->at = 0;
    r->n = 0;
    if (st != UT_OK) {
        r->ended = true;
        r->last = st;
        ut_error_set(&r->reason, st, "%s: %s", r->name, reason.text);
        return;
    }
    r->n = got;
    for (size_t i = 0; i < got * n_channels; i++)
        r->n_bad += !ut_sample_ok(r->block[i]);
}

/* One step towards pcm [n]: *made may be 0 when only the block was filled. */
static enum ut_status step(struct ut_reader *r, float *pcm, size_t n, size_t *made, bool *done)
{
    if (r->at < r->n) {
        size_t n_used = 0;
        enum ut_status st = ut_resampler_run(r->resampler, r->block + r->at * r->source.n_channels,
                                             r->n - r->at, &n_used, pcm, n, made);
        assert(st != UT_OK || n_used > 0 || *made > 0);
        r->at += n_used;
        return st;
    }
    if (!r->ended) {
        fill_block(r);
        return UT_OK;
    }
    enum ut_status st = ut_resampler_flush(r->resampler, pcm, n, made);
    *done = st == UT_OK && *made == 0;
    return st;
}

enum ut_status ut_reader_read(struct ut_reader *r, float *pcm, size_t n, size_t *got,
                              struct ut_error *err)
{
    size_t total = 0;
    bool done = false;

    while (total < n && !done) {
        size_t made = 0;

        if (step(r, pcm + total, n - total, &made, &done) != UT_OK)
            return ut_error_set(err, UT_ENOMEM, "%s: no memory to resample", r->name);
        total += made;
    }
    *got = total;
    if (total > 0 || n == 0)
        return UT_OK;
    if (r->last != UT_END && err)
        *err = r->reason;
    return r->last;
}

enum ut_status ut_reader_rewind(struct ut_reader *r, struct ut_error *err)
{
    struct ut_error reason = { 0 };

    if (r->source.ops->rewind(r->source.decoder, &reason) != UT_OK)
        return ut_error_set(err, UT_EIO, "%s: %s", r->name, reason.text);
    if (ut_resampler_reset(r->resampler) != UT_OK)
        return ut_error_set(err, UT_EIO, "%s: no memory to start again", r->name);
    r->at = 0;
    r->n = 0;
    r->n_bad = 0;
    r->ended = false;
    return UT_OK;
}

struct ut_reader_info ut_reader_info(const struct ut_reader *r)
{
    const struct ut_source *s = &r->source;
    bool known = s->n_frames >= 0 && s->n_frames <= INT64_MAX / RATE_HZ - s->rate_hz;

    return (struct ut_reader_info){
        .rate_hz = s->rate_hz,
        .n_channels = s->n_file_channels,
        .n_samples = known ? (s->n_frames * RATE_HZ + s->rate_hz / 2) / s->rate_hz : -1,
        .format = s->format,
    };
}

uint64_t ut_reader_n_bad(const struct ut_reader *r)
{
    return r->n_bad;
}
