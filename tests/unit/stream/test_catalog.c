#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "models/pins.h"
#include "stream/catalog.h"

static char folder[] = "/tmp/utter-catalog-XXXXXX";

static void touch(const char *name)
{
    char path[256];

    snprintf(path, sizeof path, "%s/models/%s", folder, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fclose(f);
}

static void expect(const char *name, const char *file)
{
    struct ut_buffer path = { .limit = 4096 };
    struct ut_error err;
    char want[256];

    snprintf(want, sizeof want, "%s/models/%s", folder, file);
    touch(file);
    assert_int_equal(ut_catalog_path(&path, folder, name, &err), UT_OK);
    assert_string_equal(ut_buffer_text(&path), want);
    ut_buffer_finish(&path);
    unlink(want);
}

static void test_names_are_files_of_the_cache(void **state)
{
    (void)state;
    expect("base", "whisper-base-q8_0.gguf");
    expect("tiny.en", "whisper-tiny.en-q8_0.gguf");
    expect("base-f32", "whisper-base-f32.gguf");
    expect("tiny.en-q5_0", "whisper-tiny.en-q5_0.gguf");
    expect("large-v3", "whisper-large-v3-q8_0.gguf");
    expect("silero", "silero-vad-v6.gguf");
}

static void test_paths_are_left_as_they_are(void **state)
{
    struct ut_buffer path = { .limit = 4096 };

    (void)state;
    assert_int_equal(ut_catalog_path(&path, folder, "./base", NULL), UT_OK);
    assert_string_equal(ut_buffer_text(&path), "./base");
    ut_buffer_clear(&path);
    assert_int_equal(ut_catalog_path(&path, folder, "my.gguf", NULL), UT_OK);
    assert_string_equal(ut_buffer_text(&path), "my.gguf");
    ut_buffer_finish(&path);
}

static void test_a_missing_model_says_how_to_get_it(void **state)
{
    struct ut_buffer path = { .limit = 4096 };
    struct ut_error err;

    (void)state;
    assert_int_equal(ut_catalog_path(&path, folder, "base", &err), UT_EIO);
    assert_non_null(strstr(err.text, "\"base\""));
    assert_non_null(strstr(err.text, "whisper-base-q8_0.gguf"));
    assert_non_null(strstr(err.text, "`utter models fetch base` "));
    assert_int_equal(ut_catalog_path(&path, folder, "tiny.en-f32", &err), UT_EIO);
    assert_non_null(strstr(err.text, "`utter models fetch tiny.en --type f32` "));
    assert_int_equal(ut_catalog_path(&path, folder, "silero", &err), UT_EIO);
    assert_non_null(strstr(err.text, "`utter models fetch silero` "));
    ut_buffer_finish(&path);
}

static void test_a_name_that_cannot_be_fetched_gets_the_list_of_those_that_can(void **state)
{
    static const char *const names[] = { "nosuch", "medium", "base-x9", "bas", "silero-f32" };
    struct ut_buffer path = { .limit = 4096 };
    struct ut_error err;

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(ut_catalog_path(&path, folder, names[i], &err), UT_EIO);
        assert_non_null(strstr(err.text, names[i]));
        assert_null(strstr(err.text, "fetch"));
        assert_non_null(strstr(err.text, "base, tiny.en, silero"));
        ut_buffer_clear(&path);
    }
    ut_buffer_finish(&path);
}

/* What fetch knows and what the advice knows are the same. */
static void test_every_model_that_live_needs_and_fetch_knows_is_advised(void **state)
{
    struct ut_buffer path = { .limit = 4096 };
    struct ut_error err;
    size_t n = 0;

    (void)state;
    for (size_t i = 0; i < ut_n_pins; i++) {
        if (ut_pins[i].kind != UT_PIN_WHISPER && ut_pins[i].kind != UT_PIN_VAD)
            continue;
        assert_int_equal(ut_catalog_path(&path, folder, ut_pins[i].name, &err), UT_EIO);
        assert_non_null(strstr(err.text, "utter models fetch"));
        ut_buffer_clear(&path);
        n++;
    }
    assert_int_equal(n, 3);
    ut_buffer_finish(&path);
}

static void test_what_is_no_name_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "..",
        "a b",
        "x\n",
        "tiny;rm",
        ".hidden",
        "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn",
    };
    struct ut_buffer path = { .limit = 4096 };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(ut_catalog_path(&path, folder, bad[i], NULL), UT_EINVAL);
    ut_buffer_finish(&path);
}

static void test_the_cache_is_named_by_the_environment(void **state)
{
    struct ut_buffer path = { .limit = 4096 };

    (void)state;
    setenv("UTTER_CACHE", "/some/cache", 1);
    assert_int_equal(ut_catalog_cache(&path, NULL, NULL), UT_OK);
    assert_string_equal(ut_buffer_text(&path), "/some/cache");
    ut_buffer_clear(&path);
    assert_int_equal(ut_catalog_cache(&path, "/other", NULL), UT_OK);
    assert_string_equal(ut_buffer_text(&path), "/other");
    ut_buffer_clear(&path);
    unsetenv("UTTER_CACHE");
    setenv("HOME", "/home/somebody", 1);
    assert_int_equal(ut_catalog_cache(&path, NULL, NULL), UT_OK);
    assert_string_equal(ut_buffer_text(&path), "/home/somebody/.cache/utter");
    ut_buffer_clear(&path);
    unsetenv("HOME");
    assert_int_equal(ut_catalog_cache(&path, NULL, NULL), UT_EINVAL);
    ut_buffer_finish(&path);
}

static int make_folder(void **state)
{
    char models[64];

    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(models, sizeof models, "%s/models", folder);
    return mkdir(models, 0700);
}

static int remove_folder(void **state)
{
    char models[64];

    (void)state;
    snprintf(models, sizeof models, "%s/models", folder);
    return rmdir(models) || rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_files_of_the_cache),
        cmocka_unit_test(test_paths_are_left_as_they_are),
        cmocka_unit_test(test_a_missing_model_says_how_to_get_it),
        cmocka_unit_test(test_a_name_that_cannot_be_fetched_gets_the_list_of_those_that_can),
        cmocka_unit_test(test_every_model_that_live_needs_and_fetch_knows_is_advised),
        cmocka_unit_test(test_what_is_no_name_is_refused),
        cmocka_unit_test(test_the_cache_is_named_by_the_environment),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
