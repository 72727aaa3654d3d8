/* Weights at load: equal bits, also for rows that are not finite. */
#include <math.h>
#include <string.h>

#include "compute/linear_ops.h"
#include "tests/checkasm/checkasm.h"

/* Blocks of 34 bytes: any scale in f16, any bytes. */
static void check_read_q8_0(const struct ut_linear_ops *ref, const struct ut_linear_ops *ops)
{
    for (size_t n = 0; n <= 1024; n += 32) {
        ca_begin("n %zu", n);
        uint8_t *blocks = ca_block(n / 32 * 34, 1);
        for (size_t i = 0; i < n / 32 * 34; i++)
            blocks[i] = (uint8_t)ca_random();
        float *x = ca_block(n, sizeof *x), *y = ca_block(n, sizeof *y);
        ref->read_q8_0(x, blocks, n);
        ops->read_q8_0(y, blocks, n);
        ca_near_relative(x, y, n, 0, 0);
        ca_end();
    }
}

static void check_read_f16(const struct ut_linear_ops *ref, const struct ut_linear_ops *ops)
{
    size_t n = 0;

    do {
        ca_begin("n %zu", n);
        /* Files promise no alignment. */
        size_t skip = ca_between(0, 1);
        uint8_t *halves = (uint8_t *)ca_block(2 * n + skip, 1) + skip;
        for (size_t i = 0; i < 2 * n; i++)
            halves[i] = (uint8_t)ca_random();
        float *x = ca_block(n, sizeof *x), *y = ca_block(n, sizeof *y);
        ref->read_f16(x, halves, n);
        ops->read_f16(y, halves, n);
        ca_near_relative(x, y, n, 0, 0);
        ca_end();
        n = ca_next_length(n);
    } while (n != 0);
}

static void check_pack_s8_case(const struct ut_linear_ops *ref, const struct ut_linear_ops *ops,
                               size_t n, enum ca_values kind, bool zeros)
{
    size_t n_panel = (n + UT_S8_ALIGN - 1) / UT_S8_ALIGN * UT_S8_ALIGN * UT_PANEL;
    size_t column = ca_between(0, UT_PANEL - 1);
    int32_t sum[2] = { -1, -2 };
    float scale[2];

    ca_begin("n %zu values %d zeros %d column %zu", n, (int)kind, zeros, column);
    float *x = ca_floats(n, kind);
    if (zeros)
        memset(x, 0, n * sizeof *x);
    int8_t *a = ca_block(n_panel, 1), *b = ca_block(n_panel, 1);
    scale[0] = ref->pack_s8(a + column * 4, &sum[0], x, n);
    scale[1] = ops->pack_s8(b + column * 4, &sum[1], x, n);
    ca_same_bytes(a, b, n_panel);
    ca_same_bytes(&sum[0], &sum[1], sizeof sum[0]);
    ca_near_relative(&scale[0], &scale[1], 1, 0, 0);
    ca_end();
}

static void check_pack_s8(const struct ut_linear_ops *ref, const struct ut_linear_ops *ops)
{
    for (size_t n = 1; n != 0; n = ca_next_length(n)) {
        for (int i = 0; i < 12; i++)
            check_pack_s8_case(ref, ops, n, (enum ca_values)(i % 3), i == 9);
    }
}

static void check_pack_f16(const struct ut_linear_ops *ref, const struct ut_linear_ops *ops)
{
    for (size_t n = 1; n != 0; n = ca_next_length(n)) {
        size_t column = ca_between(0, UT_PANEL - 1);
        ca_begin("n %zu column %zu", n, column);
        float *x = ca_floats(n, CA_SPECIAL);
        uint16_t *a = ca_block(n * UT_PANEL, sizeof *a), *b = ca_block(n * UT_PANEL, sizeof *b);
        ref->pack_f16(a + column, x, n);
        ops->pack_f16(b + column, x, n);
        ca_same_bytes(a, b, n * UT_PANEL * sizeof *a);
        ca_end();
    }
}

void ca_check_pack(unsigned cpu)
{
    struct ut_linear_ops ref, ops;

    ut_linear_ops_init(&ref, 0);
    ut_linear_ops_init(&ops, cpu);
    if (CA_IS_NEW(&ops, &ref, read_q8_0))
        check_read_q8_0(&ref, &ops);
    if (CA_IS_NEW(&ops, &ref, read_f16))
        check_read_f16(&ref, &ops);
    if (CA_IS_NEW(&ops, &ref, pack_s8))
        check_pack_s8(&ref, &ops);
    if (CA_IS_NEW(&ops, &ref, pack_f16))
        check_pack_f16(&ref, &ops);
}
