/*
 * Attention without a [T, T] matrix: blocked softmax, float32 accumulation.
 *
 * Two forms. The window form is for encoders and prefill: many queries against spans of fresh keys
 * (a span may be a cached run on silence). The cached form is for decoding: one query row a
 * sequence against keys in a ut_kv. Both take several sequences in a call. Float buffers stand at
 * any address that is good for a float, packed ones where ut_compute_alloc() puts them; others are
 * refused with UT_EINVAL like any other wrong argument, and no result is then written.
 */
#ifndef UT_COMPUTE_ATTENTION_H
#define UT_COMPUTE_ATTENTION_H

#include <stdbool.h>
#include <stdint.h>

#include "compute/compute.h"
#include "compute/dtype.h"

#define UT_ATTENTION_MAX_SPANS 4

/*
 * n rows of keys and of values, each [n, n_head * d_head] with row stride ld floats; or rows
 * [first, first + n) of what ut_attention_pack() made for the same shape, with k and v NULL.
 */
struct ut_kv_span {
    const float *k;
    const float *v;
    size_t ld;
    size_t n;
    const void *packed;
    size_t first;
};

struct ut_attention_call {
    const float *q; /* [n_q, n_head * d_head], stride ldq */
    size_t ldq;
    size_t n_q;
    float *y; /* [n_q, n_head * d_head], stride ldy; may be q itself with its stride */
    size_t ldy;
    size_t n_spans;
    struct ut_kv_span spans[UT_ATTENTION_MAX_SPANS]; /* keys in order; every query sees all */
};

struct ut_attention_shape {
    size_t n_head;
    size_t d_head; /* a multiple of 8, at most 128 */
    float scale;   /* of q k^T, usually 1 / sqrt(d_head) */
    bool exact;    /* f32 products; else bf16 products with f32 sums where the CPU has them */
};

/* Rows at a time that may be packed later than others: `first` is a multiple. */
#define UT_ATTENTION_PACK_ALIGN 32

/* Bytes of n packed rows; 0 when the shape is no good. */
size_t ut_attention_pack_bytes(const struct ut_compute *c, const struct ut_attention_shape *shape,
                               size_t n);

/*
 * Packs rows [first, first + n) as the window form reads them (bf16 pairs, or f32 for an exact
 * shape and where the CPU has no bf16): half the memory of floats, and no work at every pass.
 * `packed` is device memory of ut_attention_pack_bytes() for all rows. Errors: UT_EINVAL.
 */
enum ut_status ut_attention_pack(struct ut_compute *c, const struct ut_attention_shape *shape,
                                 void *packed, size_t first, const float *k, const float *v,
                                 size_t ld, size_t n);

/* Full (unmasked) attention of each call's queries over its own spans. Errors: UT_EINVAL,
 * UT_ENOMEM. */
enum ut_status ut_attention_window(struct ut_compute *c, const struct ut_attention_shape *shape,
                                   const struct ut_attention_call *calls, size_t n_calls);

/*
 * Keys and values of up to n_cells positions for every layer, in the layout that decoding reads.
 * A cell is one position; sequences refer to cells by number, so that beams share a past without
 * copying it. Storage f32 or f16.
 */
struct ut_kv;

struct ut_kv_spec {
    size_t n_layers;
    size_t n_cells;
    size_t n_head; /* key/value heads */
    size_t d_head;
    enum ut_dtype dtype;
};

/* Errors: UT_EINVAL, UT_ENOMEM. End with ut_kv_destroy(). */
UT_NODISCARD enum ut_status ut_kv_create(struct ut_kv **out, struct ut_compute *c,
                                         const struct ut_kv_spec *spec);
void ut_kv_destroy(struct ut_kv *kv);
size_t ut_kv_bytes(const struct ut_kv *kv);

/*
 * Stores rows of keys and values, each [n, n_head * d_head] with stride ld, in cells[0..n) of
 * `layer`; cells NULL means first, first + 1, ... Errors: UT_EINVAL.
 */
enum ut_status ut_kv_store(struct ut_compute *c, struct ut_kv *kv, size_t layer,
                           const int32_t *cells, size_t first, const float *k, const float *v,
                           size_t ld, size_t n);

/* Some cells of a ut_kv in order: cells[0..n), or first.. when cells is NULL. */
struct ut_kv_view {
    const struct ut_kv *kv;
    const int32_t *cells;
    size_t first;
    size_t n;
};

/*
 * Copies what the view's cells hold, in every layer, to cells[0..n) of `to`, or first.. when cells
 * is NULL. Both have the same layers, heads and type. Errors: UT_EINVAL.
 */
enum ut_status ut_kv_copy(struct ut_compute *c, struct ut_kv *to, const int32_t *cells,
                          size_t first, const struct ut_kv_view *from);

struct ut_attention_row {
    const float *q; /* [n_head * d_head] */
    float *y;       /* [n_head * d_head] */
    size_t n_views;
    struct ut_kv_view views[UT_ATTENTION_MAX_SPANS];
    float *probs; /* [n_head, sum of n] softmax weights when wanted, else NULL */
};

/* One query a row over its views of `layer`. shape->n_head may be a multiple of the kv's (GQA). */
enum ut_status ut_attention_rows(struct ut_compute *c, const struct ut_attention_shape *shape,
                                 size_t layer, const struct ut_attention_row *rows, size_t n_rows);

#endif
