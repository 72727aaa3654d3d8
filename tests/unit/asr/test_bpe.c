#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "asr/bpe.h"
#include "base/clock.h"
#include "base/memory.h"

/* 256 bytes, then the joins given. */
struct vocabulary {
    char bytes[8192];
    uint32_t offsets[512];
    size_t n;
};

static void add_token(struct vocabulary *v, const char *bytes, size_t n)
{
    uint32_t start = v->offsets[v->n];

    memcpy(v->bytes + start, bytes, n);
    v->offsets[++v->n] = start + (uint32_t)n;
}

static void fill_vocabulary(struct vocabulary *v, const char *const *joins, size_t n_joins)
{
    memset(v, 0, sizeof *v);
    for (int b = 0; b < 256; b++) {
        char byte = (char)(unsigned char)b;
        add_token(v, &byte, 1);
    }
    for (size_t i = 0; i < n_joins; i++)
        add_token(v, joins[i], strlen(joins[i]));
}

static size_t encode(const struct ut_bpe *bpe, const char *text, int32_t ids[16])
{
    struct ut_bpe_work work = { 0 };
    size_t n = 99;

    assert_int_equal(ut_bpe_encode(bpe, &work, text, strlen(text), ids, 16, &n), UT_OK);
    ut_bpe_work_finish(&work);
    return n;
}

static void test_encode_joins_the_lowest_id_first(void **state)
{
    static const char *const joins[] = { "bc", "ab", "abc", "aa", "bcbc" };
    struct vocabulary v;
    struct ut_bpe *bpe = NULL;
    int32_t ids[16];

    (void)state;
    fill_vocabulary(&v, joins, 5);
    assert_int_equal(ut_bpe_create(&bpe, v.bytes, v.offsets, v.n, NULL), UT_OK);
    assert_int_equal(encode(bpe, "", ids), 0);
    /* bc (256) goes before ab (257), then a + bc is abc */
    assert_int_equal(encode(bpe, "abc", ids), 1);
    assert_int_equal(ids[0], 258);
    assert_int_equal(encode(bpe, "abd", ids), 2);
    assert_int_equal(ids[0], 257);
    assert_int_equal(ids[1], 'd');
    /* among equals the leftmost goes first */
    assert_int_equal(encode(bpe, "aaa", ids), 2);
    assert_int_equal(ids[0], 259);
    assert_int_equal(ids[1], 'a');
    assert_int_equal(encode(bpe, "bcbcbc", ids), 2);
    assert_int_equal(ids[0], 260);
    assert_int_equal(ids[1], 256);
    assert_int_equal(encode(bpe, "\xff\x01", ids), 2);
    assert_int_equal(ids[0], 0xff);
    ut_bpe_destroy(bpe);
}

static void test_encode_of_more_ids_than_room_is_refused(void **state)
{
    struct vocabulary v;
    struct ut_bpe *bpe = NULL;
    struct ut_bpe_work work = { 0 };
    int32_t ids[3] = { -7, -7, -7 };
    size_t n = 99;

    (void)state;
    fill_vocabulary(&v, NULL, 0);
    assert_int_equal(ut_bpe_create(&bpe, v.bytes, v.offsets, v.n, NULL), UT_OK);
    assert_int_equal(ut_bpe_encode(bpe, &work, "xyz", 3, ids, 2, &n), UT_ELIMIT);
    assert_int_equal(n, 99);
    assert_int_equal(ids[2], -7);
    assert_int_equal(ut_bpe_encode(bpe, &work, "xy", 2, ids, 2, &n), UT_OK);
    assert_int_equal(n, 2);
    ut_bpe_work_finish(&work);
    ut_bpe_destroy(bpe);
}

/* A piece of 1 MB of one letter joins level by level; a quadratic search would take minutes. */
static void test_encode_of_a_megabyte_is_not_quadratic(void **state)
{
    static const char *const joins[] = { "aa", "aaaa", "aaaaaaaa", "aaaaaaaaaaaaaaaa" };
    const size_t n_bytes = 1 << 20;
    struct vocabulary v;
    struct ut_bpe *bpe = NULL;
    struct ut_bpe_work work = { 0 };
    char *text = ut_alloc(n_bytes, 1);
    int32_t *ids = ut_alloc(n_bytes, sizeof *ids);
    size_t n = 0;

    (void)state;
    assert_non_null(text);
    assert_non_null(ids);
    memset(text, 'a', n_bytes);
    fill_vocabulary(&v, joins, 4);
    assert_int_equal(ut_bpe_create(&bpe, v.bytes, v.offsets, v.n, NULL), UT_OK);
    int64_t start = ut_clock_cpu_us();
    assert_int_equal(ut_bpe_encode(bpe, &work, text, n_bytes, ids, n_bytes, &n), UT_OK);
    assert_true(ut_clock_cpu_us() - start < 20000000);
    assert_int_equal(n, n_bytes / 16);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(ids[i], 259);
    ut_bpe_work_finish(&work);
    ut_bpe_destroy(bpe);
    ut_free(ids);
    ut_free(text);
}

static void test_create_without_a_byte_names_it(void **state)
{
    struct vocabulary v;
    struct ut_bpe *bpe = NULL;
    struct ut_error err = { 0 };

    (void)state;
    fill_vocabulary(&v, NULL, 0);
    v.bytes[0x41] = 0x42;
    assert_int_equal(ut_bpe_create(&bpe, v.bytes, v.offsets, v.n, &err), UT_EFORMAT);
    assert_string_equal(err.text, "no token for the byte 0x41");
    assert_null(bpe);
}

static void test_create_with_an_endless_token_is_refused(void **state)
{
    struct vocabulary v;
    struct ut_bpe *bpe = NULL;
    struct ut_error err = { 0 };
    char token[UT_BPE_MAX_TOKEN_BYTES + 1];

    (void)state;
    memset(token, 'z', sizeof token);
    fill_vocabulary(&v, NULL, 0);
    add_token(&v, token, sizeof token);
    assert_int_equal(ut_bpe_create(&bpe, v.bytes, v.offsets, v.n, &err), UT_EFORMAT);
    assert_non_null(strstr(err.text, "token 256 has 1025 bytes"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encode_joins_the_lowest_id_first),
        cmocka_unit_test(test_encode_of_more_ids_than_room_is_refused),
        cmocka_unit_test(test_encode_of_a_megabyte_is_not_quadratic),
        cmocka_unit_test(test_create_without_a_byte_names_it),
        cmocka_unit_test(test_create_with_an_endless_token_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
