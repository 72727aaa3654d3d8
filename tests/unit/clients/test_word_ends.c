#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "clients/word_ends.h"

enum { RATE = 16000, N = 4 * RATE, MS = 16 };

static float pcm[N];

/* A voice of 200 Hz over a room 50 dB below. */
static void say(int64_t from_ms, int64_t to_ms)
{
    for (int64_t i = from_ms * MS; i < to_ms * MS; i++)
        pcm[i] = 0.3f * sinf((float)i * 0.0785f);
}

static void be_quiet(void)
{
    for (int64_t i = 0; i < N; i++)
        pcm[i] = (float)(i * 7919 % 13 - 6) * 1e-4f;
}

/* Two words of 0.5 to 1 s and 1.5 to 2 s, the first aligned to end at `aligned_ms`. */
static int64_t end_of_first(int64_t aligned_ms, int64_t next_ms)
{
    struct ut_timed_word words[] = {
        { .text = "one", .start = 500 * MS, .end = aligned_ms * MS, .timed = true },
        { .text = "two", .start = next_ms * MS, .end = 1900 * MS, .timed = true },
    };
    const int64_t aligned[] = { aligned_ms * MS, 1900 * MS };
    assert_int_equal(ut_word_ends_find(words, 2, aligned, pcm, N), UT_OK);
    assert_int_equal(words[1].end, 2000 * MS); /* the last one is brought forward too */
    return words[0].end / MS;
}

static void test_word_before_a_pause_ends_with_its_sound(void **state)
{
    (void)state;
    be_quiet();
    say(500, 1000);
    say(1500, 2000);
    assert_int_equal(end_of_first(880, 880), 1000);   /* the pause was given to the next word */
    assert_int_equal(end_of_first(1480, 1480), 1000); /* or to this one */
    assert_int_equal(end_of_first(1000, 1500), 1000);
    assert_int_equal(end_of_first(700, 700), 700); /* too far away to be the same */
}

static void test_word_without_a_pause_stays(void **state)
{
    (void)state;
    be_quiet();
    say(500, 1000);
    say(1080, 2000); /* a stop of 80 ms */
    assert_int_equal(end_of_first(950, 950), 950);
}

static void test_nothing_to_measure_changes_nothing(void **state)
{
    struct ut_timed_word words[] = { { .text = "one", .start = 0, .end = 1000, .timed = true },
                                     { .text = "two", .timed = false } };
    const int64_t aligned[] = { 1000, 0 };
    (void)state;
    memset(pcm, 0, sizeof pcm);
    assert_int_equal(ut_word_ends_find(words, 2, aligned, pcm, 100), UT_OK);
    assert_int_equal(ut_word_ends_find(words, 2, aligned, pcm, N), UT_OK);
    assert_int_equal(words[0].end, 1000);
    assert_int_equal(words[1].end, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_word_before_a_pause_ends_with_its_sound),
        cmocka_unit_test(test_word_without_a_pause_stays),
        cmocka_unit_test(test_nothing_to_measure_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
