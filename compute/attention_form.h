/*
 * How the window form keeps keys and values: blocks of UT_KEY_BLOCK rows, [block][head][K, V], K
 * and V as struct ut_attention_ops packs them. For attention_{pack,window}.c only.
 */
#ifndef UT_COMPUTE_ATTENTION_FORM_H
#define UT_COMPUTE_ATTENTION_FORM_H

#include "base/memory.h"
#include "compute/attention_ops.h"

#define UT_ATTENTION_MAX_D 128

struct ut_attention_form {
    bool pairs; /* bf16; else f32 */
    size_t n_head;
    size_t d; /* of a head */
    size_t element;
    size_t k_bytes, v_bytes; /* of one head of a block */
};

/* Packed rows stand in memory of ut_compute_alloc(). */
static inline bool ut_attention_packed_is_aligned(const void *packed)
{
    return (uintptr_t)packed % UT_CACHE_LINE == 0;
}

/* False when the shape is no good. */
bool ut_attention_form_init(struct ut_attention_form *f, const struct ut_attention_ops *ops,
                            const struct ut_attention_shape *shape);

static inline size_t ut_attention_form_head_bytes(const struct ut_attention_form *f)
{
    return f->k_bytes + f->v_bytes;
}

static inline size_t ut_attention_form_block_bytes(const struct ut_attention_form *f)
{
    return f->n_head * (f->k_bytes + f->v_bytes);
}

/*
 * Packs n rows of one head, whose keys and values begin at k and v, as rows [at, at + n) of the
 * head's part `to` of a block; `at` is a multiple of UT_ATTENTION_PACK_ALIGN.
 */
void ut_attention_form_pack(const struct ut_attention_form *f, const struct ut_attention_ops *ops,
                            unsigned char *to, size_t at, const float *k, const float *v, size_t ld,
                            size_t n);

#endif
