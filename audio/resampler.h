/*
 * Any rate and channel count to 16 kHz mono, sample by sample as audio arrives (libsoxr).
 *
 * One thread. Channels are averaged. Latency is the filter's; ut_resampler_flush() brings the rest
 * out, and in all round(n_in * 16000 / rate) samples come. NaN and infinities become 0.
 */
#ifndef UT_AUDIO_RESAMPLER_H
#define UT_AUDIO_RESAMPLER_H

#include <stddef.h>

#include "base/status.h"

struct ut_resampler;

/* rate_hz in [1000, 768000], n_channels in [1, 64]. Errors: UT_EINVAL, UT_ENOMEM. */
UT_NODISCARD enum ut_status ut_resampler_create(struct ut_resampler **out, unsigned rate_hz,
                                                unsigned n_channels);
void ut_resampler_destroy(struct ut_resampler *r);

/*
 * Takes up to n_frames interleaved frames and writes up to `capacity` mono samples at 16 kHz;
 * *n_used and *n_out say how many. Call again with the rest while *n_used < n_frames.
 */
UT_NODISCARD enum ut_status ut_resampler_run(struct ut_resampler *r, const float *in,
                                             size_t n_frames, size_t *n_used, float *out,
                                             size_t capacity, size_t *n_out);

/* After the last input: call until *n_out is 0. */
UT_NODISCARD enum ut_status ut_resampler_flush(struct ut_resampler *r, float *out, size_t capacity,
                                               size_t *n_out);

#endif
