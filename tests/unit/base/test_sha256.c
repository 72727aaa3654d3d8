#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/sha256.h"

/* SOURCE: FIPS 180-4 examples. */
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void test_known_hashes(void **state)
{
    struct ut_sha256 *h = NULL;
    char hex[UT_SHA256_HEX];

    (void)state;
    assert_int_equal(ut_sha256_create(&h), UT_OK);
    assert_int_equal(ut_sha256_update(h, "a", 1), UT_OK);
    assert_int_equal(ut_sha256_update(h, "bc", 2), UT_OK);
    assert_int_equal(ut_sha256_final(h, hex), UT_OK);
    assert_string_equal(hex, ABC);
    ut_sha256_destroy(h);
    ut_sha256_destroy(NULL);
}

static void test_file_hash_and_its_errors(void **state)
{
    char path[] = "/tmp/ut-sha-XXXXXX";
    char hex[UT_SHA256_HEX] = "untouched";
    struct ut_error err;
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(ut_sha256_file(hex, path, &err), UT_OK);
    assert_string_equal(hex, EMPTY);
    assert_int_equal(write(fd, "abc", 3), 3);
    assert_int_equal(ut_sha256_file(hex, path, &err), UT_OK);
    assert_string_equal(hex, ABC);
    close(fd);
    unlink(path);
    assert_int_equal(ut_sha256_file(hex, path, &err), UT_EIO);
    assert_string_equal(hex, ABC);
    assert_int_equal(ut_sha256_file(hex, "/tmp", &err), UT_EFORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_hashes),
        cmocka_unit_test(test_file_hash_and_its_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
