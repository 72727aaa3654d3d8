#include "asr/keys.h"

#include "asr/silence.h"
#include "asr/weights.h"

void *ut_asr_keys_layer(const struct ut_asr_keys *k, size_t layer)
{
    return k->packed + layer * k->layer_bytes;
}

enum ut_status ut_asr_keys_init(struct ut_asr_keys *k, const struct ut_asr_model *m)
{
    struct ut_attention_shape shape = ut_asr_encoder_shape(m);
    size_t bytes = ut_attention_pack_bytes(m->compute, &shape, m->dims.n_audio_ctx);
    unsigned char *packed = ut_compute_alloc(m->compute, m->dims.n_audio_layer, bytes);

    if (!packed)
        return UT_ENOMEM;
    *k = (struct ut_asr_keys){ packed, bytes };
    return UT_OK;
}

void ut_asr_keys_finish(struct ut_asr_keys *k, const struct ut_asr_model *m)
{
    ut_compute_free(m->compute, k->packed);
    *k = (struct ut_asr_keys){ 0 };
}
