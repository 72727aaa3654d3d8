/*
 * The weights of Silero v6, packed for the linear kernels. Private to diarize/vad*.c.
 *
 * Immutable after open. A convolution is a linear layer over overlapping rows: activations are
 * [time, channel], so the three taps of one output step are 3 * c_in floats in a row, and the
 * file's [c_out, c_in, 3] is stored here as [c_out, 3, c_in].
 */
#ifndef UT_DIARIZE_VAD_MODEL_H
#define UT_DIARIZE_VAD_MODEL_H

#include "compute/linear.h"
#include "diarize/vad.h"

enum {
    UT_VAD_CONTEXT = 64, /* samples of the chunk before that are seen again */
    UT_VAD_REFLECT = 64, /* samples mirrored behind the end */
    UT_VAD_STFT = 256,   /* window of the transform, hop of half of it */
    UT_VAD_STFT_HOP = 128,
    UT_VAD_STEPS = 4, /* transform windows in a chunk */
    UT_VAD_BINS = 129,
    UT_VAD_STATE = 128, /* LSTM units */
    UT_VAD_N_CONVS = 4
};

struct ut_vad_model {
    struct ut_compute *c;
    struct ut_linear *stft;                 /* [2 * 129, 256]: real rows, then imaginary */
    struct ut_linear *conv[UT_VAD_N_CONVS]; /* [c_out, 3 * c_in] */
    struct ut_linear *gates;                /* [4 * 128, 128 + 128]: input beside state */
    float out_weight[UT_VAD_STATE];
    float out_bias;
};

/* c_in, c_out and stride of each convolution; the padding is 1 on both sides. */
struct ut_vad_conv_shape {
    size_t n_in;
    size_t n_out;
    size_t stride;
};
extern const struct ut_vad_conv_shape ut_vad_conv_shapes[UT_VAD_N_CONVS];

#endif
