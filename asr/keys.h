/*
 * Keys and values of the encoder's layers for one window, packed as its attention reads them.
 *
 * Positions keep theirs from one run of the encoder to the next (struct ut_asr_encode_call), and so
 * does the run on silence. One thread at a time.
 */
#ifndef UT_ASR_KEYS_H
#define UT_ASR_KEYS_H

#include "asr/model.h"

struct ut_asr_keys {
    unsigned char *packed; /* [n_audio_layer] device: n_audio_ctx positions each, layer_bytes */
    size_t layer_bytes;
};

/* Room for n_audio_ctx positions; pages that are not used cost nothing. Errors: UT_ENOMEM. */
UT_NODISCARD enum ut_status ut_asr_keys_init(struct ut_asr_keys *k, const struct ut_asr_model *m);
void ut_asr_keys_finish(struct ut_asr_keys *k, const struct ut_asr_model *m); /* accepts zeroed */

/* Where those of `layer` are packed. */
void *ut_asr_keys_layer(const struct ut_asr_keys *k, size_t layer);

#endif
