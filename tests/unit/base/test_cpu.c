#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cpu.h"

static void test_mask_by_level_keeps_only_lower_flags(void **state)
{
    unsigned all = UT_CPU_AVX2 | UT_CPU_AVX_VNNI | UT_CPU_AVX512 | UT_CPU_AVX512_VNNI |
                   UT_CPU_AVX512_BF16 | UT_CPU_AMX_INT8 | UT_CPU_AMX_BF16;

    (void)state;
    assert_string_equal(ut_cpu_level(all), "amx");
    assert_string_equal(ut_cpu_level(ut_cpu_mask(all, "vnni")), "vnni");
    assert_string_equal(ut_cpu_level(ut_cpu_mask(all, "avx512")), "avx512");
    assert_string_equal(ut_cpu_level(ut_cpu_mask(all, "avx2")), "avx2");
    assert_string_equal(ut_cpu_level(ut_cpu_mask(all, "scalar")), "scalar");
    assert_int_equal(ut_cpu_mask(all, NULL), all);
    assert_int_equal(ut_cpu_mask(all, "no-such-level"), all);
}

static void test_count_is_at_least_one(void **state)
{
    (void)state;
    assert_true(ut_cpu_count() >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mask_by_level_keeps_only_lower_flags),
        cmocka_unit_test(test_count_is_at_least_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
