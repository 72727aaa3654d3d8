#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "clients/record.h"

static void test_json_event_has_every_field(void **state)
{
    struct ut_caption_word words[] = { { "Hi", true, 0.5, 0.75, 0.875f },
                                       { "you", true, 0.75, 1, (float)0 } };
    struct ut_caption_event e = {
        .type = UT_CAPTION_COMMITTED,
        .wall = 2.25,
        .audio = 2,
        .segment = { .start = 0.5, .end = 1, .text = "Hi you", .words = words, .n_words = 2 },
    };
    struct ut_buffer b = { .limit = 4096 };

    (void)state;
    assert_int_equal(ut_record_json_event(&b, &e), UT_OK);
    assert_string_equal(
        ut_buffer_text(&b),
        "{\"type\":\"committed\",\"wall\":2.25,\"audio\":2,\"start\":0.5,\"end\":1,"
        "\"language\":\"\",\"text\":\"Hi you\",\"words\":[{\"word\":\"Hi\",\"start\":0.5,"
        "\"end\":0.75,\"confidence\":0.875},{\"word\":\"you\",\"start\":0.75,\"end\":1,"
        "\"confidence\":0}]}\n");
    ut_buffer_finish(&b);
}

static void test_numbers_that_json_lacks_become_null(void **state)
{
    struct ut_caption_segment s = { .text = "", .scored = true, .avg_logprob = -1.0f / 0.0f };
    struct ut_buffer b = { .limit = 4096 };

    (void)state;
    assert_int_equal(ut_record_json_segment(&b, &s, false), UT_OK);
    assert_non_null(strstr(ut_buffer_text(&b), "\"avg_logprob\":null"));
    assert_null(strstr(ut_buffer_text(&b), "inf"));
    ut_buffer_finish(&b);
}

static void test_cues_are_srt_and_vtt(void **state)
{
    struct ut_cue cue = { 3661.0005, 3661.0005, { "a <b> & c", "--> d" }, 2 };
    struct ut_buffer b = { .limit = 4096 };

    (void)state;
    assert_int_equal(ut_record_srt(&b, 7, &cue), UT_OK);
    assert_string_equal(ut_buffer_text(&b),
                        "7\n01:01:01,001 --> 01:01:01,002\na <b> & c\n--> d\n\n");
    ut_buffer_clear(&b);
    assert_int_equal(ut_record_vtt(&b, &cue), UT_OK);
    assert_string_equal(ut_buffer_text(&b),
                        "01:01:01.001 --> 01:01:01.002\na &lt;b&gt; &amp; c\n--&gt; d\n\n");
    ut_buffer_finish(&b);
}

static void test_full_buffer_is_reported(void **state)
{
    struct ut_cue cue = { 0, 1, { "some words" }, 1 };
    struct ut_buffer b = { .limit = 20 };

    (void)state;
    assert_int_equal(ut_record_srt(&b, 1, &cue), UT_ELIMIT);
    ut_buffer_finish(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_event_has_every_field),
        cmocka_unit_test(test_numbers_that_json_lacks_become_null),
        cmocka_unit_test(test_cues_are_srt_and_vtt),
        cmocka_unit_test(test_full_buffer_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
