#include "audio/capture.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <portaudio.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "audio/dropout.h"
#include "audio/marks.h"
#include "audio/resampler.h"
#include "audio/ring.h"
#include "base/clock.h"
#include "base/memory.h"

#define RATE_HZ 16000u
#define RING_S 4u
#define LATENCY_S 0.05 /* asked of the device: far below a word, far above a scheduling delay */
#define MIX_FRAMES 256
#define BLOCK 1024
#define SILENT_US 3000000 /* a device that gives nothing for so long is lost */

struct ut_capture {
    PaStream *stream;
    struct ut_capture_device device;
    unsigned n_channels; /* of the stream, 1 or 2 */
    struct ut_ring *ring;
    sem_t arrived; /* posted by the callback after samples, and when the stream ends */
    bool has_semaphore;
    bool has_portaudio;
    bool stopped;
    atomic_bool finished;
    atomic_uint_least64_t n_xruns;
    struct ut_marks marks; /* where samples are missing in the ring's stream */

    /* the callback's */
    struct ut_dropout dropout;
    uint64_t n_written;
    uint64_t n_missing; /* that no mark tells of yet */

    struct ut_resampler *resampler;
    int64_t last_us; /* when samples were last found in the ring */
    float block[BLOCK];
    size_t at;
    size_t n;
    uint64_t n_read; /* from the ring */
    uint64_t n_gap;  /* samples at the device's rate that nobody asked for yet */
};

/* PortAudio is not made for two threads at once; stderr is the process's. */
static pthread_mutex_t portaudio_lock = PTHREAD_MUTEX_INITIALIZER;

/* Sends stderr to /dev/null; returns what to give to unmute(), -1 when that could not be done. */
static int mute(void)
{
    fflush(stderr);
    int kept = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

    if (kept >= 0 && null >= 0)
        dup2(null, STDERR_FILENO);
    if (null >= 0)
        close(null);
    return kept;
}

static void unmute(int kept)
{
    if (kept < 0)
        return;
    dup2(kept, STDERR_FILENO);
    close(kept);
}

/*
 * PortAudio 19.6 asserts, which ends the process, where ALSA finds no configuration at all; without
 * one there is no device either. ALSA_CONFIG_PATH may list several files.
 */
static enum ut_status check_configured(struct ut_error *err)
{
    const char *path = getenv("ALSA_CONFIG_PATH");
    struct stat sb;

    path = path && *path ? path : "/usr/share/alsa/alsa.conf";
    if (strchr(path, ':') || (stat(path, &sb) == 0 && S_ISREG(sb.st_mode) && sb.st_size > 0))
        return UT_OK;
    return ut_error_set(err, UT_EIO, "no sound system: ALSA's configuration %s is missing", path);
}

static void describe(struct ut_capture_device *out, int index, const PaDeviceInfo *info)
{
    const PaHostApiInfo *api = Pa_GetHostApiInfo(info->hostApi);
    double rate = info->defaultSampleRate;

    *out = (struct ut_capture_device){
        .index = index,
        .rate_hz = rate >= 1.0 && rate < 1e6 ? (unsigned)rate : 0,
        .n_channels = (unsigned)info->maxInputChannels,
        .is_default = index == Pa_GetDefaultInputDevice(),
    };
    snprintf(out->name, sizeof out->name, "%s", info->name ? info->name : "");
    snprintf(out->host_api, sizeof out->host_api, "%s", api && api->name ? api->name : "");
}

enum ut_status ut_capture_list(struct ut_capture_device *out, size_t capacity, size_t *n,
                               struct ut_error *err)
{
    size_t count = 0;
    enum ut_status st = check_configured(err);

    if (st != UT_OK)
        return st;
    pthread_mutex_lock(&portaudio_lock);
    int kept = mute();
    PaError e = Pa_Initialize();
    if (e == paNoError) {
        for (int i = 0; i < Pa_GetDeviceCount(); i++) {
            const PaDeviceInfo *info = Pa_GetDeviceInfo(i);

            if (!info || info->maxInputChannels < 1)
                continue;
            if (count < capacity)
                describe(&out[count], i, info);
            count++;
        }
        Pa_Terminate();
    }
    unmute(kept);
    pthread_mutex_unlock(&portaudio_lock);
    if (e != paNoError)
        return ut_error_set(err, UT_EIO, "no sound system: %s", Pa_GetErrorText(e));
    *n = count;
    return UT_OK;
}

/* What the ring has no room for is missing behind what it took. */
static void give(struct ut_capture *c, const float *mono, size_t n)
{
    size_t taken = ut_ring_write(c->ring, mono, n);

    c->n_written += taken;
    c->n_missing += n - taken;
}

/* Real time: no lock, no memory, no log. The semaphore's post is one atomic, or a futex call. */
static int receive(const void *input, void *output, unsigned long n_frames,
                   const PaStreamCallbackTimeInfo *when, PaStreamCallbackFlags flags, void *arg)
{
    struct ut_capture *c = arg;
    const float *in = input;
    float mono[MIX_FRAMES];

    (void)output;
    (void)when;
    if (flags & paInputOverflow)
        atomic_fetch_add_explicit(&c->n_xruns, 1, memory_order_relaxed);
    c->n_missing +=
        ut_dropout_push(&c->dropout, ut_clock_now_us(), n_frames, flags & paInputOverflow);
    if (c->n_missing > 0 && ut_marks_put(&c->marks, (struct ut_mark){ c->n_written, c->n_missing }))
        c->n_missing = 0;
    if (in && c->n_channels == 1) {
        give(c, in, n_frames);
    } else if (in) {
        for (unsigned long done = 0; done < n_frames; done += MIX_FRAMES) {
            unsigned long k = n_frames - done < MIX_FRAMES ? n_frames - done : MIX_FRAMES;

            for (unsigned long i = 0; i < k; i++, in += 2)
                mono[i] = 0.5f * (in[0] + in[1]);
            give(c, mono, k);
        }
    }
    sem_post(&c->arrived);
    return paContinue;
}

static void note_end(void *arg)
{
    struct ut_capture *c = arg;

    atomic_store_explicit(&c->finished, true, memory_order_release);
    sem_post(&c->arrived);
}

static bool is_number(const char *s)
{
    for (; *s; s++) {
        if (!isdigit((unsigned char)*s))
            return false;
    }
    return true;
}

/* The index of the input device that `wanted` names, or paNoDevice. */
static int find_device(const char *wanted)
{
    int part = paNoDevice;

    if (!wanted || !*wanted) {
        int i = Pa_GetDefaultInputDevice();
        const PaDeviceInfo *info = i >= 0 ? Pa_GetDeviceInfo(i) : NULL;
        return info && info->maxInputChannels > 0 ? i : paNoDevice;
    }
    for (int i = 0; i < Pa_GetDeviceCount(); i++) {
        const PaDeviceInfo *info = Pa_GetDeviceInfo(i);

        if (!info || info->maxInputChannels < 1 || !info->name)
            continue;
        if (is_number(wanted) ? strtol(wanted, NULL, 10) == i : strcmp(info->name, wanted) == 0)
            return i;
        if (part == paNoDevice && !is_number(wanted) && strcasestr(info->name, wanted))
            part = i;
    }
    return part;
}

static enum ut_status report_no_device(const char *wanted, struct ut_error *err)
{
    if (wanted && *wanted)
        return ut_error_set(err, UT_EIO, "no input device is or contains '%s'", wanted);
    return ut_error_set(err, UT_EIO, "no input device: no microphone was found");
}

static PaError open_stream(struct ut_capture *c, unsigned n_channels, const PaDeviceInfo *info)
{
    double latency = info->defaultLowInputLatency;
    PaStreamParameters params = {
        .device = c->device.index,
        .channelCount = (int)n_channels,
        .sampleFormat = paFloat32,
        .suggestedLatency = latency > LATENCY_S ? latency : LATENCY_S,
    };

    c->n_channels = n_channels;
    c->dropout = (struct ut_dropout){ .rate_hz = c->device.rate_hz };
    PaError e = Pa_OpenStream(&c->stream, &params, NULL, c->device.rate_hz,
                              paFramesPerBufferUnspecified, paClipOff | paDitherOff, receive, c);
    if (e != paNoError)
        c->stream = NULL;
    return e;
}

/* At least RING_S seconds at rate_hz, a power of two. */
static size_t size_ring(unsigned rate_hz)
{
    size_t n = 1024;

    while (n < (size_t)RING_S * rate_hz)
        n *= 2;
    return n;
}

/* PortAudio's part of opening; muted and locked. */
static enum ut_status start(struct ut_capture *c, const char *wanted, struct ut_error *err)
{
    enum ut_status st = check_configured(err);

    if (st != UT_OK)
        return st;
    PaError e = Pa_Initialize();
    if (e != paNoError)
        return ut_error_set(err, UT_EIO, "no sound system: %s", Pa_GetErrorText(e));
    c->has_portaudio = true;
    int index = find_device(wanted);
    if (index == paNoDevice)
        return report_no_device(wanted, err);
    const PaDeviceInfo *info = Pa_GetDeviceInfo(index);
    describe(&c->device, index, info);
    if (c->device.rate_hz < UT_RESAMPLER_MIN_HZ || c->device.rate_hz > UT_RESAMPLER_MAX_HZ)
        return ut_error_set(err, UT_EIO, "input device '%.100s' has a rate of %u Hz",
                            c->device.name, c->device.rate_hz);
    if (ut_ring_create(&c->ring, size_ring(c->device.rate_hz)) != UT_OK ||
        ut_resampler_create(&c->resampler, c->device.rate_hz, 1) != UT_OK)
        return ut_error_set(err, UT_ENOMEM, "no memory to capture from '%.100s'", c->device.name);

    e = paInvalidChannelCount;
    if (c->device.n_channels >= 2)
        e = open_stream(c, 2, info);
    if (e != paNoError)
        e = open_stream(c, 1, info);
    if (e == paNoError)
        e = Pa_SetStreamFinishedCallback(c->stream, note_end);
    if (e == paNoError)
        e = Pa_StartStream(c->stream);
    if (e != paNoError)
        return ut_error_set(err, UT_EIO, "cannot capture from '%.100s': %s", c->device.name,
                            Pa_GetErrorText(e));
    return UT_OK;
}

enum ut_status ut_capture_open(struct ut_capture **out, const char *device, struct ut_error *err)
{
    struct ut_capture *c = ut_calloc(1, sizeof *c);

    if (!c || sem_init(&c->arrived, 0, 0) != 0) {
        ut_free(c);
        return ut_error_set(err, UT_ENOMEM, "no memory to capture");
    }
    c->has_semaphore = true;
    pthread_mutex_lock(&portaudio_lock);
    int kept = mute();
    enum ut_status st = start(c, device, err);
    unmute(kept);
    pthread_mutex_unlock(&portaudio_lock);
    if (st != UT_OK) {
        ut_capture_close(c);
        return st;
    }
    c->last_us = ut_clock_now_us();
    *out = c;
    return UT_OK;
}

void ut_capture_close(struct ut_capture *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&portaudio_lock);
    int kept = mute();
    if (c->stream)
        Pa_CloseStream(c->stream); /* ends the callback first */
    if (c->has_portaudio)
        Pa_Terminate();
    unmute(kept);
    pthread_mutex_unlock(&portaudio_lock);
    ut_resampler_destroy(c->resampler);
    ut_ring_destroy(c->ring);
    if (c->has_semaphore)
        sem_destroy(&c->arrived);
    ut_free(c);
}

void ut_capture_stop(struct ut_capture *c)
{
    if (c->stopped)
        return;
    c->stopped = true;
    pthread_mutex_lock(&portaudio_lock);
    int kept = mute();
    Pa_AbortStream(c->stream);
    unmute(kept);
    pthread_mutex_unlock(&portaudio_lock);
}

/* How much may be read before samples are missing; notes the gap where that is here. */
static size_t next_block(struct ut_capture *c)
{
    struct ut_mark mark;

    while (ut_marks_peek(&c->marks, &mark)) {
        uint64_t left = mark.at > c->n_read ? mark.at - c->n_read : 0;

        if (left > 0)
            return left < BLOCK ? (size_t)left : BLOCK;
        c->n_gap += mark.n_missing;
        ut_marks_drop(&c->marks);
    }
    return BLOCK;
}

static bool at_gap(const struct ut_capture *c)
{
    struct ut_mark mark;

    return ut_marks_peek(&c->marks, &mark) && mark.at <= c->n_read;
}

/* What the ring holds now, resampled. *made 0 when it is empty or the filter holds all back. */
static enum ut_status take(struct ut_capture *c, float *pcm, size_t n, size_t *made)
{
    *made = 0;
    while (*made < n) {
        size_t n_used = 0;
        size_t n_out = 0;

        if (c->at == c->n) {
            c->at = 0;
            c->n = 0;
            if (*made > 0 && at_gap(c))
                return UT_OK; /* what comes next is of another time */
            c->n = ut_ring_read(c->ring, c->block, next_block(c));
            c->n_read += c->n;
            if (c->n == 0)
                return UT_OK;
            c->last_us = ut_clock_now_us();
        }
        enum ut_status st = ut_resampler_run(c->resampler, c->block + c->at, c->n - c->at, &n_used,
                                             pcm + *made, n - *made, &n_out);
        if (st != UT_OK)
            return st;
        c->at += n_used;
        *made += n_out;
    }
    return UT_OK;
}

/* After the stream's end: what the filter still holds, then why it ended. */
static enum ut_status take_rest(struct ut_capture *c, float *pcm, size_t n, size_t *got,
                                struct ut_error *err)
{
    enum ut_status st = ut_resampler_flush(c->resampler, pcm, n, got);

    if (st != UT_OK)
        return ut_error_set(err, st, "no memory to resample");
    if (*got > 0)
        return UT_OK;
    if (c->stopped)
        return UT_END;
    return ut_error_set(err, UT_EIO, "input device '%.100s' was lost", c->device.name);
}

static void wait_for_samples(struct ut_capture *c, int64_t until_us)
{
    struct timespec until = { .tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000 };

    sem_clockwait(&c->arrived, CLOCK_MONOTONIC, &until);
}

enum ut_status ut_capture_read(struct ut_capture *c, float *pcm, size_t n, int timeout_ms,
                               size_t *got, struct ut_error *err)
{
    int64_t until_us = ut_clock_now_us() + (int64_t)(timeout_ms > 0 ? timeout_ms : 0) * 1000;

    if (n == 0)
        return UT_EINVAL;
    for (;;) {
        /* Before the ring is looked at: what was written before the end is then seen. */
        bool over = c->stopped || atomic_load_explicit(&c->finished, memory_order_acquire);
        /* Old posts; one that comes after the look at the ring still ends the wait. */
        while (sem_trywait(&c->arrived) == 0)
            ;
        enum ut_status st = take(c, pcm, n, got);
        if (st != UT_OK)
            return ut_error_set(err, st, "no memory to resample");
        if (*got > 0)
            return UT_OK;
        if (over)
            return take_rest(c, pcm, n, got, err);

        int64_t now_us = ut_clock_now_us();
        if (now_us - c->last_us > SILENT_US)
            return ut_error_set(err, UT_EIO, "input device '%.100s' gave no samples for %d s",
                                c->device.name, SILENT_US / 1000000);
        if (now_us >= until_us)
            return UT_AGAIN;
        errno = 0;
        wait_for_samples(c, until_us);
        if (errno == EINTR)
            return UT_AGAIN;
    }
}

uint64_t ut_capture_gap(struct ut_capture *c)
{
    uint64_t n = c->n_gap / c->device.rate_hz * RATE_HZ +
                 c->n_gap % c->device.rate_hz * RATE_HZ / c->device.rate_hz;

    c->n_gap = 0;
    return n;
}

struct ut_capture_stats ut_capture_stats(const struct ut_capture *c)
{
    return (struct ut_capture_stats){
        .n_xruns = atomic_load_explicit(&c->n_xruns, memory_order_relaxed),
        .n_dropped = ut_ring_n_dropped(c->ring),
    };
}

const struct ut_capture_device *ut_capture_device(const struct ut_capture *c)
{
    return &c->device;
}
