#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "models/formats.h"

/* A small file of any format, and where its fields lie. */
struct draft {
    uint8_t bytes[1024];
    size_t n;
};

enum format { CT2, GGML, SAFETENSORS };

/* Reads an exact-size heap copy, so that a sanitizer sees a read past the end. */
static enum ut_status read_draft(enum format format, const struct draft *d, size_t n,
                                 struct ut_error *err, size_t *n_tensors)
{
    struct ut_bag bag = { 0 };
    struct ut_vocabulary vocabulary = { 0 };
    struct ut_ggml_dims dims;
    uint8_t *copy = ut_alloc(n, 1);
    enum ut_status st = UT_EINVAL;

    assert_non_null(copy);
    memcpy(copy, d->bytes, n);
    if (format == CT2)
        st = ut_ct2_read(&bag, copy, n, "draft", err);
    else if (format == GGML)
        st = ut_ggml_read(&bag, &dims, &vocabulary, copy, n, "draft", err);
    else
        st = ut_safetensors_read(&bag, copy, n, "draft", err);
    if (n_tensors)
        *n_tensors = bag.n;
    if (st != UT_OK)
        assert_int_equal(bag.n, 0);
    ut_bag_finish(&bag);
    ut_vocabulary_finish(&vocabulary);
    ut_free(copy);
    return st;
}

static void check_refused(enum format format, const struct draft *d, enum ut_status want,
                          const char *says)
{
    struct ut_error err = { 0 };

    assert_int_equal(read_draft(format, d, d->n, &err, NULL), want);
    if (!strstr(err.text, says))
        fail_msg("'%s' lacks '%s'", err.text, says);
    assert_non_null(strstr(err.text, "draft: "));
}

static void check_truncations(enum format format, const struct draft *d, size_t end)
{
    for (size_t n = 0; n < end; n++) {
        struct ut_error err = { 0 };
        assert_int_equal(read_draft(format, d, n, &err, NULL), UT_EFORMAT);
        assert_non_null(strstr(err.text, "draft: "));
    }
}

static void put(struct draft *d, const void *p, size_t n)
{
    assert_true(d->n + n <= sizeof d->bytes);
    memcpy(d->bytes + d->n, p, n);
    d->n += n;
}

static void put_u32(struct draft *d, uint32_t v)
{
    put(d, &v, sizeof v);
}

static void put_text(struct draft *d, const char *text)
{
    put(d, &(uint16_t){ (uint16_t)(strlen(text) + 1) }, 2);
    put(d, text, strlen(text) + 1);
}

static void set(struct draft *d, size_t at, uint64_t v, size_t n)
{
    memcpy(d->bytes + at, &v, n);
}

/* Offsets: version 0, text 4, revision 18, count 22, name 26, rank 30, dims 31, type 39, bytes 40.
 */
static void make_ct2(struct draft *d)
{
    memset(d, 0, sizeof *d);
    put_u32(d, 6);
    put_text(d, "WhisperSpec");
    put_u32(d, 3);
    put_u32(d, 2);
    put_text(d, "w");
    put(d, "\2", 1);
    put_u32(d, 2);
    put_u32(d, 3);
    put(d, "\4", 1);
    put_u32(d, 12);
    put(d, "abcdefghijkl", 12);
    put_text(d, "scalar");
    put(d, "\0\2", 2);
    put_u32(d, 2);
    put(d, "\7\0", 2);
    put_u32(d, 1);
    put_text(d, "alias");
    put_text(d, "w");
}

static void test_ct2_fields_are_checked(void **state)
{
    static const struct {
        size_t at, n;
        uint64_t value;
        enum ut_status status;
        const char *says;
    } faults[] = {
        { 0, 4, 5, UT_EFORMAT, "binary version 5" },
        { 4, 2, 0, UT_EFORMAT, "specification of length 0" },
        { 4, 2, 11, UT_EFORMAT, "specification of length 11" },
        { 4, 2, 60000, UT_EFORMAT, "specification needs 60000 bytes" },
        { 6, 1, 'X', UT_EFORMAT, "kind 'XhisperSpec'" },
        { 18, 4, 0, UT_EFORMAT, "revision 0" },
        { 18, 4, 99, UT_EFORMAT, "revision 99" },
        { 22, 4, 3, UT_EFORMAT, "" },
        { 22, 4, 0xffffffff, UT_ELIMIT, "variable count 4294967295" },
        { 28, 1, 0, UT_EFORMAT, "variable name of length 2" },
        { 30, 1, 5, UT_EFORMAT, "'w': rank 5" },
        { 31, 4, 0, UT_EFORMAT, "'w': 2 dimensions of f16 [0, 3" },
        { 31, 4, 0xffffffff, UT_EFORMAT, "25769803770 bytes of data" },
        { 35, 4, 4, UT_EFORMAT, "byte count 12, its shape has 16" },
        { 39, 1, 6, UT_EFORMAT, "'w': type 6" },
        { 39, 1, 0, UT_EFORMAT, "byte count 12, its shape has 24" },
        { 40, 4, 0xffffffff, UT_EFORMAT, "byte count 4294967295" },
    };
    static struct draft d;
    size_t n = 0;

    (void)state;
    make_ct2(&d);
    assert_int_equal(read_draft(CT2, &d, d.n, NULL, &n), UT_OK);
    assert_int_equal(n, 2);
    check_truncations(CT2, &d, d.n);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        make_ct2(&d);
        set(&d, faults[i].at, faults[i].value, faults[i].n);
        check_refused(CT2, &d, faults[i].status, faults[i].says);
    }
    make_ct2(&d);
    put(&d, "x", 1);
    check_refused(CT2, &d, UT_EFORMAT, "1 bytes behind the last alias");
}

/* Offsets: magic 0, sizes 4.., filters 48, tokens 60 (count, length, ...), tensor at 73. */
static void make_ggml(struct draft *d)
{
    memset(d, 0, sizeof *d);
    put_u32(d, 0x67676d6c);
    for (uint32_t i = 1; i <= 11; i++)
        put_u32(d, i);
    put_u32(d, 1); /* mel filters, 1 x 1 */
    put_u32(d, 1);
    put_u32(d, 0);
    put_u32(d, 2); /* tokens */
    put_u32(d, 0);
    put_u32(d, 1);
    put(d, "a", 1);
    put_u32(d, 2); /* tensor */
    put_u32(d, 1);
    put_u32(d, 0);
    put_u32(d, 3);
    put_u32(d, 2);
    put(d, "w", 1);
    for (int i = 0; i < 6; i++)
        put_u32(d, 0);
}

static void test_ggml_fields_are_checked(void **state)
{
    static const struct {
        size_t at;
        uint32_t value;
        const char *says;
    } faults[] = {
        { 0, 0x67676d66, "magic 0x67676d66" },
        { 4, 0, "n_vocab is 0" },
        { 8, 0xffffffff, "n_audio_ctx is 4294967295" },
        { 12, 0x80000000, "n_audio_state is 2147483648" },
        { 16, 0, "n_audio_head is 0" },
        { 20, 257, "n_audio_layer is 257" },
        { 24, 0, "n_text_ctx is 0" },
        { 28, 0, "n_text_state is 0" },
        { 32, 1000, "n_text_head is 1000" },
        { 36, 0, "n_text_layer is 0" },
        { 40, 0, "n_mels is 0" },
        { 48, 0xffffffff, "mel filter rows is 4294967295" },
        { 52, 0x10000, "mel filters needs 262144 bytes" },
        { 52, 0x10001, "mel filter columns is 65537" },
        { 60, 0xffffffff, "token count is 4294967295" },
        { 64, 1025, "token length is 1025" },
        { 64, 1000, "token needs 1000 bytes" },
        { 73, 0, "dimension count is 0" },
        { 73, 5, "dimension count is 5" },
        { 77, 0, "name of 0 bytes" },
        { 77, 257, "name length is 257" },
        { 81, 4, "tensor type is 4" },
        { 81, 8, "2 dimensions of q8_0 [2, 3" },
        { 85, 0, "[2, 0, ...]" },
        { 85, 0xffffffff, "bytes of data, the file has 24 left" },
    };
    static struct draft d;
    size_t n = 0;

    (void)state;
    make_ggml(&d);
    assert_int_equal(read_draft(GGML, &d, d.n, NULL, &n), UT_OK);
    assert_int_equal(n, 1);
    check_truncations(GGML, &d, 73);
    for (size_t i = 74; i < d.n; i++) /* a file may end before its first tensor, not within it */
        assert_int_equal(read_draft(GGML, &d, i, NULL, NULL), UT_EFORMAT);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        make_ggml(&d);
        set(&d, faults[i].at, faults[i].value, 4);
        check_refused(GGML, &d, UT_EFORMAT, faults[i].says);
    }
    make_ggml(&d);
    memcpy(d.bytes + d.n, d.bytes + 73, d.n - 73);
    d.n += d.n - 73;
    check_refused(GGML, &d, UT_EFORMAT, "tensor 'w' is there twice");
}

static void make_safetensors(struct draft *d, const char *header)
{
    memset(d, 0, sizeof *d);
    put(d, &(uint64_t){ strlen(header) }, 8);
    put(d, header, strlen(header));
    put(d, "abcdefghijklmnopqrstuvwx", 24);
}

#define GOOD                                                                                       \
    "{\"__metadata__\":{\"format\":\"pt\"},\"w\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_"       \
    "offsets\":[0,24]}}"
#define W(dtype, shape, offsets)                                                                   \
    "{\"w\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}}"

static void test_safetensors_fields_are_checked(void **state)
{
    static const struct {
        const char *header;
        enum ut_status status;
        const char *says;
    } faults[] = {
        { "[]", UT_EFORMAT, "the header is no object" },
        { "{\"w\":}", UT_EFORMAT, "JSON line 1" },
        { "{\"w\":3}", UT_EFORMAT, "type 'none'" },
        { W("\"F8\"", "[6]", "[0,24]"), UT_EFORMAT, "'w': type 'F8'" },
        { W("\"F32\"", "6", "[0,24]"), UT_EFORMAT, "'w': bad shape" },
        { W("\"F32\"", "[1,1,1,1,6]", "[0,24]"), UT_EFORMAT, "'w': bad shape" },
        { W("\"F32\"", "[-6]", "[0,24]"), UT_EFORMAT, "'w': bad dimension" },
        { W("\"F32\"", "[0]", "[0,0]"), UT_EFORMAT, "'w': bad dimension" },
        { W("\"F32\"", "[6.5]", "[0,24]"), UT_EFORMAT, "'w': bad dimension" },
        { W("\"F32\"", "[4611686018427387904,8]", "[0,24]"), UT_EFORMAT, "make no sense" },
        { W("\"F32\"", "[6]", "[0]"), UT_EFORMAT, "bad data_offsets" },
        { W("\"F32\"", "[6]", "[-1,23]"), UT_EFORMAT, "data_offsets [-1, 23]" },
        { W("\"F32\"", "[6]", "[24,0]"), UT_EFORMAT, "data_offsets [24, 0]" },
        { W("\"F32\"", "[6]", "[0,9223372036854775807]"), UT_EFORMAT, "9223372036854775807]" },
        { W("\"F32\"", "[6]", "[1,25]"), UT_EFORMAT, "data_offsets [1, 25]" },
        { W("\"F32\"", "[6]", "[0,20]"), UT_EFORMAT, "24 bytes of data" },
        { W("\"F32\"", "[5]", "[0,24]"), UT_EFORMAT, "24 bytes for a shape of 20" },
    };
    static struct draft d;
    size_t n = 0;

    (void)state;
    make_safetensors(&d, GOOD);
    assert_int_equal(read_draft(SAFETENSORS, &d, d.n, NULL, &n), UT_OK);
    assert_int_equal(n, 1);
    check_truncations(SAFETENSORS, &d, d.n);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        make_safetensors(&d, faults[i].header);
        check_refused(SAFETENSORS, &d, faults[i].status, faults[i].says);
    }
    for (uint64_t bad = UINT64_MAX; bad; bad = bad > 200 ? 200 : 0) {
        make_safetensors(&d, GOOD);
        set(&d, 0, bad, 8);
        check_refused(SAFETENSORS, &d, UT_EFORMAT, "header length");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ct2_fields_are_checked),
        cmocka_unit_test(test_ggml_fields_are_checked),
        cmocka_unit_test(test_safetensors_fields_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
