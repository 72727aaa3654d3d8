#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "clients/cue.h"
#include "clients/unicode.h"

struct seen {
    char text[200][512]; /* lines of a cue joined by '|' */
    double start[200];
    double end[200];
    size_t n;
    size_t widest;
    size_t most_lines;
};

static enum ut_status keep(void *ctx, const struct ut_cue *cue)
{
    struct seen *s = ctx;

    assert_true(s->n < 200);
    assert_true(cue->n_lines >= 1);
    for (size_t l = 0; l < cue->n_lines; l++) {
        size_t width = ut_unicode_width(cue->lines[l], strlen(cue->lines[l]));
        if (l)
            strcat(s->text[s->n], "|");
        strcat(s->text[s->n], cue->lines[l]);
        s->widest = width > s->widest ? width : s->widest;
    }
    s->most_lines = cue->n_lines > s->most_lines ? cue->n_lines : s->most_lines;
    s->start[s->n] = cue->start;
    s->end[s->n] = cue->end;
    s->n++;
    return UT_OK;
}

/* Words of 0.3 s each; '/' is a pause of 2 s, '$' the end of a segment. */
static void say(struct seen *seen, const char *text, size_t max_line, size_t max_lines, double t)
{
    struct ut_cues *cues = NULL;
    char copy[8192];
    char *rest = NULL;

    memset(seen, 0, sizeof *seen);
    assert_int_equal(ut_cues_create(&cues, max_line, max_lines, keep, seen), UT_OK);
    snprintf(copy, sizeof copy, "%s", text);
    for (char *w = strtok_r(copy, " ", &rest); w; w = strtok_r(NULL, " ", &rest)) {
        if (strcmp(w, "/") == 0) {
            t += 2;
        } else if (strcmp(w, "$") == 0) {
            assert_int_equal(ut_cues_break(cues), UT_OK);
        } else {
            struct ut_caption_word word = { .text = w, .space = true, .start = t, .end = t + 0.3 };
            assert_int_equal(ut_cues_push(cues, &word), UT_OK);
            t += 0.3;
        }
    }
    assert_int_equal(ut_cues_flush(cues), UT_OK);
    ut_cues_destroy(cues);
}

static void test_short_sentence_is_one_line(void **state)
{
    struct seen s;

    (void)state;
    say(&s, "It was the best of times. $", 42, 2, 1);
    assert_int_equal(s.n, 1);
    assert_string_equal(s.text[0], "It was the best of times.");
    assert_true(s.start[0] == 1.0);
    assert_true(s.end[0] > 2.7 && s.end[0] < 3.5);
}

static void test_long_speech_keeps_every_word_within_the_lines(void **state)
{
    static const char text[] =
        "It was the best of times, it was the worst of times, it was the age of wisdom, it was the "
        "age of foolishness, it was the epoch of belief, it was the epoch of incredulity, it was "
        "the season of Light, it was the season of Darkness, it was the spring of hope, it was the "
        "winter of despair";
    struct seen s;
    char joined[2048] = "";

    (void)state;
    say(&s, text, 42, 2, 0);
    for (size_t i = 0; i < s.n; i++) {
        if (i)
            strcat(joined, " ");
        strcat(joined, s.text[i]);
        assert_true(s.end[i] > s.start[i]);
        assert_true(s.end[i] - s.start[i] <= 8.0);
        assert_true(i == 0 || s.start[i] >= s.end[i - 1]);
    }
    for (char *p = joined; *p; p++)
        *p = *p == '|' ? ' ' : *p;
    assert_string_equal(joined, text);
    assert_true(s.widest <= 42);
    assert_int_equal(s.most_lines, 2);
    assert_true(s.n >= 4);
    /* it is broken where clauses end */
    assert_true(s.text[0][strlen(s.text[0]) - 1] == ',');
}

static void test_pause_ends_a_cue(void **state)
{
    struct seen s;

    (void)state;
    say(&s, "well I think / so do I", 42, 2, 0);
    assert_int_equal(s.n, 2);
    assert_string_equal(s.text[0], "well I think");
    assert_string_equal(s.text[1], "so do I");
}

static void test_two_lines_are_of_like_length(void **state)
{
    struct seen s;

    (void)state;
    say(&s, "the quick brown fox jumped over the lazy dog and", 42, 2, 0);
    assert_int_equal(s.n, 1);
    char *bar = strchr(s.text[0], '|');
    assert_non_null(bar);
    size_t first = (size_t)(bar - s.text[0]);
    size_t second = strlen(bar + 1);
    assert_true(first <= 30 && second <= 30);
}

static void test_word_wider_than_a_line_is_cut(void **state)
{
    struct seen s;
    char word[400];

    (void)state;
    memset(word, 'x', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    say(&s, word, 20, 2, 0);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        for (char *p = s.text[i]; *p; p++)
            n += *p == 'x';
    }
    assert_int_equal(n, sizeof word - 1);
    assert_true(s.widest <= 20);
}

static void test_wide_characters_count_two_columns(void **state)
{
    struct seen s = { 0 };
    struct ut_cues *cues = NULL;

    (void)state;
    assert_int_equal(ut_cues_create(&cues, 10, 1, keep, &s), UT_OK);
    for (int i = 0; i < 12; i++) {
        struct ut_caption_word w = { .text = "\u65e5", .start = i * 0.2, .end = i * 0.2 + 0.2 };
        assert_int_equal(ut_cues_push(cues, &w), UT_OK);
    }
    assert_int_equal(ut_cues_flush(cues), UT_OK);
    ut_cues_destroy(cues);
    assert_int_equal(s.n, 3);
    assert_string_equal(s.text[0], "\u65e5\u65e5\u65e5\u65e5\u65e5");
}

static void test_bad_sizes_are_refused(void **state)
{
    struct ut_cues *cues = NULL;

    (void)state;
    assert_int_equal(ut_cues_create(&cues, 9, 2, keep, NULL), UT_EINVAL);
    assert_int_equal(ut_cues_create(&cues, 201, 2, keep, NULL), UT_EINVAL);
    assert_int_equal(ut_cues_create(&cues, 42, 0, keep, NULL), UT_EINVAL);
    assert_int_equal(ut_cues_create(&cues, 42, 5, keep, NULL), UT_EINVAL);
    assert_null(cues);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_short_sentence_is_one_line),
        cmocka_unit_test(test_long_speech_keeps_every_word_within_the_lines),
        cmocka_unit_test(test_pause_ends_a_cue),
        cmocka_unit_test(test_two_lines_are_of_like_length),
        cmocka_unit_test(test_word_wider_than_a_line_is_cut),
        cmocka_unit_test(test_wide_characters_count_two_columns),
        cmocka_unit_test(test_bad_sizes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
