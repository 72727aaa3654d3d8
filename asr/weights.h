/*
 * How a loaded Whisper model is laid out: private to the model, load, encoder, silence and
 * decoder sources of asr/.
 *
 * d = n_audio_state = n_text_state. Everything is immutable after load.
 */
#ifndef UT_ASR_WEIGHTS_H
#define UT_ASR_WEIGHTS_H

#include <stdatomic.h>

#include "asr/model.h"
#include "asr/tokens.h"
#include "compute/attention.h"
#include "compute/linear.h"

/* One transformer block: x += attention(x); [decoder: x += cross(x, audio);] x += ffn(x). */
struct ut_asr_block {
    struct ut_norm attn_norm;    /* [d] */
    struct ut_linear *attn_qkv;  /* [3d, d]: Q, K, V; the K bias is 0 */
    struct ut_linear *attn_out;  /* [d, d] */
    struct ut_norm cross_norm;   /* [d]; the decoder's only, as all of cross */
    struct ut_linear *cross_q;   /* [d, d] */
    struct ut_linear *cross_kv;  /* [2d, d]: K, V of the encoder's output; the K bias is 0 */
    struct ut_linear *cross_out; /* [d, d] */
    struct ut_norm ffn_norm;     /* [d] */
    struct ut_linear *ffn_up;    /* [4d, d], GELU after it */
    struct ut_linear *ffn_down;  /* [d, 4d] */
};

struct ut_asr_model {
    atomic_size_t n_refs;
    struct ut_compute *compute;
    struct ut_asr_dims dims;
    bool exact; /* every matrix is f32: so are attention and K/V storage */
    struct ut_asr_tokens *tokens;
    struct ut_asr_align_head *align_heads; /* [n_align_heads] */
    size_t n_align_heads;

    struct ut_linear *conv1;    /* [d, 3 * n_mels]: k is outside the channel, as rows in memory */
    struct ut_linear *conv2;    /* [d, 3 * d] */
    float *audio_position;      /* [n_audio_ctx, d] device */
    struct ut_asr_block *audio; /* [n_audio_layer] */
    struct ut_norm audio_norm;  /* [d] */

    struct ut_linear *embedding; /* [n_vocab, d]: rows in, logits out */
    float *text_position;        /* [n_text_ctx, d] host: added to embeddings there */
    struct ut_asr_block *text;   /* [n_text_layer] */
    struct ut_norm text_norm;    /* [d] */

    float *floats; /* device block that holds audio_position and all norms */
    size_t bytes;
};

/* Fills the zeroed *m, dims first, from `g`; what is there after a failure belongs to *m. */
UT_NODISCARD enum ut_status ut_asr_load(struct ut_asr_model *m, const struct ut_gguf *g,
                                        struct ut_error *err);

#endif
