#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "clients/writer.h"

static char path[64];

static char *read_back(void)
{
    static char text[8192];
    FILE *f = fopen(path, "r");

    assert_non_null(f);
    size_t n = fread(text, 1, sizeof text - 1, f);
    text[n] = '\0';
    fclose(f);
    return text;
}

static struct ut_writer *open_format(enum ut_format format)
{
    struct ut_writer_options options = {
        .format = format, .max_line = 42, .max_lines = 2, .word_times = true
    };
    struct ut_writer *w = NULL;
    struct ut_error err = { 0 };

    snprintf(path, sizeof path, "/tmp/utter-writer-%ld", (long)getpid());
    if (ut_writer_open(&w, path, &options, &err) != UT_OK)
        fail_msg("%s", err.text);
    return w;
}

static const struct ut_caption_word hello[] = { { "Hello", true, 0, 0.4, 1 },
                                                { "there.", true, 0.4, 0.9, 1 } };

static struct ut_caption_event event(enum ut_caption_event_type type, const char *text,
                                     const struct ut_caption_word *words, size_t n)
{
    return (struct ut_caption_event){
        .type = type,
        .segment = { .end = 1, .text = text, .words = words, .n_words = n, .language = "en" },
    };
}

static void test_json_document_is_whole(void **state)
{
    struct ut_writer *w = open_format(UT_FORMAT_JSON);
    struct ut_caption_segment a = { .end = 1, .text = "One.", .language = "en" };
    struct ut_caption_segment b = { .start = 1, .end = 2, .text = "Two." };

    (void)state;
    assert_int_equal(ut_writer_segment(w, &a, NULL), UT_OK);
    assert_int_equal(ut_writer_segment(w, &b, NULL), UT_OK);
    assert_int_equal(ut_writer_finish(w, NULL), UT_OK);
    ut_writer_close(w);
    assert_string_equal(read_back(),
                        "{\"segments\":[\n{\"start\":0,\"end\":1,\"text\":\"One.\",\"words\":[]"
                        "},\n{\"start\":1,\"end\":2,\"text\":\"Two.\",\"words\":[]}\n],"
                        "\"language\":\"en\",\"text\":\"One. Two.\"}\n");
}

static void test_live_text_shows_committed_words_once(void **state)
{
    struct ut_writer *w = open_format(UT_FORMAT_TEXT);
    struct ut_caption_event tail = event(UT_CAPTION_UNSTABLE, "Hello Sarah", hello, 1);
    struct ut_caption_event first = event(UT_CAPTION_COMMITTED, "Hello", hello, 1);
    struct ut_caption_event all = event(UT_CAPTION_FINAL, "Hello there.", hello, 2);

    (void)state;
    assert_int_equal(ut_writer_event(w, &tail, NULL), UT_OK);
    assert_string_equal(read_back(), "");
    assert_int_equal(ut_writer_event(w, &first, NULL), UT_OK);
    assert_string_equal(read_back(), "Hello");
    assert_int_equal(ut_writer_event(w, &all, NULL), UT_OK);
    assert_string_equal(read_back(), "Hello there.\n");
    assert_int_equal(ut_writer_event(w, &first, NULL), UT_OK);
    assert_int_equal(ut_writer_finish(w, NULL), UT_OK);
    assert_string_equal(read_back(), "Hello there.\nHello\n");
    ut_writer_close(w);
}

static void test_live_srt_holds_each_word_once(void **state)
{
    struct ut_writer *w = open_format(UT_FORMAT_SRT);
    struct ut_caption_event first = event(UT_CAPTION_COMMITTED, "Hello", hello, 1);
    struct ut_caption_event all = event(UT_CAPTION_FINAL, "Hello there.", hello, 2);

    (void)state;
    assert_int_equal(ut_writer_event(w, &first, NULL), UT_OK);
    assert_int_equal(ut_writer_event(w, &all, NULL), UT_OK);
    assert_int_equal(ut_writer_finish(w, NULL), UT_OK);
    ut_writer_close(w);
    assert_string_equal(read_back(), "1\n00:00:00,000 --> 00:00:00,900\nHello there.\n\n");
}

static void test_segment_without_words_still_makes_cues(void **state)
{
    struct ut_writer *w = open_format(UT_FORMAT_VTT);
    struct ut_caption_segment a = { .end = 2, .text = "No word times here." };

    (void)state;
    assert_int_equal(ut_writer_segment(w, &a, NULL), UT_OK);
    assert_int_equal(ut_writer_finish(w, NULL), UT_OK);
    ut_writer_close(w);
    assert_non_null(strstr(read_back(), "WEBVTT\n\n00:00:00.000 --> 00:00:02"));
    assert_non_null(strstr(read_back(), "No word times here.\n"));
}

/* A file that may not grow stands for a full disk. */
static void test_full_disk_keeps_whole_records(void **state)
{
    struct rlimit old;
    struct ut_error err = { 0 };
    struct ut_caption_segment a = { .end = 1, .text = "A sentence of some length, said again." };
    enum ut_status st = UT_OK;

    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    struct ut_writer *w = open_format(UT_FORMAT_JSON);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 1000, old.rlim_max }), 0);
    for (int i = 0; i < 100 && st == UT_OK; i++)
        st = ut_writer_segment(w, &a, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(st, UT_EIO);
    assert_non_null(strstr(err.text, path));
    assert_non_null(strstr(err.text, "cannot write"));
    ut_writer_close(w);
    char *text = read_back();
    assert_non_null(strstr(text, "said again."));
    assert_string_equal(text + strlen(text) - strlen("}],\"incomplete\":true}\n"),
                        "}],\"incomplete\":true}\n");
}

static void test_path_that_cannot_be_written_is_named(void **state)
{
    struct ut_writer_options options = { .format = UT_FORMAT_TEXT, .max_line = 42, .max_lines = 2 };
    struct ut_writer *w = NULL;
    struct ut_error err = { 0 };

    (void)state;
    assert_int_equal(ut_writer_open(&w, "/nonexistent/x.srt", &options, &err), UT_EIO);
    assert_non_null(strstr(err.text, "/nonexistent/x.srt"));
    options.format = UT_FORMAT_VTT;
    assert_int_equal(ut_writer_open(&w, "/dev/full", &options, &err), UT_EIO);
    assert_null(w);
}

static int remove_file(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_document_is_whole),
        cmocka_unit_test(test_live_text_shows_committed_words_once),
        cmocka_unit_test(test_live_srt_holds_each_word_once),
        cmocka_unit_test(test_segment_without_words_still_makes_cues),
        cmocka_unit_test(test_full_disk_keeps_whole_records),
        cmocka_unit_test(test_path_that_cannot_be_written_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, remove_file);
}
