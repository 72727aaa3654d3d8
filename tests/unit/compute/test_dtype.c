#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <math.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "compute/dtype.h"

/* The input of the expected blocks below, which the reference package `gguf` 0.19.0 wrote. */
static void fill_input(float *x)
{
    for (int i = 0; i < 32; i++)
        x[i] = (float)((i * 37 + 11) % 101 - 50) / 17.0f;
}

static const struct {
    enum ut_dtype dtype;
    size_t n;
    const char *bytes;
    float step; /* the largest error of a value */
} blocks[] = {
    { UT_DTYPE_Q4_0, 18, "\xe2\x35\xf2\x58\xbe\x13\x79\xdf\x35\x9b\xf1\x47\xac\x02\x68\xce\x24\x8a",
      0.37f },
    { UT_DTYPE_Q4_1, 20,
      "\x26\x36\xe2\xc1\xf2\x57\xbd\x13\x79\xcf\x35\x8a\xe1\x46\xac\x02\x68\xbd\x24\x79", 0.2f },
    { UT_DTYPE_Q5_0, 22,
      "\xe2\x31\xb4\xb4\xa5\x25\xf4\xbf\x7b\x27\xe3\xae\x5a\x16\xd1\x9d\x49\x04\xc0\x8c\x38\xf4",
      0.19f },
    { UT_DTYPE_Q5_1, 24,
      "\xf3\x31\xe2\xc1\xb4\xb4\xa5\x25\xf3\xbf\x6b\x27\xe2\xae\x5a\x16\xd1\x9d\x49\x04\xc0\x7c"
      "\x38\xf3",
      0.1f },
    { UT_DTYPE_Q8_0, 34,
      "\xee\x25\x9d\xfb\x59\xb6\x14\x72\xd0\x2e\x8b\xe9\x47\xa5\x03\x61\xbe\x1c\x7a\xd7\x35\x93"
      "\xf1\x4f\xac\x0a\x68\xc6\x24\x81\xdf\x3d\x9a\xf8",
      0.013f },
};

static void test_write_of_each_block_gives_the_reference_bytes(void **state)
{
    float x[32], y[32];

    (void)state;
    fill_input(x);
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        size_t bytes;
        assert_int_equal(ut_dtype_bytes(&bytes, blocks[i].dtype, 32), UT_OK);
        assert_int_equal(bytes, blocks[i].n);
        uint8_t *out = ut_alloc(bytes + 1, 1);
        assert_non_null(out);
        assert_int_equal(ut_dtype_write(out + 1, x, blocks[i].dtype, 32), UT_OK);
        assert_memory_equal(out + 1, blocks[i].bytes, bytes);
        assert_int_equal(ut_dtype_read(y, out + 1, blocks[i].dtype, 32), UT_OK);
        for (int j = 0; j < 32; j++)
            assert_true(fabsf(x[j] - y[j]) <= blocks[i].step);
        ut_free(out);
    }
}

/* Pseudo-random blocks, read by the reference package; sums over all 256 elements. */
static const struct {
    enum ut_dtype dtype;
    size_t n;
    size_t halves[2]; /* where to put finite scales */
    int n_halves;
    float first, at_100, last;
    double sum, magnitude;
} k_blocks[] = {
    { UT_DTYPE_Q4_K,
      144,
      { 0, 2 },
      2,
      12.345947265625f,
      5.05499267578125f,
      13.297760009765625f,
      4025.29883,
      4073.46509 },
    { UT_DTYPE_Q5_K,
      176,
      { 0, 2 },
      2,
      54.377197265625f,
      18.45245361328125f,
      44.886871337890625f,
      8259.94727,
      8286.52661 },
    { UT_DTYPE_Q6_K,
      210,
      { 208 },
      1,
      111.711181640625f,
      3.15234375f,
      51.48828125f,
      159.784424,
      16891.1116 },
};

static void test_read_of_k_blocks_gives_the_reference_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof k_blocks / sizeof k_blocks[0]; i++) {
        uint32_t s = 12345;
        float y[256];
        double sum = 0, magnitude = 0;
        uint8_t *b = ut_alloc(k_blocks[i].n, 1);

        assert_non_null(b);
        for (size_t j = 0; j < k_blocks[i].n; j++) {
            s = s * 1664525u + 1013904223u;
            b[j] = (uint8_t)(s >> 24);
        }
        for (int k = 0; k < k_blocks[i].n_halves; k++) {
            b[k_blocks[i].halves[k]] = (uint8_t)(0x34 + k);
            b[k_blocks[i].halves[k] + 1] = (uint8_t)(0x2c - k * 4);
        }
        assert_int_equal(ut_dtype_read(y, b, k_blocks[i].dtype, 256), UT_OK);
        for (int j = 0; j < 256; j++) {
            sum += (double)y[j];
            magnitude += fabs((double)y[j]);
        }
        assert_true(y[0] == k_blocks[i].first);
        assert_true(y[100] == k_blocks[i].at_100);
        assert_true(y[255] == k_blocks[i].last);
        assert_true(fabs(sum - k_blocks[i].sum) < 1e-3);
        assert_true(fabs(magnitude - k_blocks[i].magnitude) < 1e-3);
        ut_free(b);
    }
}

static void test_halves_round_trip_and_round_to_nearest_even(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        float f = ut_f16_to_f32((uint16_t)h);
        if (isnan(f)) {
            assert_true(isnan(ut_f16_to_f32(ut_f32_to_f16(f))));
            continue;
        }
        assert_int_equal(ut_f32_to_f16(f), h);
    }
    assert_true(ut_f16_to_f32(0x3c00) == 1.0f);
    assert_true(ut_f16_to_f32(0x0001) == 0x1p-24f);
    assert_int_equal(ut_f32_to_f16(65519.9f), 0x7bff);
    assert_int_equal(ut_f32_to_f16(65520.0f), 0x7c00);
    assert_int_equal(ut_f32_to_f16(-0x1p-25f), 0x8000);       /* a tie: to even */
    assert_int_equal(ut_f32_to_f16(0x1.8p-24f), 0x0002);      /* a tie: to even */
    assert_int_equal(ut_f32_to_f16(1.0f + 0x1p-11f), 0x3c00); /* a tie: to even */
    assert_int_equal(ut_f32_to_f16(1.0f + 0x1.8p-10f), 0x3c02);
    assert_int_equal(ut_f32_to_bf16(1.0f + 0x1p-8f), 0x3f80);
    assert_int_equal(ut_f32_to_bf16(1.0f + 0x1.8p-7f), 0x3f82);
    assert_true(ut_bf16_to_f32(0x4049) == 3.140625f);
    assert_true(isnan(ut_bf16_to_f32(ut_f32_to_bf16(NAN))));
}

static void test_write_of_extremes_stays_finite(void **state)
{
    float x[32] = { INFINITY, -INFINITY, NAN, 1e38f, -1e38f, 1e-44f }, y[32];
    uint8_t out[34];

    (void)state;
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        assert_int_equal(ut_dtype_write(out, x, blocks[i].dtype, 32), UT_OK);
        assert_int_equal(ut_dtype_read(y, out, blocks[i].dtype, 32), UT_OK);
        for (int j = 0; j < 32; j++)
            assert_true(isfinite(y[j]));
    }
    memset(x, 0, sizeof x);
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        assert_int_equal(ut_dtype_write(out, x, blocks[i].dtype, 32), UT_OK);
        assert_int_equal(ut_dtype_read(y, out, blocks[i].dtype, 32), UT_OK);
        for (int j = 0; j < 32; j++)
            assert_true(y[j] == 0.0f);
    }
}

static void test_partial_blocks_and_unknown_types_are_refused(void **state)
{
    float x[64] = { 0 };
    uint8_t out[128];
    size_t bytes = 7;
    enum ut_dtype dtype = UT_DTYPE_F32;

    (void)state;
    assert_int_equal(ut_dtype_bytes(&bytes, UT_DTYPE_Q8_0, 33), UT_EINVAL);
    assert_int_equal(ut_dtype_bytes(&bytes, UT_DTYPE_Q6_K, 128), UT_EINVAL);
    assert_int_equal(ut_dtype_bytes(&bytes, UT_DTYPE_F32, SIZE_MAX / 2), UT_EINVAL);
    assert_int_equal(ut_dtype_bytes(&bytes, (enum ut_dtype)99, 32), UT_EINVAL);
    assert_int_equal(bytes, 7);
    assert_int_equal(ut_dtype_write(out, x, UT_DTYPE_Q8_0, 31), UT_EINVAL);
    assert_int_equal(ut_dtype_write(out, x, UT_DTYPE_Q4_K, 0), UT_EINVAL);
    assert_int_equal(ut_dtype_read(x, out, UT_DTYPE_I32, 4), UT_EINVAL);
    assert_int_equal(ut_dtype_read(x, out, UT_DTYPE_Q8_0, 0), UT_OK);
    assert_false(ut_dtype_known(4));
    assert_int_equal(ut_dtype_parse(&dtype, "q5_0"), UT_OK);
    assert_int_equal(dtype, UT_DTYPE_Q5_0);
    assert_int_equal(ut_dtype_parse(&dtype, "q9"), UT_EINVAL);
    assert_string_equal(ut_dtype_name(UT_DTYPE_Q6_K), "q6_K");
    assert_string_equal(ut_dtype_name((enum ut_dtype)99), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_of_each_block_gives_the_reference_bytes),
        cmocka_unit_test(test_read_of_k_blocks_gives_the_reference_values),
        cmocka_unit_test(test_halves_round_trip_and_round_to_nearest_even),
        cmocka_unit_test(test_write_of_extremes_stays_finite),
        cmocka_unit_test(test_partial_blocks_and_unknown_types_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
