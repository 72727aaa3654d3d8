/*
 * The audio reader: the input is a file. Whatever it holds, opening and reading end with a status
 * and a text, samples are finite, a file that was read can be rewound or says why not, and memory
 * does not follow what headers claim.
 */
#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "audio/reader.h"
#include "tests/fuzz/fuzz.h"

#define MAX_SAMPLES ((size_t)16000 * 120) /* FLAC packs hours of silence into little */
#define MAX_RSS_KB 262144
#define MAX_SEED 16384

static void require(int ok)
{
    if (!ok)
        abort();
}

static int make_file(const uint8_t *data, size_t n)
{
    int fd = memfd_create("audio", MFD_CLOEXEC);

    require(fd >= 0 && write(fd, data, n) == (ssize_t)n);
    return fd;
}

/* Reads to the end or the bound; returns how many samples came. */
static size_t read_all(struct ut_reader *r)
{
    float pcm[4096];
    struct ut_error err = { 0 };
    size_t total = 0;
    size_t got = 1;
    enum ut_status st = UT_OK;

    while (total < MAX_SAMPLES && st == UT_OK) {
        st = ut_reader_read(r, pcm, sizeof pcm / sizeof pcm[0], &got, &err);
        require((st == UT_OK) == (got > 0));
        for (size_t i = 0; i < got; i++)
            require(isfinite(pcm[i]));
        total += got;
    }
    require(st == UT_OK || st == UT_END || st == UT_EFORMAT);
    require(st != UT_EFORMAT || (err.code == st && strstr(err.text, "/proc/self/fd/")));
    return total;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct ut_reader *r = NULL;
    struct ut_error err = { 0 };
    struct rusage usage;
    char path[64];
    int fd = make_file(data, n);

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    enum ut_status st = ut_reader_open(&r, path, &err);
    if (st == UT_OK) {
        struct ut_reader_info info = ut_reader_info(r);
        require(info.rate_hz > 0 && info.n_samples >= -1 && info.format);
        size_t total = read_all(r);
        if (total < MAX_SAMPLES && ut_reader_rewind(r, &err) == UT_OK)
            read_all(r);
        ut_reader_close(r);
    } else {
        require(st == UT_EFORMAT && err.code == st && strstr(err.text, path));
    }
    close(fd);
#ifndef __SANITIZE_ADDRESS__
    require(getrusage(RUSAGE_SELF, &usage) == 0 && usage.ru_maxrss < MAX_RSS_KB);
#else
    (void)usage; /* a sanitizer keeps freed memory back */
#endif
    return 0;
}

/* A tenth of a second of two tones in one of the formats. Returns its size. */
static size_t write_seed(int format, int n_channels, uint8_t *data, size_t capacity)
{
    static float x[1600 * 2];
    SF_INFO info = { .samplerate = 16000, .channels = n_channels, .format = format };
    int fd = memfd_create("seed", MFD_CLOEXEC);
    SNDFILE *f = fd >= 0 ? sf_open_fd(fd, SFM_WRITE, &info, SF_FALSE) : NULL;

    require(f != NULL);
    for (int i = 0; i < 1600 * n_channels; i++)
        x[i] = 0.4f * sinf(0.2f * (float)i) + 0.1f * sinf(0.03f * (float)i);
    require(sf_writef_float(f, x, 1600) == 1600);
    sf_close(f);
    ssize_t n = pread(fd, data, capacity, 0);
    close(fd);
    require(n > 0);
    return (size_t)n;
}

size_t fuzz_seed(unsigned i, uint8_t *data, size_t capacity)
{
    static const int formats[] = {
        SF_FORMAT_WAV | SF_FORMAT_PCM_16,
        SF_FORMAT_WAV | SF_FORMAT_FLOAT,
        SF_FORMAT_WAV | SF_FORMAT_IMA_ADPCM,
        SF_FORMAT_AIFF | SF_FORMAT_PCM_24,
        SF_FORMAT_AU | SF_FORMAT_ULAW,
        SF_FORMAT_CAF | SF_FORMAT_PCM_16,
        SF_FORMAT_W64 | SF_FORMAT_PCM_16,
        SF_FORMAT_FLAC | SF_FORMAT_PCM_16,
        SF_FORMAT_OGG | SF_FORMAT_VORBIS,
        SF_FORMAT_OGG | SF_FORMAT_OPUS,
        SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III,
    };
    enum { N = sizeof formats / sizeof formats[0] };
    static uint8_t seeds[N][MAX_SEED];
    static size_t sizes[N];

    if (i >= N)
        return 0;
    if (sizes[i] == 0)
        sizes[i] = write_seed(formats[i], 1 + (int)(i % 2), seeds[i], MAX_SEED);
    size_t n = sizes[i] < capacity ? sizes[i] : capacity;
    memcpy(data, seeds[i], n);
    return n;
}
