/*
 * Log-mel spectrogram as Whisper defines it, computed once per frame as audio arrives.
 *
 * 16 kHz mono in; frames of 400 samples (periodic Hann) every 160, centred: frame t covers samples
 * [160 t - 200, 160 t + 200), the start padded by reflection; Slaney mel filters; log10 of at
 * least 1e-10. Normalisation needs the maximum of a window, so it happens when a window is read.
 * A ut_mel is immutable and shared; a stream belongs to one thread.
 * SOURCE: Radford et al. 2022, section 2.2; openai/whisper audio.py.
 */
#ifndef UT_AUDIO_MEL_H
#define UT_AUDIO_MEL_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define UT_MEL_RATE_HZ 16000
#define UT_MEL_HOP 160
#define UT_MEL_FRAMES_PER_S 100
#define UT_MEL_RANGE 8.0f /* log10 units kept below the maximum */

struct ut_mel;

/* n_mels 80 or 128 (any of 1..256 is accepted). Errors: UT_EINVAL, UT_ENOMEM. */
UT_NODISCARD enum ut_status ut_mel_create(struct ut_mel **out, size_t n_mels);
void ut_mel_destroy(struct ut_mel *mel);
size_t ut_mel_n_mels(const struct ut_mel *mel);

struct ut_mel_stream;

/*
 * Keeps the last `n_frames` frames (plus the samples that the next ones need). No allocation after
 * this. Errors: UT_EINVAL, UT_ENOMEM.
 */
UT_NODISCARD enum ut_status ut_mel_stream_create(struct ut_mel_stream **out,
                                                 const struct ut_mel *mel, size_t n_frames);
void ut_mel_stream_destroy(struct ut_mel_stream *s);
void ut_mel_stream_reset(struct ut_mel_stream *s);

/*
 * Takes n samples in [-1, 1]; NaN, infinite ones and those beyond 2^16 count as 0. Computes every
 * frame now complete; the bits do not depend on how the samples were cut up.
 */
void ut_mel_stream_feed(struct ut_mel_stream *s, const float *pcm, size_t n);

int64_t ut_mel_stream_n_samples(const struct ut_mel_stream *s); /* fed since create or reset */

/*
 * The greatest raw log10 value in frames [first, first + n), those at the edge counted as if
 * silence followed. -10 when there is nothing.
 */
float ut_mel_stream_max(struct ut_mel_stream *s, int64_t first, size_t n);

/*
 * Writes frames [first, first + n) to out [n, n_mels]: (max(x, top - 8) + shift + 4) / 4. Frames at
 * the edge are computed as if silence followed, frames past it are silence. UT_EINVAL when `first`
 * is negative or has left the stream.
 */
UT_NODISCARD enum ut_status ut_mel_stream_window(struct ut_mel_stream *s, int64_t first, size_t n,
                                                 float top, float shift, float *out);

#endif
