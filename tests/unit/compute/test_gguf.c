#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "compute/gguf.h"

/* A file in the making, and where its fields are. */
struct draft {
    uint8_t bytes[2048];
    size_t n;
    size_t tensor_at; /* the first tensor's dimension count */
    size_t array_at;  /* the text array's element type */
};

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

static void put_u64(struct draft *d, uint64_t v)
{
    put(d, &v, sizeof v);
}

static void put_text(struct draft *d, const char *s)
{
    put_u64(d, strlen(s));
    put(d, s, strlen(s));
}

static void put_key(struct draft *d, const char *key, uint32_t type)
{
    put_text(d, key);
    put_u32(d, type);
}

static void put_tensor(struct draft *d, const char *name, uint64_t d0, uint64_t d1, uint32_t dtype,
                       uint64_t offset)
{
    put_text(d, name);
    put_u32(d, 2);
    put_u64(d, d0);
    put_u64(d, d1);
    put_u32(d, dtype);
    put_u64(d, offset);
}

static void make(struct draft *d)
{
    memset(d, 0, sizeof *d);
    put(d, "GGUF", 4);
    put_u32(d, 3);
    put_u64(d, 2);
    put_u64(d, 8);
    put_key(d, "a.u32", 4);
    put_u32(d, 7);
    put_key(d, "a.i8", 1);
    put(d, "\xfe", 1);
    put_key(d, "a.f32", 6);
    put(d, &(float){ 1.5f }, 4);
    put_key(d, "a.bool", 7);
    put(d, "\1", 1);
    put_key(d, "a.text", 8);
    put_text(d, "hello\n");
    put_key(d, "a.words", 9);
    d->array_at = d->n;
    put_u32(d, 8);
    put_u64(d, 3);
    put_text(d, "one");
    put_text(d, "");
    put_text(d, "three");
    put_key(d, "a.ids", 9);
    put_u32(d, 5);
    put_u64(d, 2);
    put_u32(d, 10);
    put_u32(d, (uint32_t)-11);
    put_key(d, "a.u64", 10);
    put_u64(d, UINT64_MAX);
    put_text(d, "w");
    d->tensor_at = d->n;
    d->n -= 9;
    put_tensor(d, "w", 3, 2, 0, 0); /* [2, 3] f32, 24 bytes */
    put_tensor(d, "q", 32, 1, 8, 32);
    while (d->n % 32)
        put(d, "", 1);
    for (int i = 0; i < 6; i++)
        put(d, &(float){ (float)i }, 4);
    put_u64(d, 0);
    for (int i = 0; i < 34; i++)
        put(d, "\1", 1);
}

/* Parses an exact-size heap copy, so that a sanitizer sees a read past the end. */
static enum ut_status parse(const struct draft *d, size_t n, struct ut_gguf **g,
                            struct ut_error *err, uint8_t **copy)
{
    *copy = ut_alloc(n, 1);
    assert_non_null(*copy);
    memcpy(*copy, d->bytes, n);
    return ut_gguf_parse(g, *copy, n, "draft.gguf", err);
}

static void check_refused(const struct draft *d, enum ut_status want, const char *text)
{
    struct ut_gguf *g = NULL;
    struct ut_error err = { 0 };
    uint8_t *copy;

    assert_int_equal(parse(d, d->n, &g, &err, &copy), want);
    assert_null(g);
    if (!strstr(err.text, text))
        fail_msg("'%s' lacks '%s'", err.text, text);
    assert_non_null(strstr(err.text, "draft.gguf"));
    ut_free(copy);
}

static void test_parse_gives_keys_and_tensors(void **state)
{
    static struct draft d;
    struct ut_gguf *g = NULL;
    struct ut_error err;
    struct ut_gguf_text text;
    const struct ut_tensor *t = NULL;
    uint8_t *copy;
    uint32_t u;
    float f;
    bool b;
    size_t n;
    int64_t v;

    (void)state;
    make(&d);
    assert_int_equal(parse(&d, d.n, &g, &err, &copy), UT_OK);
    assert_string_equal(ut_gguf_path(g), "draft.gguf");
    assert_int_equal(ut_gguf_u32(&u, g, "a.u32", &err), UT_OK);
    assert_int_equal(u, 7);
    assert_int_equal(ut_gguf_u32(&u, g, "a.i8", &err), UT_EFORMAT); /* -2 */
    assert_int_equal(ut_gguf_u32(&u, g, "a.u64", &err), UT_EFORMAT);
    assert_int_equal(ut_gguf_u32(&u, g, "a.text", &err), UT_EFORMAT);
    assert_int_equal(ut_gguf_u32(&u, g, "a.words", &err), UT_EFORMAT);
    assert_int_equal(ut_gguf_u32(&u, g, "none", &err), UT_EFORMAT);
    assert_non_null(strstr(err.text, "none"));
    assert_int_equal(ut_gguf_f32(&f, g, "a.f32", &err), UT_OK);
    assert_true(f == 1.5f);
    assert_int_equal(ut_gguf_bool(&b, g, "a.bool", &err), UT_OK);
    assert_true(b);
    assert_int_equal(ut_gguf_text(&text, g, "a.text", &err), UT_OK);
    assert_int_equal(text.n, 6);
    assert_int_equal(ut_gguf_array_n(&n, g, "a.words", &err), UT_OK);
    assert_int_equal(n, 3);
    assert_int_equal(ut_gguf_array_text(&text, g, "a.words", 2, &err), UT_OK);
    assert_memory_equal(text.data, "three", 5);
    assert_int_equal(ut_gguf_array_text(&text, g, "a.words", 3, &err), UT_EFORMAT);
    assert_int_equal(ut_gguf_array_text(&text, g, "a.ids", 0, &err), UT_EFORMAT);
    assert_int_equal(ut_gguf_array_i64(&v, g, "a.ids", 1, &err), UT_OK);
    assert_int_equal(v, -11);
    assert_int_equal(ut_gguf_array_f32(&f, g, "a.ids", 1, &err), UT_EFORMAT);
    assert_true(ut_gguf_has(g, "a.ids"));
    assert_false(ut_gguf_has(g, "a.id"));
    assert_int_equal(ut_gguf_n_tensors(g), 2);
    assert_null(ut_gguf_find(g, "x"));
    assert_int_equal(ut_gguf_need(&t, g, "w", (size_t[4]){ 2, 3 }, &err), UT_OK);
    assert_true(((const float *)t->data)[5] == 5.0f);
    assert_int_equal(ut_gguf_need(&t, g, "w", (size_t[4]){ 3, 2 }, &err), UT_EFORMAT);
    assert_non_null(strstr(err.text, "[2, 3], not [3, 2]"));
    assert_int_equal(ut_gguf_need(&t, g, "v", (size_t[4]){ 3, 2 }, &err), UT_EFORMAT);
    assert_ptr_equal(ut_gguf_find(g, "q"), ut_gguf_tensor(g, 1));
    assert_int_equal(ut_gguf_find(g, "q")->n_bytes, 34);
    ut_gguf_release(g, t);
    ut_gguf_close(g);
    ut_free(copy);
}

static void test_print_value_shortens_and_cleans(void **state)
{
    static struct draft d;
    struct ut_gguf *g = NULL;
    uint8_t *copy;
    char text[64];
    const char *want[] = { "7",           "-2",
                           "1.5",         "true",
                           "\"hello?\"",  "3 [\"one\", \"\", \"three\"]",
                           "2 [10, -11]", "18446744073709551615" };

    (void)state;
    make(&d);
    assert_int_equal(parse(&d, d.n, &g, NULL, &copy), UT_OK);
    assert_int_equal(ut_gguf_n_keys(g), 8);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(ut_gguf_print_value(g, i, text, sizeof text), UT_OK);
        assert_string_equal(text, want[i]);
    }
    assert_string_equal(ut_gguf_key(g, 4), "a.text");
    assert_int_equal(ut_gguf_print_value(g, 8, text, sizeof text), UT_EINVAL);
    assert_int_equal(ut_gguf_print_value(g, 5, text, 5), UT_ELIMIT);
    ut_gguf_close(g);
    ut_free(copy);
}

static void test_every_truncation_is_refused(void **state)
{
    static struct draft d;
    (void)state;
    make(&d);
    for (size_t n = 0; n < d.n; n++) {
        struct ut_gguf *g = NULL;
        struct ut_error err = { 0 };
        uint8_t *copy;
        assert_int_equal(parse(&d, n, &g, &err, &copy), UT_EFORMAT);
        assert_null(g);
        assert_non_null(strstr(err.text, "draft.gguf: "));
        ut_free(copy);
    }
}

static void set_u32(struct draft *d, size_t at, uint32_t v)
{
    memcpy(d->bytes + at, &v, sizeof v);
}

static void set_u64(struct draft *d, size_t at, uint64_t v)
{
    memcpy(d->bytes + at, &v, sizeof v);
}

static void test_each_hostile_header_field_is_named(void **state)
{
    static const struct {
        size_t at;
        uint64_t value;
        int n_bytes;
        enum ut_status status;
        const char *text;
    } head[] = {
        { 0, 0x46554746, 4, UT_EFORMAT, "magic 0x46554746" },
        { 4, 1, 4, UT_EFORMAT, "version 1" },
        { 4, 0x03000000, 4, UT_EFORMAT, "version 50331648" },
        { 8, 100, 8, UT_EFORMAT, "tensor count is 100" },
        { 8, UINT64_MAX, 8, UT_ELIMIT, "tensor count is 18446744073709551615" },
        { 16, 4000, 8, UT_EFORMAT, "key count is 4000" },
        { 16, 1u << 30, 8, UT_ELIMIT, "key count is 1073741824" },
        { 24, 0, 8, UT_EFORMAT, "length 0" },
        { 24, 1u << 20, 8, UT_EFORMAT, "length 1048576" },
        { 24, UINT64_MAX, 8, UT_EFORMAT, "length 18446744073709551615" },
        { 32, 1, 1, UT_EFORMAT, "byte 0x01" },
        { 37, 13, 4, UT_EFORMAT, "'a.u32': type 13" },
        { 37, UINT32_MAX, 4, UT_EFORMAT, "'a.u32': type 4294967295" },
    };
    static struct draft d;

    (void)state;
    for (size_t i = 0; i < sizeof head / sizeof head[0]; i++) {
        make(&d);
        memcpy(d.bytes + head[i].at, &head[i].value, (size_t)head[i].n_bytes);
        check_refused(&d, head[i].status, head[i].text);
    }
}

static void test_each_hostile_array_field_is_named(void **state)
{
    static struct draft d;

    (void)state;
    make(&d);
    set_u32(&d, d.array_at, 9); /* an array of arrays */
    check_refused(&d, UT_EFORMAT, "'a.words': array of type 9");
    make(&d);
    set_u32(&d, d.array_at, 77);
    check_refused(&d, UT_EFORMAT, "'a.words': array of type 77");
    make(&d);
    set_u64(&d, d.array_at + 4, UINT64_MAX / 4);
    check_refused(&d, UT_EFORMAT, "4611686018427387903 elements");
    make(&d);
    set_u64(&d, d.array_at + 12, UINT64_MAX - 3);
    check_refused(&d, UT_EFORMAT, "'a.words': text 0: length 18446744073709551612");
}

static void test_each_hostile_tensor_field_is_named(void **state)
{
    static struct draft d;

    (void)state;
    for (uint32_t n_dims = 0; n_dims < 10; n_dims += 5) {
        make(&d);
        set_u32(&d, d.tensor_at, n_dims);
        check_refused(&d, UT_EFORMAT, n_dims ? "'w': 5 dimensions" : "'w': 0 dimensions");
    }
    make(&d);
    set_u64(&d, d.tensor_at + 4, 0);
    check_refused(&d, UT_EFORMAT, "'w': dimension 0");
    make(&d);
    set_u64(&d, d.tensor_at + 4, 1ull << 62);
    set_u64(&d, d.tensor_at + 12, 1ull << 62);
    check_refused(&d, UT_EFORMAT, "dimension 4611686018427387904");
    make(&d);
    set_u64(&d, d.tensor_at + 4, 1ull << 61); /* elements fit, bytes do not */
    set_u64(&d, d.tensor_at + 12, 1);
    check_refused(&d, UT_EFORMAT, "2305843009213693952 elements of f32");
    make(&d);
    set_u64(&d, d.tensor_at + 12, 100);
    check_refused(&d, UT_EFORMAT, "'w': 300 elements of f32 at offset 0");
    make(&d);
    set_u32(&d, d.tensor_at + 20, 4);
    check_refused(&d, UT_EFORMAT, "'w': type 4 is not supported");
    make(&d);
    set_u32(&d, d.tensor_at + 20, 8);
    check_refused(&d, UT_EFORMAT, "'w': rows of 3 are no whole blocks of q8_0");
    make(&d);
    set_u64(&d, d.tensor_at + 24, 4);
    check_refused(&d, UT_EFORMAT, "'w': offset 4 is misaligned");
    make(&d);
    set_u64(&d, d.tensor_at + 24, UINT64_MAX - 31);
    check_refused(&d, UT_EFORMAT, "'w': offset 18446744073709551584");
    make(&d);
    set_u64(&d, d.tensor_at + 24, 64);
    check_refused(&d, UT_EFORMAT, "'w': 6 elements of f32 at offset 64");
    make(&d);
    d.bytes[d.tensor_at - 1] = 'q';
    check_refused(&d, UT_EFORMAT, "tensor 'q' is there twice");
    make(&d);
    d.bytes[34] = 'f';
    d.bytes[35] = '3';
    check_refused(&d, UT_EFORMAT, "key 'a.f32' is there twice");
}

static void test_bad_alignment_is_named(void **state)
{
    static const uint32_t bad[] = { 0, 1, 4, 33, 1u << 31, UINT32_MAX };
    static struct draft d;
    char text[48];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        memset(&d, 0, sizeof d);
        put(&d, "GGUF", 4);
        put_u32(&d, 3);
        put_u64(&d, 0);
        put_u64(&d, 1);
        put_key(&d, "general.alignment", 4);
        put_u32(&d, bad[i]);
        snprintf(text, sizeof text, "general.alignment is %u", bad[i]);
        check_refused(&d, UT_EFORMAT, text);
    }
    set_u32(&d, d.n - 8, 5);
    check_refused(&d, UT_EFORMAT, "general.alignment has type 5");
}

static void test_empty_arrays_are_empty(void **state)
{
    static struct draft d;
    struct ut_gguf *g = NULL;
    struct ut_gguf_text text;
    uint8_t *copy;
    char shown[16];
    size_t n = 9;

    (void)state;
    memset(&d, 0, sizeof d);
    put(&d, "GGUF", 4);
    put_u32(&d, 3);
    put_u64(&d, 0);
    put_u64(&d, 1);
    put_key(&d, "none", 9);
    put_u32(&d, 8);
    put_u64(&d, 0);
    assert_int_equal(parse(&d, d.n, &g, NULL, &copy), UT_OK);
    assert_int_equal(ut_gguf_array_n(&n, g, "none", NULL), UT_OK);
    assert_int_equal(n, 0);
    assert_int_equal(ut_gguf_array_text(&text, g, "none", 0, NULL), UT_EFORMAT);
    assert_int_equal(ut_gguf_print_value(g, 0, shown, sizeof shown), UT_OK);
    assert_string_equal(shown, "0 []");
    ut_gguf_close(g);
    ut_free(copy);
}

static void test_open_of_what_is_no_model_names_the_file(void **state)
{
    struct ut_gguf *g = NULL;
    struct ut_error err = { 0 };
    char path[] = "/tmp/ut-gguf-XXXXXX";
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(ut_gguf_open(&g, path, &err), UT_EFORMAT); /* empty */
    assert_non_null(strstr(err.text, path));
    assert_int_equal(write(fd, "RIFF....WAVEfmt ", 16), 16);
    assert_int_equal(ut_gguf_open(&g, path, &err), UT_EFORMAT);
    assert_non_null(strstr(err.text, "not GGUF"));
    close(fd);
    unlink(path);
    assert_int_equal(ut_gguf_open(&g, path, &err), UT_EIO);
    assert_non_null(strstr(err.text, path));
    assert_null(g);
    ut_gguf_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_gives_keys_and_tensors),
        cmocka_unit_test(test_print_value_shortens_and_cleans),
        cmocka_unit_test(test_every_truncation_is_refused),
        cmocka_unit_test(test_each_hostile_header_field_is_named),
        cmocka_unit_test(test_each_hostile_array_field_is_named),
        cmocka_unit_test(test_each_hostile_tensor_field_is_named),
        cmocka_unit_test(test_bad_alignment_is_named),
        cmocka_unit_test(test_empty_arrays_are_empty),
        cmocka_unit_test(test_open_of_what_is_no_model_names_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
