/*
 * The one place that knows libvorbisfile: Ogg Vorbis. libsndfile reads it too, but gives up at the
 * first gap and leaks when a header is cut.
 */
#include <errno.h>
#include <unistd.h>
#include <vorbis/codec.h>
#define OV_EXCLUDE_STATIC_CALLBACKS
#include <vorbis/vorbisfile.h>

#include "audio/source.h"
#include "audio/truncation.h"
#include "base/memory.h"

struct vorbisfile {
    OggVorbis_File file;
    int fd;
    int link; /* of a chained file; whose rate and channels were last seen to be the first's */
    long rate_hz;
    int n_channels;
    int64_t n_read;
    int64_t n_holes;
};

static size_t read_bytes(void *to, size_t size, size_t n, void *stream)
{
    struct vorbisfile *v = stream;
    ssize_t k = read(v->fd, to, size * n);

    /* As fread: the library takes a short count with errno set for a failure. */
    return k > 0 ? (size_t)k / size : 0;
}

static int seek_bytes(void *stream, ogg_int64_t offset, int whence)
{
    struct vorbisfile *v = stream;

    return lseek(v->fd, offset, whence) < 0 ? -1 : 0;
}

static long tell_bytes(void *stream)
{
    struct vorbisfile *v = stream;

    return lseek(v->fd, 0, SEEK_CUR);
}

static const char *explain(long error)
{
    switch (error) {
    case OV_EREAD:
        return "reading or seeking failed";
    case OV_ENOTVORBIS:
        return "not Vorbis";
    case OV_EVERSION:
        return "an unknown version";
    case OV_EBADHEADER:
        return "a bad header";
    case OV_EBADLINK:
        return "a bad link";
    default:
        return "damaged data";
    }
}

static void close_vorbisfile(void *decoder)
{
    struct vorbisfile *v = decoder;

    ov_clear(&v->file); /* accepts a zeroed one */
    ut_free(v);
}

static enum ut_status judge_end(const struct vorbisfile *v, struct ut_error *err)
{
    int64_t n_missing = ut_truncation_n_missing(v->fd);

    if (n_missing > 0)
        return ut_error_set(err, UT_EFORMAT, "truncated: at least %lld bytes of audio are missing",
                            (long long)n_missing);
    if (v->n_holes > 0)
        return ut_error_set(err, UT_EFORMAT, "damaged: audio is missing in %lld places",
                            (long long)v->n_holes);
    return UT_END;
}

static enum ut_status check_link(struct vorbisfile *v, int link, struct ut_error *err)
{
    const vorbis_info *info = ov_info(&v->file, link);

    if (!info || info->rate != v->rate_hz || info->channels != v->n_channels)
        return ut_error_set(err, UT_EFORMAT, "link %d has %ld Hz and %d channels after %ld and %d",
                            link, info ? info->rate : 0, info ? info->channels : 0, v->rate_hz,
                            v->n_channels);
    v->link = link;
    return UT_OK;
}

static enum ut_status read_vorbisfile(void *decoder, float *frames, size_t n, size_t *got,
                                      struct ut_error *err)
{
    struct vorbisfile *v = decoder;
    float **planes = NULL;
    int link = v->link;
    long k;

    /* A hole is reported once for each gap, so the file's size bounds this loop. */
    while ((k = ov_read_float(&v->file, &planes, n < 4096 ? (int)n : 4096, &link)) == OV_HOLE)
        v->n_holes++;
    if (k == 0)
        return judge_end(v, err);
    if (k < 0)
        return ut_error_set(err, UT_EFORMAT, "damaged after frame %lld: %s", (long long)v->n_read,
                            explain(k));
    if (link != v->link) {
        enum ut_status st = check_link(v, link, err);
        if (st != UT_OK)
            return st;
    }
    for (long i = 0; i < k; i++) {
        for (int c = 0; c < v->n_channels; c++)
            *frames++ = planes[c][i];
    }
    v->n_read += k;
    *got = (size_t)k;
    return UT_OK;
}

static enum ut_status rewind_vorbisfile(void *decoder, struct ut_error *err)
{
    struct vorbisfile *v = decoder;
    int e = ov_pcm_seek(&v->file, 0);

    if (e != 0)
        return ut_error_set(err, UT_EIO, "cannot go back to the start: %s", explain(e));
    v->link = 0;
    v->n_read = 0;
    v->n_holes = 0;
    return UT_OK;
}

static const struct ut_source_ops vorbisfile_ops = { read_vorbisfile, rewind_vorbisfile,
                                                     close_vorbisfile };

enum ut_status ut_vorbisfile_open(struct ut_source *out, int fd, struct ut_error *err)
{
    static const ov_callbacks callbacks = { read_bytes, seek_bytes, NULL, tell_bytes };
    struct vorbisfile *v = ut_calloc(1, sizeof *v);

    if (!v)
        return ut_error_set(err, UT_ENOMEM, "no memory to read audio");
    v->fd = fd;
    if (lseek(fd, 0, SEEK_SET) != 0) {
        close_vorbisfile(v);
        return ut_error_set(err, UT_EIO, "cannot seek");
    }
    errno = 0;
    int e = ov_open_callbacks(v, &v->file, NULL, 0, callbacks);
    const vorbis_info *info = e == 0 ? ov_info(&v->file, -1) : NULL;
    if (!info) {
        close_vorbisfile(v);
        return ut_error_set(err, UT_EFORMAT, "no Ogg Vorbis that can be read: %s", explain(e));
    }
    int64_t total = ov_pcm_total(&v->file, -1);
    v->rate_hz = info->rate;
    v->n_channels = info->channels;
    *out = (struct ut_source){
        .ops = &vorbisfile_ops,
        .decoder = v,
        .rate_hz = info->rate > 0 ? (unsigned)info->rate : 0,
        .n_channels = info->channels > 0 ? (unsigned)info->channels : 0,
        .n_file_channels = info->channels > 0 ? (unsigned)info->channels : 0,
        .n_frames = total >= 0 ? total : -1,
        .format = "ogg vorbis",
    };
    return UT_OK;
}
