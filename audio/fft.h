/*
 * Forward Fourier transform of real rows: the one place that knows FFTW.
 *
 * A ut_fft is immutable after create and may be run by any number of threads at once, each on its
 * own arrays. Plans are estimated, not measured: the same machine always gets the same plan, so the
 * same bits, and create takes about a millisecond. FFTW's planner is global to the process; it is
 * locked here, so that any thread may create and destroy.
 */
#ifndef UT_AUDIO_FFT_H
#define UT_AUDIO_FFT_H

#include <stddef.h>

#include "base/status.h"

struct ut_fft;

/*
 * A transform of n_batch rows of n real values. n in [2, 65536], n_batch in [1, 256]. The caller
 * owns *out. Errors: UT_EINVAL, UT_ENOMEM.
 */
UT_NODISCARD enum ut_status ut_fft_create(struct ut_fft **out, size_t n, size_t n_batch);
void ut_fft_destroy(struct ut_fft *fft);

/*
 * in [n_batch, n] -> out [n / 2 + 1, n_batch, 2] (real, imaginary), unscaled:
 * out[k, b] = sum over s of in[b, s] exp(-2 pi i k s / n). Bins are the outer axis so that what
 * follows runs across the batch in vectors. Both arrays from ut_alloc() (aligned to
 * UT_CACHE_LINE), apart from each other; `in` is kept.
 */
void ut_fft_run(const struct ut_fft *fft, float *in, float *out);

#endif
