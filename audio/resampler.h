/*
 * Any rate and channel count to 16 kHz mono, sample by sample as audio arrives; the one place that
 * knows libsoxr.
 *
 * One thread. Channels are averaged. The filter holds back up to 40 ms at 44.1 and 48 kHz, 80 ms at
 * 96 kHz and above, 115 ms at 8 kHz; ut_resampler_flush() brings the rest out, and in all
 * round(n_in * 16000 / rate) samples come. NaN, infinities and values beyond 2^16 become 0. The
 * samples do not depend on how the input was cut up. 16 kHz passes unchanged and at once.
 */
#ifndef UT_AUDIO_RESAMPLER_H
#define UT_AUDIO_RESAMPLER_H

#include <stddef.h>

#include "base/status.h"

#define UT_RESAMPLER_MIN_HZ 1000u
#define UT_RESAMPLER_MAX_HZ 768000u
#define UT_RESAMPLER_MAX_CHANNELS 64u

struct ut_resampler;

/* rate_hz and n_channels (at least 1) within the bounds above. Errors: UT_EINVAL, UT_ENOMEM. */
UT_NODISCARD enum ut_status ut_resampler_create(struct ut_resampler **out, unsigned rate_hz,
                                                unsigned n_channels);
void ut_resampler_destroy(struct ut_resampler *r);

/* Ready for a new signal. Errors: UT_ENOMEM. */
UT_NODISCARD enum ut_status ut_resampler_reset(struct ut_resampler *r);

/*
 * Takes up to n_frames interleaved frames, in [n_frames, n_channels], and writes up to `capacity`
 * mono samples at 16 kHz; *n_used and *n_out say how many. Call again with the rest while *n_used <
 * n_frames. Errors: UT_ENOMEM, UT_EINVAL (after a flush without reset).
 */
UT_NODISCARD enum ut_status ut_resampler_run(struct ut_resampler *r, const float *in,
                                             size_t n_frames, size_t *n_used, float *out,
                                             size_t capacity, size_t *n_out);

/* After the last input: call until *n_out is 0. Errors: UT_ENOMEM. */
UT_NODISCARD enum ut_status ut_resampler_flush(struct ut_resampler *r, float *out, size_t capacity,
                                               size_t *n_out);

#endif
