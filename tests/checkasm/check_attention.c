/* Attention in f32 and f16: packing, the blocked softmax and the cached form. */
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
    float *a = ca_block(n_dst, sizeof *a), *b = ca_block(n_dst, sizeof *b);
    (keys ? ref->pack_k : ref->pack_v)(a, x, ld, n, d);
    (keys ? ops->pack_k : ops->pack_v)(b, x, ld, n, d);
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

/*
 * Maxima are equal. Each exponential takes the same argument, and is within 2e-7 and a rounding;
 * below e^-87 it may be 0. A sum of n of them adds n roundings. The factor of o is one expf.
 */
static void check_softmax_case(const struct ut_attention_ops *ref,
                               const struct ut_attention_ops *ops, size_t n_rows, size_t n,
                               bool first)
{
    size_t d = 16 * ca_between(1, 8), ldo = d + ca_between(0, 1) * 16;
    size_t n_s = n_rows * UT_KEY_BLOCK, n_o = (n_rows - 1) * ldo + d;
    float range = ca_random() % 2 ? 8.0f : 300.0f, base = ca_random() % 2 ? 0.0f : 4e6f;

    ca_begin("rows %zu n %zu d %zu first %d base %g", n_rows, n, d, first, (double)base);
    float *s = ca_floats(n_s, CA_UNIT), *m = ca_floats(n_rows, CA_UNIT);
    for (size_t i = 0; i < n_s; i++)
        s[i] = i > 0 && ca_random() % 32 == 0 ? -INFINITY : base + s[i] * range;
    float *l = ca_floats(n_rows, CA_UNIT), *o = ca_floats(n_o, CA_UNIT);
    for (size_t r = 0; r < n_rows; r++) {
        s[r * UT_KEY_BLOCK + ca_between(0, n - 1)] = base + range * ca_value(CA_UNIT);
        m[r] = first ? -INFINITY : base + m[r] * range;
        l[r] = first ? 0 : fabsf(l[r]);
    }
    memset(o, 0, first ? n_o * sizeof *o : 0);
    struct ut_softmax_step a = { s, n_rows, n, 0.125f + ca_value(CA_UNIT) / 9, m, l, o, ldo, d };
    struct ut_softmax_step b = a;
    b.s = ca_copy(s, n_s, sizeof *s);
    b.m = ca_copy(m, n_rows, sizeof *m);
    b.l = ca_copy(l, n_rows, sizeof *l);
    b.o = ca_copy(o, n_o, sizeof *o);
    ref->softmax_step(&a);
    ops->softmax_step(&b);
    ca_near_relative(a.m, b.m, n_rows, 0, 0);
    ca_near_relative(a.s, b.s, n_s, 2e-7 + 4 * CA_EPS, 2e-38);
    ca_near_relative(a.l, b.l, n_rows, 2e-7 + (2 * (double)n + 8) * CA_EPS, 1e-36);
    ca_near_relative(a.o, b.o, n_o, 2e-7 + 6 * CA_EPS, 2e-38);
    ca_end();
}

static void check_softmax(const struct ut_attention_ops *ref, const struct ut_attention_ops *ops)
{
    for (size_t n = 1; n <= UT_KEY_BLOCK; n = n < 70 ? n + 1 : n + 31) {
        check_softmax_case(ref, ops, ca_between(1, 5), n, true);
        check_softmax_case(ref, ops, ca_between(1, 5), n, false);
    }
    for (size_t rows = 1; rows <= 40; rows++)
        check_softmax_case(ref, ops, rows, ca_between(1, UT_KEY_BLOCK), rows % 2);
}

static void check_to_f16(const struct ut_attention_ops *ref, const struct ut_attention_ops *ops)
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
            ref->to_f16(a, x, n);
            ops->to_f16(b, x, n);
            ca_same_bytes(a, b, n * sizeof *a);
            ca_end();
        }
        n = ca_next_length(n);
    } while (n != 0);
}

/* n cells of a store, in order from somewhere or scattered with repetitions. */
static struct ut_cells make_cells(size_t n, size_t d, bool half, struct ut_cells *magnitudes)
{
    size_t n_cells = n + ca_between(1, 9), n_values = n_cells * d;
    float *values = ca_floats(n_values, CA_UNIT);
    int32_t *list = ca_block(n, sizeof *list);
    struct ut_cells cells = { .base = values, .first = ca_between(0, n_cells - n), .n = n, .d = d };

    for (size_t i = 0; i < n; i++)
        list[i] = (int32_t)ca_between(0, n_cells - 1);
    cells.cells = ca_random() % 2 ? list : NULL;
    *magnitudes = cells;
    magnitudes->base = ca_magnitudes(values, n_values);
    if (!half)
        return cells;
    uint16_t *h = ca_block(n_values, sizeof *h), *m = ca_block(n_values, sizeof *m);
    for (size_t i = 0; i < n_values; i++) {
        h[i] = ut_f32_to_f16(values[i]);
        m[i] = h[i] & 0x7fff;
    }
    cells.base = h;
    magnitudes->base = m;
    return cells;
}

/* Sums of d (scores) or n (mixes) products: twice (count + 2) eps of the sum of magnitudes. */
static void make_bound(float *sums, size_t n, size_t count)
{
    for (size_t i = 0; i < n; i++)
        sums[i] = (float)(2 * ((double)count + 2) * CA_EPS) * sums[i] + 1e-38f;
}

typedef void one_query(float *out, const float *in, const struct ut_cells *cells);

static void check_cells_f32(const struct ut_attention_ops *ref, const struct ut_attention_ops *ops,
                            size_t n, size_t d, bool mixes)
{
    size_t n_in = mixes ? n : d, n_out = mixes ? d : n;
    one_query *want = mixes ? ref->mix_f32 : ref->scores_f32;
    struct ut_cells magnitudes;

    ca_begin("n %zu d %zu", n, d);
    struct ut_cells cells = make_cells(n, d, false, &magnitudes);
    float *x = ca_floats(n_in, CA_UNIT), *y = ca_floats(n_out, CA_UNIT);
    float *z = ca_copy(y, n_out, sizeof *y), *bound = ca_magnitudes(y, n_out);
    want(bound, ca_magnitudes(x, n_in), &magnitudes);
    want(y, x, &cells);
    (mixes ? ops->mix_f32 : ops->scores_f32)(z, x, &cells);
    make_bound(bound, n_out, n_in);
    ca_near(y, z, n_out, bound);
    ca_end();
}

/* Several queries at once; each must be as near as alone, and the same bits as alone. */
static void check_cells_f16(const struct ut_attention_ops *ref, const struct ut_attention_ops *ops,
                            size_t n, size_t d, bool mixes)
{
    size_t n_in = mixes ? n : d, n_out = mixes ? d : n, n_rows = ca_between(1, UT_ROW_GROUP);
    float *y[UT_ROW_GROUP], *z[UT_ROW_GROUP], *alone[UT_ROW_GROUP], *bound[UT_ROW_GROUP];
    const float *x[UT_ROW_GROUP], *x_magnitudes[UT_ROW_GROUP];
    struct ut_cells magnitudes;

    ca_begin("n %zu d %zu rows %zu", n, d, n_rows);
    struct ut_cells cells = make_cells(n, d, true, &magnitudes);
    for (size_t r = 0; r < n_rows; r++) {
        x[r] = ca_floats(n_in, CA_UNIT);
        x_magnitudes[r] = ca_magnitudes(x[r], n_in);
        y[r] = ca_floats(n_out, CA_UNIT);
        z[r] = ca_copy(y[r], n_out, sizeof *y[r]);
        alone[r] = ca_copy(y[r], n_out, sizeof *y[r]);
        bound[r] = ca_magnitudes(y[r], n_out);
    }
    (mixes ? ref->mix_f16 : ref->scores_f16)(bound, x_magnitudes, n_rows, &magnitudes);
    (mixes ? ref->mix_f16 : ref->scores_f16)(y, x, n_rows, &cells);
    (mixes ? ops->mix_f16 : ops->scores_f16)(z, x, n_rows, &cells);
    for (size_t r = 0; r < n_rows; r++) {
        (mixes ? ops->mix_f16 : ops->scores_f16)(&alone[r], &x[r], 1, &cells);
        make_bound(bound[r], n_out, n_in);
        ca_near(y[r], z[r], n_out, bound[r]);
        ca_same_bytes(z[r], alone[r], n_out * sizeof *z[r]);
    }
    ca_end();
}

static void check_cells_case(const struct ut_attention_ops *ref, const struct ut_attention_ops *ops,
                             size_t n, size_t d, bool half, bool mixes)
{
    if (half)
        check_cells_f16(ref, ops, n, d, mixes);
    else
        check_cells_f32(ref, ops, n, d, mixes);
}

static void check_cells(const struct ut_attention_ops *ref, const struct ut_attention_ops *ops,
                        bool half, bool mixes)
{
    size_t n = 0;

    do {
        check_cells_case(ref, ops, n, 64, half, mixes);
        check_cells_case(ref, ops, n, 8 * ca_between(1, 16), half, mixes);
        n = ca_next_length(n);
    } while (n != 0);
    for (size_t d = 8; d <= 128; d += 8)
        check_cells_case(ref, ops, ca_between(1, 40), d, half, mixes);
}

void ca_check_attention(unsigned cpu)
{
    struct ut_attention_ops ref, ops;

    ut_attention_ops_init(&ref, 0);
    ut_attention_ops_init(&ops, cpu);
    if (CA_IS_NEW(&ops, &ref, pack_k))
        check_pack(&ref, &ops, true);
    if (CA_IS_NEW(&ops, &ref, pack_v))
        check_pack(&ref, &ops, false);
    if (CA_IS_NEW(&ops, &ref, softmax_step))
        check_softmax(&ref, &ops);
    if (CA_IS_NEW(&ops, &ref, to_f16))
        check_to_f16(&ref, &ops);
    if (CA_IS_NEW(&ops, &ref, scores_f32))
        check_cells(&ref, &ops, false, false);
    if (CA_IS_NEW(&ops, &ref, scores_f16))
        check_cells(&ref, &ops, true, false);
    if (CA_IS_NEW(&ops, &ref, mix_f32))
        check_cells(&ref, &ops, false, true);
    if (CA_IS_NEW(&ops, &ref, mix_f16))
        check_cells(&ref, &ops, true, true);
}
