#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "models/unpack.h"
#include "tests/unit/models/zip.h"

#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static char dir[] = "/tmp/ut-unpack-XXXXXX";
static char path[64];

static const struct zip_file files[] = {
    { "p/data/a.bin", "abc", 3 },
    { "p/data/b.bin", "bcd", 3 },
    { "../../escape", "evil", 4 },
    { "p/__init__.py", "", 0 },
};

static enum ut_status copy(const char *inner, uint64_t limit, const char *sha256, char *text,
                           struct ut_error *err)
{
    FILE *f = fmemopen(text, 64, "w");
    uint64_t n = 99;

    assert_non_null(f);
    enum ut_status st = ut_unpack_file(f, path, inner, limit, sha256, &n, err);
    if (st == UT_OK)
        assert_int_equal(n, ftell(f));
    else
        assert_int_equal(n, 99);
    fclose(f);
    return st;
}

static void test_a_file_is_copied_by_path_or_pattern(void **state)
{
    struct ut_error err = { 0 };
    char text[64] = "";

    (void)state;
    assert_int_equal(copy("p/data/a.bin", 3, ABC, text, &err), UT_OK);
    assert_memory_equal(text, "abc", 3);
    assert_int_equal(copy("*/data/b*", 100, NULL, text, &err), UT_OK);
    assert_memory_equal(text, "bcd", 3);
    assert_int_equal(copy("p/__init__.py", 0, NULL, text, &err), UT_OK);
    assert_int_equal(access("/tmp/escape", F_OK), -1);
}

static void test_what_is_not_as_pinned_is_refused(void **state)
{
    static const struct {
        const char *inner;
        uint64_t limit;
        const char *sha256;
        enum ut_status status;
        const char *says;
    } faults[] = {
        { "p/data/b.bin", 3, ABC, UT_EFORMAT, "p/data/b.bin has sha256 " },
        { "p/data/a.bin", 2, ABC, UT_ELIMIT, "longer than 2 bytes" },
        { "p/data/c.bin", 9, NULL, UT_EFORMAT, "no file p/data/c.bin inside" },
        { "*/data/*", 9, NULL, UT_EFORMAT, "several files match */data/*" },
        { "*", 9, NULL, UT_EFORMAT, "no file * inside" }, /* a star stops at a slash */
    };
    char text[64];

    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct ut_error err = { 0 };
        assert_int_equal(copy(faults[i].inner, faults[i].limit, faults[i].sha256, text, &err),
                         faults[i].status);
        if (!strstr(err.text, faults[i].says))
            fail_msg("'%s' lacks '%s'", err.text, faults[i].says);
        assert_non_null(strstr(err.text, path));
    }
}

static void test_a_full_device_is_reported(void **state)
{
    struct ut_error err = { 0 };
    FILE *f = fopen("/dev/full", "wbe");

    (void)state;
    if (!f)
        skip();
    setvbuf(f, NULL, _IONBF, 0);
    assert_int_equal(ut_unpack_file(f, path, "p/data/a.bin", 9, NULL, NULL, &err), UT_EIO);
    assert_non_null(strstr(err.text, "No space left"));
    fclose(f);
}

static void test_what_is_no_archive_is_refused(void **state)
{
    struct ut_error err = { 0 };
    char text[64];
    FILE *f = fopen(path, "wbe");

    (void)state;
    assert_non_null(f);
    assert_true(fputs("RIFF....WAVEfmt ", f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(copy("p/data/a.bin", 9, NULL, text, &err), UT_EFORMAT);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(copy("p/data/a.bin", 9, NULL, text, &err), UT_EFORMAT);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_file_is_copied_by_path_or_pattern),
        cmocka_unit_test(test_what_is_not_as_pinned_is_refused),
        cmocka_unit_test(test_a_full_device_is_reported),
        cmocka_unit_test(test_what_is_no_archive_is_refused),
    };
    if (!mkdtemp(dir))
        return 1;
    snprintf(path, sizeof path, "%s/p.whl", dir);
    zip_write(path, files, sizeof files / sizeof files[0]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
