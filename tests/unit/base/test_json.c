#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <math.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"

static bool count_members(void *ctx, const char *key, const struct ut_json *value)
{
    char *keys = ctx;

    strncat(keys, key, 1);
    return value != NULL && strlen(keys) < 3;
}

static void test_parse_gives_values_and_absence(void **state)
{
    const char *text = "{\"a\":[1,2.5,\"x\\u0000y\",true,null],\"b\":{\"c\":-7},\"d\":0,\"e\":1}";
    struct ut_json *root = NULL;
    struct ut_error err;
    int64_t i = 99;
    double d;
    bool b = false;
    size_t n;
    char keys[8] = "";

    (void)state;
    assert_int_equal(ut_json_parse(&root, text, strlen(text), 1000, "t", &err), UT_OK);
    const struct ut_json *a = ut_json_get(root, "a");
    assert_true(ut_json_is_array(a));
    assert_int_equal(ut_json_n(a), 5);
    assert_true(ut_json_i64(ut_json_at(a, 0), &i));
    assert_int_equal(i, 1);
    assert_false(ut_json_i64(ut_json_at(a, 1), &i));
    assert_true(ut_json_f64(ut_json_at(a, 1), &d));
    assert_true(d == 2.5);
    assert_memory_equal(ut_json_text(ut_json_at(a, 2), &n), "x\0y", 4);
    assert_int_equal(n, 3);
    assert_true(ut_json_bool(ut_json_at(a, 3), &b));
    assert_true(b);
    assert_null(ut_json_at(a, 5));
    assert_true(ut_json_i64(ut_json_get(ut_json_get(root, "b"), "c"), &i));
    assert_int_equal(i, -7);
    assert_null(ut_json_get(ut_json_get(ut_json_get(root, "no"), "c"), "d"));
    assert_int_equal(ut_json_n(NULL), 0);
    assert_null(ut_json_text(NULL, NULL));
    assert_false(ut_json_bool(NULL, &b));
    ut_json_each(root, count_members, keys);
    assert_string_equal(keys, "abd");
    ut_json_destroy(root);
    ut_json_destroy(NULL);
}

static void check_refused(const char *text, size_t n, enum ut_status want, const char *says)
{
    struct ut_json *root = NULL;
    struct ut_error err = { 0 };

    assert_int_equal(ut_json_parse(&root, text, n, 500, "t.json", &err), want);
    assert_null(root);
    assert_non_null(strstr(err.text, "t.json: "));
    if (!strstr(err.text, says))
        fail_msg("'%s' lacks '%s'", err.text, says);
}

static void test_hostile_text_is_refused(void **state)
{
    char deep[200];

    (void)state;
    memset(deep, '[', 100);
    memset(deep + 100, ']', 100);
    check_refused(deep, 200, UT_ELIMIT, "deeper than 64");
    check_refused(deep, 501, UT_ELIMIT, "501 bytes");
    check_refused("", 0, UT_EFORMAT, "line 1");
    check_refused("{\"a\":1,\"a\":2}", 13, UT_EFORMAT, "duplicate");
    check_refused("{\"a\":\n1", 7, UT_EFORMAT, "line 2");
    check_refused("\"\xff\"", 3, UT_EFORMAT, "byte 0xff");
    check_refused("{}x", 3, UT_EFORMAT, "");
    check_refused("\"\\", 2, UT_EFORMAT, "");
}

static void test_writer_puts_separators_and_escapes(void **state)
{
    struct ut_buffer buf = { .limit = 1000 };
    struct ut_json_writer w = { .out = &buf };

    (void)state;
    ut_json_open_object(&w, NULL);
    ut_json_put_string(&w, "t", "a\"\\\n\x01\xc3\xa9\xff\xe2\x82");
    ut_json_open_array(&w, "x");
    ut_json_put_i64(&w, NULL, INT64_MIN);
    ut_json_put_f64(&w, NULL, 1.25, 3);
    ut_json_put_f64(&w, NULL, -0.05, 2);
    ut_json_put_f64(&w, NULL, 2.0, 2);
    ut_json_put_f64(&w, NULL, 0.999, 2);
    ut_json_put_f64(&w, NULL, NAN, 2);
    ut_json_put_f64(&w, NULL, 1e12, 2);
    ut_json_close(&w);
    ut_json_put_bool(&w, "b", false);
    ut_json_put_null(&w, "n");
    ut_json_open_object(&w, "o");
    ut_json_close(&w);
    assert_int_equal(ut_json_end(&w), UT_EINVAL); /* still open */
    ut_json_close(&w);
    assert_int_equal(ut_json_end(&w), UT_OK);
    assert_string_equal(
        ut_buffer_text(&buf),
        "{\"t\":\"a\\\"\\\\\\n\\u0001\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\","
        "\"x\":[-9223372036854775808,1.25,-0.05,2,1,null,1000000000000.0],"
        "\"b\":false,\"n\":null,\"o\":{}}");
    struct ut_json *root = NULL;
    assert_int_equal(ut_json_parse(&root, buf.data, buf.n, 1000, "t", NULL), UT_OK);
    ut_json_destroy(root);
    ut_buffer_finish(&buf);
}

static void test_writer_misuse_and_full_buffer_are_kept(void **state)
{
    struct ut_buffer buf = { .limit = 6 };
    struct ut_json_writer w = { .out = &buf };

    (void)state;
    ut_json_open_array(&w, NULL);
    ut_json_put_i64(&w, "key", 1); /* no key in an array */
    assert_int_equal(ut_json_end(&w), UT_EINVAL);
    w = (struct ut_json_writer){ .out = &buf };
    ut_json_close(&w);
    assert_int_equal(ut_json_end(&w), UT_EINVAL);
    ut_buffer_clear(&buf);
    w = (struct ut_json_writer){ .out = &buf };
    ut_json_put_string(&w, NULL, "more than six");
    assert_int_equal(ut_json_end(&w), UT_ELIMIT);
    w = (struct ut_json_writer){ .out = &buf };
    assert_int_equal(ut_json_end(&w), UT_EINVAL); /* nothing written */
    ut_buffer_finish(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_gives_values_and_absence),
        cmocka_unit_test(test_hostile_text_is_refused),
        cmocka_unit_test(test_writer_puts_separators_and_escapes),
        cmocka_unit_test(test_writer_misuse_and_full_buffer_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
