#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/status.h"

static void test_error_set_cleans_control_characters_and_cuts(void **state)
{
    struct ut_error err;
    char name[1000];

    (void)state;
    assert_int_equal(ut_error_set(&err, UT_EIO, "a\x1b[31m\n%d", 5), UT_EIO);
    assert_string_equal(err.text, "a?[31m?5");
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_int_equal(ut_error_set(&err, UT_EFORMAT, "%s", name), UT_EFORMAT);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_int_equal(ut_error_set(NULL, UT_ENOMEM, "x"), UT_ENOMEM);
}

static void test_status_name_of_every_code_is_known(void **state)
{
    (void)state;
    for (int i = UT_OK; i <= UT_ECANCELED; i++)
        assert_string_not_equal(ut_status_name((enum ut_status)i), "unknown");
    assert_string_equal(ut_status_name((enum ut_status)99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error_set_cleans_control_characters_and_cuts),
        cmocka_unit_test(test_status_name_of_every_code_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
