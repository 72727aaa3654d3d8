#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "models/vocabulary.h"
#include "tests/unit/models/toy.h"

static char dir[] = "/tmp/ut-vocab-XXXXXX";

static int make_folder(void **state)
{
    static const char *const names[] = { "vocabulary.json", "vocabulary.txt", "tokenizer.json",
                                         "vocab.json", "added_tokens.json" };
    char path[96];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        unlink(path);
    }
    return 0;
}

static void write_text(const char *name, const char *text)
{
    toy_write(dir, name, text, strlen(text));
}

static void check_token(const struct ut_vocabulary *v, size_t i, const char *want)
{
    struct ut_gguf_text t = ut_vocabulary_token(v, i);

    assert_int_equal(t.n, strlen(want));
    assert_memory_equal(t.data, want, t.n);
}

static void test_bytes_take_gpt2s_form(void **state)
{
    struct ut_vocabulary v = { 0 };

    (void)state;
    assert_int_equal(ut_vocabulary_add_bytes(&v, (const uint8_t *)" a\n", 3), UT_OK);
    assert_int_equal(ut_vocabulary_add_bytes(&v, (const uint8_t *)"\0\x7f\xad\xff~!", 6), UT_OK);
    assert_int_equal(ut_vocabulary_add_bytes(&v, (const uint8_t *)"", 0), UT_OK);
    check_token(&v, 0,
                "\xc4\xa0"
                "a\xc4\x8a");                                 /* U+0120, a, U+010A */
    check_token(&v, 1, "\xc4\x80\xc4\xa1\xc5\x83\xc3\xbf~!"); /* U+0100 U+0121 U+0143 U+00FF */
    check_token(&v, 2, "");
    assert_int_equal(v.n, 3);
    ut_vocabulary_finish(&v);
}

static void load(struct ut_vocabulary *v)
{
    struct ut_error err = { 0 };

    if (ut_vocabulary_load(v, dir, &err) != UT_OK)
        fail_msg("%s", err.text);
}

static void test_each_kind_of_file_gives_tokens_in_id_order(void **state)
{
    struct ut_vocabulary v = { 0 };

    (void)state;
    write_text("vocabulary.txt", "a\n\nb");
    load(&v);
    assert_int_equal(v.n, 3);
    check_token(&v, 1, "");
    check_token(&v, 2, "b");
    ut_vocabulary_finish(&v);
    write_text("vocabulary.json", "[\"x\",\"\\u0120y\"]"); /* goes before the other */
    load(&v);
    assert_int_equal(v.n, 2);
    check_token(&v, 1, "\xc4\xa0y");
    ut_vocabulary_finish(&v);
    make_folder(NULL);
    write_text("vocab.json", "{\"b\":1,\"a\":0}");
    write_text("added_tokens.json", "{\"<|c|>\":2}");
    load(&v);
    assert_int_equal(v.n, 3);
    check_token(&v, 0, "a");
    check_token(&v, 2, "<|c|>");
    ut_vocabulary_finish(&v);
    write_text("tokenizer.json", "{\"model\":{\"vocab\":{\"q\":0}},"
                                 "\"added_tokens\":[{\"id\":1,\"content\":\"<|r|>\"}]}");
    load(&v);
    assert_int_equal(v.n, 2);
    check_token(&v, 1, "<|r|>");
    ut_vocabulary_finish(&v);
}

static void test_faulty_files_are_named(void **state)
{
    static const struct {
        const char *name, *text, *says;
    } faults[] = {
        { "vocabulary.json", "[\"a\",1]", "vocabulary.json: token 1 is no text" },
        { "tokenizer.json", "{\"model\":{\"vocab\":{\"a\":0,\"b\":2}}}", "no token has id 1" },
        { "tokenizer.json", "{\"model\":{\"vocab\":{\"a\":-1}}}", "token id -1" },
        { "tokenizer.json", "{\"model\":{\"vocab\":{\"a\":200000}}}", "token id 200000" },
        { "tokenizer.json", "{\"model\":{\"vocab\":{}},\"added_tokens\":[{\"id\":0}]}",
          "added token 0 has no content" },
        { "vocab.json", "{\"a\":\"b\"}", "token id -1" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct ut_vocabulary v = { 0 };
        struct ut_error err = { 0 };
        make_folder(NULL);
        write_text(faults[i].name, faults[i].text);
        assert_int_equal(ut_vocabulary_load(&v, dir, &err), UT_EFORMAT);
        if (!strstr(err.text, faults[i].says))
            fail_msg("'%s' lacks '%s'", err.text, faults[i].says);
        assert_int_equal(v.n, 0);
    }
}

static void fill(struct ut_vocabulary *v, size_t n)
{
    while (v->n < n)
        assert_int_equal(ut_vocabulary_add(v, "x", 1), UT_OK);
}

/* Ids as in the published tokenizers of the three vocabularies. */
static void test_complete_puts_special_tokens_at_their_ids(void **state)
{
    static const struct {
        size_t n_vocab, id;
        const char *text;
    } want[] = {
        { 51864, 50255, "x" },
        { 51864, 50256, "<|endoftext|>" },
        { 51864, 50257, "<|startoftranscript|>" },
        { 51864, 50357, "<|translate|>" },
        { 51864, 50362, "<|notimestamps|>" },
        { 51864, 50363, "<|0.00|>" },
        { 51864, 51863, "<|30.00|>" },
        { 51865, 50257, "<|endoftext|>" },
        { 51865, 50259, "<|en|>" },
        { 51865, 50352, "<|haw|>" },
        { 51865, 50357, "<|su|>" },
        { 51865, 50358, "<|translate|>" },
        { 51865, 50359, "<|transcribe|>" },
        { 51865, 50360, "<|startoflm|>" },
        { 51865, 50361, "<|startofprev|>" },
        { 51865, 50362, "<|nospeech|>" },
        { 51865, 50363, "<|notimestamps|>" },
        { 51865, 50365, "<|0.02|>" },
        { 51865, 51864, "<|30.00|>" },
        { 51866, 50358, "<|yue|>" },
        { 51866, 50359, "<|translate|>" },
        { 51866, 51865, "<|30.00|>" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        struct ut_vocabulary v = { 0 };
        fill(&v, want[i].n_vocab > 51864 ? 50257 : 50256);
        assert_int_equal(ut_vocabulary_complete(&v, want[i].n_vocab, true, "t", NULL), UT_OK);
        assert_int_equal(v.n, want[i].n_vocab);
        check_token(&v, want[i].id, want[i].text);
        ut_vocabulary_finish(&v);
    }
}

static void test_complete_refuses_odd_counts(void **state)
{
    struct ut_vocabulary v = { 0 };
    struct ut_error err = { 0 };

    (void)state;
    fill(&v, 100);
    assert_int_equal(ut_vocabulary_complete(&v, 100, false, "t", &err), UT_OK);
    assert_int_equal(ut_vocabulary_complete(&v, 101, false, "t", &err), UT_EFORMAT);
    assert_non_null(strstr(err.text, "100 tokens for an embedding of 101 rows"));
    assert_int_equal(ut_vocabulary_complete(&v, 51865, false, "t", &err), UT_EFORMAT);
    assert_non_null(strstr(err.text, "100 tokens, wanted 50257 to 51865"));
    ut_vocabulary_finish(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_take_gpt2s_form),
        cmocka_unit_test_setup(test_each_kind_of_file_gives_tokens_in_id_order, make_folder),
        cmocka_unit_test_setup(test_faulty_files_are_named, make_folder),
        cmocka_unit_test(test_complete_puts_special_tokens_at_their_ids),
        cmocka_unit_test(test_complete_refuses_odd_counts),
    };
    if (!mkdtemp(dir))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    make_folder(NULL);
    rmdir(dir);
    return failed;
}
