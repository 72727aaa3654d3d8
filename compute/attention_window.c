/* The window form of attention: keys and values packed once per head, then blocks of queries. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "compute/context.h"
#include "compute/linear_ops.h"

#define QUERY_BLOCK 32
#define MAX_D 128

struct window {
    struct ut_compute *c;
    const struct ut_attention_shape *shape;
    const struct ut_attention_call *calls;
    size_t n_calls;
    bool pairs; /* bf16 products; else f32 */
    unsigned char *packed;
    size_t k_bytes, v_bytes; /* of one block of keys of one head */
};

struct block {
    const float *k, *v;
    size_t ld, n;
};

static size_t n_blocks_of(const struct ut_attention_call *call)
{
    size_t n = 0;

    for (size_t i = 0; i < call->n_spans; i++)
        n += (call->spans[i].n + UT_KEY_BLOCK - 1) / UT_KEY_BLOCK;
    return n;
}

/* Blocks never cross from one span to the next. */
static struct block find_block(const struct ut_attention_call *call, size_t b)
{
    const struct ut_kv_span *span = call->spans;

    for (;; span++) {
        size_t n = (span->n + UT_KEY_BLOCK - 1) / UT_KEY_BLOCK;
        if (b < n)
            break;
        b -= n;
    }
    size_t first = b * UT_KEY_BLOCK, left = span->n - first;
    return (struct block){
        .k = span->k + first * span->ld,
        .v = span->v + first * span->ld,
        .ld = span->ld,
        .n = left < UT_KEY_BLOCK ? left : UT_KEY_BLOCK,
    };
}

/* Packed blocks lie as [call][head][block][K, V]. */
static unsigned char *packed_block(const struct window *w, size_t call, size_t h, size_t b)
{
    size_t at = 0;

    for (size_t i = 0; i < call; i++)
        at += n_blocks_of(&w->calls[i]) * w->shape->n_head;
    at += h * n_blocks_of(&w->calls[call]) + b;
    return w->packed + at * (w->k_bytes + w->v_bytes);
}

static void pack_tile(void *ctx, size_t tile, int worker)
{
    const struct window *w = ctx;
    const struct ut_attention_ops *ops = &w->c->attention;
    size_t call = 0, d = w->shape->d_head;

    (void)worker;
    for (;; call++) {
        size_t n = n_blocks_of(&w->calls[call]) * w->shape->n_head;
        if (tile < n)
            break;
        tile -= n;
    }
    size_t n_blocks = n_blocks_of(&w->calls[call]), h = tile / n_blocks, b = tile % n_blocks;
    struct block block = find_block(&w->calls[call], b);
    void *k = packed_block(w, call, h, b), *v = packed_block(w, call, h, b) + w->k_bytes;
    if (w->pairs) {
        ops->pack_k_pairs(k, block.k + h * d, block.ld, block.n, d);
        ops->pack_v_pairs(v, block.v + h * d, block.ld, block.n, d);
    } else {
        ops->pack_k(k, block.k + h * d, block.ld, block.n, d);
        ops->pack_v(v, block.v + h * d, block.ld, block.n, d);
    }
}

/* A worker's block while it works on a block of queries. */
struct query_block {
    float s[QUERY_BLOCK * UT_KEY_BLOCK];
    float o[QUERY_BLOCK * MAX_D];
    float m[QUERY_BLOCK];
    float l[QUERY_BLOCK];
    uint16_t q[QUERY_BLOCK * MAX_D];        /* pairs only */
    uint16_t p[QUERY_BLOCK * UT_KEY_BLOCK]; /* pairs only */
};
_Static_assert(sizeof(struct query_block) <= UT_WORKER_BYTES, "worker block");

static struct ut_softmax_step softmax_of(const struct window *w, struct query_block *qb, size_t n_q,
                                         size_t n)
{
    return (struct ut_softmax_step){
        .s = qb->s,
        .n_rows = n_q,
        .n = n,
        .scale = w->shape->scale,
        .m = qb->m,
        .l = qb->l,
        .o = qb->o,
        .ldo = MAX_D,
        .d = ut_round_up(w->shape->d_head, UT_PANEL),
    };
}

static void attend_f32(const struct window *w, struct query_block *qb, const float *q, size_t ldq,
                       size_t n_q, const unsigned char *packed, size_t n)
{
    size_t d = w->shape->d_head;
    struct ut_gemm_float scores = {
        .a = q,
        .lda = ldq,
        .w = packed,
        .panel = d * UT_PANEL,
        .k = d,
        .n_rows = n_q,
        .n_panels = (n + 15) / 16,
        .c = qb->s,
        .ldc = UT_KEY_BLOCK,
    };
    struct ut_softmax_step step = softmax_of(w, qb, n_q, n);
    struct ut_gemm_float mix = {
        .a = qb->s,
        .lda = UT_KEY_BLOCK,
        .w = packed + w->k_bytes,
        .panel = UT_KEY_BLOCK * UT_PANEL,
        .k = n,
        .n_rows = n_q,
        .n_panels = (d + 15) / 16,
        .c = qb->o,
        .ldc = MAX_D,
        .add = true,
    };

    w->c->linear.gemm_f32(&scores);
    w->c->attention.softmax_step(&step);
    w->c->linear.gemm_f32(&mix);
}

/* The queries stand in qb->q as bf16. */
static void attend_pairs(const struct window *w, struct query_block *qb, size_t n_q,
                         const unsigned char *packed, size_t n)
{
    const struct ut_attention_ops *ops = &w->c->attention;
    size_t d = w->shape->d_head;
    struct ut_gemm_pairs scores = {
        .a = qb->q,
        .lda = MAX_D,
        .w = (const uint16_t *)(const void *)packed,
        .panel = d * UT_PANEL,
        .k = d,
        .n_rows = n_q,
        .n_panels = (n + 15) / 16,
        .c = qb->s,
        .ldc = UT_KEY_BLOCK,
    };
    struct ut_softmax_step step = softmax_of(w, qb, n_q, n);
    struct ut_gemm_pairs mix = {
        .a = qb->p,
        .lda = UT_KEY_BLOCK,
        .w = (const uint16_t *)(const void *)(packed + w->k_bytes),
        .panel = UT_KEY_BLOCK * UT_PANEL,
        .k = ut_round_up(n, 32),
        .n_rows = n_q,
        .n_panels = (d + 15) / 16,
        .c = qb->o,
        .ldc = MAX_D,
        .add = true,
    };

    ops->gemm_pairs(&scores);
    ops->softmax_pairs(&step, qb->p);
    ops->gemm_pairs(&mix);
}

static void query_tile(void *ctx, size_t tile, int worker)
{
    const struct window *w = ctx;
    const struct ut_attention_call *call = w->calls;
    struct query_block *qb = ut_compute_worker(w->c, worker);
    size_t d = w->shape->d_head;

    for (;; call++) {
        size_t n = (call->n_q + QUERY_BLOCK - 1) / QUERY_BLOCK * w->shape->n_head;
        if (tile < n)
            break;
        tile -= n;
    }
    /* Neighbouring tiles share a head, whose packed keys are then still near. */
    size_t per_head = (call->n_q + QUERY_BLOCK - 1) / QUERY_BLOCK;
    size_t h = tile / per_head, q0 = tile % per_head * QUERY_BLOCK;
    size_t n_q = call->n_q - q0 < QUERY_BLOCK ? call->n_q - q0 : QUERY_BLOCK;
    memset(qb->o, 0, sizeof qb->o);
    for (size_t i = 0; i < n_q; i++) {
        qb->m[i] = -INFINITY;
        qb->l[i] = 0;
    }
    const float *q = call->q + q0 * call->ldq + h * d;
    for (size_t i = 0; w->pairs && i < n_q; i++)
        w->c->attention.to_bf16(qb->q + i * MAX_D, q + i * call->ldq, d);
    const unsigned char *packed = packed_block(w, (size_t)(call - w->calls), h, 0);
    for (size_t b = 0; b < n_blocks_of(call); b++, packed += w->k_bytes + w->v_bytes) {
        if (w->pairs)
            attend_pairs(w, qb, n_q, packed, find_block(call, b).n);
        else
            attend_f32(w, qb, q, call->ldq, n_q, packed, find_block(call, b).n);
    }
    for (size_t i = 0; i < n_q; i++) {
        float *y = call->y + (q0 + i) * call->ldy + h * d;
        for (size_t j = 0; j < d; j++)
            y[j] = qb->o[i * MAX_D + j] / qb->l[i];
    }
}

static bool shape_is_valid(const struct ut_attention_shape *s)
{
    return s && s->n_head > 0 && s->n_head <= 1024 && s->d_head > 0 && s->d_head <= MAX_D &&
           s->d_head % 8 == 0 && isfinite(s->scale) && s->scale > 0;
}

static bool call_is_valid(const struct ut_attention_call *call, size_t width)
{
    size_t n_keys = 0;

    if (call->n_q == 0)
        return true;
    if (!call->q || !call->y || call->ldq < width || call->ldy < width || call->n_spans < 1 ||
        call->n_spans > UT_ATTENTION_MAX_SPANS)
        return false;
    for (size_t i = 0; i < call->n_spans; i++) {
        const struct ut_kv_span *span = &call->spans[i];
        if (span->n > 0 && (!span->k || !span->v || span->ld < width))
            return false;
        n_keys += span->n;
    }
    return n_keys > 0;
}

static enum ut_status take_packed(struct window *w, size_t *n_pack, size_t *n_query)
{
    size_t bytes;

    for (size_t i = 0; i < w->n_calls; i++) {
        const struct ut_attention_call *call = &w->calls[i];
        if (!call_is_valid(call, w->shape->n_head * w->shape->d_head))
            return UT_EINVAL;
        *n_pack += n_blocks_of(call) * w->shape->n_head;
        *n_query += (call->n_q + QUERY_BLOCK - 1) / QUERY_BLOCK * w->shape->n_head;
    }
    if (!ut_size_mul(*n_pack, w->k_bytes + w->v_bytes, &bytes))
        return UT_EINVAL;
    w->packed = ut_compute_scratch(w->c, bytes);
    return w->packed ? UT_OK : UT_ENOMEM;
}

enum ut_status ut_attention_window(struct ut_compute *c, const struct ut_attention_shape *shape,
                                   const struct ut_attention_call *calls, size_t n_calls)
{
    size_t n_pack = 0, n_query = 0;

    if (c->failed != UT_OK)
        return c->failed;
    if (!shape_is_valid(shape) || (n_calls > 0 && !calls))
        return ut_compute_fail(c, UT_EINVAL);
    struct window w = {
        .c = c,
        .shape = shape,
        .calls = calls,
        .n_calls = n_calls,
        .pairs = !shape->exact && c->attention.pairs && shape->d_head % 32 == 0,
    };
    size_t element = w.pairs ? sizeof(uint16_t) : sizeof(float);
    w.k_bytes = shape->d_head * UT_KEY_BLOCK * element;
    w.v_bytes = ut_round_up(shape->d_head, UT_PANEL) * UT_KEY_BLOCK * element;
    enum ut_status status = take_packed(&w, &n_pack, &n_query);
    if (status != UT_OK)
        return ut_compute_fail(c, status);
    ut_team_run(c->team, pack_tile, &w, n_pack);
    ut_team_run(c->team, query_tile, &w, n_query);
    return UT_OK;
}
