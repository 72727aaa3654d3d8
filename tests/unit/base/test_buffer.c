#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buffer.h"

static void test_append_past_the_limit_keeps_the_content(void **state)
{
    struct ut_buffer buf = { .limit = 8 };

    (void)state;
    assert_string_equal(ut_buffer_text(&buf), "");
    assert_int_equal(ut_buffer_append(&buf, "12345678", 8), UT_OK);
    assert_int_equal(ut_buffer_append(&buf, "9", 1), UT_ELIMIT);
    assert_int_equal(ut_buffer_append(&buf, "9", SIZE_MAX), UT_ELIMIT);
    assert_int_equal(ut_buffer_printf(&buf, "%d", 9), UT_ELIMIT);
    assert_string_equal(ut_buffer_text(&buf), "12345678");
    ut_buffer_clear(&buf);
    assert_int_equal(ut_buffer_printf(&buf, "%s-%d", "a", 12), UT_OK);
    assert_string_equal(ut_buffer_text(&buf), "a-12");
    ut_buffer_finish(&buf);
    assert_string_equal(ut_buffer_text(&buf), "");
}

static void test_append_many_times_grows(void **state)
{
    struct ut_buffer buf = { .limit = 100000 };

    (void)state;
    for (int i = 0; i < 10000; i++)
        assert_int_equal(ut_buffer_append(&buf, "abcdefg", 7), UT_OK);
    assert_int_equal(buf.n, 70000);
    assert_int_equal(buf.data[69999], 'g');
    assert_int_equal(buf.data[70000], 0);
    ut_buffer_finish(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append_past_the_limit_keeps_the_content),
        cmocka_unit_test(test_append_many_times_grows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
