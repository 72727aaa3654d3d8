/*
 * Inside of ut_kv, for the ops of this folder only.
 */
#ifndef UT_COMPUTE_KV_H
#define UT_COMPUTE_KV_H

#include "compute/attention.h"

struct ut_kv {
    struct ut_kv_spec spec;
    struct ut_compute *c;
    size_t element;
    size_t head_elements; /* n_cells * d_head */
    size_t n_bytes;
    unsigned char *data; /* [n_layers, K or V, n_head, n_cells, d_head] */
};

/* Keys (v false) or values of a head of a layer. */
static inline void *ut_kv_head(const struct ut_kv *kv, size_t layer, bool v, size_t h)
{
    size_t at = (layer * 2 + v) * kv->spec.n_head + h;

    return kv->data + at * kv->head_elements * kv->element;
}

#endif
