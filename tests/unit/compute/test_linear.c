#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compute/linear.h"
#include "random.h"

/* A layer in plain doubles beside the packed one. */
struct layer {
    float *w, *bias;
    void *stored;
    struct ut_tensor weight_tensor, bias_tensor;
    struct ut_linear *packed;
    size_t n_out, n_in;
};

static struct ut_compute *new_compute(int n_threads)
{
    struct ut_compute_options options = { .n_threads = n_threads };
    struct ut_compute *c = NULL;

    assert_int_equal(ut_compute_create(&c, &options, NULL), UT_OK);
    return c;
}

static void layer_init(struct layer *l, struct ut_compute *c, size_t n_out, size_t n_in,
                       enum ut_dtype dtype)
{
    uint64_t seed = n_out * 1000 + n_in;
    size_t bytes = 0;

    *l = (struct layer){ .n_out = n_out, .n_in = n_in };
    l->w = malloc(n_out * n_in * sizeof *l->w);
    l->bias = malloc(n_out * sizeof *l->bias);
    random_fill(&seed, l->w, n_out * n_in);
    random_fill(&seed, l->bias, n_out);
    assert_int_equal(ut_dtype_bytes(&bytes, dtype, n_out * n_in), UT_OK);
    l->stored = malloc(bytes);
    assert_int_equal(ut_dtype_write(l->stored, l->w, dtype, n_out * n_in), UT_OK);
    assert_int_equal(ut_dtype_read(l->w, l->stored, dtype, n_out * n_in), UT_OK);
    l->weight_tensor = (struct ut_tensor){ "w", dtype, 2, { n_out, n_in, 1, 1 }, l->stored, bytes };
    l->bias_tensor =
        (struct ut_tensor){ "b", UT_DTYPE_F32, 1, { n_out, 1, 1, 1 }, l->bias, n_out * 4 };
    struct ut_linear_spec spec = { .n_parts = 1,
                                   .weight = { &l->weight_tensor },
                                   .bias = { &l->bias_tensor } };
    assert_int_equal(ut_linear_create(&l->packed, c, &spec), UT_OK);
}

static void layer_finish(struct layer *l)
{
    ut_linear_destroy(l->packed);
    free(l->w);
    free(l->bias);
    free(l->stored);
}

static double reference(const struct layer *l, const float *x, size_t j)
{
    double sum = l->bias[j];

    for (size_t k = 0; k < l->n_in; k++)
        sum += (double)x[k] * l->w[j * l->n_in + k];
    return sum;
}

/* int8 against float: half a step of weights and inputs of magnitude 1 each, summed at random. */
static double bound_of(enum ut_dtype dtype, size_t n_in)
{
    switch (dtype) {
    case UT_DTYPE_F32:
    case UT_DTYPE_F16:
    case UT_DTYPE_BF16:
        return 4e-7 * (double)n_in;
    default:
        return 6.0 * (0.5 / 127.0) * sqrt((double)n_in);
    }
}

static void check_layer(struct ut_compute *c, enum ut_dtype dtype, size_t n_rows, size_t n_out,
                        size_t n_in)
{
    struct layer l;
    uint64_t seed = n_rows;
    size_t ldx = n_in + 3, ldy = n_out + 5;

    layer_init(&l, c, n_out, n_in, dtype);
    float *x = malloc(n_rows * ldx * sizeof *x), *y = malloc(n_rows * ldy * sizeof *y);
    random_fill(&seed, x, n_rows * ldx);
    for (size_t i = 0; i < n_rows * ldy; i++)
        y[i] = 99;
    struct ut_linear_call call = { .x = x, .ldx = ldx, .y = y, .ldy = ldy, .n_rows = n_rows };
    assert_int_equal(ut_linear_run(c, l.packed, &call), UT_OK);
    for (size_t r = 0; r < n_rows; r++) {
        for (size_t j = 0; j < n_out; j++)
            assert_true(fabs(y[r * ldy + j] - reference(&l, x + r * ldx, j)) <=
                        bound_of(dtype, n_in));
        for (size_t j = n_out; j < ldy; j++)
            assert_true(y[r * ldy + j] == 99.0f);
    }
    free(x);
    free(y);
    layer_finish(&l);
}

static void test_columns_from_split_on_go_to_second_result(void **state)
{
    static const size_t splits[] = { 16, 48, 128, 256, 288 };
    struct ut_compute *c = new_compute(2);
    struct layer l;
    static float x[20 * 64], whole[20 * 300], left[20 * 300], right[20 * 300];
    uint64_t seed = 7;

    (void)state;
    random_fill(&seed, x, sizeof x / sizeof *x);
    for (int q8 = 0; q8 < 2; q8++) {
        layer_init(&l, c, 300, 64, q8 ? UT_DTYPE_Q8_0 : UT_DTYPE_F32);
        struct ut_linear_call call = { .x = x, .ldx = 64, .y = whole, .ldy = 300, .n_rows = 20 };
        assert_int_equal(ut_linear_run(c, l.packed, &call), UT_OK);
        for (size_t i = 0; i < sizeof splits / sizeof *splits; i++) {
            size_t n = splits[i];
            call.y = left;
            call.ldy = n;
            call.split = n;
            call.y2 = right;
            call.ldy2 = 300 - n;
            assert_int_equal(ut_linear_run(c, l.packed, &call), UT_OK);
            for (size_t r = 0; r < 20; r++) {
                assert_memory_equal(left + r * n, whole + r * 300, n * sizeof *left);
                assert_memory_equal(right + r * (300 - n), whole + r * 300 + n,
                                    (300 - n) * sizeof *right);
            }
        }
        call.split = 8;
        assert_int_equal(ut_linear_run(c, l.packed, &call), UT_EINVAL);
        assert_int_equal(ut_compute_end(c), UT_EINVAL);
        layer_finish(&l);
    }
    ut_compute_destroy(c);
}

/* Rows of results anywhere have the bits of rows in order. */
static void test_host_rows_take_the_place_of_y(void **state)
{
    struct ut_compute *c = new_compute(2);
    struct layer l;
    static float x[20 * 64], plain[20 * 300], spread[20 * 310], residual[20 * 300];
    float *rows[20];
    uint64_t seed = 8;

    (void)state;
    random_fill(&seed, x, sizeof x / sizeof *x);
    random_fill(&seed, residual, sizeof residual / sizeof *residual);
    for (size_t r = 0; r < 20; r++)
        rows[r] = spread + (r * 7 % 20) * 310 + r % 3;
    for (int q8 = 0; q8 < 2; q8++) {
        layer_init(&l, c, 300, 64, q8 ? UT_DTYPE_Q8_0 : UT_DTYPE_F32);
        for (size_t n = 1; n <= 20; n += 19) {
            struct ut_linear_call call = { .x = x,
                                           .ldx = 64,
                                           .y = plain,
                                           .ldy = 300,
                                           .n_rows = n,
                                           .residual = residual,
                                           .ld_residual = 300 };
            assert_int_equal(ut_linear_run(c, l.packed, &call), UT_OK);
            call.y = NULL;
            call.host_rows = rows;
            assert_int_equal(ut_linear_run(c, l.packed, &call), UT_OK);
            for (size_t r = 0; r < n; r++)
                assert_memory_equal(rows[r], plain + r * 300, 300 * sizeof(float));
        }
        layer_finish(&l);
    }
    ut_compute_destroy(c);
}

/* Rounding of the weights to f16 is all that is lost: half a unit in the 11th bit of each. */
static void test_quantised_weights_in_float_context_skip_int8(void **state)
{
    struct ut_compute_options options = { .n_threads = 2, .float_weights = true };
    struct ut_compute *c = NULL;
    struct layer l;
    float x[512], y[96];
    uint64_t seed = 5;

    (void)state;
    assert_int_equal(ut_compute_create(&c, &options, NULL), UT_OK);
    layer_init(&l, c, 96, 512, UT_DTYPE_Q5_0);
    assert_true(ut_linear_bytes(l.packed) >= (size_t)96 * 512 * 2);
    random_fill(&seed, x, 512);
    struct ut_linear_call call = { .x = x, .ldx = 512, .y = y, .ldy = 96, .n_rows = 1 };
    assert_int_equal(ut_linear_run(c, l.packed, &call), UT_OK);
    for (size_t j = 0; j < 96; j++) {
        double bound = 1e-5;
        for (size_t k = 0; k < 512; k++)
            bound += fabs((double)x[k] * l.w[j * 512 + k]) / 2048;
        assert_true(fabs(y[j] - reference(&l, x, j)) <= bound);
    }
    layer_finish(&l);
    ut_compute_destroy(c);
}

static void test_run_equals_plain_product_for_all_weight_types(void **state)
{
    static const enum ut_dtype dtypes[] = { UT_DTYPE_F32, UT_DTYPE_F16, UT_DTYPE_BF16,
                                            UT_DTYPE_Q8_0 };
    static const size_t shapes[][3] = { { 1, 1, 32 },    { 1, 70, 64 },   { 2, 33, 96 },
                                        { 17, 16, 160 }, { 45, 100, 32 }, { 300, 40, 64 },
                                        { 7, 512, 512 } };
    struct ut_compute *c = new_compute(2);

    (void)state;
    for (size_t d = 0; d < 4; d++) {
        for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++)
            check_layer(c, dtypes[d], shapes[s][0], shapes[s][1], shapes[s][2]);
    }
    for (size_t n_in = 1; n_in < 40; n_in += 7)
        check_layer(c, UT_DTYPE_F32, 5, 19, n_in);
    assert_int_equal(ut_compute_end(c), UT_OK);
    ut_compute_destroy(c);
}

static void test_run_applies_norm_activation_and_residual(void **state)
{
    struct ut_compute *c = new_compute(2);
    struct layer l;
    uint64_t seed = 3;
    float x[4 * 64], y[4 * 24], residual[4 * 24], gamma[64], beta[64];

    (void)state;
    layer_init(&l, c, 24, 64, UT_DTYPE_F32);
    random_fill(&seed, x, 4 * 64);
    random_fill(&seed, residual, 4 * 24);
    random_fill(&seed, gamma, 64);
    random_fill(&seed, beta, 64);
    memcpy(y, residual, sizeof y);
    struct ut_norm norm = { UT_NORM_LAYER, gamma, beta, 1e-5f };
    struct ut_linear_call call = { .x = x,
                                   .ldx = 64,
                                   .y = y,
                                   .ldy = 24,
                                   .n_rows = 4,
                                   .norm = &norm,
                                   .residual = y,
                                   .ld_residual = 24,
                                   .act = UT_ACT_GELU };
    assert_int_equal(ut_linear_run(c, l.packed, &call), UT_OK);
    for (size_t r = 0; r < 4; r++) {
        double mean = 0, var = 0;
        float normed[64];
        for (size_t k = 0; k < 64; k++)
            mean += x[r * 64 + k] / 64.0;
        for (size_t k = 0; k < 64; k++)
            var += (x[r * 64 + k] - mean) * (x[r * 64 + k] - mean) / 64.0;
        for (size_t k = 0; k < 64; k++)
            normed[k] = (float)((x[r * 64 + k] - mean) / sqrt(var + 1e-5) * gamma[k] + beta[k]);
        for (size_t j = 0; j < 24; j++) {
            double v = reference(&l, normed, j);
            v = 0.5 * v * (1 + erf(v / sqrt(2.0)));
            assert_true(fabs(y[r * 24 + j] - (v + residual[r * 24 + j])) < 1e-5);
        }
    }
    layer_finish(&l);
    ut_compute_destroy(c);
}

static void test_parts_are_stacked_in_order(void **state)
{
    struct ut_compute *c = new_compute(1);
    struct layer a, b;
    struct ut_linear *both = NULL;
    float x[32], y[30];
    uint64_t seed = 9;

    (void)state;
    layer_init(&a, c, 19, 32, UT_DTYPE_F16);
    layer_init(&b, c, 11, 32, UT_DTYPE_F32);
    struct ut_linear_spec spec = { .n_parts = 2,
                                   .weight = { &a.weight_tensor, &b.weight_tensor },
                                   .bias = { NULL, &b.bias_tensor } };
    assert_int_equal(ut_linear_create(&both, c, &spec), UT_OK);
    assert_int_equal(ut_linear_n_out(both), 30);
    assert_int_equal(ut_linear_n_in(both), 32);
    random_fill(&seed, x, 32);
    struct ut_linear_call call = { .x = x, .ldx = 32, .y = y, .ldy = 30, .n_rows = 1 };
    assert_int_equal(ut_linear_run(c, both, &call), UT_OK);
    for (size_t j = 0; j < 30; j++) {
        double v = j < 19 ? reference(&a, x, j) - a.bias[j] : reference(&b, x, j - 19);
        assert_true(fabs(y[j] - v) < 2e-5);
    }
    float row[32];
    assert_int_equal(ut_linear_row(c, both, 25, row), UT_OK);
    assert_memory_equal(row, b.w + 6 * 32, sizeof row);
    ut_linear_destroy(both);
    layer_finish(&a);
    layer_finish(&b);
    ut_compute_destroy(c);
}

/* Float weights that may be rough: 2^-8 of every product, which is what two bf16 lose. */
static void check_rough(struct ut_compute *c, enum ut_dtype dtype, size_t n_rows, size_t n_out,
                        size_t n_in)
{
    struct layer l;
    struct ut_linear *rough = NULL;
    uint64_t seed = n_rows;
    float *x = malloc(n_rows * n_in * sizeof *x), *y = malloc(n_rows * n_out * sizeof *y);
    float row[512];

    layer_init(&l, c, n_out, n_in, dtype);
    struct ut_linear_spec spec = { 1, { &l.weight_tensor }, { &l.bias_tensor }, true };
    assert_int_equal(ut_linear_create(&rough, c, &spec), UT_OK);
    random_fill(&seed, x, n_rows * n_in);
    struct ut_linear_call call = { .x = x, .ldx = n_in, .y = y, .ldy = n_out, .n_rows = n_rows };
    assert_int_equal(ut_linear_run(c, rough, &call), UT_OK);
    for (size_t r = 0; r < n_rows; r++) {
        for (size_t j = 0; j < n_out; j++) {
            double sum = 0;
            for (size_t k = 0; k < n_in; k++)
                sum += fabs((double)x[r * n_in + k] * l.w[j * n_in + k]);
            assert_true(fabs(y[r * n_out + j] - reference(&l, x + r * n_in, j)) <=
                        sum * (0x1p-8 + 4e-7 * (double)n_in) + 1e-6);
        }
    }
    assert_int_equal(ut_linear_row(c, rough, n_out - 1, row), UT_OK);
    for (size_t k = 0; k < n_in; k++)
        assert_true(fabsf(row[k] - l.w[(n_out - 1) * n_in + k]) <= 0x1p-9f);
    ut_linear_destroy(rough);
    layer_finish(&l);
    free(x);
    free(y);
}

static void test_rough_float_weights_lose_no_more_than_bf16(void **state)
{
    static const size_t shapes[][3] = {
        { 1, 1, 1 }, { 3, 17, 33 }, { 40, 70, 240 }, { 70, 48, 96 }, { 300, 33, 65 }
    };
    struct ut_compute *c = new_compute(2);

    (void)state;
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
        check_rough(c, UT_DTYPE_F16, shapes[s][0], shapes[s][1], shapes[s][2]);
        check_rough(c, UT_DTYPE_F32, shapes[s][0], shapes[s][1], shapes[s][2]);
    }
    ut_compute_destroy(c);
}

static void test_row_of_quantised_weights_is_near_the_source(void **state)
{
    struct ut_compute *c = new_compute(2);
    struct layer l;
    float row[96];

    (void)state;
    layer_init(&l, c, 40, 96, UT_DTYPE_Q8_0);
    for (size_t i = 0; i < 40; i++) {
        assert_int_equal(ut_linear_row(c, l.packed, i, row), UT_OK);
        for (size_t k = 0; k < 96; k++)
            assert_true(fabsf(row[k] - l.w[i * 96 + k]) <= 0.51f / 127.0f);
    }
    assert_int_equal(ut_linear_row(c, l.packed, 40, row), UT_EINVAL);
    layer_finish(&l);
    ut_compute_destroy(c);
}

static void test_rows_do_not_depend_on_the_batch(void **state)
{
    static const enum ut_dtype dtypes[] = { UT_DTYPE_F32, UT_DTYPE_F16, UT_DTYPE_Q8_0 };
    struct ut_compute *c = new_compute(2);
    uint64_t seed = 5;
    float x[70 * 128], y[70 * 48], alone[48];

    (void)state;
    random_fill(&seed, x, 70 * 128);
    for (size_t d = 0; d < 3; d++) {
        struct layer l;
        layer_init(&l, c, 48, 128, dtypes[d]);
        struct ut_linear_call call = { .x = x, .ldx = 128, .y = y, .ldy = 48, .n_rows = 70 };
        assert_int_equal(ut_linear_run(c, l.packed, &call), UT_OK);
        for (size_t r = 0; r < 70; r++) {
            struct ut_linear_call one = {
                .x = x + r * 128, .ldx = 128, .y = alone, .ldy = 48, .n_rows = 1
            };
            assert_int_equal(ut_linear_run(c, l.packed, &one), UT_OK);
            assert_memory_equal(alone, y + r * 48, sizeof alone);
        }
        layer_finish(&l);
    }
    ut_compute_destroy(c);
}

static void test_input_that_is_not_finite_gives_output_that_is_not(void **state)
{
    struct ut_compute *c = new_compute(1);
    struct layer l;
    float x[2 * 64], y[2 * 16];

    (void)state;
    layer_init(&l, c, 16, 64, UT_DTYPE_Q8_0);
    memset(x, 0, sizeof x);
    x[5] = NAN;
    struct ut_linear_call call = { .x = x, .ldx = 64, .y = y, .ldy = 16, .n_rows = 2 };
    assert_int_equal(ut_linear_run(c, l.packed, &call), UT_OK);
    for (size_t j = 0; j < 16; j++) {
        assert_true(isnan(y[j]));
        assert_true(y[16 + j] == l.bias[j]);
    }
    layer_finish(&l);
    ut_compute_destroy(c);
}

static void test_create_when_shapes_or_types_are_wrong_fails(void **state)
{
    struct ut_compute *c = new_compute(1);
    float data[64] = { 0 };
    struct ut_linear *w = NULL;
    struct ut_tensor good = { "w", UT_DTYPE_F32, 2, { 4, 16, 1, 1 }, data, sizeof data };
    struct ut_tensor other = { "v", UT_DTYPE_F32, 2, { 8, 8, 1, 1 }, data, sizeof data };
    struct ut_tensor cut = good, integer = good, bias = good, flat = good;

    (void)state;
    cut.n_bytes = 255;
    integer.dtype = UT_DTYPE_I32;
    flat.n_dims = 1;
    struct ut_linear_spec specs[] = {
        { 0, { &good }, { NULL }, false },       { 5, { &good }, { NULL }, false },
        { 1, { NULL }, { NULL }, false },        { 2, { &good, &other }, { NULL }, false },
        { 1, { &cut }, { NULL }, false },        { 1, { &integer }, { NULL }, false },
        { 1, { &good }, { &bias }, false },      { 1, { &flat }, { NULL }, false },
        { 2, { &good, NULL }, { NULL }, false },
    };
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++)
        assert_int_equal(ut_linear_create(&w, c, &specs[i]), UT_EINVAL);
    assert_int_equal(ut_linear_create(&w, c, NULL), UT_EINVAL);
    assert_null(w);
    ut_linear_destroy(NULL);
    ut_compute_destroy(c);
}

static void test_run_when_a_call_is_wrong_fails_and_is_kept(void **state)
{
    struct ut_compute *c = new_compute(1);
    struct layer l;
    float x[32] = { 0 }, y[16];

    (void)state;
    layer_init(&l, c, 16, 32, UT_DTYPE_F32);
    struct ut_linear_call good = { .x = x, .ldx = 32, .y = y, .ldy = 16, .n_rows = 1 };
    struct ut_linear_call none = good, narrow = good, no_x = good, bad_act = good;
    none.n_rows = 0;
    narrow.ldy = 15;
    no_x.x = NULL;
    bad_act.act = (enum ut_act)77;
    assert_int_equal(ut_linear_run(c, l.packed, &none), UT_OK);
    assert_int_equal(ut_linear_run(c, l.packed, &narrow), UT_EINVAL);
    assert_int_equal(ut_compute_end(c), UT_EINVAL);
    assert_int_equal(ut_linear_run(c, l.packed, &no_x), UT_EINVAL);
    assert_int_equal(ut_compute_end(c), UT_EINVAL);
    assert_int_equal(ut_linear_run(c, l.packed, &bad_act), UT_EINVAL);
    assert_int_equal(ut_compute_end(c), UT_EINVAL);
    assert_int_equal(ut_linear_run(c, l.packed, &good), UT_OK);
    layer_finish(&l);
    ut_compute_destroy(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_equals_plain_product_for_all_weight_types),
        cmocka_unit_test(test_columns_from_split_on_go_to_second_result),
        cmocka_unit_test(test_host_rows_take_the_place_of_y),
        cmocka_unit_test(test_quantised_weights_in_float_context_skip_int8),
        cmocka_unit_test(test_run_applies_norm_activation_and_residual),
        cmocka_unit_test(test_parts_are_stacked_in_order),
        cmocka_unit_test(test_rough_float_weights_lose_no_more_than_bf16),
        cmocka_unit_test(test_row_of_quantised_weights_is_near_the_source),
        cmocka_unit_test(test_rows_do_not_depend_on_the_batch),
        cmocka_unit_test(test_input_that_is_not_finite_gives_output_that_is_not),
        cmocka_unit_test(test_create_when_shapes_or_types_are_wrong_fails),
        cmocka_unit_test(test_run_when_a_call_is_wrong_fails_and_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
