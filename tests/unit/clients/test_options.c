#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "clients/options.h"

struct target {
    bool live;
    bool words;
    int threads;
    double speed;
    const char *model;
    struct ut_option_list outputs;
};

static enum ut_status parse(struct target *t, int argc, char **argv, int *n, struct ut_error *err)
{
    static const struct ut_usage usage = { "utter x", "about", NULL };
    const struct ut_option options[] = {
        { .help = "Things:" },
        { "live", 'l', UT_OPTION_FLAG, &t->live, 0, 0, NULL, "live" },
        { "words", 0, UT_OPTION_FLAG, &t->words, 0, 0, NULL, "words" },
        { "threads", 't', UT_OPTION_INT, &t->threads, 0, 64, "N", "threads" },
        { "speed", 0, UT_OPTION_NUMBER, &t->speed, 0.1, 10, "X", "speed" },
        { "model", 'm', UT_OPTION_TEXT, &t->model, 0, 0, "M", "model" },
        { "output", 'o', UT_OPTION_LIST, &t->outputs, 0, 0, "F", "output" },
    };

    return ut_options_parse(&usage, options, 7, argc, argv, n, err);
}

static void test_every_form_is_read(void **state)
{
    char *argv[] = { "x",   "a.wav", "--live", "--no-words", "-t", "3", "--speed=2.5", "-o",
                     "one", "-o",    "two",    "-",          "-m", "b", "--",          "--live" };
    struct target t = { .words = true };
    struct ut_error err = { 0 };
    int n = 0;

    (void)state;
    assert_int_equal(parse(&t, 16, argv, &n, &err), UT_OK);
    assert_int_equal(n, 3);
    assert_string_equal(argv[0], "a.wav");
    assert_string_equal(argv[1], "-");
    assert_string_equal(argv[2], "--live");
    assert_true(t.live && !t.words && t.threads == 3 && t.speed == 2.5);
    assert_string_equal(t.model, "b");
    assert_int_equal(t.outputs.n, 2);
    assert_string_equal(t.outputs.values[1], "two");
}

static void test_bad_options_are_named(void **state)
{
    static char *const bad[][3] = {
        { "--nope", NULL, "--nope" },   { "-z", NULL, "-z" },
        { "--threads", "65", "65" },    { "--threads", "2.5", "2.5" },
        { "--threads", "two", "two" },  { "--threads", "", "threads" },
        { "--speed", "nan", "nan" },    { "--speed", "0", "speed" },
        { "--model", NULL, "--model" }, { "--live=yes", NULL, "yes" },
        { "--threads", "0x", "0x" },    { "--no-threads", "1", "--no-threads" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char *argv[] = { "x", bad[i][0], bad[i][1] };
        struct target t = { .threads = 1, .speed = 1 };
        struct ut_error err = { 0 };
        int n = 0;
        assert_int_equal(parse(&t, bad[i][1] ? 3 : 2, argv, &n, &err), UT_EINVAL);
        if (!strstr(err.text, bad[i][2]))
            fail_msg("'%s' does not name %s", err.text, bad[i][2]);
    }
}

static void test_list_has_a_bound(void **state)
{
    char *argv[1 + 2 * (UT_OPTION_LIST_MAX + 1)] = { "x" };
    struct target t = { 0 };
    struct ut_error err = { 0 };
    int n = 0;

    (void)state;
    for (size_t i = 0; i <= UT_OPTION_LIST_MAX; i++) {
        argv[1 + 2 * i] = "-o";
        argv[2 + 2 * i] = "f";
    }
    assert_int_equal(parse(&t, 1 + 2 * (UT_OPTION_LIST_MAX + 1), argv, &n, &err), UT_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_form_is_read),
        cmocka_unit_test(test_bad_options_are_named),
        cmocka_unit_test(test_list_has_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
