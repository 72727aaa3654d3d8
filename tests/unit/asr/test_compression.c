#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "asr/compression.h"

static struct ut_asr_compressor *z;

static float ratio(const char *text)
{
    return ut_asr_compressor_ratio(z, text, strlen(text));
}

/* Values of len(s) / len(zlib.compress(s)) in Python. */
static void test_ratio_equals_python_zlib(void **state)
{
    char thanks[16 * 20 + 1] = "";
    (void)state;
    for (int i = 0; i < 20; i++)
        memcpy(thanks + 16 * i, "Thanks for that ", 17);
    assert_float_equal(ratio("It was the best of times, it was the worst of times."), 52.0f / 43.0f,
                       1e-6);
    assert_float_equal(ratio(thanks), 320.0f / 29.0f, 1e-5);
    assert_float_equal(ratio("a"), 1.0f / 9.0f, 1e-6);
}

static void test_ratio_does_not_depend_on_what_came_before(void **state)
{
    (void)state;
    float first = ratio("some words that have nothing in common");
    ratio("some words that have nothing in common some words that have nothing in common");
    assert_float_equal(ratio("some words that have nothing in common"), first, 0.0f);
}

static void test_ratio_of_nothing_is_zero(void **state)
{
    (void)state;
    assert_float_equal(ratio(""), 0.0f, 0.0f);
    ut_asr_compressor_destroy(NULL);
}

static int setup(void **state)
{
    (void)state;
    return ut_asr_compressor_create(&z) == UT_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    ut_asr_compressor_destroy(z);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ratio_equals_python_zlib),
        cmocka_unit_test(test_ratio_does_not_depend_on_what_came_before),
        cmocka_unit_test(test_ratio_of_nothing_is_zero),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
