/* The one place that knows libopusfile: Ogg Opus, always decoded to stereo at 48 kHz. */
#include <opus/opusfile.h>
#include <stdbool.h>
#include <unistd.h>

#include "audio/source.h"
#include "audio/truncation.h"
#include "base/memory.h"

/* Stereo whatever the file holds, because the links of a chained file may differ. */
#define N_CHANNELS 2

struct opusfile {
    OggOpusFile *file;
    int fd;
    int64_t n_read;
    int64_t n_holes;
};

static int read_bytes(void *stream, unsigned char *to, int n)
{
    struct opusfile *o = stream;

    return n <= 0 ? 0 : (int)read(o->fd, to, (size_t)n);
}

static int seek_bytes(void *stream, opus_int64 offset, int whence)
{
    struct opusfile *o = stream;

    return lseek(o->fd, offset, whence) < 0 ? -1 : 0;
}

static opus_int64 tell_bytes(void *stream)
{
    struct opusfile *o = stream;

    return lseek(o->fd, 0, SEEK_CUR);
}

static const char *explain(int error)
{
    switch (error) {
    case OP_EREAD:
        return "reading or seeking failed";
    case OP_EIMPL:
        return "a feature that is not supported";
    case OP_ENOTFORMAT:
        return "not Opus";
    case OP_EBADHEADER:
        return "a bad header";
    case OP_EVERSION:
        return "an unknown version";
    case OP_EBADPACKET:
        return "a bad packet";
    case OP_EBADLINK:
        return "a bad link";
    case OP_EBADTIMESTAMP:
        return "bad timestamps";
    default:
        return "damaged data";
    }
}

static void close_opusfile(void *decoder)
{
    struct opusfile *o = decoder;

    if (o->file)
        op_free(o->file);
    ut_free(o);
}

static enum ut_status judge_end(const struct opusfile *o, struct ut_error *err)
{
    int64_t n_missing = ut_truncation_n_missing(o->fd);

    if (n_missing > 0)
        return ut_error_set(err, UT_EFORMAT, "truncated: at least %lld bytes of audio are missing",
                            (long long)n_missing);
    if (o->n_holes > 0)
        return ut_error_set(err, UT_EFORMAT, "damaged: audio is missing in %lld places",
                            (long long)o->n_holes);
    return UT_END;
}

static enum ut_status read_opusfile(void *decoder, float *frames, size_t n, size_t *got,
                                    struct ut_error *err)
{
    struct opusfile *o = decoder;
    int room = n < 1 << 20 ? (int)n * N_CHANNELS : N_CHANNELS << 20;
    int k;

    /* A hole is reported once for each gap, so the file's size bounds this loop. */
    while ((k = op_read_float_stereo(o->file, frames, room)) == OP_HOLE)
        o->n_holes++;
    if (k == 0)
        return judge_end(o, err);
    if (k == OP_EFAULT)
        return ut_error_set(err, UT_ENOMEM, "no memory to decode Opus");
    if (k < 0)
        return ut_error_set(err, UT_EFORMAT, "damaged after frame %lld: %s", (long long)o->n_read,
                            explain(k));
    o->n_read += k;
    *got = (size_t)k;
    return UT_OK;
}

static enum ut_status rewind_opusfile(void *decoder, struct ut_error *err)
{
    struct opusfile *o = decoder;
    int e = op_pcm_seek(o->file, 0);

    if (e != 0)
        return ut_error_set(err, UT_EIO, "cannot go back to the start: %s", explain(e));
    o->n_read = 0;
    o->n_holes = 0;
    return UT_OK;
}

static const struct ut_source_ops opusfile_ops = { read_opusfile, rewind_opusfile, close_opusfile };

enum ut_status ut_opusfile_open(struct ut_source *out, int fd, struct ut_error *err)
{
    static const OpusFileCallbacks callbacks = { read_bytes, seek_bytes, tell_bytes, NULL };
    struct opusfile *o = ut_calloc(1, sizeof *o);
    int e = 0;

    if (!o)
        return ut_error_set(err, UT_ENOMEM, "no memory to read audio");
    o->fd = fd;
    if (lseek(fd, 0, SEEK_SET) != 0) {
        close_opusfile(o);
        return ut_error_set(err, UT_EIO, "cannot seek");
    }
    o->file = op_open_callbacks(o, &callbacks, NULL, 0, &e);
    if (!o->file) {
        close_opusfile(o);
        if (e == OP_EFAULT)
            return ut_error_set(err, UT_ENOMEM, "no memory to read Opus");
        return ut_error_set(err, UT_EFORMAT, "no Ogg Opus that can be read: %s", explain(e));
    }
    int64_t total = op_pcm_total(o->file, -1);
    int n_file_channels = op_channel_count(o->file, -1);
    *out = (struct ut_source){
        .ops = &opusfile_ops,
        .decoder = o,
        .rate_hz = 48000,
        .n_channels = N_CHANNELS,
        .n_file_channels = n_file_channels > 0 ? (unsigned)n_file_channels : 0,
        .n_frames = total >= 0 ? total : -1,
        .format = "ogg opus",
    };
    return UT_OK;
}
