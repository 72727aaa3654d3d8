#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audio/capture.h"

/*
 * Without devices, whatever the machine has: ALSA gets a configuration with one card that cannot
 * be (the machine's own may also load plugins that leak; an empty one makes PortAudio abort). What
 * capturing gives is checked by tests/e2e/check_capture.c.
 */
static char config[] = "/tmp/utter-test-XXXXXX";

static int hide_devices(void **state)
{
    static const char text[] = "pcm.!default { type hw card 31 }\n";
    int fd = mkstemp(config);

    (void)state;
    if (fd < 0 || write(fd, text, sizeof text - 1) != (ssize_t)sizeof text - 1)
        return -1;
    close(fd);
    return setenv("ALSA_CONFIG_PATH", config, 1);
}

static int remove_config(void **state)
{
    (void)state;
    return unlink(config);
}

static void test_list_without_devices_is_empty(void **state)
{
    struct ut_capture_device device;
    size_t n = SIZE_MAX;
    struct ut_error err;

    (void)state;
    assert_int_equal(ut_capture_list(&device, 1, &n, &err), UT_OK);
    assert_int_equal(n, 0);
}

static void test_open_of_an_unknown_device_names_it(void **state)
{
    static const char *const names[] = { "no such microphone", "99999", "999999999999999999999" };
    struct ut_capture *c = NULL;
    struct ut_error err;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(ut_capture_open(&c, names[i], &err), UT_EIO);
        assert_non_null(strstr(err.text, names[i]));
    }
    assert_null(c);
    ut_capture_close(NULL);
}

static void test_open_without_devices_says_so(void **state)
{
    struct ut_capture *c = NULL;
    struct ut_error err = { 0 };

    (void)state;
    assert_int_equal(ut_capture_open(&c, NULL, &err), UT_EIO);
    assert_int_equal(err.code, UT_EIO);
    assert_non_null(strstr(err.text, "no microphone"));
    assert_null(c);
}

/* The library may write to stderr as it likes; neither a line of it nor ours may be lost for good.
 */
static void test_stderr_is_quiet_while_opening_and_back_after(void **state)
{
    int ends[2];
    char text[64] = { 0 };
    size_t n;
    struct ut_error err;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    int kept = dup(STDERR_FILENO);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    enum ut_status st = ut_capture_list(NULL, 0, &n, &err);
    fprintf(stderr, "after");
    fflush(stderr);
    dup2(kept, STDERR_FILENO);
    close(kept);
    close(ends[1]);
    assert_int_equal(st, UT_OK);
    assert_int_equal(read(ends[0], text, sizeof text - 1), 5);
    assert_string_equal(text, "after");
    close(ends[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list_without_devices_is_empty),
        cmocka_unit_test(test_open_of_an_unknown_device_names_it),
        cmocka_unit_test(test_open_without_devices_says_so),
        cmocka_unit_test(test_stderr_is_quiet_while_opening_and_back_after),
    };
    return cmocka_run_group_tests(tests, hide_devices, remove_config);
}
