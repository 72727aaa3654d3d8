/*
 * Text to ids and back against the reference tokenizer; special and suppressed ids.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "asr/tokens.h"
#include "base/json.h"
#include "tests/golden/golden.h"

#define MAX_IDS 256

static struct ut_asr_tokens *open_tokens(const char *file)
{
    struct ut_gguf *g = NULL;
    struct ut_asr_tokens *t = NULL;
    struct ut_error err = { 0 };
    uint32_t n_vocab;

    if (ut_gguf_open(&g, golden_model_path(file), &err) != UT_OK ||
        ut_gguf_u32(&n_vocab, g, "whisper.vocab_size", &err) != UT_OK ||
        ut_asr_tokens_create(&t, g, n_vocab, &err) != UT_OK)
        fail_msg("%s", err.text);
    ut_gguf_close(g);
    return t;
}

static void check_text(const struct ut_asr_tokens *t, const char *text, size_t n_bytes,
                       const struct ut_json *want)
{
    int32_t ids[MAX_IDS];
    size_t n = 0;
    struct ut_buffer back = { .limit = 4096 };

    assert_int_equal(ut_asr_tokens_encode(t, text, n_bytes, ids, MAX_IDS, &n), UT_OK);
    if (n != ut_json_n(want))
        fail_msg("'%s': %zu ids, the reference has %zu", text, n, ut_json_n(want));
    for (size_t i = 0; i < n; i++) {
        int64_t id = -1;
        assert_true(ut_json_i64(ut_json_at(want, i), &id));
        if (ids[i] != id)
            fail_msg("'%s': id %zu is %d, the reference has %d", text, i, ids[i], (int)id);
    }
    assert_int_equal(ut_asr_tokens_decode(t, ids, n, &back), UT_OK);
    assert_int_equal(back.n, n_bytes);
    assert_memory_equal(ut_buffer_text(&back), text, n_bytes);
    ut_buffer_finish(&back);
}

static void check_strings(const char *file, const char *kind)
{
    struct ut_asr_tokens *t = open_tokens(file);
    struct ut_json *root = NULL;
    struct ut_error err = { 0 };
    size_t n_bytes;
    char *text = golden_bytes("tokenizer.json", &n_bytes);

    if (ut_json_parse(&root, text, n_bytes, 1 << 20, "tokenizer.json", &err) != UT_OK)
        fail_msg("%s", err.text);
    const struct ut_json *strings = ut_json_get(root, "strings");
    assert_true(ut_json_n(strings) >= 80);
    for (size_t i = 0; i < ut_json_n(strings); i++) {
        const struct ut_json *entry = ut_json_at(strings, i);
        size_t n;
        const char *s = ut_json_text(ut_json_get(entry, "text"), &n);
        assert_non_null(s);
        check_text(t, s, n, ut_json_get(entry, kind));
    }
    ut_json_destroy(root);
    free(text);
    ut_asr_tokens_destroy(t);
}

static void test_tokens_multilingual_equal_the_reference(void **state)
{
    (void)state;
    check_strings("whisper-base-q8_0.gguf", "multilingual");
}

static void test_tokens_english_equal_the_reference(void **state)
{
    (void)state;
    check_strings("whisper-tiny.en-q8_0.gguf", "english");
}

/* What spells a special token is text: no id from it is special. */
static void test_tokens_special_text_stays_text(void **state)
{
    static const char *const texts[] = { "<|endoftext|>", "a<|notimestamps|>b", "<|0.00|>",
                                         "<|en|>" };
    struct ut_asr_tokens *t = open_tokens("whisper-base-q8_0.gguf");
    int32_t ids[MAX_IDS];
    size_t n;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(ut_asr_tokens_encode(t, texts[i], strlen(texts[i]), ids, MAX_IDS, &n),
                         UT_OK);
        assert_true(n > 1);
        for (size_t k = 0; k < n; k++)
            assert_true(ids[k] < ut_asr_tokens_specials(t)->eot);
    }
    ut_asr_tokens_destroy(t);
}

/* The lists of the packages that the models came in: generation_config.json's suppress_tokens. */
static void test_tokens_suppressed_equal_the_reference(void **state)
{
    static const int32_t base[] = {
        1,     2,     7,     8,     9,     10,    14,    25,    26,    27,    28,    29,    31,
        58,    59,    60,    61,    62,    63,    90,    91,    92,    93,    359,   503,   522,
        542,   873,   893,   902,   918,   922,   931,   1350,  1853,  1982,  2460,  2627,  3246,
        3253,  3268,  3536,  3846,  3961,  4183,  4667,  6585,  6647,  7273,  9061,  9383,  10428,
        10929, 11938, 12033, 12331, 12562, 13793, 14157, 14635, 15265, 15618, 16553, 16604, 18362,
        18956, 20075, 21675, 22520, 26130, 26161, 26435, 28279, 29464, 31650, 32302, 32470, 36865,
        42863, 47425, 49870, 50254, 50258, 50358, 50359, 50360, 50361, 50362,
    };
    struct ut_asr_tokens *t = open_tokens("whisper-base-q8_0.gguf");
    size_t n;
    const int32_t *ids = ut_asr_tokens_suppressed(t, &n);

    (void)state;
    assert_int_equal(n, sizeof base / sizeof base[0]);
    assert_memory_equal(ids, base, sizeof base);
    ut_asr_tokens_destroy(t);

    t = open_tokens("whisper-tiny.en-q8_0.gguf");
    ids = ut_asr_tokens_suppressed(t, &n);
    assert_int_equal(n, 90);
    assert_int_equal(ids[0], 1);
    assert_int_equal(ids[83], 49146);
    assert_int_equal(ids[84], 50257);
    assert_int_equal(ids[89], 50361);
    ut_asr_tokens_destroy(t);
}

static void test_tokens_specials_equal_the_reference(void **state)
{
    struct ut_asr_tokens *t = open_tokens("whisper-base-q8_0.gguf");
    const struct ut_asr_specials base = { 50257, 50258, 50358, 50359, 50360, 50361,
                                          50362, 50363, 50364, 50259, 99 };
    const struct ut_asr_specials english = { 50256, 50257, 50357, 50358, 50359, 50360,
                                             50361, 50362, 50363, -1,    0 };

    (void)state;
    assert_memory_equal(ut_asr_tokens_specials(t), &base, sizeof base);
    assert_true(ut_asr_tokens_multilingual(t));
    ut_asr_tokens_destroy(t);
    t = open_tokens("whisper-tiny.en-q8_0.gguf");
    assert_memory_equal(ut_asr_tokens_specials(t), &english, sizeof english);
    assert_false(ut_asr_tokens_multilingual(t));
    ut_asr_tokens_destroy(t);
}

/* A megabyte of one letter is one piece; of all bytes, many pieces and much that is not UTF-8. */
static void test_tokens_of_a_megabyte_come_back(void **state)
{
    const size_t n_bytes = 1 << 20;
    struct ut_asr_tokens *t = open_tokens("whisper-base-q8_0.gguf");
    char *text = malloc(n_bytes);
    int32_t *ids = malloc(n_bytes * sizeof *ids);
    struct ut_buffer back = { .limit = 2 << 20 };
    uint32_t seed = 1;

    (void)state;
    assert_non_null(text);
    assert_non_null(ids);
    for (int kind = 0; kind < 3; kind++) {
        size_t n = 0;
        for (size_t i = 0; i < n_bytes; i++) {
            seed = seed * 1664525u + 1013904223u;
            text[i] = kind == 0 ? 'a' : kind == 1 ? ' ' : (char)(seed >> 24);
        }
        ut_buffer_clear(&back);
        assert_int_equal(ut_asr_tokens_encode(t, text, n_bytes, ids, n_bytes, &n), UT_OK);
        assert_int_equal(ut_asr_tokens_decode(t, ids, n, &back), UT_OK);
        assert_int_equal(back.n, n_bytes);
        assert_memory_equal(ut_buffer_text(&back), text, n_bytes);
    }
    ut_buffer_finish(&back);
    free(ids);
    free(text);
    ut_asr_tokens_destroy(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens_multilingual_equal_the_reference),
        cmocka_unit_test(test_tokens_english_equal_the_reference),
        cmocka_unit_test(test_tokens_special_text_stays_text),
        cmocka_unit_test(test_tokens_suppressed_equal_the_reference),
        cmocka_unit_test(test_tokens_specials_equal_the_reference),
        cmocka_unit_test(test_tokens_of_a_megabyte_come_back),
    };
    golden_model_path("whisper-base-q8_0.gguf");
    golden_model_path("whisper-tiny.en-q8_0.gguf");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
