#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "clients/token_lists.h"

static char path[] = "/tmp/utter-token-lists-XXXXXX";

static enum ut_status open_text(struct ut_token_lists *t, const char *text, size_t n,
                                struct ut_error *err)
{
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    return ut_token_lists_open(t, path, err);
}

static void test_lines_are_found_by_file(void **state)
{
    static const char text[] = "a/b.wav\t50364 12 7\nsilent.wav\t\nlast.wav\t3";
    struct ut_token_lists t = { 0 };

    (void)state;
    assert_int_equal(open_text(&t, text, sizeof text - 1, NULL), UT_OK);
    assert_int_equal(t.n, 3);
    assert_string_equal(ut_token_lists_find(&t, "a/b.wav"), "50364 12 7");
    assert_string_equal(ut_token_lists_find(&t, "silent.wav"), "");
    assert_string_equal(ut_token_lists_find(&t, "last.wav"), "3");
    assert_null(ut_token_lists_find(&t, "b.wav"));
    ut_token_lists_close(&t);
    assert_int_equal(open_text(&t, "", 0, NULL), UT_OK);
    assert_null(ut_token_lists_find(&t, "a/b.wav"));
    ut_token_lists_close(&t);
}

static void test_damaged_lines_are_named(void **state)
{
    static const char *const bad[] = { "a\t1\nno tab\n", "a\t1\n\tno file\n", "a\t1\nb\t1 x\n",
                                       "a\t1\nb\t1\t2\n", "a\t1\n\n" };
    struct ut_token_lists t = { 0 };
    struct ut_error err;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(open_text(&t, bad[i], strlen(bad[i]), &err), UT_EFORMAT);
        assert_non_null(strstr(err.text, path));
        assert_non_null(strstr(err.text, "line 2"));
        assert_null(t.lists);
    }
    assert_int_equal(open_text(&t, "a\t1\0", 4, &err), UT_EFORMAT);
    assert_int_equal(ut_token_lists_open(&t, "/nonexistent/list", &err), UT_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_are_found_by_file),
        cmocka_unit_test(test_damaged_lines_are_named),
    };
    int fd = mkstemp(path);

    if (fd < 0)
        return 1;
    close(fd);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
