/* The bf16 forms of attention's window. */
#include <math.h>
#include <string.h>

#include "compute/attention_ops.h"
#include "tests/checkasm/checkasm.h"

static void check_pack_case(const struct ut_attention_ops *ref, const struct ut_attention_ops *ops,
                            size_t n, size_t d, bool keys)
{
    size_t ld = d + ca_between(0, 3) * ca_between(0, 300);
    size_t n_dst = keys ? (n + 15) / 16 * 16 * d : (d + 15) / 16 * 16 * UT_KEY_BLOCK;

    ca_begin("n %zu d %zu ld %zu", n, d, ld);
    float *x = ca_floats((n - 1) * ld + d, CA_SPECIAL);
    uint16_t *a = ca_block(n_dst, sizeof *a), *b = ca_block(n_dst, sizeof *b);
    (keys ? ref->pack_k_pairs : ref->pack_v_pairs)(a, x, ld, n, d);
    (keys ? ops->pack_k_pairs : ops->pack_v_pairs)(b, x, ld, n, d);
    ca_same_bytes(a, b, n_dst * sizeof *a);
    ca_end();
}

static void check_pack(const struct ut_attention_ops *ref, const struct ut_attention_ops *ops,
                       bool keys)
{
    for (size_t n = 1; n <= UT_KEY_BLOCK; n = n < 70 ? n + 1 : n + 31)
        check_pack_case(ref, ops, n, 8 * ca_between(1, 16), keys);
    for (size_t d = 8; d <= 128; d += 8)
        check_pack_case(ref, ops, ca_between(1, UT_KEY_BLOCK), d, keys);
}

static void check_to_bf16(const struct ut_attention_ops *ref, const struct ut_attention_ops *ops)
{
    size_t n = 0;

    do {
        for (int i = 0; i < 20; i++) {
            ca_begin("n %zu", n);
            float *x = ca_floats(n, CA_SPECIAL);
            for (size_t j = 0; j < n && i % 2; j++) { /* any bits at all */
                uint32_t bits = ca_random();
                memcpy(&x[j], &bits, sizeof bits);
            }
            uint16_t *a = ca_block(n, sizeof *a), *b = ca_block(n, sizeof *b);
            ref->to_bf16(a, x, n);
            ops->to_bf16(b, x, n);
            ca_same_bytes(a, b, n * sizeof *a);
            ca_end();
        }
        n = ca_next_length(n);
    } while (n != 0);
}

/*
 * The exponential may be rough: 2e-4, plus two roundings of an argument of at most 32. Scores and
 * maxima lie within 128 of `base`: how far they are from 0 must not matter. A weight then differs
 * by one unit of bf16 at most, 2^-7 of it, or vanishes below 2^-119.
 */
static void check_softmax_case(const struct ut_attention_ops *ref,
                               const struct ut_attention_ops *ops, size_t n_rows, size_t n,
                               bool first, float base)
{
    size_t d = 16 * ca_between(1, 8), ldo = d + ca_between(0, 1) * 16;
    size_t n_s = n_rows * UT_KEY_BLOCK, n_o = (n_rows - 1) * ldo + d;
    double off = 2e-4 + 2 * 32 * CA_EPS;

    ca_begin("rows %zu n %zu d %zu first %d base %g", n_rows, n, d, first, (double)base);
    float *s = ca_floats(n_s, CA_UNIT), *m = ca_floats(n_rows, CA_UNIT);
    for (size_t i = 0; i < n_s; i++)
        s[i] = base + s[i] * 128;
    float *l = ca_floats(n_rows, CA_UNIT), *o = ca_floats(n_o, CA_UNIT);
    for (size_t r = 0; r < n_rows; r++) {
        m[r] = first ? -INFINITY : base + m[r] * 128;
        l[r] = first ? 0 : fabsf(l[r]);
    }
    memset(o, 0, first ? n_o * sizeof *o : 0);
    struct ut_softmax_step a = { s, n_rows, n, 0.125f, m, l, o, ldo, d }, b = a;
    b.s = ca_copy(s, n_s, sizeof *s);
    b.m = ca_copy(m, n_rows, sizeof *m);
    b.l = ca_copy(l, n_rows, sizeof *l);
    b.o = ca_copy(o, n_o, sizeof *o);
    uint16_t *p = ca_block(n_s, sizeof *p), *q = ca_block(n_s, sizeof *q);
    ref->softmax_pairs(&a, p);
    ops->softmax_pairs(&b, q);
    for (size_t i = 0; i < n_s; i++) {
        float expected = ut_bf16_to_f32(p[i]), got = ut_bf16_to_f32(q[i]);
        ca_near_relative(&expected, &got, 1, 0x1p-7, 3e-36);
    }
    ca_near_relative(a.m, b.m, n_rows, 0, 0);
    ca_near_relative(a.l, b.l, n_rows, off + (2 * (double)n + 8) * CA_EPS, 1e-33);
    ca_near_relative(a.o, b.o, n_o, 2e-7 + 6 * CA_EPS, 2e-38);
    ca_end();
}

static void check_softmax(const struct ut_attention_ops *ref, const struct ut_attention_ops *ops)
{
    static const float bases[] = { 0, 3e3f, -2e6f, 1e7f };

    for (size_t n = 1; n <= UT_KEY_BLOCK; n = n < 70 ? n + 1 : n + 31) {
        for (size_t i = 0; i < sizeof bases / sizeof bases[0]; i++) {
            check_softmax_case(ref, ops, ca_between(1, 5), n, true, bases[i]);
            check_softmax_case(ref, ops, ca_between(1, 5), n, false, bases[i]);
        }
    }
    for (size_t rows = 1; rows <= 40; rows++)
        check_softmax_case(ref, ops, rows, ca_between(1, UT_KEY_BLOCK), rows % 2, 0);
}

/* bf16 values and, in *magnitudes, the same without their signs. */
static uint16_t *make_halves(size_t n, enum ca_values kind, uint16_t **magnitudes)
{
    uint16_t *h = ca_block(n, sizeof *h), *m = ca_block(n, sizeof *m);

    for (size_t i = 0; i < n; i++) {
        h[i] = ut_f32_to_bf16(ca_value(kind));
        m[i] = h[i] & 0x7fff;
    }
    *magnitudes = m;
    return h;
}

/*
 * Products of bf16 are exact in f32; sums of k in any order lie within k eps of the sum of
 * magnitudes. Instructions may take subnormals for 0, so that small sums err by k 2^-126.
 */
static void check_gemm_case(const struct ut_attention_ops *ref, const struct ut_attention_ops *ops,
                            size_t n_rows, size_t n_panels, size_t k, enum ca_values kind)
{
    size_t lda = k + ca_between(0, 1) * ca_between(1, 20), n_a = (n_rows - 1) * lda + k;
    size_t ldc = n_panels * 16 + ca_between(0, 1) * ca_between(1, 20);
    size_t n_c = (n_rows - 1) * ldc + n_panels * 16, panel = (k + 32 * ca_between(0, 2)) * 16;
    uint16_t *a_magnitudes, *w_magnitudes;

    ca_begin("rows %zu panels %zu k %zu lda %zu values %d", n_rows, n_panels, k, lda, (int)kind);
    uint16_t *a = make_halves(n_a, kind, &a_magnitudes);
    uint16_t *w = make_halves((n_panels - 1) * panel + k * 16, kind, &w_magnitudes);
    float *c = ca_floats(n_c, kind), *d = ca_copy(c, n_c, sizeof *c);
    float *bound = ca_magnitudes(c, n_c);
    struct ut_gemm_pairs g = { a_magnitudes, lda,   w_magnitudes, panel,           k,    n_rows,
                               n_panels,     bound, ldc,          ca_random() % 2, false };
    ref->gemm_pairs(&g);
    for (size_t i = 0; i < n_c; i++)
        bound[i] = (float)(2 * ((double)k + 2) * CA_EPS) * bound[i] + (float)k * 0x1p-125f;
    g.a = a;
    g.w = w;
    g.c = c;
    ref->gemm_pairs(&g);
    g.c = d;
    ops->gemm_pairs(&g);
    ca_near(c, d, n_c, bound);
    ca_end();
}

static void check_gemm(const struct ut_attention_ops *ref, const struct ut_attention_ops *ops)
{
    for (size_t rows = 1; rows != 0; rows = ca_next_rows(rows)) {
        for (size_t panels = 1; panels <= 5; panels++)
            check_gemm_case(ref, ops, rows, panels, 32 * ca_between(1, 4),
                            panels % 2 ? CA_UNIT : CA_WIDE);
    }
    for (size_t k = 32; k <= 512; k += 32)
        check_gemm_case(ref, ops, ca_between(1, 36), ca_between(1, 5), k, CA_UNIT);
}

void ca_check_pairs(unsigned cpu)
{
    struct ut_attention_ops ref, ops;

    ut_attention_ops_init(&ref, 0);
    ut_attention_ops_init(&ops, cpu);
    if (CA_IS_NEW(&ops, &ref, pack_k_pairs))
        check_pack(&ref, &ops, true);
    if (CA_IS_NEW(&ops, &ref, pack_v_pairs))
        check_pack(&ref, &ops, false);
    if (CA_IS_NEW(&ops, &ref, to_bf16))
        check_to_bf16(&ref, &ops);
    if (CA_IS_NEW(&ops, &ref, softmax_pairs))
        check_softmax(&ref, &ops);
    if (CA_IS_NEW(&ops, &ref, gemm_pairs))
        check_gemm(&ref, &ops);
}
