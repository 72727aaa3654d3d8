/*
 * Wrong calls of every public op: each is refused with UT_EINVAL, the context keeps the failure
 * until it is asked, and no result is written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "compute/attention.h"
#include "compute/linear.h"
#include "compute/vector.h"

#define D 64

static struct ut_compute *compute;
static _Alignas(64) float x[4 * D], y[4 * D], z[4 * D];
static _Alignas(64) int32_t cells[8];

/* An address between two floats. */
static void *misplace(void *p)
{
    return (unsigned char *)p + 2;
}

static int set_up(void **state)
{
    struct ut_compute_options options = { .n_threads = 2 };

    (void)state;
    return ut_compute_create(&compute, &options, NULL) == UT_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    ut_compute_destroy(compute);
    return 0;
}

static void begin(void)
{
    for (size_t i = 0; i < 4 * D; i++)
        y[i] = z[i] = 99;
}

static void expect_refusal(enum ut_status status)
{
    assert_int_equal(status, UT_EINVAL);
    assert_int_equal(ut_compute_end(compute), UT_EINVAL);
    assert_int_equal(ut_compute_end(compute), UT_OK);
    for (size_t i = 0; i < 4 * D; i++)
        assert_true(y[i] == 99 && z[i] == 99);
}

static struct ut_linear *new_linear(size_t n_out)
{
    static float weights[D * D];
    struct ut_tensor t = { "w", UT_DTYPE_F32, 2, { n_out, D, 1, 1 }, weights, n_out * D * 4 };
    struct ut_linear_spec spec = { .n_parts = 1, .weight = { &t } };
    struct ut_linear *w = NULL;

    assert_int_equal(ut_linear_create(&w, compute, &spec), UT_OK);
    return w;
}

static void test_linear_run_refuses(void **state)
{
    static const struct ut_norm no_gamma = { UT_NORM_LAYER, NULL, NULL, 1e-5f };
    const struct ut_norm odd_kind = { (enum ut_norm_kind)9, x, x, 1e-5f };
    const struct ut_norm odd_gamma = { UT_NORM_LAYER, misplace(x), x, 1e-5f };
    const struct ut_norm odd_beta = { UT_NORM_LAYER, x, misplace(x), 1e-5f };
    float *const rows[2] = { z, misplace(z) }, *const missing[2] = { z, NULL };
    const struct ut_linear_call good = { .x = x, .ldx = D, .y = y, .ldy = 48, .n_rows = 2 };
    struct ut_linear *w = new_linear(48);
    struct ut_linear_call bad[20];
    size_t n = 0;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        bad[i] = good;
    bad[n++].x = NULL;
    bad[n++].y = NULL;
    bad[n++].x = misplace(x);
    bad[n++].y = misplace(y);
    bad[n++].ldy = 47;
    bad[n++].act = (enum ut_act)77;
    bad[n].residual = x, bad[n++].ld_residual = 47;
    bad[n].residual = misplace(x), bad[n++].ld_residual = 48;
    bad[n++].norm = &no_gamma;
    bad[n++].norm = &odd_kind;
    bad[n++].norm = &odd_gamma;
    bad[n++].norm = &odd_beta;
    bad[n].split = 8, bad[n].y2 = z, bad[n++].ldy2 = 40;
    bad[n].split = 48, bad[n].y2 = z, bad[n++].ldy2 = 48;
    bad[n].split = 16, bad[n].y2 = NULL, bad[n++].ldy2 = 32;
    bad[n].split = 16, bad[n].y2 = misplace(z), bad[n++].ldy2 = 32;
    bad[n].split = 16, bad[n].y2 = z, bad[n++].ldy2 = 31;
    bad[n++].host_rows = rows; /* y is there too */
    bad[n].y = NULL, bad[n++].host_rows = rows;
    bad[n].y = NULL, bad[n++].host_rows = missing;
    assert_int_equal(n, sizeof bad / sizeof bad[0]);
    begin();
    for (size_t i = 0; i < n; i++)
        expect_refusal(ut_linear_run(compute, w, &bad[i]));
    expect_refusal(ut_linear_run(compute, w, NULL));
    expect_refusal(ut_linear_run(compute, NULL, &good));
    struct ut_linear_call many = good;
    many.norm = &(struct ut_norm){ UT_NORM_LAYER, x, x, 1e-5f };
    many.n_rows = SIZE_MAX / 8; /* their scratch has no size */
    expect_refusal(ut_linear_run(compute, w, &many));
    expect_refusal(ut_linear_row(compute, NULL, 0, y));
    expect_refusal(ut_linear_row(compute, w, 0, NULL));
    expect_refusal(ut_linear_row(compute, w, 0, misplace(y)));
    expect_refusal(ut_linear_row(compute, w, 48, y));
    assert_int_equal(ut_linear_run(compute, w, &good), UT_OK);
    ut_linear_destroy(w);
}

static void test_norm_run_refuses(void **state)
{
    const struct ut_norm good = { UT_NORM_LAYER, x, x, 1e-5f };
    const struct ut_norm bad[] = { { UT_NORM_LAYER, NULL, x, 1e-5f },
                                   { (enum ut_norm_kind)2, x, x, 1e-5f },
                                   { UT_NORM_LAYER, misplace(x), x, 1e-5f },
                                   { UT_NORM_LAYER, x, misplace(x), 1e-5f } };

    (void)state;
    begin();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        expect_refusal(ut_norm_run(compute, &bad[i], x, y, 2, D));
    expect_refusal(ut_norm_run(compute, NULL, x, y, 2, D));
    expect_refusal(ut_norm_run(compute, &good, NULL, y, 2, D));
    expect_refusal(ut_norm_run(compute, &good, x, NULL, 2, D));
    expect_refusal(ut_norm_run(compute, &good, misplace(x), y, 2, D));
    expect_refusal(ut_norm_run(compute, &good, x, misplace(y), 2, D));
    expect_refusal(ut_norm_run(compute, &good, x, y, 2, 0));
    expect_refusal(ut_norm_run(compute, &good, x, y, SIZE_MAX / 2, D));
    assert_int_equal(ut_norm_run(compute, &good, x, y, 2, D), UT_OK);
}

static const struct ut_attention_shape shape = { 1, D, 0.125f, true };

static void test_attention_window_refuses(void **state)
{
    static const struct ut_attention_shape shapes[] = {
        { 0, D, 1, true },  { 1025, D, 1, true }, { 1, 0, 1, true },
        { 1, 60, 1, true }, { 1, 136, 1, true },  { 1, D, 0, true },
        { 1, D, -1, true }, { 1, D, NAN, true },  { 1, D, INFINITY, true },
    };
    const struct ut_attention_call good = { .q = x,
                                            .ldq = D,
                                            .n_q = 2,
                                            .y = y,
                                            .ldy = D,
                                            .n_spans = 1,
                                            .spans = { { x, x, D, 3, NULL, 0 } } };
    struct ut_attention_call bad[17];
    size_t n = 0;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        bad[i] = good;
    bad[n++].q = NULL;
    bad[n++].y = NULL;
    bad[n++].q = misplace(x);
    bad[n++].y = misplace(y);
    bad[n++].ldq = D - 1;
    bad[n++].ldy = D - 1;
    bad[n++].n_q = SIZE_MAX;
    bad[n++].n_spans = 0;
    bad[n++].n_spans = UT_ATTENTION_MAX_SPANS + 1;
    bad[n++].spans[0].k = NULL;
    bad[n++].spans[0].v = NULL;
    bad[n++].spans[0].k = misplace(x);
    bad[n++].spans[0].v = misplace(x);
    bad[n++].spans[0].ld = D - 1;
    bad[n++].spans[0].n = 0;
    bad[n++].spans[0].n = SIZE_MAX - 1;
    bad[n++].spans[0].packed = misplace(x);
    assert_int_equal(n, sizeof bad / sizeof bad[0]);
    begin();
    for (size_t i = 0; i < n; i++)
        expect_refusal(ut_attention_window(compute, &shape, &bad[i], 1));
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        expect_refusal(ut_attention_window(compute, &shapes[i], &good, 1));
        assert_int_equal(ut_attention_pack_bytes(compute, &shapes[i], 1), 0);
    }
    expect_refusal(ut_attention_window(compute, NULL, &good, 1));
    expect_refusal(ut_attention_window(compute, &shape, NULL, 1));
    assert_int_equal(ut_attention_window(compute, &shape, &good, 1), UT_OK);
}

static void test_attention_pack_refuses(void **state)
{
    (void)state;
    begin();
    expect_refusal(ut_attention_pack(compute, NULL, y, 0, x, x, D, 1));
    expect_refusal(ut_attention_pack(compute, &shape, NULL, 0, x, x, D, 1));
    expect_refusal(ut_attention_pack(compute, &shape, y + 1, 0, x, x, D, 1));
    expect_refusal(ut_attention_pack(compute, &shape, y, 0, NULL, x, D, 1));
    expect_refusal(ut_attention_pack(compute, &shape, y, 0, x, NULL, D, 1));
    expect_refusal(ut_attention_pack(compute, &shape, y, 0, misplace(x), x, D, 1));
    expect_refusal(ut_attention_pack(compute, &shape, y, 0, x, misplace(x), D, 1));
    expect_refusal(ut_attention_pack(compute, &shape, y, 0, x, x, D - 1, 1));
    expect_refusal(ut_attention_pack(compute, &shape, y, 1, x, x, D, 1));
    expect_refusal(ut_attention_pack(compute, &shape, y, 32, x, x, D, SIZE_MAX - 16));
    assert_int_equal(ut_attention_pack_bytes(compute, &shape, SIZE_MAX), 0);
}

static void check_kv_store(struct ut_kv *kv)
{
    int32_t low[1] = { -1 }, high[1] = { 8 };

    expect_refusal(ut_kv_store(compute, NULL, 0, NULL, 0, x, x, D, 1));
    expect_refusal(ut_kv_store(compute, kv, 1, NULL, 0, x, x, D, 1));
    expect_refusal(ut_kv_store(compute, kv, 0, NULL, 0, NULL, x, D, 1));
    expect_refusal(ut_kv_store(compute, kv, 0, NULL, 0, x, NULL, D, 1));
    expect_refusal(ut_kv_store(compute, kv, 0, NULL, 0, misplace(x), x, D, 1));
    expect_refusal(ut_kv_store(compute, kv, 0, NULL, 0, x, misplace(x), D, 1));
    expect_refusal(ut_kv_store(compute, kv, 0, NULL, 0, x, x, D - 1, 1));
    expect_refusal(ut_kv_store(compute, kv, 0, NULL, 8, x, x, D, 1));
    expect_refusal(ut_kv_store(compute, kv, 0, NULL, 0, x, x, D, 9));
    expect_refusal(ut_kv_store(compute, kv, 0, NULL, SIZE_MAX, x, x, D, 2));
    expect_refusal(ut_kv_store(compute, kv, 0, low, 0, x, x, D, 1));
    expect_refusal(ut_kv_store(compute, kv, 0, high, 0, x, x, D, 1));
    expect_refusal(ut_kv_store(compute, kv, 0, misplace(cells), 0, x, x, D, 1));
    assert_int_equal(ut_kv_store(compute, kv, 0, cells, 0, x, x, D, 1), UT_OK);
}

static void check_rows(struct ut_kv *kv)
{
    static const int32_t outside[1] = { 8 };
    static const struct ut_attention_shape other_d = { 1, 32, 1, true },
                                           no_scale = { 1, D, 0, true };
    const struct ut_attention_row good = {
        .q = x, .y = y, .n_views = 1, .views = { { kv, NULL, 0, 1 } }
    };
    struct ut_attention_row bad[14];
    size_t n = 0;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        bad[i] = good;
    bad[n++].q = NULL;
    bad[n++].y = NULL;
    bad[n++].q = misplace(x);
    bad[n++].y = misplace(y);
    bad[n++].probs = misplace(z);
    bad[n++].n_views = 0;
    bad[n++].n_views = UT_ATTENTION_MAX_SPANS + 1;
    bad[n++].views[0].kv = NULL;
    bad[n++].views[0].n = 0;
    bad[n++].views[0].n = 9;
    bad[n++].views[0].first = 8;
    bad[n++].views[0].first = SIZE_MAX;
    bad[n++].views[0].cells = outside;
    bad[n++].views[0].cells = misplace(cells);
    assert_int_equal(n, sizeof bad / sizeof bad[0]);
    for (size_t i = 0; i < n; i++)
        expect_refusal(ut_attention_rows(compute, &shape, 0, &bad[i], 1));
    expect_refusal(ut_attention_rows(compute, NULL, 0, &good, 1));
    expect_refusal(ut_attention_rows(compute, &other_d, 0, &good, 1));
    expect_refusal(ut_attention_rows(compute, &no_scale, 0, &good, 1));
    expect_refusal(ut_attention_rows(compute, &shape, 1, &good, 1));
    expect_refusal(ut_attention_rows(compute, &shape, 0, NULL, 1));
    assert_int_equal(ut_attention_rows(compute, &shape, 0, &good, 1), UT_OK);
}

static void test_kv_and_rows_refuse(void **state)
{
    static const struct ut_kv_spec bad[] = {
        { 0, 8, 1, D, UT_DTYPE_F16 },        { 1, 0, 1, D, UT_DTYPE_F16 },
        { 1, 8, 0, D, UT_DTYPE_F16 },        { 1, 8, 1, 0, UT_DTYPE_F16 },
        { 1, 8, 1, 60, UT_DTYPE_F16 },       { 1, 8, 1, 136, UT_DTYPE_F16 },
        { 1, 8, 1, D, UT_DTYPE_Q4_0 },       { SIZE_MAX, 8, 1, D, UT_DTYPE_F16 },
        { 1, SIZE_MAX, 1, D, UT_DTYPE_F16 }, { 1, 8, SIZE_MAX, D, UT_DTYPE_F16 },
    };
    const struct ut_kv_spec good = { 1, 8, 1, D, UT_DTYPE_F16 };
    struct ut_kv *kv = NULL;

    (void)state;
    begin();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(ut_kv_create(&kv, compute, &bad[i]), UT_EINVAL);
    assert_int_equal(ut_kv_create(&kv, compute, NULL), UT_EINVAL);
    assert_null(kv);
    assert_int_equal(ut_kv_create(&kv, compute, &good), UT_OK);
    check_kv_store(kv);
    check_rows(kv);
    ut_kv_destroy(kv);
}

/* Nothing to do is no error, whatever the pointers are. */
static void test_no_rows_do_nothing(void **state)
{
    struct ut_linear_call none = { 0 };
    struct ut_linear *w = new_linear(16);
    struct ut_attention_call no_queries = { 0 };

    (void)state;
    begin();
    assert_int_equal(ut_linear_run(compute, w, &none), UT_OK);
    assert_int_equal(ut_norm_run(compute, NULL, NULL, NULL, 0, 0), UT_OK);
    assert_int_equal(ut_attention_window(compute, &shape, &no_queries, 1), UT_OK);
    assert_int_equal(ut_attention_window(compute, &shape, NULL, 0), UT_OK);
    assert_int_equal(ut_attention_pack(compute, &shape, NULL, 0, NULL, NULL, 0, 0), UT_OK);
    assert_int_equal(ut_attention_rows(compute, &shape, 0, NULL, 0), UT_OK);
    assert_int_equal(ut_kv_store(compute, NULL, 0, NULL, 0, NULL, NULL, 0, 0), UT_OK);
    assert_int_equal(ut_compute_end(compute), UT_OK);
    ut_linear_destroy(w);
}

static void test_vectors_of_no_length(void **state)
{
    size_t index[3] = { 7, 7, 7 };

    (void)state;
    begin();
    assert_int_equal(ut_vector_argmax(compute, x, 0), 0);
    assert_true(ut_vector_logsumexp(compute, x, 0) == -INFINITY);
    ut_vector_softmax(compute, y, 0);
    ut_vector_top_k(compute, x, 0, 3, index);
    ut_vector_top_k(compute, x, 3, 0, index);
    assert_int_equal(index[0], 7);
    ut_vector_top_k(compute, x, 2, 3, index);
    assert_int_equal(index[2], 7);
    assert_true(ut_vector_dot(compute, x, x, 0) == 0);
    ut_vector_add(compute, y, x, 0);
    assert_true(y[0] == 99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear_run_refuses),
        cmocka_unit_test(test_norm_run_refuses),
        cmocka_unit_test(test_attention_window_refuses),
        cmocka_unit_test(test_attention_pack_refuses),
        cmocka_unit_test(test_kv_and_rows_refuse),
        cmocka_unit_test(test_no_rows_do_nothing),
        cmocka_unit_test(test_vectors_of_no_length),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
