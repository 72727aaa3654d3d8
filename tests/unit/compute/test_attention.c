#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compute/attention.h"
#include "random.h"

static struct ut_compute *compute;

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

/* softmax(q k^T * scale) v of one query over keys at stride ld, in doubles. */
static void reference(double *y, const float *q, const float *k, const float *v, size_t ld,
                      size_t n, size_t d, double scale, double *probs)
{
    double max = -INFINITY, sum = 0;

    for (size_t i = 0; i < n; i++) {
        probs[i] = 0;
        for (size_t j = 0; j < d; j++)
            probs[i] += (double)q[j] * k[i * ld + j] * scale;
        max = probs[i] > max ? probs[i] : max;
    }
    for (size_t i = 0; i < n; i++)
        sum += probs[i] = exp(probs[i] - max);
    memset(y, 0, d * sizeof *y);
    for (size_t i = 0; i < n; i++) {
        probs[i] /= sum;
        for (size_t j = 0; j < d; j++)
            y[j] += probs[i] * v[i * ld + j];
    }
}

static void check_window(size_t n_q, size_t n_keys, size_t cut, size_t d, bool exact)
{
    size_t n_head = 3, width = n_head * d, ld = width + 8;
    float *q = malloc(n_q * ld * sizeof *q), *y = malloc(n_q * ld * sizeof *y);
    float *k = malloc(n_keys * ld * sizeof *k), *v = malloc(n_keys * ld * sizeof *v);
    double *probs = malloc(n_keys * sizeof *probs), expected[128];
    uint64_t seed = n_q + n_keys;

    random_fill(&seed, q, n_q * ld);
    random_fill(&seed, k, n_keys * ld);
    random_fill(&seed, v, n_keys * ld);
    for (size_t i = 0; i < n_q * ld; i++) {
        q[i] *= 3;
        y[i] = 55;
    }
    struct ut_attention_shape shape = { n_head, d, 1.0f / sqrtf((float)d), exact };
    /* The keys in two spans. */
    struct ut_attention_call call = { .q = q,
                                      .ldq = ld,
                                      .n_q = n_q,
                                      .y = y,
                                      .ldy = ld,
                                      .n_spans = 2,
                                      .spans = { { k, v, ld, cut, NULL, 0 },
                                                 { k + cut * ld, v + cut * ld, ld, n_keys - cut,
                                                   NULL, 0 } } };
    assert_int_equal(ut_attention_window(compute, &shape, &call, 1), UT_OK);
    for (size_t i = 0; i < n_q; i++) {
        for (size_t h = 0; h < n_head; h++) {
            reference(expected, q + i * ld + h * d, k + h * d, v + h * d, ld, n_keys, d,
                      shape.scale, probs);
            for (size_t j = 0; j < d; j++)
                assert_true(fabs(y[i * ld + h * d + j] - expected[j]) < (exact ? 2e-5 : 2e-2));
        }
        for (size_t j = width; j < ld; j++)
            assert_true(y[i * ld + j] == 55.0f);
    }
    free(q);
    free(y);
    free(k);
    free(v);
    free(probs);
}

static void test_window_equals_full_attention(void **state)
{
    (void)state;
    for (int exact = 0; exact <= 1; exact++) {
        check_window(1, 1, 0, 64, exact);
        check_window(5, 17, 5, 8, exact);
        check_window(50, 300, 258, 64, exact);
        check_window(97, 513, 0, 40, exact);
        check_window(3, 70, 33, 128, exact);
        check_window(130, 600, 599, 24, exact);
    }
}

/*
 * Keys packed in two goes, of which all from `first` on are seen, ahead of `n_float` more that come
 * as floats. What stands in the packed memory before `first` must not matter; y replaces q.
 */
static void check_packed(size_t first, size_t n_packed, size_t cut, size_t n_float, bool exact)
{
    size_t n_head = 2, d = 64, ld = 2 * n_head * d, n_q = 45, n = n_packed + n_float;
    float *kv = malloc(n * ld * sizeof *kv), *q = malloc(n_q * ld * sizeof *q);
    float *y = malloc(n_q * ld * sizeof *y);
    double *probs = malloc(n * sizeof *probs), expected[64];
    struct ut_attention_shape shape = { n_head, d, 0.125f, exact };
    uint64_t seed = first + n;

    random_fill(&seed, kv, n * ld);
    random_fill(&seed, q, n_q * ld);
    memcpy(y, q, n_q * ld * sizeof *y);
    size_t bytes = ut_attention_pack_bytes(compute, &shape, n_packed);
    assert_true(bytes >= n_packed * n_head * d * 2 * (exact ? 4 : 2));
    void *packed = ut_compute_alloc(compute, bytes, 1);
    assert_non_null(packed);
    memset(packed, 0x7f, bytes); /* what an earlier layer left; 3e38 as a float */
    const float *v = kv + n_head * d;
    assert_int_equal(ut_attention_pack(compute, &shape, packed, cut, kv + cut * ld, v + cut * ld,
                                       ld, n_packed - cut),
                     UT_OK);
    assert_int_equal(ut_attention_pack(compute, &shape, packed, 0, kv, v, ld, cut), UT_OK);
    struct ut_attention_call call = {
        .q = y,
        .ldq = ld,
        .n_q = n_q,
        .y = y,
        .ldy = ld,
        .n_spans = 2,
        .spans = { { .packed = packed, .first = first, .n = n_packed - first },
                   { kv + n_packed * ld, v + n_packed * ld, ld, n_float, NULL, 0 } },
    };
    assert_int_equal(ut_attention_window(compute, &shape, &call, 1), UT_OK);
    for (size_t i = 0; i < n_q * n_head; i++) {
        size_t at = i / n_head * ld + i % n_head * d, h = i % n_head;
        reference(expected, q + at, kv + first * ld + h * d, v + first * ld + h * d, ld, n - first,
                  d, shape.scale, probs);
        for (size_t j = 0; j < d; j++)
            assert_true(fabs(y[at + j] - expected[j]) < (exact ? 2e-5 : 2e-2));
    }
    ut_compute_free(compute, packed);
    free(kv);
    free(q);
    free(y);
    free(probs);
}

static void test_window_over_packed_keys_equals_full_attention(void **state)
{
    (void)state;
    for (int exact = 0; exact <= 1; exact++) {
        check_packed(0, 1, 0, 0, exact);
        check_packed(0, 300, 96, 0, exact);
        check_packed(255, 256, 224, 3, exact);
        check_packed(256, 400, 288, 0, exact);
        check_packed(261, 700, 512, 17, exact);
        check_packed(33, 40, 32, 260, exact);
    }
}

static void test_pack_with_bad_arguments_is_refused(void **state)
{
    struct ut_attention_shape shape = { 1, 64, 0.125f, false }, odd = { 1, 7, 0.125f, false };
    static float x[64 * 4];

    (void)state;
    void *packed = ut_compute_alloc(compute, ut_attention_pack_bytes(compute, &shape, 4), 1);
    assert_non_null(packed);
    assert_int_equal(ut_attention_pack_bytes(compute, &odd, 4), 0);
    assert_int_equal(ut_attention_pack_bytes(compute, &shape, SIZE_MAX), 0);
    assert_int_equal(ut_attention_pack(compute, &shape, packed, 5, x, x, 64, 4), UT_EINVAL);
    assert_int_equal(ut_compute_end(compute), UT_EINVAL);
    assert_int_equal(ut_attention_pack(compute, &shape, packed, 0, x, x, 63, 4), UT_EINVAL);
    assert_int_equal(ut_compute_end(compute), UT_EINVAL);
    assert_int_equal(ut_attention_pack(compute, &shape, NULL, 0, x, x, 64, 4), UT_EINVAL);
    assert_int_equal(ut_compute_end(compute), UT_EINVAL);
    assert_int_equal(ut_attention_pack(compute, &shape, packed, 0, x, x, 64, 0), UT_OK);
    ut_compute_free(compute, packed);
}

static void test_window_takes_several_calls_at_once(void **state)
{
    float q[4 * 64], k[30 * 64], v[30 * 64], y[2][4 * 64], both[4 * 64];
    uint64_t seed = 2;

    (void)state;
    random_fill(&seed, q, 4 * 64);
    random_fill(&seed, k, 30 * 64);
    random_fill(&seed, v, 30 * 64);
    struct ut_attention_shape shape = { 1, 64, 0.125f, true };
    struct ut_attention_call calls[3] = {
        { .q = q,
          .ldq = 64,
          .n_q = 4,
          .y = y[0],
          .ldy = 64,
          .n_spans = 1,
          .spans = { { k, v, 64, 30, NULL, 0 } } },
        { .n_q = 0 },
        { .q = q,
          .ldq = 64,
          .n_q = 2,
          .y = y[1],
          .ldy = 64,
          .n_spans = 1,
          .spans = { { k + 64, v + 64, 64, 9, NULL, 0 } } },
    };
    assert_int_equal(ut_attention_window(compute, &shape, calls, 3), UT_OK);
    calls[0].y = both;
    assert_int_equal(ut_attention_window(compute, &shape, calls, 1), UT_OK);
    assert_memory_equal(both, y[0], sizeof both);
    calls[2].y = both;
    assert_int_equal(ut_attention_window(compute, &shape, calls + 2, 1), UT_OK);
    assert_memory_equal(both, y[1], 2 * 64 * sizeof(float));
}

/* GQA, two views (one by cells, one contiguous), probabilities. */
static void check_rows(enum ut_dtype dtype, size_t n1, size_t n2, size_t d)
{
    size_t n_kv_head = 2, n_head = 4, ld = n_kv_head * d, n_cells = 700;
    struct ut_kv *a = NULL, *b = NULL;
    struct ut_kv_spec spec = { 2, n_cells, n_kv_head, d, dtype };
    uint64_t seed = n1 * 77 + n2;
    float *k = malloc((n1 + n2) * ld * sizeof *k), *v = malloc((n1 + n2) * ld * sizeof *v);
    float *probs = malloc(n_head * (n1 + n2) * sizeof *probs), q[4 * 128], y[2][4 * 128];
    int32_t cells[700];
    double *expected_probs = malloc((n1 + n2) * sizeof *expected_probs), expected[128];

    random_fill(&seed, k, (n1 + n2) * ld);
    random_fill(&seed, v, (n1 + n2) * ld);
    random_fill(&seed, q, n_head * d);
    for (size_t i = 0; i < n1; i++)
        cells[i] = (int32_t)((i * 211 + 5) % n_cells);
    assert_int_equal(ut_kv_create(&a, compute, &spec), UT_OK);
    assert_int_equal(ut_kv_create(&b, compute, &spec), UT_OK);
    assert_true(ut_kv_bytes(a) == 2 * 2 * ld * n_cells * (dtype == UT_DTYPE_F32 ? 4 : 2));
    assert_int_equal(ut_kv_store(compute, a, 1, cells, 0, k, v, ld, n1), UT_OK);
    assert_int_equal(ut_kv_store(compute, b, 1, NULL, 3, k + n1 * ld, v + n1 * ld, ld, n2), UT_OK);
    struct ut_attention_shape shape = { n_head, d, 0.3f, true };
    struct ut_attention_row rows[2] = {
        { .q = q,
          .y = y[0],
          .n_views = 2,
          .views = { { a, cells, 0, n1 }, { b, NULL, 3, n2 } },
          .probs = probs },
        { .q = q, .y = y[1], .n_views = 2, .views = { { a, cells, 0, n1 }, { b, NULL, 3, n2 } } },
    };
    assert_int_equal(ut_attention_rows(compute, &shape, 1, rows, 2), UT_OK);
    double bound = dtype == UT_DTYPE_F32 ? 2e-5 : 2e-3;
    for (size_t h = 0; h < n_head; h++) {
        size_t at = h / 2 * d;
        reference(expected, q + h * d, k + at, v + at, ld, n1 + n2, d, 0.3f, expected_probs);
        for (size_t j = 0; j < d; j++)
            assert_true(fabs(y[0][h * d + j] - expected[j]) < bound);
        for (size_t i = 0; i < n1 + n2; i++)
            assert_true(fabs(probs[h * (n1 + n2) + i] - expected_probs[i]) < bound);
    }
    assert_memory_equal(y[0], y[1], n_head * d * sizeof(float));
    ut_kv_destroy(a);
    ut_kv_destroy(b);
    free(k);
    free(v);
    free(probs);
    free(expected_probs);
}

static void test_rows_equal_full_attention(void **state)
{
    (void)state;
    for (int f16 = 0; f16 <= 1; f16++) {
        enum ut_dtype dtype = f16 ? UT_DTYPE_F16 : UT_DTYPE_F32;
        check_rows(dtype, 1, 0, 64);
        check_rows(dtype, 3, 20, 8);
        check_rows(dtype, 40, 1, 64);
        check_rows(dtype, 17, 690, 128);
        check_rows(dtype, 450, 0, 24);
    }
}

static void test_calls_that_are_wrong_fail(void **state)
{
    float x[64] = { 0 }, y[64];
    struct ut_attention_shape good = { 1, 64, 0.1f, true }, odd = { 1, 60, 0.1f, true },
                              zero = { 1, 64, 0, true };
    struct ut_attention_call call = { .q = x,
                                      .ldq = 64,
                                      .n_q = 1,
                                      .y = y,
                                      .ldy = 64,
                                      .n_spans = 1,
                                      .spans = { { x, x, 64, 1, NULL, 0 } } };
    struct ut_attention_call empty = call, narrow = call;
    struct ut_kv *kv = NULL;
    struct ut_kv_spec bad = { 1, 4, 1, 64, UT_DTYPE_I8 }, spec = { 1, 4, 1, 64, UT_DTYPE_F16 };
    int32_t outside = 4;

    (void)state;
    empty.spans[0].n = 0;
    narrow.ldq = 63;
    assert_int_equal(ut_attention_window(compute, &odd, &call, 1), UT_EINVAL);
    assert_int_equal(ut_compute_end(compute), UT_EINVAL);
    assert_int_equal(ut_attention_window(compute, &zero, &call, 1), UT_EINVAL);
    assert_int_equal(ut_compute_end(compute), UT_EINVAL);
    assert_int_equal(ut_attention_window(compute, &good, &empty, 1), UT_EINVAL);
    assert_int_equal(ut_compute_end(compute), UT_EINVAL);
    assert_int_equal(ut_attention_window(compute, &good, &narrow, 1), UT_EINVAL);
    assert_int_equal(ut_compute_end(compute), UT_EINVAL);
    assert_int_equal(ut_kv_create(&kv, compute, &bad), UT_EINVAL);
    assert_int_equal(ut_kv_create(&kv, compute, &spec), UT_OK);
    assert_int_equal(ut_kv_store(compute, kv, 0, &outside, 0, x, x, 64, 1), UT_EINVAL);
    assert_int_equal(ut_compute_end(compute), UT_EINVAL);
    assert_int_equal(ut_kv_store(compute, kv, 0, NULL, SIZE_MAX, x, x, 64, 1), UT_EINVAL);
    assert_int_equal(ut_compute_end(compute), UT_EINVAL);
    assert_int_equal(ut_kv_store(compute, kv, 1, NULL, 0, x, x, 64, 1), UT_EINVAL);
    assert_int_equal(ut_compute_end(compute), UT_EINVAL);
    struct ut_attention_row row = {
        .q = x, .y = y, .n_views = 1, .views = { { kv, &outside, 0, 1 } }
    };
    assert_int_equal(ut_attention_rows(compute, &good, 0, &row, 1), UT_EINVAL);
    assert_int_equal(ut_compute_end(compute), UT_EINVAL);
    row.views[0] = (struct ut_kv_view){ kv, NULL, 2, 3 };
    assert_int_equal(ut_attention_rows(compute, &good, 0, &row, 1), UT_EINVAL);
    assert_int_equal(ut_compute_end(compute), UT_EINVAL);
    ut_kv_destroy(kv);
    ut_kv_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_window_equals_full_attention),
        cmocka_unit_test(test_window_over_packed_keys_equals_full_attention),
        cmocka_unit_test(test_pack_with_bad_arguments_is_refused),
        cmocka_unit_test(test_window_takes_several_calls_at_once),
        cmocka_unit_test(test_rows_equal_full_attention),
        cmocka_unit_test(test_calls_that_are_wrong_fail),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
