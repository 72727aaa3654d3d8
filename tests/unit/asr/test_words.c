#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "asr/words.h"

static struct ut_asr_words words;

static void split(const char *const *texts, size_t n, bool by_character)
{
    struct ut_gguf_text list[32];
    for (size_t i = 0; i < n; i++)
        list[i] = (struct ut_gguf_text){ texts[i], strlen(texts[i]) };
    assert_int_equal(ut_asr_words_split(&words, list, n, by_character), UT_OK);
}

static void check_word(size_t i, const char *text, size_t first_token, size_t n_tokens)
{
    const struct ut_asr_word_part *part = &words.parts[i];
    assert_true(i < words.n);
    assert_int_equal(part->n_text, strlen(text));
    assert_memory_equal(words.text + part->text, text, part->n_text);
    if (part->n_tokens)
        assert_int_equal(part->first_token, first_token);
    assert_int_equal(part->n_tokens, n_tokens);
}

static void test_split_joins_pieces_of_a_word_and_parts_punctuation(void **state)
{
    const char *const texts[] = { " It", " was", " un", "believ", "able", ",", " so", "." };
    (void)state;
    split(texts, 8, false);
    assert_int_equal(words.n, 6);
    check_word(2, " unbelievable", 2, 3);
    check_word(3, ",", 5, 1);
    check_word(5, ".", 7, 1);
}

static void test_split_keeps_characters_whole(void **state)
{
    const char *const texts[] = { "\xE4\xBD", "\xA0", "\xE5\xA5\xBD", "a", "\xC3" };
    (void)state;
    split(texts, 5, true);
    assert_int_equal(words.n, 4);
    check_word(0, "\xE4\xBD\xA0", 0, 2);
    check_word(1, "\xE5\xA5\xBD", 2, 1);
    check_word(3, "\xC3", 4, 1); /* the text ends inside a character */
    split(texts, 5, false);
    assert_int_equal(words.n, 1);
}

static void test_settle_joins_punctuation_to_the_words_beside_it(void **state)
{
    const char *const texts[] = { " He", " said", ":", " \"", " Yes", "!\"", " (", " no", ")" };
    int32_t starts[10];
    float p[9];
    (void)state;
    split(texts, 9, false);
    for (int i = 0; i < 10; i++)
        starts[i] = 20 * i;
    for (int i = 0; i < 9; i++)
        p[i] = 0.5f;
    ut_asr_words_time(&words, starts, p);
    struct ut_asr_word_limits limits = ut_asr_words_settle(&words);
    assert_int_equal(limits.median, 6400);
    assert_int_equal(limits.longest, 12800);
    check_word(0, " He", 0, 1);
    check_word(1, " said:", 1, 2);
    check_word(2, "", 0, 0);
    check_word(3, "", 0, 0);
    /* !" is in no list of single marks: it stays a word, as in the original. */
    check_word(4, " \" Yes", 3, 2);
    check_word(5, "!\"", 5, 1);
    check_word(7, " ( no)", 6, 3);
    size_t text = 0;
    for (size_t i = 0; i < words.n; i++)
        text += words.parts[i].n_text;
    assert_int_equal(text, words.n_text);
}

static void test_time_takes_the_mean_of_the_tokens(void **state)
{
    const char *const texts[] = { " a", " b", "c" };
    const int32_t starts[] = { 0, 10, 15, 40 };
    const float p[] = { 0.25f, 0.5f, 1.0f };
    (void)state;
    split(texts, 3, false);
    ut_asr_words_time(&words, starts, p);
    assert_float_equal(words.parts[0].confidence, 0.25f, 1e-6);
    assert_float_equal(words.parts[1].confidence, 0.75f, 1e-6);
    assert_int_equal(words.parts[1].start, 3200);
    assert_int_equal(words.parts[1].end, 12800);
}

static void test_settle_clips_a_long_sentence_mark(void **state)
{
    const char *const texts[] = { " a", " b", ".", " c" };
    const int32_t starts[] = { 0, 10, 20, 200, 400 };
    const float p[] = { 1, 1, 1, 1 };
    (void)state;
    split(texts, 4, false);
    ut_asr_words_time(&words, starts, p);
    struct ut_asr_word_limits limits = ut_asr_words_settle(&words);
    /* durations 10 10 180 200 positions: the median is 95, capped at 0.7 s = 35 */
    assert_int_equal(limits.median, 11200);
    assert_int_equal(words.parts[2].n_text, 0); /* joined to " b" */
    assert_int_equal(words.parts[3].start, 400 * 320 - 22400);
}

static void test_assign_gives_each_segment_its_words_and_times(void **state)
{
    const char *const texts[] = { " a", " b", " c" };
    const int32_t starts[] = { 0, 140, 150, 160 };
    const float p[] = { 1, 1, 1 };
    struct ut_asr_word_limits limits;
    size_t next = 0;
    int64_t speech = 0, offset = 480000;
    (void)state;
    split(texts, 3, false);
    ut_asr_words_time(&words, starts, p);
    limits = ut_asr_words_settle(&words);
    assert_int_equal(limits.median, 3200);
    struct ut_asr_word_segment first = { .start = offset, .end = offset + 48000, .n_tokens = 2 };
    struct ut_asr_word_segment second = { .start = offset + 48000,
                                          .end = offset + 64000,
                                          .n_tokens = 1 };
    ut_asr_words_assign(&words, &limits, &next, offset, &speech, &first);
    assert_int_equal(first.first, 0);
    assert_int_equal(first.n, 2);
    /* The first word began in the pause: it is cut to twice the median. */
    assert_int_equal(words.parts[0].end, offset + 44800);
    assert_int_equal(words.parts[0].start, offset + 44800 - 6400);
    assert_int_equal(first.start, words.parts[0].start);
    assert_int_equal(first.end, words.parts[1].end);
    assert_int_equal(speech, first.end);
    ut_asr_words_assign(&words, &limits, &next, offset, &speech, &second);
    assert_int_equal(second.first, 2);
    assert_int_equal(second.n, 1);
    assert_int_equal(next, 3);
}

static void test_split_refuses_more_than_it_was_made_for(void **state)
{
    static const char many[600];
    struct ut_gguf_text list[40] = { { many, 600 } };
    (void)state;
    assert_int_equal(ut_asr_words_split(&words, list, 1, false), UT_ELIMIT);
    assert_int_equal(ut_asr_words_split(&words, list, 40, false), UT_ELIMIT);
    assert_true(ut_asr_words_by_character("zh"));
    assert_false(ut_asr_words_by_character("en"));
    assert_false(ut_asr_words_by_character(NULL));
}

static int setup(void **state)
{
    (void)state;
    return ut_asr_words_init(&words, 32, 512) == UT_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    ut_asr_words_finish(&words);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split_joins_pieces_of_a_word_and_parts_punctuation),
        cmocka_unit_test(test_split_keeps_characters_whole),
        cmocka_unit_test(test_settle_joins_punctuation_to_the_words_beside_it),
        cmocka_unit_test(test_time_takes_the_mean_of_the_tokens),
        cmocka_unit_test(test_settle_clips_a_long_sentence_mark),
        cmocka_unit_test(test_assign_gives_each_segment_its_words_and_times),
        cmocka_unit_test(test_split_refuses_more_than_it_was_made_for),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
