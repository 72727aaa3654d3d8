#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "clients/progress.h"
#include "clients/terminal.h"

static int controller;
static int screen;

/* What the terminal was sent since the last call. */
static const char *sent(void)
{
    static char text[16384];
    struct pollfd ready = { .fd = controller, .events = POLLIN };

    /* what was written before is there at once; an empty wait means that nothing was */
    if (poll(&ready, 1, 200) != 1)
        return "";
    ssize_t got = read(controller, text, sizeof text - 1);
    text[got > 0 ? got : 0] = '\0';
    return text;
}

static int open_screen(void **state)
{
    struct winsize size = { .ws_row = 24, .ws_col = 40 };

    (void)state;
    if (openpty(&controller, &screen, NULL, NULL, &size) != 0) {
        print_message("skipped: no pseudo terminal can be had\n");
        exit(77);
    }
    return 0;
}

static int close_screen(void **state)
{
    (void)state;
    close(controller);
    close(screen);
    return 0;
}

static void test_tail_is_dimmed_and_drawn_anew(void **state)
{
    struct ut_terminal *t = NULL;

    (void)state;
    assert_int_equal(ut_terminal_create(&t, screen, true), UT_OK);
    ut_terminal_commit(t, "It", true);
    ut_terminal_commit(t, "was", true);
    ut_terminal_draw(t, "the beast", "");
    assert_string_equal(sent(), "It was\033[2m the beast\033[0m");
    ut_terminal_draw(t, "the best", "");
    assert_string_equal(sent(), "\r\033[JIt was\033[2m the best\033[0m");
    ut_terminal_destroy(t);
    assert_string_equal(sent(), "\r\033[JIt was\r\n");
}

static void test_full_rows_leave_the_region(void **state)
{
    struct ut_terminal *t = NULL;

    (void)state;
    assert_int_equal(ut_terminal_create(&t, screen, false), UT_OK);
    for (int i = 0; i < 12; i++)
        ut_terminal_commit(t, "seven77", true);
    ut_terminal_draw(t, "", "0:12");
    const char *text = sent();
    assert_non_null(strstr(text, "seven77 seven77 seven77 seven77 seven77\r\n"));
    assert_non_null(strstr(text, "0:12"));
    ut_terminal_draw(t, "", "0:13");
    /* only the open row and the status row are drawn again */
    assert_string_equal(sent(), "\033[1A\r\033[Jseven77 seven77\r\n0:13");
    ut_terminal_destroy(t);
    sent();
}

static void test_narrower_terminal_is_erased_by_its_own_rows(void **state)
{
    struct ut_terminal *t = NULL;
    struct winsize narrow = { .ws_row = 24, .ws_col = 20 };
    struct winsize wide = { .ws_row = 24, .ws_col = 40 };

    (void)state;
    assert_int_equal(ut_terminal_create(&t, screen, false), UT_OK);
    ut_terminal_draw(t, "thirty columns of unstable tail", "");
    sent();
    assert_int_equal(ioctl(screen, TIOCSWINSZ, &narrow), 0);
    ut_terminal_draw(t, "now", "");
    /* the row of 31 columns has become two */
    assert_string_equal(sent(), "\033[1A\r\033[Jnow");
    assert_int_equal(ioctl(screen, TIOCSWINSZ, &wide), 0);
    ut_terminal_destroy(t);
    sent();
}

static void test_control_characters_do_not_reach_the_terminal(void **state)
{
    struct ut_terminal *t = NULL;

    (void)state;
    assert_int_equal(ut_terminal_create(&t, screen, false), UT_OK);
    ut_terminal_commit(t, "a\033[31mb\x07\xc2\x9b", true);
    ut_terminal_draw(t, "", "");
    assert_string_equal(sent(), "a[31mb");
    ut_terminal_destroy(t);
    sent();
}

static void test_progress_shows_share_speed_and_time_left(void **state)
{
    struct ut_progress p = { .n_total = 600 * 16000, .n_done = 300 * 16000 };
    char text[160];

    (void)state;
    ut_progress_text(&p, 30 * 1000000, 80, text, sizeof text);
    assert_string_equal(
        text, "[####################....................]   50 %  10.0x real time  0:30 left");
    ut_progress_text(&p, 30 * 1000000, 30, text, sizeof text);
    assert_null(strchr(text, '['));
    p.n_total = -1;
    ut_progress_text(&p, 30 * 1000000, 80, text, sizeof text);
    assert_string_equal(text, "5:00  10.0x real time");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tail_is_dimmed_and_drawn_anew, open_screen,
                                        close_screen),
        cmocka_unit_test_setup_teardown(test_full_rows_leave_the_region, open_screen, close_screen),
        cmocka_unit_test_setup_teardown(test_narrower_terminal_is_erased_by_its_own_rows,
                                        open_screen, close_screen),
        cmocka_unit_test_setup_teardown(test_control_characters_do_not_reach_the_terminal,
                                        open_screen, close_screen),
        cmocka_unit_test(test_progress_shows_share_speed_and_time_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
