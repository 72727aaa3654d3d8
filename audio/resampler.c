#include "audio/resampler.h"

#include <math.h>
#include <soxr.h>
#include <stdbool.h>
#include <string.h>

#include "audio/sample.h"
#include "base/memory.h"

#define RATE_HZ 16000
#define BLOCK 1024

struct ut_resampler {
    soxr_t soxr; /* NULL when the rate is RATE_HZ already */
    unsigned n_channels;
    bool flushing;
    float mono[BLOCK];
};

enum ut_status ut_resampler_create(struct ut_resampler **out, unsigned rate_hz, unsigned n_channels)
{
    if (rate_hz < UT_RESAMPLER_MIN_HZ || rate_hz > UT_RESAMPLER_MAX_HZ || n_channels < 1 ||
        n_channels > UT_RESAMPLER_MAX_CHANNELS)
        return UT_EINVAL;
    struct ut_resampler *r = ut_calloc(1, sizeof *r);
    if (!r)
        return UT_ENOMEM;
    r->n_channels = n_channels;
    if (rate_hz != RATE_HZ) {
        soxr_io_spec_t io = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
        soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
        soxr_runtime_spec_t runtime = soxr_runtime_spec(1);
        soxr_error_t error = NULL;

        r->soxr = soxr_create(rate_hz, RATE_HZ, 1, &error, &io, &quality, &runtime);
        if (!r->soxr || error) {
            ut_resampler_destroy(r);
            return UT_ENOMEM;
        }
    }
    *out = r;
    return UT_OK;
}

void ut_resampler_destroy(struct ut_resampler *r)
{
    if (!r)
        return;
    if (r->soxr)
        soxr_delete(r->soxr);
    ut_free(r);
}

enum ut_status ut_resampler_reset(struct ut_resampler *r)
{
    r->flushing = false;
    return r->soxr && soxr_clear(r->soxr) ? UT_ENOMEM : UT_OK;
}

/* in [n, n_channels] -> mono [n], the mean of the channels. */
static void mix_down(float *mono, const float *in, size_t n, unsigned n_channels)
{
    float scale = 1.0f / (float)n_channels;

    if (n_channels == 1) {
        for (size_t i = 0; i < n; i++)
            mono[i] = ut_sample_clean(in[i]);
        return;
    }
    for (size_t i = 0; i < n; i++, in += n_channels) {
        float sum = 0.0f;

        for (unsigned c = 0; c < n_channels; c++)
            sum += ut_sample_clean(in[c]);
        mono[i] = sum * scale;
    }
}

enum ut_status ut_resampler_run(struct ut_resampler *r, const float *in, size_t n_frames,
                                size_t *n_used, float *out, size_t capacity, size_t *n_out)
{
    size_t used = 0;
    size_t made = 0;

    if (r->flushing)
        return UT_EINVAL;
    while (used < n_frames && made < capacity) {
        size_t n = n_frames - used < BLOCK ? n_frames - used : BLOCK;
        size_t n_in = 0;
        size_t n_made = 0;

        if (r->soxr) {
            mix_down(r->mono, in + used * r->n_channels, n, r->n_channels);
            if (soxr_process(r->soxr, r->mono, n, &n_in, out + made, capacity - made, &n_made))
                return UT_ENOMEM;
        } else {
            n_in = n_made = n < capacity - made ? n : capacity - made;
            mix_down(out + made, in + used * r->n_channels, n_in, r->n_channels);
        }
        used += n_in;
        made += n_made;
        if (n_in == 0 && n_made == 0)
            break;
    }
    *n_used = used;
    *n_out = made;
    return UT_OK;
}

enum ut_status ut_resampler_flush(struct ut_resampler *r, float *out, size_t capacity,
                                  size_t *n_out)
{
    size_t made = 0;

    r->flushing = true;
    while (r->soxr && made < capacity) {
        size_t n = 0;

        if (soxr_process(r->soxr, NULL, 0, NULL, out + made, capacity - made, &n))
            return UT_ENOMEM;
        if (n == 0)
            break;
        made += n;
    }
    *n_out = made;
    return UT_OK;
}
