/* The float half of linear layers: products, what follows them, and normalisation. */
#include <math.h>
#include <string.h>

#include "compute/linear_ops.h"
#include "tests/checkasm/checkasm.h"

enum element { F32, F16, BF16 };

typedef void gemm_function(const struct ut_gemm_float *g);

/* Weights of one type and the magnitudes of their values in the same type. */
static void *make_weights(size_t n, enum element type, enum ca_values kind, void **magnitudes)
{
    float *w = ca_floats(n, kind);

    if (type == F32) {
        *magnitudes = ca_magnitudes(w, n);
        return w;
    }
    uint16_t *h = ca_block(n, sizeof *h), *m = ca_block(n, sizeof *m);
    for (size_t i = 0; i < n; i++) {
        h[i] = type == F16 ? ut_f32_to_f16(w[i]) : ut_f32_to_bf16(w[i]);
        m[i] = h[i] & 0x7fff;
    }
    *magnitudes = m;
    return h;
}

/*
 * Sums of k products in any order, with or without fused steps, each lie within (k + 1) eps of the
 * sum of magnitudes from the exact one, so two of them lie within twice that of each other.
 * SOURCE: Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., 3.1.
 */
static void check_gemm_case(gemm_function *ref, gemm_function *fn, enum element type, size_t n_rows,
                            size_t n_panels, size_t k, enum ca_values kind)
{
    size_t lda = k + ca_between(0, 1) * ca_between(1, 20), n_a = (n_rows - 1) * lda + k;
    size_t ldc = n_panels * UT_PANEL + ca_between(0, 1) * ca_between(1, 20);
    size_t n_c = (n_rows - 1) * ldc + n_panels * UT_PANEL;
    size_t panel = (k + ca_between(0, 1) * ca_between(1, 3)) * UT_PANEL;
    size_t n_w = (n_panels - 1) * panel + k * UT_PANEL;
    bool add = ca_random() % 2;
    void *magnitudes;

    ca_begin("rows %zu panels %zu k %zu lda %zu ldc %zu add %d values %d", n_rows, n_panels, k, lda,
             ldc, add, (int)kind);
    float *a = ca_floats(n_a, kind);
    void *w = make_weights(n_w, type, kind, &magnitudes);
    float *c = ca_floats(n_c, kind), *d = ca_copy(c, n_c, sizeof *c);
    float *bound = ca_magnitudes(c, n_c);
    struct ut_gemm_float g = { .a = ca_magnitudes(a, n_a),
                               .lda = lda,
                               .w = magnitudes,
                               .panel = panel,
                               .k = k,
                               .n_rows = n_rows,
                               .n_panels = n_panels,
                               .c = bound,
                               .ldc = ldc,
                               .add = add };
    ref(&g);
    for (size_t r = 0; r < n_rows; r++) {
        for (size_t j = 0; j < ldc && r * ldc + j < n_c; j++) {
            float *b = &bound[r * ldc + j];
            *b = j < n_panels * UT_PANEL ? 2.0f * (float)(CA_EPS * ((double)k + 2)) * *b + 1e-38f
                                         : 0;
        }
    }
    g.a = a;
    g.w = w;
    g.c = c;
    ref(&g);
    g.c = d;
    fn(&g);
    ca_near(c, d, n_c, bound);
    ca_end();
}

static void check_gemm(gemm_function *ref, gemm_function *fn, enum element type)
{
    /* Halves end at 65504: 2^30 is infinity there, which sums may meet as NaN in either order. */
    enum ca_values wide = type == F16 ? CA_UNIT : CA_WIDE;

    for (size_t rows = 1; rows != 0; rows = ca_next_rows(rows)) {
        for (size_t panels = 1; panels <= 5; panels++) {
            check_gemm_case(ref, fn, type, rows, panels, ca_between(1, 70), CA_UNIT);
            check_gemm_case(ref, fn, type, rows, panels, ca_between(1, 70), wide);
        }
    }
    for (size_t k = 1; k != 0 && k < 1500; k = ca_next_length(k))
        check_gemm_case(ref, fn, type, ca_between(1, 30), ca_between(1, 3), k, CA_UNIT);
}

/*
 * Integers and floats become v by the same operations, so without an activation, and with ReLU,
 * the results are equal bits. GELU: Phi within 2e-7 (gelu.h) and three roundings. SiLU: the
 * exponential within 2e-7 and three roundings. One more for the residual.
 */
static double activation_bound(enum ut_act act)
{
    if (act == UT_ACT_GELU)
        return 2e-7 + 4 * CA_EPS;
    return act == UT_ACT_SILU ? 2e-7 + 6 * CA_EPS : 0;
}

/* The values that follow the product, in y's place, then the bound of each. */
static void check_epilogue_case(const struct ut_linear_ops *ref, const struct ut_linear_ops *ops,
                                size_t n_rows, size_t n_cols, struct ut_epilogue e, int residual,
                                bool integers)
{
    size_t n_wide = (n_cols + UT_PANEL - 1) / UT_PANEL * UT_PANEL;
    bool exact = e.act == UT_ACT_NONE || e.act == UT_ACT_RELU;
    enum ca_values kind = exact ? CA_SPECIAL : CA_WIDE;

    e.n_rows = n_rows;
    e.n_cols = n_cols;
    e.ld_acc = n_wide + ca_between(0, 1) * UT_PANEL;
    e.ldy = n_cols + ca_between(0, 9);
    e.ld_residual = residual == 2 ? e.ldy : n_cols + ca_between(0, 9);
    ca_begin("rows %zu cols %zu act %d residual %d integers %d zero %d", n_rows, n_cols, e.act,
             residual, integers, e.zero);
    size_t n_acc = (n_rows - 1) * e.ld_acc + n_wide, n_y = (n_rows - 1) * e.ldy + n_cols;
    int32_t *sums = ca_block(integers ? n_acc : 0, sizeof *sums);
    for (size_t i = 0; i < n_acc && integers; i++)
        sums[i] = ca_random() % 16 ? (int32_t)ca_random() >> ca_between(4, 24) : 0;
    e.acc = integers ? (void *)sums : (void *)ca_floats(n_acc, kind);
    float *bias = ca_floats(n_wide, CA_UNIT), *scale = ca_floats(n_wide, CA_UNIT);
    float *row_scale = ca_floats(n_rows, CA_UNIT);
    int32_t *sum = ca_block(n_wide, sizeof *sum);
    for (size_t i = 0; i < n_wide; i++)
        sum[i] = (int32_t)ca_random() >> 14;
    e.bias = bias;
    e.scale = scale;
    e.sum = sum;
    e.row_scale = integers ? row_scale : NULL;
    float *y = ca_floats(n_y, CA_UNIT), *z = ca_copy(y, n_y, sizeof *y);
    size_t n_residual = (n_rows - 1) * e.ld_residual + n_cols;
    float *other = residual == 1 ? ca_floats(n_residual, CA_UNIT) : NULL;
    /* The bound: |act(v)| <= |v| (and 0.3 above), so |v| is what y is when nothing is applied. */
    struct ut_epilogue plain = e;
    float *bound = ca_copy(y, n_y, sizeof *y);
    plain.act = UT_ACT_NONE;
    plain.residual = NULL;
    plain.y = bound;
    ref->epilogue(&plain);
    for (size_t i = 0; i < n_y; i++) {
        double v = fabs((double)bound[i]);
        bound[i] = exact ? 0 : (float)(activation_bound(e.act) * v + 4 * CA_EPS * (v + 1));
    }
    e.y = y;
    e.residual = residual == 2 ? y : other;
    ref->epilogue(&e);
    e.y = z;
    e.residual = residual == 2 ? z : other;
    ops->epilogue(&e);
    ca_near(y, z, n_y, bound);
    ca_end();
}

static void check_epilogue(const struct ut_linear_ops *ref, const struct ut_linear_ops *ops)
{
    for (int variant = 0; variant < 48; variant++) {
        struct ut_epilogue e = { .act = (enum ut_act)(variant % 4), .zero = variant % 8 / 4 * 128 };
        for (size_t n = 1; n != 0 && n < 300; n = ca_next_length(n))
            check_epilogue_case(ref, ops, ca_between(1, 9), n, e, variant / 8 % 3, variant >= 24);
        for (size_t rows = 1; rows != 0; rows = ca_next_rows(rows))
            check_epilogue_case(ref, ops, rows, 16 * ca_between(1, 5), e, variant / 8 % 3,
                                variant >= 24);
    }
}

/*
 * With m the mean of |x|: the mean is off by at most d = n eps m, the variance v by
 * d^2 + 2 (n + 4) eps v, so 1 / sqrt(v + e) by half of that over v + e, relative; then four
 * roundings of the result. Twice, because the scalar form errs as well.
 */
static void norm_bounds(const struct ut_norm *norm, const float *x, float *bound, size_t n)
{
    double mean = 0, magnitude = 0, variance = 0;

    for (size_t i = 0; i < n; i++) {
        mean += (double)x[i] / (double)n;
        magnitude += fabs((double)x[i]) / (double)n;
    }
    bool layer = norm->kind == UT_NORM_LAYER;
    mean = layer ? mean : 0;
    for (size_t i = 0; i < n; i++)
        variance += ((double)x[i] - mean) * ((double)x[i] - mean) / (double)n;
    double delta = layer ? ((double)n + 1) * CA_EPS * magnitude : 0;
    double whole = variance + (double)norm->eps;
    double off = (delta * delta + 2 * ((double)n + 4) * CA_EPS * whole) / whole + 8 * CA_EPS;
    for (size_t i = 0; i < n; i++) {
        double gamma = fabs((double)norm->gamma[i]), d = fabs((double)x[i] - mean);
        double beta = norm->beta ? fabs((double)norm->beta[i]) : 0;
        double scaled = gamma / sqrt(whole);
        bound[i] = (float)(2 * (scaled * (delta + CA_EPS * d + (d + delta) * off) +
                                4 * CA_EPS * (scaled * d + beta)));
    }
}

static void check_norm(const struct ut_linear_ops *ref, const struct ut_linear_ops *ops)
{
    for (size_t n = 1; n != 0; n = ca_next_length(n)) {
        for (int variant = 0; variant < 12; variant++) {
            bool layer = variant % 2, equal = variant / 2 == 5;
            ca_begin("n %zu layer %d variant %d", n, layer, variant);
            float *x = ca_floats(n, variant / 4 ? CA_UNIT : CA_WIDE);
            for (size_t i = 0; i < n && equal; i++)
                x[i] = 77.7f;
            float *gamma = ca_floats(n, CA_UNIT), *beta = ca_floats(n, CA_UNIT);
            struct ut_norm norm = { layer ? UT_NORM_LAYER : UT_NORM_RMS, gamma, layer ? beta : NULL,
                                    1e-5f };
            float *y = ca_block(n, sizeof *y), *bound = ca_block(n, sizeof *bound);
            float *z = variant % 4 == 3 ? ca_copy(x, n, sizeof *x) : ca_block(n, sizeof *z);
            norm_bounds(&norm, x, bound, n);
            ref->norm(&norm, x, y, n);
            ops->norm(&norm, variant % 4 == 3 ? z : x, z, n); /* also in place */
            ca_near(y, z, n, bound);
            ca_end();
        }
    }
}

void ca_check_linear_float(unsigned cpu)
{
    struct ut_linear_ops ref, ops;

    ut_linear_ops_init(&ref, 0);
    ut_linear_ops_init(&ops, cpu);
    if (CA_IS_NEW(&ops, &ref, gemm_f32))
        check_gemm(ref.gemm_f32, ops.gemm_f32, F32);
    if (CA_IS_NEW(&ops, &ref, gemm_f16))
        check_gemm(ref.gemm_f16, ops.gemm_f16, F16);
    if (CA_IS_NEW(&ops, &ref, gemm_bf16))
        check_gemm(ref.gemm_bf16, ops.gemm_bf16, BF16);
    if (CA_IS_NEW(&ops, &ref, epilogue))
        check_epilogue(&ref, &ops);
    if (CA_IS_NEW(&ops, &ref, norm))
        check_norm(&ref, &ops);
}
