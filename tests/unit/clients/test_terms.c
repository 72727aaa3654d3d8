/* Terms of the command line and of a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "clients/terms.h"

static char path[64];

static void write_file(const char *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static void test_lines_of_the_file_come_behind_the_options(void **state)
{
    static const char text[] = "\xEF\xBB\xBFOkonkwo\r\n\n  \t\nLake Balaton\nlast";
    struct ut_settings s = ut_settings_default();
    struct ut_terms t = { 0 };
    struct ut_error err;
    (void)state;
    write_file(text, sizeof text - 1);
    s.terms.values[s.terms.n++] = "Merneptah";
    s.terms.values[s.terms.n++] = ""; /* wrong, so kept for who says so */
    s.terms_path = path;
    assert_int_equal(ut_terms_open(&t, &s, &err), UT_OK);
    assert_int_equal(t.n, 5);
    const char *want[] = { "Merneptah", "", "Okonkwo", "Lake Balaton", "last" };
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(t.list[i], want[i]);
    ut_terms_close(&t);
}

static void test_no_terms_are_no_terms(void **state)
{
    struct ut_settings s = ut_settings_default();
    struct ut_terms t = { 0 };
    struct ut_asr_bias *b = NULL;
    struct ut_error err;
    (void)state;
    assert_int_equal(ut_terms_open(&t, &s, &err), UT_OK);
    assert_int_equal(t.n, 0);
    ut_terms_close(&t);
    write_file("", 0);
    s.terms_path = path;
    assert_int_equal(ut_terms_open(&t, &s, &err), UT_OK);
    assert_int_equal(t.n, 0);
    ut_terms_close(&t);
    assert_int_equal(ut_terms_bias(&b, &s, NULL, &err), UT_OK);
    assert_null(b);
}

static void test_what_is_no_list_of_terms_is_refused_by_name(void **state)
{
    struct ut_settings s = ut_settings_default();
    struct ut_terms t = { 0 };
    struct ut_error err = { UT_OK, "" };
    char *large = calloc((1 << 20) + 1, 1);
    (void)state;
    assert_non_null(large);
    memset(large, 'a', (1 << 20) + 1);
    s.terms_path = path;
    write_file("ab\0c", 4);
    assert_int_equal(ut_terms_open(&t, &s, &err), UT_EINVAL);
    assert_non_null(strstr(err.text, path));
    write_file(large, (1 << 20) + 1);
    assert_int_equal(ut_terms_open(&t, &s, &err), UT_EINVAL);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(ut_terms_open(&t, &s, &err), UT_EINVAL);
    assert_non_null(strstr(err.text, path));
    assert_null(t.list);
    free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_of_the_file_come_behind_the_options),
        cmocka_unit_test(test_no_terms_are_no_terms),
        cmocka_unit_test(test_what_is_no_list_of_terms_is_refused_by_name),
    };

    snprintf(path, sizeof path, "/tmp/ut-test-terms-%ld.txt", (long)getpid());
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
