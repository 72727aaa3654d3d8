/*
 * The Slaney mel filter bank: triangles on a frequency axis linear to 1 kHz and logarithmic above,
 * each of unit area. Values only; any thread.
 * SOURCE: Slaney 1998, Auditory Toolbox; the bank that Whisper's mel_filters.npz holds.
 */
#ifndef UT_AUDIO_MEL_FILTERS_H
#define UT_AUDIO_MEL_FILTERS_H

#include <stddef.h>

#define UT_MEL_MAX_MELS 256
#define UT_MEL_FFT 400
#define UT_MEL_BINS (UT_MEL_FFT / 2 + 1)

/* Sparse rows: filter m is weights[start[m]..start[m + 1]) on the bins from first[m] on. */
struct ut_mel_filters {
    size_t n_mels;
    size_t first[UT_MEL_MAX_MELS];
    size_t start[UT_MEL_MAX_MELS + 1];
    float weights[2 * UT_MEL_BINS]; /* no bin lies inside more than two triangles */
};

/* Fills `f` for n_mels in [1, UT_MEL_MAX_MELS] filters over 0..8000 Hz at 16 kHz. */
void ut_mel_filters_init(struct ut_mel_filters *f, size_t n_mels);

#endif
