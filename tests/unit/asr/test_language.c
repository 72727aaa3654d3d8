#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "asr/language.h"

static void test_find_of_codes_names_and_aliases(void **state)
{
    (void)state;
    assert_int_equal(ut_asr_language_find("en"), 0);
    assert_int_equal(ut_asr_language_find("English"), 0);
    assert_int_equal(ut_asr_language_find("DE"), 2);
    assert_int_equal(ut_asr_language_find("Haitian Creole"), ut_asr_language_find("ht"));
    assert_int_equal(ut_asr_language_find("castilian"), ut_asr_language_find("es"));
    assert_int_equal(ut_asr_language_find("burmese"), ut_asr_language_find("my"));
    assert_int_equal(ut_asr_language_find("yue"), 99);
    assert_int_equal(ut_asr_language_find("su"), 98);
    assert_int_equal(ut_asr_language_find(""), -1);
    assert_int_equal(ut_asr_language_find("xx"), -1);
    assert_int_equal(ut_asr_language_find("englis"), -1);
    assert_int_equal(ut_asr_language_find(NULL), -1);
}

static void test_every_language_finds_itself(void **state)
{
    (void)state;
    for (int i = 0; i < UT_ASR_N_LANGUAGES; i++) {
        assert_int_equal(ut_asr_language_find(ut_asr_language_code(i)), i);
        assert_int_equal(ut_asr_language_find(ut_asr_language_name(i)), i);
    }
    assert_null(ut_asr_language_code(-1));
    assert_null(ut_asr_language_code(UT_ASR_N_LANGUAGES));
    assert_null(ut_asr_language_name(UT_ASR_N_LANGUAGES));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find_of_codes_names_and_aliases),
        cmocka_unit_test(test_every_language_finds_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
