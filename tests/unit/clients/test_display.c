#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "clients/display.h"

/* Shows or commits words given as one letter each, at `now` seconds and half of that of audio. */
static void show(struct ut_display *d, const char *letters, double now, bool commit)
{
    char texts[16][2] = { 0 };
    struct ut_display_word words[16];
    size_t n = strlen(letters);

    for (size_t i = 0; i < n; i++) {
        texts[i][0] = letters[i];
        words[i] = (struct ut_display_word){ texts[i], (int64_t)i * 100, (int64_t)i * 100 + 50 };
    }
    enum ut_status st = commit ? ut_display_commit(d, words, n, now, now / 2)
                               : ut_display_tail(d, words, n, now, now / 2);
    assert_int_equal(st, UT_OK);
}

static void expect(const struct ut_display *d, size_t committed, size_t changed, size_t erased)
{
    if (d->committed.n != committed || d->n_changed != changed || d->n_erased != erased)
        fail_msg("%zu committed, %zu changed, %zu erased", d->committed.n, d->n_changed,
                 d->n_erased);
}

static void test_words_that_stay_keep_their_first_time(void **state)
{
    struct ut_display d = { 0 };

    (void)state;
    show(&d, "ab", 1, false);
    show(&d, "abc", 2, false);
    show(&d, "ab", 3, true);
    show(&d, "c", 3, false);
    show(&d, "cd", 4, true);
    expect(&d, 4, 0, 0);
    const double shown[] = { 1, 1, 2, 4 }, committed[] = { 3, 3, 4, 4 };
    for (size_t i = 0; i < 4; i++) {
        assert_true(d.committed.words[i].shown_s == shown[i]);
        assert_true(d.committed.words[i].shown_audio_s == shown[i] / 2);
        assert_true(d.committed.words[i].committed_s == committed[i]);
    }
    assert_int_equal(d.committed.words[3].end, 150);
    assert_string_equal(d.committed.words[3].text, "d");
    ut_display_finish(&d);
}

static void test_changes_and_erasure_are_counted(void **state)
{
    struct ut_display d = { 0 };

    (void)state;
    show(&d, "abc", 1, false);
    show(&d, "axc", 2, false); /* b changed; b and c written anew */
    expect(&d, 0, 1, 2);
    assert_true(d.tail.words[2].shown_s == 1);
    show(&d, "ax", 3, false); /* c taken back */
    expect(&d, 0, 2, 3);
    show(&d, "ay", 4, true); /* x changed */
    expect(&d, 2, 3, 4);
    show(&d, "", 5, false);
    expect(&d, 2, 3, 4);
    ut_display_finish(&d);
}

static void test_a_tail_behind_committed_words_stands(void **state)
{
    struct ut_display d = { 0 };

    (void)state;
    show(&d, "abcd", 1, false);
    show(&d, "a", 2, true);
    expect(&d, 1, 0, 0);
    show(&d, "bcd", 2, false);
    expect(&d, 1, 0, 0);
    show(&d, "b", 3, true);
    show(&d, "", 3, false); /* nothing follows: c and d are gone */
    expect(&d, 2, 2, 2);
    ut_display_finish(&d);
}

static void test_a_rest_erased_at_a_commit_is_not_counted_twice(void **state)
{
    struct ut_display d = { 0 };

    (void)state;
    show(&d, "abcd", 1, false);
    show(&d, "x", 2, true); /* a became x: all four words are written anew */
    expect(&d, 1, 1, 4);
    show(&d, "bce", 2, false); /* d changed, its erasure is counted */
    expect(&d, 1, 2, 4);
    ut_display_finish(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_that_stay_keep_their_first_time),
        cmocka_unit_test(test_changes_and_erasure_are_counted),
        cmocka_unit_test(test_a_tail_behind_committed_words_stands),
        cmocka_unit_test(test_a_rest_erased_at_a_commit_is_not_counted_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
