#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"

static char dir[] = "/tmp/ut-file-XXXXXX";

static void test_map_of_a_directory_is_refused(void **state)
{
    struct ut_file_map map = { 0 };
    struct ut_error err;

    (void)state;
    assert_int_equal(ut_file_map_open(&map, dir, &err), UT_EFORMAT);
    assert_non_null(strstr(err.text, dir));
    assert_int_equal(ut_file_map_open(&map, "/nonexistent/x", &err), UT_EIO);
    ut_file_map_close(&map);
}

static void test_writer_commit_makes_the_whole_file(void **state)
{
    struct ut_file_writer w;
    struct ut_file_map map;
    char path[64];

    (void)state;
    snprintf(path, sizeof path, "%s/out", dir);
    assert_int_equal(ut_file_writer_open(&w, path, NULL), UT_OK);
    assert_true(fputs("hello", w.f) >= 0);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(ut_file_writer_commit(&w, NULL), UT_OK);
    assert_int_equal(ut_file_map_open(&map, path, NULL), UT_OK);
    assert_int_equal(map.n_bytes, 5);
    assert_memory_equal(map.data, "hello", 5);
    ut_file_map_close(&map);
    assert_int_equal(unlink(path), 0);
}

static void test_writer_when_the_disk_is_full_reports_it(void **state)
{
    struct ut_file_writer w;
    struct ut_error err;

    (void)state;
    if (access("/dev/full", W_OK) != 0)
        skip();
    /* The temporary beside /dev/full cannot be made; a full device shows as a write error. */
    char path[64];
    snprintf(path, sizeof path, "%s/full", dir);
    assert_int_equal(ut_file_writer_open(&w, path, NULL), UT_OK);
    w.f = freopen("/dev/full", "wb", w.f);
    assert_non_null(w.f);
    assert_true(fputs("x", w.f) >= 0);
    assert_int_equal(ut_file_writer_commit(&w, &err), UT_EIO);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(access(path, F_OK), -1);
}

static void test_writer_abort_leaves_nothing(void **state)
{
    struct ut_file_writer w;

    (void)state;
    char path[64];
    snprintf(path, sizeof path, "%s/gone", dir);
    assert_int_equal(ut_file_writer_open(&w, path, NULL), UT_OK);
    ut_file_writer_abort(&w);
    ut_file_writer_abort(&w);
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_map_of_a_directory_is_refused),
        cmocka_unit_test(test_writer_commit_makes_the_whole_file),
        cmocka_unit_test(test_writer_when_the_disk_is_full_reports_it),
        cmocka_unit_test(test_writer_abort_leaves_nothing),
    };
    if (!mkdtemp(dir))
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
