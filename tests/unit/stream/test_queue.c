#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "stream/queue.h"

static enum ut_status put(struct ut_queue *q, enum ut_event_type type, const char *a, const char *b)
{
    struct ut_event_word words[2] = { { a, 1, 2, 0.5f }, { b, 3, 4, 0.25f } };
    char text[256];

    snprintf(text, sizeof text, "%s%s", a, b);
    struct ut_event e = { .type = type, .text = text, .words = words, .n_words = 2, .end = 4 };
    return ut_queue_put(q, &e);
}

static void test_events_come_out_as_they_went_in(void **state)
{
    struct ut_queue *q;
    struct ut_event e;

    (void)state;
    assert_int_equal(ut_queue_create(&q, 0), UT_EINVAL);
    assert_int_equal(ut_queue_create(&q, 4), UT_OK);
    assert_int_equal(ut_queue_get(q, &e), UT_AGAIN);
    assert_true(ut_queue_empty(q));
    assert_int_equal(put(q, UT_EVENT_COMMITTED, " one", ", two"), UT_OK);
    assert_false(ut_queue_empty(q));
    assert_int_equal(ut_queue_get(q, &e), UT_OK);
    assert_int_equal(e.type, UT_EVENT_COMMITTED);
    assert_string_equal(e.text, " one, two");
    assert_int_equal(e.n_words, 2);
    assert_string_equal(e.words[0].text, " one");
    assert_string_equal(e.words[1].text, ", two");
    assert_int_equal(e.words[1].start, 3);
    assert_int_equal(e.end, 4);
    assert_true(ut_queue_empty(q));
    ut_queue_destroy(q);
}

static void test_a_newer_tail_replaces_an_unread_one_and_comes_last(void **state)
{
    struct ut_queue *q;
    struct ut_event e;

    (void)state;
    assert_int_equal(ut_queue_create(&q, 4), UT_OK);
    assert_int_equal(put(q, UT_EVENT_UNSTABLE, "old", ""), UT_OK);
    assert_int_equal(put(q, UT_EVENT_COMMITTED, "said", ""), UT_OK);
    assert_int_equal(put(q, UT_EVENT_UNSTABLE, "new", ""), UT_OK);
    assert_int_equal(put(q, UT_EVENT_UNSTABLE, "newer", ""), UT_OK);
    assert_int_equal(ut_queue_n_coalesced(q), 1);
    assert_int_equal(ut_queue_get(q, &e), UT_OK);
    assert_string_equal(e.text, "said");
    assert_int_equal(ut_queue_get(q, &e), UT_OK);
    assert_string_equal(e.text, "newer");
    assert_int_equal(ut_queue_get(q, &e), UT_AGAIN);
    ut_queue_destroy(q);
}

static void test_full_queue_refuses_and_keeps_order_through_many_turns(void **state)
{
    struct ut_queue *q;
    struct ut_event e;
    unsigned n_in = 0;
    unsigned n_out = 0;
    char name[16];

    (void)state;
    assert_int_equal(ut_queue_create(&q, 4), UT_OK);
    for (int turn = 0; turn < 50; turn++) {
        enum ut_status status = UT_OK;

        while (status == UT_OK) {
            snprintf(name, sizeof name, "%u", n_in);
            status = put(q, UT_EVENT_COMMITTED, name, "");
            n_in += status == UT_OK;
        }
        assert_int_equal(status, UT_ELIMIT);
        assert_int_equal(ut_queue_room(q), 0);
        for (int i = 0; i < 37 + turn; i++, n_out++) {
            assert_int_equal(ut_queue_get(q, &e), UT_OK);
            snprintf(name, sizeof name, "%u", n_out);
            assert_string_equal(e.text, name);
        }
    }
    assert_true(n_in > 1000);
    ut_queue_destroy(q);
}

static void test_room_promises_events_of_the_greatest_size(void **state)
{
    static struct ut_event_word words[UT_QUEUE_MAX_WORDS + 1];
    static char text[UT_QUEUE_MAX_TEXT + 1];
    struct ut_event e = { .type = UT_EVENT_FINAL, .text = text, .words = words };
    struct ut_queue *q;

    (void)state;
    memset(text, 'x', UT_QUEUE_MAX_TEXT);
    text[UT_QUEUE_MAX_TEXT - 1] = '\0';
    for (size_t i = 0; i <= UT_QUEUE_MAX_WORDS; i++)
        words[i].text = "seventeen letters";
    e.n_words = UT_QUEUE_MAX_WORDS;
    assert_int_equal(ut_queue_create(&q, 3), UT_OK);
    for (size_t i = 3; i > 0; i--) {
        assert_true(ut_queue_room(q) >= i);
        assert_int_equal(ut_queue_put(q, &e), UT_OK);
    }
    struct ut_event out;
    assert_int_equal(ut_queue_get(q, &out), UT_OK);
    assert_int_equal(out.n_words, UT_QUEUE_MAX_WORDS);
    assert_string_equal(out.words[UT_QUEUE_MAX_WORDS - 1].text, "seventeen letters");

    e.n_words = UT_QUEUE_MAX_WORDS + 1;
    assert_int_equal(ut_queue_put(q, &e), UT_ELIMIT);
    e.n_words = 0;
    text[UT_QUEUE_MAX_TEXT - 1] = 'x';
    assert_int_equal(ut_queue_put(q, &e), UT_ELIMIT);
    ut_queue_destroy(q);
    ut_queue_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events_come_out_as_they_went_in),
        cmocka_unit_test(test_a_newer_tail_replaces_an_unread_one_and_comes_last),
        cmocka_unit_test(test_full_queue_refuses_and_keeps_order_through_many_turns),
        cmocka_unit_test(test_room_promises_events_of_the_greatest_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
