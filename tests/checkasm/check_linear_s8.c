/* The integer half of linear layers: bit-exact, after what ops->zero adds is taken away. */
#include <math.h>
#include <string.h>

#include "compute/linear_ops.h"
#include "tests/checkasm/checkasm.h"

static void check_quantise_case(const struct ut_linear_ops *ref, const struct ut_linear_ops *ops,
                                size_t n, enum ca_values kind, uint8_t zero)
{
    size_t n_pad = (n + UT_S8_ALIGN - 1) / UT_S8_ALIGN * UT_S8_ALIGN;
    float scale[2] = { 7, 8 };

    ca_begin("n %zu values %d zero %d", n, (int)kind, zero);
    float *x = ca_floats(n, kind);
    if (n > 0 && ca_random() % 16 == 0)
        memset(x, 0, n * sizeof *x);
    if (n > 0 && ca_random() % 4 == 0)
        x[n - 1] = ca_random() % 2 ? 127.5f : -300.0f; /* the last counts */
    uint8_t *a = ca_block(n_pad, 1), *b = ca_block(n_pad, 1);
    ref->quantise(a, &scale[0], x, n, n_pad, zero);
    ops->quantise(b, &scale[1], x, n, n_pad, zero);
    ca_same_bytes(a, b, n_pad);
    ca_near(&scale[0], &scale[1], 1, &(float){ 0 });
    ca_end();
}

static void check_quantise(const struct ut_linear_ops *ref, const struct ut_linear_ops *ops)
{
    size_t n = 0;

    do {
        for (int i = 0; i < 24; i++)
            check_quantise_case(ref, ops, n, (enum ca_values)(i % 3), (uint8_t)(i % 2 * 128));
        n = ca_next_length(n);
    } while (n != 0);
}

/* Signed bytes in [-127, 127]: all extremes, or anything with many of them. */
static int8_t byte_value(int kind)
{
    if (kind == 0)
        return 127;
    if (kind == 1)
        return -127;
    if (kind == 2 || ca_random() % 8 == 0)
        return ca_random() % 2 ? 127 : -127;
    return (int8_t)((int)ca_between(0, 254) - 127);
}

static void check_gemm_case(const struct ut_linear_ops *ref, const struct ut_linear_ops *ops,
                            size_t n_rows, size_t n_panels, size_t k)
{
    size_t lda = k + ca_between(0, 2) * ca_between(1, 64), a_bytes = (n_rows - 1) * lda + k;
    size_t ldc = n_panels * UT_PANEL + ca_between(0, 1) * ca_between(1, 20);
    size_t n_c = (n_rows - 1) * ldc + n_panels * UT_PANEL;
    int kind = (int)ca_between(0, 5), kind_w = (int)ca_between(0, 5);

    ca_begin("rows %zu panels %zu k %zu lda %zu ldc %zu values %d %d", n_rows, n_panels, k, lda,
             ldc, kind, kind_w);
    int8_t *a = ca_block(a_bytes, 1), *w = ca_block(n_panels * k * UT_PANEL, 1);
    uint8_t *stored = ca_block(a_bytes, 1);
    for (size_t i = 0; i < a_bytes; i++) {
        a[i] = byte_value(kind);
        stored[i] = (uint8_t)(a[i] + ops->zero);
    }
    for (size_t i = 0; i < n_panels * k * UT_PANEL; i++)
        w[i] = byte_value(kind_w);
    int32_t *c = ca_block(n_c, sizeof *c), *d = ca_block(n_c, sizeof *d);
    struct ut_gemm_s8 g = {
        .a = a,
        .lda = lda,
        .w = w,
        .k = k,
        .n_rows = n_rows,
        .n_panels = n_panels,
        .c = c,
        .ldc = ldc,
    };
    ref->gemm_s8(&g);
    g.a = stored;
    g.c = d;
    g.tiles = ops->tiles_begin && ca_random() % 2;
    if (g.tiles)
        ops->tiles_begin();
    ops->gemm_s8(&g);
    if (g.tiles)
        ops->tiles_end();
    for (size_t j = 0; j < n_panels * UT_PANEL; j++) {
        const int8_t *column = w + j / UT_PANEL * k * UT_PANEL + j % UT_PANEL * 4;
        int32_t sum = 0;
        for (size_t i = 0; i < k; i++)
            sum += column[i / 4 * 4 * UT_PANEL + i % 4];
        for (size_t r = 0; r < n_rows; r++)
            d[r * ldc + j] -= ops->zero * sum;
    }
    ca_same_bytes(c, d, n_c * sizeof *c);
    ca_end();
}

static void check_gemm(const struct ut_linear_ops *ref, const struct ut_linear_ops *ops)
{
    for (size_t rows = 1; rows != 0; rows = ca_next_rows(rows)) {
        for (size_t panels = 1; panels <= 5; panels++)
            check_gemm_case(ref, ops, rows, panels, 64 * ca_between(1, 4));
    }
    for (size_t k = 64; k <= 2048; k += 64)
        check_gemm_case(ref, ops, ca_between(1, 36), ca_between(1, 5), k);
}

void ca_check_linear_s8(unsigned cpu)
{
    struct ut_linear_ops ref, ops;

    ut_linear_ops_init(&ref, 0);
    ut_linear_ops_init(&ops, cpu);
    if (CA_IS_NEW(&ops, &ref, quantise))
        check_quantise(&ref, &ops);
    if (CA_IS_NEW(&ops, &ref, gemm_s8))
        check_gemm(&ref, &ops);
}
