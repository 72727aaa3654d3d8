#include "asr/model.h"

#include "asr/weights.h"
#include "base/memory.h"

static void free_block(struct ut_asr_block *b)
{
    ut_linear_destroy(b->attn_qkv);
    ut_linear_destroy(b->attn_out);
    ut_linear_destroy(b->cross_q);
    ut_linear_destroy(b->cross_kv);
    ut_linear_destroy(b->cross_out);
    ut_linear_destroy(b->ffn_up);
    ut_linear_destroy(b->ffn_down);
}

static void destroy_model(struct ut_asr_model *m)
{
    for (size_t l = 0; m->audio && l < m->dims.n_audio_layer; l++)
        free_block(&m->audio[l]);
    for (size_t l = 0; m->text && l < m->dims.n_text_layer; l++)
        free_block(&m->text[l]);
    ut_linear_destroy(m->conv1);
    ut_linear_destroy(m->conv2);
    ut_linear_destroy(m->embedding);
    ut_compute_free(m->compute, m->floats);
    ut_free(m->text_position);
    ut_free(m->audio);
    ut_free(m->text);
    ut_free(m->align_heads);
    ut_asr_tokens_destroy(m->tokens);
    ut_free(m);
}

enum ut_status ut_asr_model_open(struct ut_asr_model **out, struct ut_compute *c, const char *path,
                                 struct ut_error *err)
{
    struct ut_gguf *g = NULL;
    enum ut_status st = ut_gguf_open(&g, path, err);

    if (st != UT_OK)
        return st;
    struct ut_asr_model *m = ut_calloc(1, sizeof *m);
    if (!m) {
        ut_gguf_close(g);
        return ut_error_set(err, UT_ENOMEM, "%s: out of memory", path);
    }
    atomic_init(&m->n_refs, 1);
    m->compute = c;
    st = ut_asr_load(m, g, err);
    ut_gguf_close(g);
    if (st != UT_OK) {
        destroy_model(m);
        return st;
    }
    *out = m;
    return UT_OK;
}

struct ut_asr_model *ut_asr_model_ref(struct ut_asr_model *m)
{
    atomic_fetch_add_explicit(&m->n_refs, 1, memory_order_relaxed);
    return m;
}

void ut_asr_model_unref(struct ut_asr_model *m)
{
    if (m && atomic_fetch_sub_explicit(&m->n_refs, 1, memory_order_acq_rel) == 1)
        destroy_model(m);
}

const struct ut_asr_dims *ut_asr_model_dims(const struct ut_asr_model *m)
{
    return &m->dims;
}

const struct ut_asr_tokens *ut_asr_model_tokens(const struct ut_asr_model *m)
{
    return m->tokens;
}

const struct ut_asr_align_head *ut_asr_model_align_heads(const struct ut_asr_model *m, size_t *n)
{
    *n = m->n_align_heads;
    return m->align_heads;
}

size_t ut_asr_model_bytes(const struct ut_asr_model *m)
{
    return m->bytes;
}
