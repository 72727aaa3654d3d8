/*
 * The tree of terms over a toy vocabulary: every byte is a token, and " b" is one, so that terms
 * begin with b. Nodes and gains are looked at through the walk alone.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "asr/bias.h"
#include "asr/model.h"
#include "tests/unit/asr/tiny_model.h"

static char path[64];
static struct ut_compute *compute;
static struct ut_asr_model *model;
static const struct ut_asr_tokens *tokens;
static const struct ut_asr_bias_options gains = { .begin = 3.0f, .go_on = 1.0f };

static struct ut_asr_bias *make(const char *const *terms, size_t n)
{
    struct ut_asr_bias *b = NULL;
    struct ut_error err = { UT_OK, "" };

    if (ut_asr_bias_create(&b, tokens, terms, n, &gains, &err) != UT_OK)
        fail_msg("%s", err.text);
    return b;
}

static int32_t token_of(const char *text)
{
    int32_t id = -1;
    size_t n = 0;

    assert_int_equal(ut_asr_tokens_encode(tokens, text, strlen(text), &id, 1, &n), UT_OK);
    assert_int_equal(n, 1);
    return id;
}

/* Where the walk stands behind `text`, and what it has gained. */
static struct ut_asr_bias_walk follow(const struct ut_asr_bias *b, const char *text, float *sum)
{
    struct ut_asr_bias_walk walk = { 0 };
    int32_t ids[64];
    size_t n = 0;

    *sum = 0.0f;
    assert_int_equal(ut_asr_tokens_encode(tokens, text, strlen(text), ids, 64, &n), UT_OK);
    for (size_t i = 0; i < n; i++) {
        struct ut_asr_bias_step s = ut_asr_bias_step(b, &walk, ids[i]);
        *sum += s.gain;
        walk = s.walk;
    }
    return walk;
}

/* What the text gains in all, its end among it. */
static float score(const struct ut_asr_bias *b, const char *text)
{
    float sum;
    struct ut_asr_bias_walk walk = follow(b, text, &sum);

    return sum + ut_asr_bias_step(b, &walk, ut_asr_tokens_specials(tokens)->eot).gain;
}

static bool near(float a, float b)
{
    return a - b < 1e-4f && b - a < 1e-4f;
}

static void test_only_whole_terms_keep_what_they_gain(void **state)
{
    const char *terms[] = { "bella", "bob" };
    struct ut_asr_bias *b = make(terms, 2);
    (void)state;
    /* the first token begins, four go on */
    assert_true(near(score(b, " bella"), 7.0f));
    assert_true(near(score(b, " bella and"), 7.0f));
    assert_true(near(score(b, " bella, bob."), 12.0f));
    assert_true(near(score(b, " bell"), 0.0f));
    assert_true(near(score(b, " best"), 0.0f));
    assert_true(near(score(b, " bo bella"), 7.0f));
    assert_true(near(score(b, " nothing of it"), 0.0f));
    ut_asr_bias_destroy(b);
}

static void test_a_term_inside_of_a_longer_word_gains_nothing(void **state)
{
    const char *terms[] = { "bella" };
    struct ut_asr_bias *b = make(terms, 1);
    (void)state;
    assert_true(near(score(b, " bellas"), 0.0f));
    assert_true(near(score(b, " rebella"), 0.0f)); /* no beginning inside of a word */
    assert_true(near(score(b, " bella's"), 7.0f));
    assert_true(near(score(b, "(bella)"), 7.0f)); /* without a space, behind a mark */
    ut_asr_bias_destroy(b);
}

static void test_a_capital_is_expected_too(void **state)
{
    const char *terms[] = { "bella", "\xC3\xA9va" };
    struct ut_asr_bias *b = make(terms, 2);
    (void)state;
    assert_true(near(score(b, "(Bella"), 7.0f));
    assert_true(near(score(b, "(BELLA"), 0.0f));
    assert_true(near(score(b, "(\xC3\x89va"), 6.0f)); /* four bytes */
    ut_asr_bias_destroy(b);
}

static void test_longer_terms_go_on_from_shorter_ones(void **state)
{
    const char *terms[] = { "bay bob", "bay bob bus", "bel", "belabor" };
    struct ut_asr_bias *b = make(terms, 4);
    (void)state;
    assert_true(near(score(b, " bay bob"), 8.0f));
    assert_true(near(score(b, " bay bob bus"), 11.0f));
    assert_true(near(score(b, " bay bob bum"), 8.0f)); /* the shorter one was complete */
    assert_true(near(score(b, " belabor"), 9.0f));
    assert_true(near(score(b, " bela"), 0.0f)); /* no word ends behind "bel" */
    ut_asr_bias_destroy(b);
}

static void test_the_same_term_twice_is_one(void **state)
{
    const char *terms[] = { "bob", " bob ", "Bob", "bob" };
    struct ut_asr_bias *b = make(terms, 4);
    (void)state;
    assert_true(near(score(b, " bob"), 5.0f));
    assert_true(near(score(b, "(Bob"), 5.0f));
    ut_asr_bias_destroy(b);
}

static void test_terms_of_scripts_without_spaces_may_begin_anywhere(void **state)
{
    const char *terms[] = { "\xE6\x9D\xB1\xE4\xBA\xAC" }; /* U+6771 U+4EAC */
    struct ut_asr_bias *b = make(terms, 1);
    (void)state;
    assert_true(near(score(b, "\xE7\xA7\x81\xE6\x9D\xB1\xE4\xBA\xAC\xE3\x81\xAB"), 8.0f));
    assert_true(near(score(b, "\xE7\xA7\x81\xE6\x9D\xB1\xE3\x81\xAB"), 0.0f));
    ut_asr_bias_destroy(b);
}

static void test_broken_and_completed_terms_are_told(void **state)
{
    const char *terms[] = { "bob" };
    struct ut_asr_bias *b = make(terms, 1);
    float sum;
    struct ut_asr_bias_walk walk = follow(b, " bo", &sum);
    struct ut_asr_bias_step s = ut_asr_bias_step(b, &walk, token_of("b"));
    (void)state;
    assert_false(s.broken || s.completed);
    walk = s.walk;
    s = ut_asr_bias_step(b, &walk, token_of("."));
    assert_true(s.completed && !s.broken);
    s = ut_asr_bias_step(b, &walk, token_of("s"));
    assert_true(s.broken && !s.completed);
    assert_true(near(s.gain, -5.0f));
    ut_asr_bias_destroy(b);
}

static void test_greedy_takes_a_term_that_is_near_enough(void **state)
{
    const char *terms[] = { "bob" };
    struct ut_asr_bias *b = make(terms, 1);
    float sum;
    struct ut_asr_bias_walk walk = follow(b, " b", &sum); /* 3 to spend, and 1 for the next */
    float *logits = calloc(TINY_VOCAB, sizeof *logits);
    int32_t best = token_of("p"), o = token_of("o"), last = token_of("b");
    (void)state;
    assert_non_null(logits);
    logits[best] = 9.0f;
    logits[o] = 5.1f;
    assert_int_equal(ut_asr_bias_choose(b, &walk, logits, best), o);
    logits[o] = 4.9f;
    assert_int_equal(ut_asr_bias_choose(b, &walk, logits, best), best);
    /* what was spent is no more to be had: half a nat is left, and 1 for the next */
    walk = ut_asr_bias_step(b, &walk, o).walk;
    ut_asr_bias_spend(&walk, 3.5f);
    logits[last] = 7.6f;
    assert_int_equal(ut_asr_bias_choose(b, &walk, logits, best), last);
    logits[last] = 7.4f;
    assert_int_equal(ut_asr_bias_choose(b, &walk, logits, best), best);
    free(logits);
    ut_asr_bias_destroy(b);
}

static void test_any_token_may_be_walked(void **state)
{
    const char *terms[] = { "bob" };
    struct ut_asr_bias *b = make(terms, 1);
    struct ut_asr_bias_walk walk = { 0 };
    (void)state;
    for (int32_t id = -2; id < TINY_VOCAB + 2; id++)
        walk = ut_asr_bias_step(b, &walk, id).walk;
    assert_int_equal(walk.node, 0);
    ut_asr_bias_destroy(b);
}

/* ------------------------------------------------------------ what is refused */

static void refuse(const char *term, const char *why)
{
    const char *terms[] = { "good", term };
    struct ut_asr_bias *b = NULL;
    struct ut_error err = { UT_OK, "" };

    assert_int_equal(ut_asr_bias_create(&b, tokens, terms, 2, &gains, &err), UT_EINVAL);
    assert_null(b);
    if (!strstr(err.text, why) || !strstr(err.text, "term 2"))
        fail_msg("\"%s\" does not say that term 2 %s", err.text, why);
    for (const char *p = err.text; *p; p++)
        assert_true((unsigned char)*p >= 0x20);
}

static void test_terms_that_cannot_be_are_named(void **state)
{
    char long_term[UT_ASR_BIAS_MAX_BYTES + 2] = { 0 };
    char many_tokens[UT_ASR_BIAS_MAX_TOKENS + 2] = { 0 };
    (void)state;
    memset(long_term, 'a', sizeof long_term - 1);
    memset(many_tokens, 'a', sizeof many_tokens - 1);
    refuse("", "empty");
    refuse("   ", "empty");
    refuse("a\tb", "control");
    refuse("a\x1b[31mb", "control");
    refuse("a\x7f", "control");
    refuse("a\xC2\x85", "control"); /* U+0085 */
    refuse("caf\xE9", "UTF-8");
    refuse("\xED\xA0\x80", "UTF-8"); /* half a surrogate pair */
    refuse(long_term, "bytes");
    refuse(many_tokens, "tokens");
    refuse("[a]", "never written");
}

static void test_bounds_of_count_and_gain_are_kept(void **state)
{
    static const char *terms[UT_ASR_BIAS_MAX_TERMS + 1];
    static char text[UT_ASR_BIAS_MAX_TERMS + 1][16];
    struct ut_asr_bias *b = NULL;
    struct ut_error err;
    (void)state;
    for (size_t i = 0; i < UT_ASR_BIAS_MAX_TERMS + 1; i++) {
        snprintf(text[i], sizeof text[i], "b%zu", i);
        terms[i] = text[i];
    }
    assert_int_equal(ut_asr_bias_create(&b, tokens, terms, UT_ASR_BIAS_MAX_TERMS + 1, NULL, &err),
                     UT_EINVAL);
    assert_int_equal(ut_asr_bias_create(&b, tokens, terms, UT_ASR_BIAS_MAX_TERMS, NULL, &err),
                     UT_OK);
    assert_true(score(b, " b999") > 0.0f && near(score(b, " b1000"), 0.0f));
    ut_asr_bias_destroy(b);
    const struct ut_asr_bias_options wrong[] = { { -1.0f, 1.0f },
                                                 { 1.0f, UT_ASR_BIAS_MAX_GAIN + 1 },
                                                 { (float)NAN, 1.0f } };
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(ut_asr_bias_create(&b, tokens, terms, 1, &wrong[i], &err), UT_EINVAL);
    assert_int_equal(ut_asr_bias_create(&b, tokens, NULL, 0, NULL, &err), UT_OK); /* no terms */
    assert_true(near(score(b, " b999"), 0.0f));
    ut_asr_bias_destroy(b);
    ut_asr_bias_destroy(NULL);
}

static int start(void **state)
{
    const struct ut_compute_options options = { .n_threads = 1 };

    (void)state;
    snprintf(path, sizeof path, "/tmp/ut-test-bias-%ld.gguf", (long)getpid());
    tiny_write(path, &(struct tiny_options){ .dtype = UT_DTYPE_F32,
                                             .token = "\xC4\xA0"
                                                      "b" });
    if (ut_compute_create(&compute, &options, NULL) != UT_OK ||
        ut_asr_model_open(&model, compute, path, NULL) != UT_OK)
        return -1;
    tokens = ut_asr_model_tokens(model);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    ut_asr_model_unref(model);
    ut_compute_destroy(compute);
    unlink(path);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_whole_terms_keep_what_they_gain),
        cmocka_unit_test(test_a_term_inside_of_a_longer_word_gains_nothing),
        cmocka_unit_test(test_a_capital_is_expected_too),
        cmocka_unit_test(test_longer_terms_go_on_from_shorter_ones),
        cmocka_unit_test(test_the_same_term_twice_is_one),
        cmocka_unit_test(test_terms_of_scripts_without_spaces_may_begin_anywhere),
        cmocka_unit_test(test_broken_and_completed_terms_are_told),
        cmocka_unit_test(test_greedy_takes_a_term_that_is_near_enough),
        cmocka_unit_test(test_any_token_may_be_walked),
        cmocka_unit_test(test_terms_that_cannot_be_are_named),
        cmocka_unit_test(test_bounds_of_count_and_gain_are_kept),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
