/*
 * A pass of the encoder on its way: what encoder.c (the face, cross-attention K/V), encoder_stem.c
 * (convolutions) and encoder_block.c (transformer blocks) share. Private to them.
 */
#ifndef UT_ASR_ENCODER_PASS_H
#define UT_ASR_ENCODER_PASS_H

#include "asr/encoder.h"
#include "asr/silence.h"
#include "asr/weights.h"

/*
 * t counts positions (20 ms) that a pass computes, of one window after another; d is the width.
 * Everything but the convolutions and the attention runs over all t rows at once.
 */
struct ut_asr_encoder {
    struct ut_compute *compute;
    struct ut_asr_model *model;
    size_t max_positions;
    size_t n_chunk; /* rows of a layer at a time where its output is soon read again */
    float *mel;   /* [1 + 2 * max_positions + 1, n_mels] device: a window between its edge frames */
    float *x;     /* [max_positions, d] device: the residual stream */
    float *y;     /* [max_positions, d] device: queries, then attention output; at the end the
                     encoder's output */
    float *work;  /* [n_chunk, 4d] device: by turns the first convolution's output, K V, the hidden
                     layer of the ffn, the decoder's K V */
    void *packed; /* device: keys and values of a layer, each window's after the other's */
    float *edge;  /* [max(n_mels, d)] host: one frame */
    struct ut_attention_call attention[UT_ASR_MAX_WINDOWS];
};

struct ut_asr_pass {
    const struct ut_asr_encode_call *calls;
    size_t n_calls;
    size_t t;                         /* rows */
    void *packed[UT_ASR_MAX_WINDOWS]; /* each window's keys and values of this layer */
};

/* Positions that the call has computed: those behind what is kept. */
static inline size_t ut_asr_encode_n_new(const struct ut_asr_encode_call *call)
{
    return call->n_frames / 2 - call->n_kept;
}

/* x [n_new, d] = the input of the first block: convolutions and position. */
void ut_asr_encoder_stem(struct ut_asr_encoder *e, const struct ut_asr_encode_call *call, float *x);

/* e->x [t, d] through block `layer`. */
void ut_asr_encoder_block(struct ut_asr_encoder *e, size_t layer, struct ut_asr_pass *pass);

#endif
