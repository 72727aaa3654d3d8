/* The window form of attention: keys and values packed once per head, then blocks of queries. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "compute/attention_form.h"
#include "compute/context.h"
#include "compute/linear_ops.h"

#define QUERY_BLOCK 32
#define MAX_D UT_ATTENTION_MAX_D
#define MAX_ROWS ((size_t)UINT32_MAX) /* of queries, and of a span */

struct window {
    struct ut_compute *c;
    const struct ut_attention_shape *shape;
    const struct ut_attention_call *calls;
    size_t n_calls;
    struct ut_attention_form form;
    unsigned char *scratch; /* the spans that come as floats, packed, one after another */
};

/* Blocks that a span touches; they never cross from one span to the next. */
static size_t n_blocks_of(const struct ut_kv_span *span)
{
    size_t first = span->packed ? span->first : 0;

    return span->n ? (first + span->n - 1) / UT_KEY_BLOCK - first / UT_KEY_BLOCK + 1 : 0;
}

/* Blocks of the spans of calls[0 .. call) and of the first n_spans of `call` that are floats. */
static size_t n_scratch_blocks(const struct window *w, size_t call, size_t n_spans)
{
    size_t n = 0;

    for (size_t i = 0; i < w->n_calls && i <= call; i++) {
        size_t end = i < call ? w->calls[i].n_spans : n_spans;
        for (size_t s = 0; w->calls[i].n_q > 0 && s < end; s++)
            n += w->calls[i].spans[s].packed ? 0 : n_blocks_of(&w->calls[i].spans[s]);
    }
    return n;
}

/* The packed rows of a span, from its row 0 on. */
static const unsigned char *packed_span(const struct window *w, size_t call, size_t s)
{
    const struct ut_kv_span *span = &w->calls[call].spans[s];

    if (span->packed)
        return span->packed;
    return w->scratch + n_scratch_blocks(w, call, s) * ut_attention_form_block_bytes(&w->form);
}

/* The span of floats that block *b of the scratch is of; *b becomes the block inside of it. */
static const struct ut_kv_span *find_span(const struct window *w, size_t *b)
{
    for (const struct ut_attention_call *call = w->calls;; call++) {
        for (size_t s = 0; call->n_q > 0 && s < call->n_spans; s++) {
            const struct ut_kv_span *span = &call->spans[s];
            size_t n = span->packed ? 0 : n_blocks_of(span);
            if (*b < n)
                return span;
            *b -= n;
        }
    }
}

static void pack_tile(void *ctx, size_t tile, int worker)
{
    const struct window *w = ctx;
    const struct ut_attention_form *f = &w->form;
    size_t h = tile % f->n_head, b = tile / f->n_head;
    unsigned char *to =
        w->scratch + b * ut_attention_form_block_bytes(f) + h * ut_attention_form_head_bytes(f);
    const struct ut_kv_span *span = find_span(w, &b);
    size_t first = b * UT_KEY_BLOCK, left = span->n - first, from = first * span->ld + h * f->d;

    (void)worker;
    ut_attention_form_pack(f, &w->c->attention, to, 0, span->k + from, span->v + from, span->ld,
                           left < UT_KEY_BLOCK ? left : UT_KEY_BLOCK);
}

/* Keys and values of one head in one block. */
struct block {
    const unsigned char *k, *v;
    size_t n;
    size_t n_skip; /* of them belong to nobody: a packed span may begin inside of a panel */
};

static struct block find_block(const struct window *w, const struct ut_kv_span *span,
                               const unsigned char *packed, size_t h, size_t i)
{
    const struct ut_attention_form *f = &w->form;
    size_t first = span->packed ? span->first : 0, b = first / UT_KEY_BLOCK + i;
    size_t begin = i == 0 ? first % UT_KEY_BLOCK : 0, end = first + span->n - b * UT_KEY_BLOCK;
    size_t skip = begin % UT_ATTENTION_PACK_ALIGN;
    const unsigned char *head =
        packed + b * ut_attention_form_block_bytes(f) + h * ut_attention_form_head_bytes(f);

    end = end < UT_KEY_BLOCK ? end : UT_KEY_BLOCK;
    begin -= skip;
    return (struct block){
        .k = head + begin * f->d * f->element,
        .v = head + f->k_bytes + begin * UT_PANEL * f->element,
        .n = end - begin,
        .n_skip = skip,
    };
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

/* Scores of keys that are not the span's weigh nothing. */
static void hide_skipped(struct query_block *qb, size_t n_q, const struct block *b)
{
    for (size_t r = 0; b->n_skip > 0 && r < n_q; r++) {
        for (size_t i = 0; i < b->n_skip; i++)
            qb->s[r * UT_KEY_BLOCK + i] = -INFINITY;
    }
}

static void attend_f32(const struct window *w, struct query_block *qb, const float *q, size_t ldq,
                       size_t n_q, const struct block *b)
{
    size_t d = w->shape->d_head;
    struct ut_gemm_float scores = {
        .a = q,
        .lda = ldq,
        .w = b->k,
        .panel = d * UT_PANEL,
        .k = d,
        .n_rows = n_q,
        .n_panels = (b->n + 15) / 16,
        .c = qb->s,
        .ldc = UT_KEY_BLOCK,
    };
    struct ut_softmax_step step = softmax_of(w, qb, n_q, b->n);
    struct ut_gemm_float mix = {
        .a = qb->s,
        .lda = UT_KEY_BLOCK,
        .w = b->v,
        .panel = UT_KEY_BLOCK * UT_PANEL,
        .k = b->n,
        .n_rows = n_q,
        .n_panels = (d + 15) / 16,
        .c = qb->o,
        .ldc = MAX_D,
        .add = true,
    };

    w->c->linear.gemm_f32(&scores);
    hide_skipped(qb, n_q, b);
    w->c->attention.softmax_step(&step);
    w->c->linear.gemm_f32(&mix);
}

/* The queries stand in qb->q as bf16. */
static void attend_pairs(const struct window *w, struct query_block *qb, size_t n_q,
                         const struct block *b)
{
    const struct ut_attention_ops *ops = &w->c->attention;
    size_t d = w->shape->d_head;
    struct ut_gemm_pairs scores = {
        .a = qb->q,
        .lda = MAX_D,
        .w = (const uint16_t *)(const void *)b->k,
        .panel = d * UT_PANEL,
        .k = d,
        .n_rows = n_q,
        .n_panels = (b->n + 15) / 16,
        .c = qb->s,
        .ldc = UT_KEY_BLOCK,
        .tiles = w->c->linear.tiles_begin != NULL,
    };
    struct ut_softmax_step step = softmax_of(w, qb, n_q, b->n);
    struct ut_gemm_pairs mix = {
        .a = qb->p,
        .lda = UT_KEY_BLOCK,
        .w = (const uint16_t *)(const void *)b->v,
        .panel = UT_KEY_BLOCK * UT_PANEL,
        .k = ut_round_up(b->n, 32),
        .n_rows = n_q,
        .n_panels = (d + 15) / 16,
        .c = qb->o,
        .ldc = MAX_D,
        .add = true,
        .tiles = w->c->linear.tiles_begin != NULL,
    };

    ops->gemm_pairs(&scores);
    hide_skipped(qb, n_q, b);
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
    for (size_t i = 0; w->form.pairs && i < n_q; i++)
        w->c->attention.to_bf16(qb->q + i * MAX_D, q + i * call->ldq, d);
    if (w->c->linear.tiles_begin)
        w->c->linear.tiles_begin();
    for (size_t s = 0; s < call->n_spans; s++) {
        const unsigned char *packed = packed_span(w, (size_t)(call - w->calls), s);
        for (size_t i = 0; i < n_blocks_of(&call->spans[s]); i++) {
            struct block b = find_block(w, &call->spans[s], packed, h, i);
            if (w->form.pairs)
                attend_pairs(w, qb, n_q, &b);
            else
                attend_f32(w, qb, q, call->ldq, n_q, &b);
        }
    }
    if (w->c->linear.tiles_end)
        w->c->linear.tiles_end();
    for (size_t i = 0; i < n_q; i++) {
        float *y = call->y + (q0 + i) * call->ldy + h * d;
        for (size_t j = 0; j < d; j++)
            y[j] = qb->o[i * MAX_D + j] / qb->l[i];
    }
}

static bool span_is_valid(const struct ut_kv_span *span, size_t width)
{
    if (span->n > MAX_ROWS)
        return false;
    if (span->packed)
        return span->first <= MAX_ROWS && ut_attention_packed_is_aligned(span->packed);
    return span->n == 0 || (span->k && span->v && span->ld >= width && ut_is_aligned(span->k) &&
                            ut_is_aligned(span->v));
}

static bool call_is_valid(const struct ut_attention_call *call, size_t width)
{
    size_t n_keys = 0;

    if (call->n_q == 0)
        return true;
    if (!call->q || !call->y || call->ldq < width || call->ldy < width || call->n_spans < 1 ||
        call->n_spans > UT_ATTENTION_MAX_SPANS)
        return false;
    if (!ut_is_aligned(call->q) || !ut_is_aligned(call->y) || call->n_q > MAX_ROWS)
        return false;
    for (size_t i = 0; i < call->n_spans; i++) {
        if (!span_is_valid(&call->spans[i], width))
            return false;
        n_keys += call->spans[i].n;
    }
    return n_keys > 0;
}

static enum ut_status take_scratch(struct window *w, size_t *n_pack, size_t *n_query)
{
    size_t bytes;

    for (size_t i = 0; i < w->n_calls; i++) {
        const struct ut_attention_call *call = &w->calls[i];
        if (!call_is_valid(call, w->shape->n_head * w->shape->d_head))
            return UT_EINVAL;
        *n_query += (call->n_q + QUERY_BLOCK - 1) / QUERY_BLOCK * w->shape->n_head;
    }
    size_t n_blocks = n_scratch_blocks(w, w->n_calls, 0);
    *n_pack = n_blocks * w->shape->n_head;
    if (n_blocks == 0)
        return UT_OK;
    if (!ut_size_mul(n_blocks, ut_attention_form_block_bytes(&w->form), &bytes))
        return UT_EINVAL;
    w->scratch = ut_compute_scratch(w->c, bytes);
    return w->scratch ? UT_OK : UT_ENOMEM;
}

enum ut_status ut_attention_window(struct ut_compute *c, const struct ut_attention_shape *shape,
                                   const struct ut_attention_call *calls, size_t n_calls)
{
    size_t n_pack = 0, n_query = 0;

    if (c->failed != UT_OK)
        return c->failed;
    struct window w = { .c = c, .shape = shape, .calls = calls, .n_calls = n_calls };
    if (!ut_attention_form_init(&w.form, &c->attention, shape) || (n_calls > 0 && !calls))
        return ut_compute_fail(c, UT_EINVAL);
    enum ut_status status = take_scratch(&w, &n_pack, &n_query);
    if (status != UT_OK)
        return ut_compute_fail(c, status);
    if (n_pack > 0)
        ut_team_run(c->team, pack_tile, &w, n_pack);
    ut_team_run(c->team, query_tile, &w, n_query);
    return UT_OK;
}
