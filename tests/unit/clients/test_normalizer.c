/* The normalisers against whisper-normalizer's own outputs (tests/golden/normalizer). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "clients/normalizer.h"
#include "clients/spelling.h"

static const char *directory;

static struct ut_spelling *open_spelling(void)
{
    char path[4096];
    struct ut_spelling *s = NULL;
    struct ut_error err = { 0 };

    snprintf(path, sizeof path, "%s/spellings.json", directory);
    if (ut_spelling_open(&s, path, &err) != UT_OK)
        fail_msg("%s", err.text);
    return s;
}

static size_t compare(char kind, const char *text, const char *expected,
                      const struct ut_spelling *spelling)
{
    struct ut_buffer out = { .limit = 1 << 20 };
    enum ut_status st = kind == 'E' ? ut_normalize_english(&out, text, spelling)
                                    : ut_normalize_basic(&out, text, kind == 'L');

    assert_int_equal(st, UT_OK);
    size_t differs = strcmp(ut_buffer_text(&out), expected) != 0;
    if (differs)
        print_error("%c '%s'\n  is       '%s'\n  expected '%s'\n", kind, text, ut_buffer_text(&out),
                    expected);
    ut_buffer_finish(&out);
    return differs;
}

static void test_every_golden_string_gives_the_reference_text(void **state)
{
    char path[4096];
    char *line = NULL;
    char *result = NULL;
    size_t n_line = 0;
    size_t n_result = 0;
    size_t n = 0;
    size_t n_wrong = 0;
    struct ut_spelling *spelling = open_spelling();

    (void)state;
    snprintf(path, sizeof path, "%s/normalizer.txt", directory);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (getline(&line, &n_line, f) > 1 && getline(&result, &n_result, f) > 1) {
        line[strlen(line) - 1] = '\0';
        result[strlen(result) - 1] = '\0';
        n_wrong += compare(line[0], line + 1, result + 1, spelling);
        n++;
        if (getline(&line, &n_line, f) < 0)
            break;
    }
    fclose(f);
    free(line);
    free(result);
    ut_spelling_close(spelling);
    assert_true(n > 200);
    assert_int_equal(n_wrong, 0);
}

static void test_spelling_when_damaged_is_refused(void **state)
{
    static const char *const bad[] = { "",          "[]",         "{\"a\"}",
                                       "{\"a\":1}", "{\"a\":\"b", "{\"a\" \"b\"}" };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct ut_spelling *s = NULL;
        struct ut_error err = { 0 };
        assert_int_equal(ut_spelling_parse(&s, bad[i], strlen(bad[i]), &err), UT_EFORMAT);
        assert_null(s);
        assert_true(err.text[0]);
    }
}

static void test_text_that_is_no_utf8_is_taken(void **state)
{
    static const char *const bad[] = { "\xff\xfe one", "\xc3", "a\xe2\x82",
                                       "\xf0\x9f\x98 and a half" };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct ut_buffer out = { .limit = 1 << 16 };
        assert_int_equal(ut_normalize_english(&out, bad[i], NULL), UT_OK);
        assert_int_equal(ut_normalize_basic(&out, bad[i], true), UT_OK);
        ut_buffer_finish(&out);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_golden_string_gives_the_reference_text),
        cmocka_unit_test(test_spelling_when_damaged_is_refused),
        cmocka_unit_test(test_text_that_is_no_utf8_is_taken),
    };

    if (argc < 2)
        return 2;
    directory = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
