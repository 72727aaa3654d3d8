#include "audio/mel.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "audio/fft.h"
#include "audio/mel_filters.h"
#include "audio/sample.h"
#include "base/memory.h"

/*
 * Frames go through the transform in blocks of BATCH, always all of them and zero where there are
 * fewer, so that a frame has the same bits however its samples arrived.
 */
#define BATCH ((size_t)8)
#define HALF ((size_t)UT_MEL_FFT / 2)
#define HOP ((size_t)UT_MEL_HOP)
#define HISTORY (UT_MEL_FFT + BATCH * HOP)
#define MAX_EDGE ((size_t)3)      /* frames that less than UT_MEL_FFT + 1 samples can touch */
#define FLOOR_BITS 0x2edbe6ff     /* of 1e-10f, the least value a logarithm is taken of */
#define SQRT_HALF_BITS 0x3f3504f3 /* of sqrtf(0.5f) */
#define SILENCE (-10.0f)
#define MAX_FRAMES ((size_t)1 << 24)

struct ut_mel {
    struct ut_fft *fft;
    struct ut_mel_filters filters;
    float window[UT_MEL_FFT];
};

struct ut_mel_stream {
    const struct ut_mel *mel;
    size_t n_frames;
    float *frames;      /* [n_frames, n_mels] raw log10; frame t in row t % n_frames */
    float *maxima;      /* [n_frames] */
    int64_t n_complete; /* frames whose samples have all come */
    int64_t n_samples;

    /*
     * Samples from 160 n_complete - 200 on. Before frame 0 is complete the first HALF of them are
     * before the start and get their reflection when it is computed.
     */
    float *history; /* [HISTORY] */
    size_t n_history;

    float *edge; /* [MAX_EDGE, n_mels] frames from n_complete on, as if silence followed */
    float edge_maxima[MAX_EDGE];
    size_t n_edge;
    int64_t edge_at; /* n_samples when the edge was computed; -1 never */

    float *input; /* [BATCH, UT_MEL_FFT] */
    float *bins;  /* [UT_MEL_BINS, BATCH, 2] */
    float *power; /* [UT_MEL_BINS, BATCH] */
    float *logs;  /* [n_mels, BATCH] */
};

enum ut_status ut_mel_create(struct ut_mel **out, size_t n_mels)
{
    if (n_mels < 1 || n_mels > UT_MEL_MAX_MELS)
        return UT_EINVAL;
    struct ut_mel *mel = ut_calloc(1, sizeof *mel);
    if (!mel)
        return UT_ENOMEM;
    enum ut_status st = ut_fft_create(&mel->fft, UT_MEL_FFT, BATCH);
    if (st != UT_OK) {
        ut_mel_destroy(mel);
        return st;
    }
    ut_mel_filters_init(&mel->filters, n_mels);
    for (size_t i = 0; i < UT_MEL_FFT; i++)
        mel->window[i] = (float)(0.5 - 0.5 * cos(2.0 * M_PI * (double)i / UT_MEL_FFT));
    *out = mel;
    return UT_OK;
}

void ut_mel_destroy(struct ut_mel *mel)
{
    if (!mel)
        return;
    ut_fft_destroy(mel->fft);
    ut_free(mel);
}

size_t ut_mel_n_mels(const struct ut_mel *mel)
{
    return mel->filters.n_mels;
}

enum ut_status ut_mel_stream_create(struct ut_mel_stream **out, const struct ut_mel *mel,
                                    size_t n_frames)
{
    if (n_frames < 1 || n_frames > MAX_FRAMES)
        return UT_EINVAL;
    struct ut_mel_stream *s = ut_calloc(1, sizeof *s);
    if (!s)
        return UT_ENOMEM;
    size_t n_mels = ut_mel_n_mels(mel);
    s->mel = mel;
    s->n_frames = n_frames;
    s->frames = ut_calloc(n_frames, n_mels * sizeof *s->frames);
    s->maxima = ut_calloc(n_frames, sizeof *s->maxima);
    s->history = ut_calloc(HISTORY, sizeof *s->history);
    s->edge = ut_calloc(MAX_EDGE, n_mels * sizeof *s->edge);
    s->input = ut_calloc(BATCH * UT_MEL_FFT, sizeof *s->input);
    s->bins = ut_calloc(UT_MEL_BINS * BATCH, 2 * sizeof *s->bins);
    s->power = ut_calloc(UT_MEL_BINS * BATCH, sizeof *s->power);
    s->logs = ut_calloc(n_mels * BATCH, sizeof *s->logs);
    if (!s->frames || !s->maxima || !s->history || !s->edge || !s->input || !s->bins || !s->power ||
        !s->logs) {
        ut_mel_stream_destroy(s);
        return UT_ENOMEM;
    }
    ut_mel_stream_reset(s);
    *out = s;
    return UT_OK;
}

void ut_mel_stream_destroy(struct ut_mel_stream *s)
{
    if (!s)
        return;
    ut_free(s->frames);
    ut_free(s->maxima);
    ut_free(s->history);
    ut_free(s->edge);
    ut_free(s->input);
    ut_free(s->bins);
    ut_free(s->power);
    ut_free(s->logs);
    ut_free(s);
}

void ut_mel_stream_reset(struct ut_mel_stream *s)
{
    s->n_complete = 0;
    s->n_samples = 0;
    s->n_history = HALF;
    s->n_edge = 0;
    s->edge_at = -1;
}

int64_t ut_mel_stream_n_samples(const struct ut_mel_stream *s)
{
    return s->n_samples;
}

/*
 * x[i] = log10(max(x[i], 1e-10)), written so that the compiler makes vectors of it; relative error
 * below 1e-6. x = 2^e m with m in [sqrt(1/2), sqrt(2)); ln m = 2 atanh((m - 1) / (m + 1)), whose
 * series ends after t^9 because t^11 / 11 < 2^-24 t for |t| < 0.172.
 */
static void take_log10(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int32_t bits; /* floats that are not negative are ordered as their bits are */
        float m;

        memcpy(&bits, &x[i], sizeof bits);
        bits = bits < FLOOR_BITS ? FLOOR_BITS : bits;
        int32_t e = (bits - SQRT_HALF_BITS) >> 23;
        bits -= e * (1 << 23);
        memcpy(&m, &bits, sizeof m);
        float t = (m - 1.0f) / (m + 1.0f);
        float u = t * t;
        float series = 1.0f + u * (1.0f / 3 + u * (1.0f / 5 + u * (1.0f / 7 + u * (1.0f / 9))));

        x[i] = (float)e * 0.301029995663981195f + t * series * 0.868588963806503655f;
    }
}

/*
 * x [160 (k - 1) + 400] samples -> s->logs [n_mels, BATCH], of which the first k <= BATCH columns
 * are the raw log10 mel values of k frames.
 */
static void compute_block(struct ut_mel_stream *s, const float *x, size_t k)
{
    const struct ut_mel *mel = s->mel;
    const struct ut_mel_filters *f = &mel->filters;

    for (size_t b = 0; b < k; b++) {
        for (size_t i = 0; i < UT_MEL_FFT; i++)
            s->input[b * UT_MEL_FFT + i] = x[b * HOP + i] * mel->window[i];
    }
    memset(s->input + k * UT_MEL_FFT, 0, (BATCH - k) * UT_MEL_FFT * sizeof *s->input);
    ut_fft_run(mel->fft, s->input, s->bins);

    for (size_t i = 0; i < UT_MEL_BINS * BATCH; i++) {
        float re = s->bins[2 * i];
        float im = s->bins[2 * i + 1];
        s->power[i] = re * re + im * im;
    }
    for (size_t m = 0; m < f->n_mels; m++) {
        const float *power = s->power + f->first[m] * BATCH;
        float sum[BATCH] = { 0 };

        for (size_t w = f->start[m]; w < f->start[m + 1]; w++, power += BATCH) {
            float weight = f->weights[w];

            for (size_t b = 0; b < BATCH; b++)
                sum[b] += weight * power[b];
        }
        memcpy(s->logs + m * BATCH, sum, sizeof sum);
    }
    take_log10(s->logs, f->n_mels * BATCH);
}

/* Copies column b of s->logs to row [n_mels]; returns its maximum. */
static float store_frame(const struct ut_mel_stream *s, size_t b, float *row)
{
    size_t n_mels = ut_mel_n_mels(s->mel);
    float max = SILENCE;

    for (size_t m = 0; m < n_mels; m++) {
        float v = s->logs[m * BATCH + b];

        row[m] = v;
        max = v > max ? v : max;
    }
    return max;
}

/* Fills the HALF samples before the start by reflection about sample 0, which is not repeated. */
static void reflect_start(struct ut_mel_stream *s)
{
    for (size_t i = 1; i <= HALF; i++)
        s->history[HALF - i] = s->history[HALF + i];
}

static void compute_complete(struct ut_mel_stream *s)
{
    /* The reflection for frame 0 reaches one sample further than the frame itself. */
    size_t need = s->n_complete == 0 ? UT_MEL_FFT + 1 : UT_MEL_FFT;

    if (s->n_history < need)
        return;
    if (s->n_complete == 0)
        reflect_start(s);

    size_t n_mels = ut_mel_n_mels(s->mel);
    size_t n = (s->n_history - UT_MEL_FFT) / HOP + 1;
    for (size_t done = 0; done < n;) {
        size_t k = n - done < BATCH ? n - done : BATCH;

        compute_block(s, s->history + done * HOP, k);
        for (size_t b = 0; b < k; b++) {
            size_t slot = (size_t)((uint64_t)s->n_complete % s->n_frames);
            s->maxima[slot] = store_frame(s, b, s->frames + slot * n_mels);
            s->n_complete++;
        }
        done += k;
    }
    s->n_history -= n * HOP;
    memmove(s->history, s->history + n * HOP, s->n_history * sizeof *s->history);
}

void ut_mel_stream_feed(struct ut_mel_stream *s, const float *pcm, size_t n)
{
    while (n > 0) {
        size_t room = HISTORY - s->n_history;
        size_t k = n < room ? n : room;
        float *to = s->history + s->n_history;

        for (size_t i = 0; i < k; i++)
            to[i] = ut_sample_clean(pcm[i]);
        s->n_history += k;
        s->n_samples += (int64_t)k;
        pcm += k;
        n -= k;
        compute_complete(s);
    }
}

/* Computes the frames that samples touch but do not fill, once per state of the stream. */
static void compute_edge(struct ut_mel_stream *s)
{
    if (s->edge_at == s->n_samples)
        return;
    s->edge_at = s->n_samples;
    s->n_edge = s->n_samples == 0 ? 0 : (s->n_history + HOP - 1) / HOP;
    assert(s->n_edge <= MAX_EDGE);
    if (s->n_edge == 0)
        return;

    /* The room behind the last sample is free until the next feed. */
    memset(s->history + s->n_history, 0, (HISTORY - s->n_history) * sizeof *s->history);
    if (s->n_complete == 0)
        reflect_start(s);
    compute_block(s, s->history, s->n_edge);
    for (size_t b = 0; b < s->n_edge; b++)
        s->edge_maxima[b] = store_frame(s, b, s->edge + b * ut_mel_n_mels(s->mel));
}

/* The row of frame t and its maximum; NULL for a frame past the edge. compute_edge() went before.
 */
static const float *find_frame(const struct ut_mel_stream *s, int64_t t, float *max)
{
    size_t n_mels = ut_mel_n_mels(s->mel);

    if (t < s->n_complete) {
        size_t slot = (size_t)((uint64_t)t % s->n_frames);
        *max = s->maxima[slot];
        return s->frames + slot * n_mels;
    }
    if (t - s->n_complete < (int64_t)s->n_edge) {
        size_t b = (size_t)(t - s->n_complete);
        *max = s->edge_maxima[b];
        return s->edge + b * n_mels;
    }
    *max = SILENCE;
    return NULL;
}

/* The oldest frame still held. */
static int64_t oldest_frame(const struct ut_mel_stream *s)
{
    int64_t n = (int64_t)s->n_frames;

    return s->n_complete > n ? s->n_complete - n : 0;
}

float ut_mel_stream_max(struct ut_mel_stream *s, int64_t first, size_t n)
{
    float max = SILENCE;

    if (first < 0) {
        uint64_t before = 0u - (uint64_t)first;

        if (n <= before)
            return max;
        n -= (size_t)before;
        first = 0;
    }
    compute_edge(s);
    int64_t end = s->n_complete + (int64_t)s->n_edge;
    if (first < end && n < (uint64_t)(end - first))
        end = first + (int64_t)n;
    int64_t t = first < oldest_frame(s) ? oldest_frame(s) : first;
    for (; t < end; t++) {
        float frame_max;

        find_frame(s, t, &frame_max);
        max = frame_max > max ? frame_max : max;
    }
    return max;
}

enum ut_status ut_mel_stream_window(struct ut_mel_stream *s, int64_t first, size_t n, float top,
                                    float shift, float *out)
{
    size_t n_mels = ut_mel_n_mels(s->mel);
    float floor = top - UT_MEL_RANGE;

    if (first < oldest_frame(s))
        return UT_EINVAL;
    compute_edge(s);
    int64_t n_left = s->n_complete + (int64_t)s->n_edge - first;
    for (size_t t = 0; t < n; t++, out += n_mels) {
        float max;
        const float *row = (int64_t)t < n_left ? find_frame(s, first + (int64_t)t, &max) : NULL;

        for (size_t m = 0; m < n_mels; m++) {
            float v = row ? row[m] : SILENCE;
            out[m] = ((v < floor ? floor : v) + shift + 4.0f) / 4.0f;
        }
    }
    return UT_OK;
}
