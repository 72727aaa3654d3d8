/*
 * Whisper's encoder over the windows of several sessions in one pass.
 *
 * One encoder belongs to one engine thread; it holds the activations of a pass. A window is as long
 * as its own audio; the rest of the trained 30 s may be taken from a cached run on silence
 * (docs/MODEL.md, "Short context"), so that cost follows the audio.
 */
#ifndef UT_ASR_ENCODER_H
#define UT_ASR_ENCODER_H

#include "asr/keys.h"
#include "asr/model.h"
#include "compute/attention.h"

struct ut_asr_encoder;
struct ut_asr_silence;

#define UT_ASR_MAX_WINDOWS 64 /* in one pass */

/*
 * max_positions: the most encoder positions (20 ms each) that a pass computes. Keeps a
 * reference to `m`, opened with `c` or with another context of the same device. Errors: UT_EINVAL
 * (0), UT_ENOMEM.
 */
UT_NODISCARD enum ut_status ut_asr_encoder_create(struct ut_asr_encoder **out, struct ut_compute *c,
                                                  struct ut_asr_model *m, size_t max_positions);
void ut_asr_encoder_destroy(struct ut_asr_encoder *e);

struct ut_asr_encode_call {
    const float *mel; /* [n_frames, n_mels], normalised, host memory */
    size_t n_frames;  /* even, 2 .. 2 * n_audio_ctx; positions are n_frames / 2 */
    const struct ut_asr_silence *silence; /* what follows the window, or NULL for nothing */
    struct ut_kv
        *cross;    /* out, or NULL: decoder cross K/V, cells [0, n_frames / 2) of each layer */
    float *output; /* out, or NULL: output of the positions computed, [n, n_audio_state], host */
    /*
     * NULL, or where the window's keys and values are kept. Positions [0, n_kept) have theirs
     * there, and in `cross`, from an earlier run, and are not computed again: all see them, they
     * see nothing that is new. n_kept: a multiple of UT_ATTENTION_PACK_ALIGN, < n_frames / 2.
     */
    const struct ut_asr_keys *keys;
    size_t n_kept;
};

/*
 * Each window sees itself and its silence. Its linear layers share one pass with the other windows.
 * Errors: UT_EINVAL, UT_ELIMIT (more than max_positions or UT_ASR_MAX_WINDOWS), UT_ENOMEM.
 */
UT_NODISCARD enum ut_status ut_asr_encoder_run(struct ut_asr_encoder *e,
                                               const struct ut_asr_encode_call *calls,
                                               size_t n_calls);

/*
 * A ut_kv for the cross-attention of one window (f16, or f32 when the model's weights are f32), to
 * be ended with ut_kv_destroy(). Errors: UT_ENOMEM.
 */
UT_NODISCARD enum ut_status ut_asr_encoder_new_cross(struct ut_asr_encoder *e, struct ut_kv **out);

/*
 * Runs the encoder once on 30 s of silence whose normalised mel value is `mel_value` and keeps the
 * keys and values of every encoder layer and the decoder's cross-attention K/V. Immutable after.
 * n_positions: the most that follow a window, 1 .. n_audio_ctx. The encoder must have room for
 * n_audio_ctx positions. Errors: UT_EINVAL, UT_ELIMIT, UT_ENOMEM.
 */
UT_NODISCARD enum ut_status ut_asr_silence_create(struct ut_asr_silence **out,
                                                  struct ut_asr_encoder *e, float mel_value,
                                                  size_t n_positions);
void ut_asr_silence_destroy(struct ut_asr_silence *s);

/*
 * How many positions of silence follow a window of `n_positions` (at most the n_positions of
 * create, at most to n_audio_ctx), and the view of their cross-attention K/V.
 */
struct ut_kv_view ut_asr_silence_cross(const struct ut_asr_silence *s, size_t n_positions);
size_t ut_asr_silence_bytes(const struct ut_asr_silence *s);

#endif
