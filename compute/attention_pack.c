/* Keys and values packed ahead of the window form, by those who still have them in cache. */
#include <math.h>

#include "base/memory.h"
#include "compute/attention_form.h"
#include "compute/context.h"

_Static_assert(UT_KEY_BLOCK % UT_ATTENTION_PACK_ALIGN == 0, "a block begins aligned");

bool ut_attention_form_init(struct ut_attention_form *f, const struct ut_attention_ops *ops,
                            const struct ut_attention_shape *s)
{
    if (!s || s->n_head == 0 || s->n_head > 1024 || s->d_head == 0 ||
        s->d_head > UT_ATTENTION_MAX_D || s->d_head % 8 != 0 || !isfinite(s->scale) ||
        s->scale <= 0)
        return false;
    bool pairs = !s->exact && ops->pairs && s->d_head % 32 == 0;
    size_t element = pairs ? sizeof(uint16_t) : sizeof(float);
    *f = (struct ut_attention_form){
        .pairs = pairs,
        .n_head = s->n_head,
        .d = s->d_head,
        .element = element,
        .k_bytes = s->d_head * UT_KEY_BLOCK * element,
        .v_bytes = ut_round_up(s->d_head, UT_PANEL) * UT_KEY_BLOCK * element,
    };
    return true;
}

void ut_attention_form_pack(const struct ut_attention_form *f, const struct ut_attention_ops *ops,
                            unsigned char *to, size_t at, const float *k, const float *v, size_t ld,
                            size_t n)
{
    void *k_to = to + at * f->d * f->element;
    void *v_to = to + f->k_bytes + at * UT_PANEL * f->element;

    if (f->pairs) {
        ops->pack_k_pairs(k_to, k, ld, n, f->d);
        ops->pack_v_pairs(v_to, v, ld, n, f->d);
    } else {
        ops->pack_k(k_to, k, ld, n, f->d);
        ops->pack_v(v_to, v, ld, n, f->d);
    }
}

size_t ut_attention_pack_bytes(const struct ut_compute *c, const struct ut_attention_shape *shape,
                               size_t n)
{
    struct ut_attention_form f;
    size_t n_blocks = n / UT_KEY_BLOCK + (n % UT_KEY_BLOCK != 0), bytes;

    if (!ut_attention_form_init(&f, &c->attention, shape) ||
        !ut_size_mul(n_blocks, ut_attention_form_block_bytes(&f), &bytes))
        return 0;
    return bytes;
}

struct pack {
    const struct ut_attention_ops *ops;
    struct ut_attention_form form;
    unsigned char *packed;
    size_t first, n, ld;
    const float *k, *v;
};

static void pack_tile(void *ctx, size_t tile, int worker)
{
    const struct pack *p = ctx;
    const struct ut_attention_form *f = &p->form;
    size_t h = tile % f->n_head, b = p->first / UT_KEY_BLOCK + tile / f->n_head;
    size_t begin = b * UT_KEY_BLOCK, end = begin + UT_KEY_BLOCK;

    (void)worker;
    begin = begin > p->first ? begin : p->first;
    end = end < p->first + p->n ? end : p->first + p->n;
    unsigned char *to =
        p->packed + b * ut_attention_form_block_bytes(f) + h * ut_attention_form_head_bytes(f);
    size_t from = (begin - p->first) * p->ld + h * f->d;
    ut_attention_form_pack(f, p->ops, to, begin % UT_KEY_BLOCK, p->k + from, p->v + from, p->ld,
                           end - begin);
}

enum ut_status ut_attention_pack(struct ut_compute *c, const struct ut_attention_shape *shape,
                                 void *packed, size_t first, const float *k, const float *v,
                                 size_t ld, size_t n)
{
    struct pack p = { &c->attention, { 0 }, packed, first, n, ld, k, v };

    if (c->failed != UT_OK)
        return c->failed;
    if (n == 0)
        return UT_OK;
    if (!ut_attention_form_init(&p.form, &c->attention, shape) || !packed || !k || !v ||
        !ut_attention_packed_is_aligned(packed) || !ut_is_aligned(k) || !ut_is_aligned(v) ||
        ld < p.form.n_head * p.form.d || first % UT_ATTENTION_PACK_ALIGN != 0 ||
        first > SIZE_MAX - n)
        return ut_compute_fail(c, UT_EINVAL);
    size_t n_blocks = (first + n - 1) / UT_KEY_BLOCK - first / UT_KEY_BLOCK + 1;
    ut_team_run(c->team, pack_tile, &p, n_blocks * p.form.n_head);
    return UT_OK;
}
