/* The one place that knows libsndfile: WAV, AIFF, FLAC, AU, CAF and its other formats.
 */
#include <pthread.h>
#include <sndfile.h>
#include <unistd.h>

#include "audio/source.h"
#include "audio/truncation.h"
#include "base/memory.h"

struct sndfile {
    SNDFILE *file;
    int fd;
    int64_t n_frames; /* -1 when unknown */
    int64_t n_read;
};

/* libsndfile keeps the reason of a failed open in one static place. */
static pthread_mutex_t open_lock = PTHREAD_MUTEX_INITIALIZER;

static const char *name_format(int format)
{
    static const struct {
        int format;
        const char *name;
    } names[] = {
        { SF_FORMAT_WAV, "wav" },   { SF_FORMAT_WAVEX, "wav" }, { SF_FORMAT_AIFF, "aiff" },
        { SF_FORMAT_FLAC, "flac" }, { SF_FORMAT_AU, "au" },     { SF_FORMAT_CAF, "caf" },
        { SF_FORMAT_W64, "w64" },   { SF_FORMAT_RF64, "rf64" }, { SF_FORMAT_OGG, "ogg flac" },
    };
    int major = format & SF_FORMAT_TYPEMASK;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (major == names[i].format)
            return names[i].name;
    }
    return "other";
}

static void close_sndfile(void *decoder)
{
    struct sndfile *s = decoder;

    if (s->file)
        sf_close(s->file);
    ut_free(s);
}

/* UT_END when nothing speaks against this being the end, else what is missing. */
static enum ut_status judge_end(struct sndfile *s, struct ut_error *err)
{
    int64_t n_missing = ut_truncation_n_missing(s->fd);

    if (sf_error(s->file) != SF_ERR_NO_ERROR)
        return ut_error_set(err, UT_EFORMAT, "damaged after frame %lld: %s", (long long)s->n_read,
                            sf_strerror(s->file));
    if (n_missing > 0)
        return ut_error_set(err, UT_EFORMAT, "truncated: at least %lld bytes of audio are missing",
                            (long long)n_missing);
    if (s->n_frames > s->n_read)
        return ut_error_set(err, UT_EFORMAT,
                            "truncated or damaged: %lld of %lld frames could be read",
                            (long long)s->n_read, (long long)s->n_frames);
    return UT_END;
}

static enum ut_status read_sndfile(void *decoder, float *frames, size_t n, size_t *got,
                                   struct ut_error *err)
{
    struct sndfile *s = decoder;
    sf_count_t k = sf_readf_float(s->file, frames, (sf_count_t)n);

    if (k <= 0)
        return judge_end(s, err);
    s->n_read += k;
    *got = (size_t)k;
    return UT_OK;
}

static enum ut_status rewind_sndfile(void *decoder, struct ut_error *err)
{
    struct sndfile *s = decoder;

    if (sf_seek(s->file, 0, SEEK_SET) != 0)
        return ut_error_set(err, UT_EIO, "cannot go back to the start: %s", sf_strerror(s->file));
    s->n_read = 0;
    return UT_OK;
}

static const struct ut_source_ops sndfile_ops = { read_sndfile, rewind_sndfile, close_sndfile };

enum ut_status ut_sndfile_open(struct ut_source *out, int fd, struct ut_error *err)
{
    SF_INFO info = { 0 };
    struct sndfile *s = ut_calloc(1, sizeof *s);

    if (!s)
        return ut_error_set(err, UT_ENOMEM, "no memory to read audio");
    s->fd = fd;
    if (lseek(fd, 0, SEEK_SET) != 0) {
        close_sndfile(s);
        return ut_error_set(err, UT_EIO, "cannot seek");
    }
    pthread_mutex_lock(&open_lock);
    s->file = sf_open_fd(fd, SFM_READ, &info, SF_FALSE);
    if (!s->file)
        ut_error_set(err, UT_EFORMAT, "no audio that can be read: %s", sf_strerror(NULL));
    pthread_mutex_unlock(&open_lock);
    if (!s->file) {
        close_sndfile(s);
        return UT_EFORMAT;
    }
    /* Ogg without a readable end counts as endless. */
    s->n_frames = info.frames >= 0 && info.frames < SF_COUNT_MAX ? info.frames : -1;
    *out = (struct ut_source){
        .ops = &sndfile_ops,
        .decoder = s,
        .rate_hz = info.samplerate > 0 ? (unsigned)info.samplerate : 0,
        .n_channels = info.channels > 0 ? (unsigned)info.channels : 0,
        .n_file_channels = info.channels > 0 ? (unsigned)info.channels : 0,
        .n_frames = s->n_frames,
        .format = name_format(info.format),
    };
    return UT_OK;
}
