/*
 * Search, recordings and live steps over a toy model of pseudo-random weights: what must hold
 * whatever the model says. No model file is needed.
 */
#include <errno.h>
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

#include "asr/search.h"
#include "asr/window.h"
#include "tests/unit/asr/tiny_model.h"

enum { N_PROMPT = 3, MAX_BEAM = 4, N_TOKENS = TINY_TEXT_CTX / 2 };

static char path[64];
static struct ut_compute *compute;
static struct ut_asr_model *model;
static struct ut_asr_parts parts;
static struct ut_kv *cross;
static struct ut_asr_audio audio;
static struct ut_asr_rules rules;
static size_t n_cells;
static int32_t prompt[4];

static struct ut_asr_search_options options_of(size_t beam, float temperature)
{
    static struct ut_asr_random random;
    random.state = 9;
    return (struct ut_asr_search_options){ .rules = &rules,
                                           .beam = beam,
                                           .best_of = MAX_BEAM,
                                           .temperature = temperature,
                                           .patience = 1.0f,
                                           .length_penalty = 1.0f,
                                           .random = &random };
}

/* Runs a search and keeps its tokens; all cells must come back. */
static struct ut_asr_hypothesis search(const struct ut_asr_search_options *o, int32_t *tokens,
                                       float *logprobs)
{
    struct ut_asr_search *s = NULL;
    struct ut_asr_hypothesis h;

    assert_int_equal(ut_asr_search_create(&s, &parts, MAX_BEAM), UT_OK);
    assert_int_equal(ut_asr_search_begin(s, &audio, prompt, N_PROMPT, 0), UT_OK);
    assert_int_equal(ut_asr_search_run(s, o, &h), UT_OK);
    memcpy(tokens, h.tokens, h.n * sizeof *tokens);
    memcpy(logprobs, h.logprobs, h.n * sizeof *logprobs);
    ut_asr_search_end(s);
    assert_int_equal(ut_asr_decoder_n_free_cells(parts.decoder), n_cells);
    ut_asr_search_destroy(s);
    return h;
}

/* log p of each token by feeding them one at a time in fresh cells, and of the end in the last. */
static void score(const int32_t *tokens, size_t n, double *logprobs)
{
    int32_t cells[TINY_TEXT_CTX];
    float *logits = malloc(TINY_VOCAB * sizeof *logits);

    assert_non_null(logits);
    assert_int_equal(ut_asr_parts_take_cells(&parts, cells, TINY_TEXT_CTX), UT_OK);
    for (size_t p = 0; p < N_PROMPT + n; p++) {
        int32_t token = p < N_PROMPT ? prompt[p] : tokens[p - N_PROMPT];
        struct ut_asr_decode_row row = ut_asr_parts_row(&audio, token, p, cells);
        row.logits = logits;
        assert_int_equal(ut_asr_parts_run(&parts, &row, 1), UT_OK);
        if (p + 1 < N_PROMPT)
            continue;
        size_t i = p + 1 - N_PROMPT;
        double sum = 0.0;
        ut_asr_rules_apply(&rules, tokens, i, logits);
        for (size_t v = 0; v < TINY_VOCAB; v++)
            sum += exp((double)logits[v]);
        int32_t next = i < n ? tokens[i] : parts.specials->eot;
        logprobs[i] = (double)logits[next] - log(sum);
    }
    ut_asr_decoder_unref_cells(parts.decoder, cells, TINY_TEXT_CTX);
    free(logits);
}

/* What a search says of its result equals what the model says of it. */
static void check_scores(const struct ut_asr_hypothesis *h, const int32_t *tokens,
                         const float *logprobs)
{
    double want[N_TOKENS + 1], sum = 0.0;

    assert_in_range(h->n, 0, N_TOKENS);
    score(tokens, h->n, want);
    for (size_t i = 0; i < h->n; i++) {
        assert_true(fabs((double)logprobs[i] - want[i]) < 1e-3);
        sum += want[i];
    }
    if (h->n < N_TOKENS)
        sum += want[h->n];
    assert_true(fabs((double)h->sum_logprob - sum) < 1e-2);
    assert_true(fabsf(h->avg_logprob - h->sum_logprob / (float)(h->n + 1)) < 1e-5f);
}

static void test_every_search_reports_the_models_own_scores(void **state)
{
    static const struct {
        size_t beam;
        float temperature;
        bool timestamps;
    } cases[] = { { 1, 0.0f, true }, { 2, 0.0f, true },  { 4, 0.0f, true },
                  { 1, 0.7f, true }, { 1, 0.0f, false }, { 4, 0.0f, false } };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int32_t tokens[N_TOKENS];
        float logprobs[N_TOKENS];
        rules.timestamps = cases[i].timestamps;
        struct ut_asr_search_options o = options_of(cases[i].beam, cases[i].temperature);
        struct ut_asr_hypothesis h = search(&o, tokens, logprobs);
        check_scores(&h, tokens, logprobs);
        if (cases[i].timestamps)
            assert_true(h.n > 0 && tokens[0] >= parts.specials->timestamp0);
    }
    rules.timestamps = true;
}

static void test_a_wide_beam_is_no_worse_than_greedy(void **state)
{
    int32_t tokens[N_TOKENS];
    float logprobs[N_TOKENS];
    struct ut_asr_search_options one = options_of(1, 0.0f), four = options_of(MAX_BEAM, 0.0f);
    (void)state;
    struct ut_asr_hypothesis greedy = search(&one, tokens, logprobs);
    struct ut_asr_hypothesis wide = search(&four, tokens, logprobs);
    assert_true(wide.sum_logprob / (float)(wide.n ? wide.n : 1) >=
                greedy.sum_logprob / (float)(greedy.n ? greedy.n : 1) - 1e-4f);
}

static void test_max_tokens_cuts_a_hypothesis(void **state)
{
    int32_t tokens[N_TOKENS];
    float logprobs[N_TOKENS];
    (void)state;
    for (size_t beam = 1; beam <= MAX_BEAM; beam += MAX_BEAM - 1) {
        struct ut_asr_search_options o = options_of(beam, 0.0f);
        o.max_tokens = 2;
        struct ut_asr_hypothesis h = search(&o, tokens, logprobs);
        assert_true(h.n <= 2);
    }
}

/*
 * Terms whose tokens are single letters of the toy's vocabulary. They end in a mark, because most
 * other tokens begin with a letter and would make them parts of longer words.
 */
static struct ut_asr_bias *make_bias(const char *const *terms, size_t n, float begin, float go_on)
{
    const struct ut_asr_bias_options gains = { begin, go_on };
    struct ut_asr_bias *b = NULL;

    assert_int_equal(ut_asr_bias_create(&b, parts.tokens, terms, n, &gains, NULL), UT_OK);
    return b;
}

static bool says(const int32_t *tokens, size_t n, const char *word)
{
    struct ut_buffer text = { .limit = 4096 };
    bool found;

    assert_int_equal(ut_asr_tokens_decode(parts.tokens, tokens, n, &text), UT_OK);
    found = strstr(ut_buffer_text(&text), word) != NULL;
    ut_buffer_finish(&text);
    return found;
}

static void test_terms_are_written_and_scores_stay_the_models(void **state)
{
    const char *terms[] = { "7." };
    struct ut_asr_bias *bias = make_bias(terms, 1, 20.0f, 20.0f);
    (void)state;
    rules.timestamps = false;
    for (size_t beam = 1; beam <= MAX_BEAM; beam += MAX_BEAM - 1) {
        int32_t tokens[N_TOKENS];
        float logprobs[N_TOKENS];
        struct ut_asr_search_options o = options_of(beam, 0.0f);
        struct ut_asr_hypothesis h = search(&o, tokens, logprobs);
        assert_false(says(tokens, h.n, "7."));
        o.bias = bias;
        h = search(&o, tokens, logprobs);
        check_scores(&h, tokens, logprobs);
        assert_true(says(tokens, h.n, "7."));
    }
    rules.timestamps = true;
    ut_asr_bias_destroy(bias);
}

/* The last token of the term is never written: what it gained is taken back. */
static void test_a_term_that_cannot_be_completed_leaves_no_trace(void **state)
{
    const char *terms[] = { "xyzq" };
    struct ut_asr_bias *bias = make_bias(terms, 1, 20.0f, 20.0f);
    int32_t never = -1;
    size_t n = 0;
    (void)state;
    assert_int_equal(ut_asr_tokens_encode(parts.tokens, "q", 1, &never, 1, &n), UT_OK);
    struct ut_asr_rules before = rules;
    rules.timestamps = false;
    rules.suppressed = &never;
    rules.n_suppressed = 1;
    int32_t plain[N_TOKENS], tokens[N_TOKENS];
    float logprobs[N_TOKENS];
    struct ut_asr_search_options o = options_of(1, 0.0f);
    struct ut_asr_hypothesis without = search(&o, plain, logprobs);
    o.bias = bias;
    struct ut_asr_hypothesis with = search(&o, tokens, logprobs);
    check_scores(&with, tokens, logprobs);
    assert_int_equal(with.n, without.n);
    assert_memory_equal(tokens, plain, with.n * sizeof *tokens);
    rules = before;
    ut_asr_bias_destroy(bias);
}

static void test_run_refuses_options_out_of_range(void **state)
{
    struct ut_asr_search *s = NULL;
    struct ut_asr_hypothesis h;
    struct ut_asr_search_options o = options_of(MAX_BEAM + 1, 0.0f);
    (void)state;
    assert_int_equal(ut_asr_search_create(&s, &parts, 0), UT_EINVAL);
    assert_int_equal(ut_asr_search_create(&s, &parts, UT_ASR_MAX_BEAM + 1), UT_EINVAL);
    assert_int_equal(ut_asr_search_create(&s, &parts, MAX_BEAM), UT_OK);
    assert_int_equal(ut_asr_search_run(s, &o, &h), UT_EINVAL); /* nothing begun, beam too wide */
    assert_int_equal(ut_asr_search_begin(s, &audio, prompt, 0, 0), UT_EINVAL);
    assert_int_equal(ut_asr_search_begin(s, &audio, prompt, N_PROMPT, N_PROMPT), UT_EINVAL);
    assert_int_equal(ut_asr_search_begin(s, &audio, prompt, N_PROMPT, 0), UT_OK);
    assert_int_equal(ut_asr_search_run(s, &o, &h), UT_EINVAL);
    o = options_of(1, NAN);
    assert_int_equal(ut_asr_search_run(s, &o, &h), UT_EINVAL);
    ut_asr_search_destroy(s); /* gives the prompt's cells back */
    assert_int_equal(ut_asr_decoder_n_free_cells(parts.decoder), n_cells);
}

static void test_when_cells_run_out_the_search_fails_and_gives_them_back(void **state)
{
    struct ut_asr_search *s = NULL;
    struct ut_asr_hypothesis h;
    int32_t held[512];
    size_t n = n_cells - N_PROMPT - 2;
    (void)state;
    assert_int_equal(ut_asr_parts_take_cells(&parts, held, n), UT_OK);
    assert_int_equal(ut_asr_search_create(&s, &parts, MAX_BEAM), UT_OK);
    assert_int_equal(ut_asr_search_begin(s, &audio, prompt, N_PROMPT, 0), UT_OK);
    for (size_t beam = 1; beam <= MAX_BEAM; beam += MAX_BEAM - 1) {
        struct ut_asr_search_options o = options_of(beam, 0.0f);
        o.patience = 100.0f;
        assert_int_equal(ut_asr_search_run(s, &o, &h), UT_ELIMIT);
        assert_int_equal(ut_asr_decoder_n_free_cells(parts.decoder), 2);
    }
    ut_asr_search_destroy(s);
    ut_asr_decoder_unref_cells(parts.decoder, held, n);
    assert_int_equal(ut_asr_decoder_n_free_cells(parts.decoder), n_cells);
}

/* ------------------------------------------------------------ the recognizer over the toy model */

struct tape {
    size_t left;
    size_t n_segments;
    int64_t last;
};

static enum ut_status read_noise(void *ctx, float *pcm, size_t n, size_t *got, struct ut_error *err)
{
    struct tape *tape = ctx;
    (void)err;
    *got = tape->left < n ? tape->left : n;
    tape->left -= *got;
    for (size_t i = 0; i < *got; i++)
        pcm[i] = (float)rand() / (float)RAND_MAX - 0.5f;
    return *got ? UT_OK : UT_END;
}

static enum ut_status count_segment(void *ctx, const struct ut_asr_segment *s)
{
    struct tape *tape = ctx;
    tape->n_segments++;
    assert_true(strlen(s->text) > 0 && s->n_tokens > 0);
    for (size_t i = 0; i < s->n_words; i++)
        assert_true(s->words[i].confidence >= 0.0f && s->words[i].confidence <= 1.0f);
    return UT_OK;
}

static void test_a_recording_of_nonsense_comes_to_an_end(void **state)
{
    struct ut_recognizer *r = NULL;
    size_t n_segments = 0;
    (void)state;
    srand(5);
    assert_int_equal(ut_recognizer_create(&r, compute, model, NULL), UT_OK);
    for (int round = 0; round < 4; round++) {
        struct ut_asr_options o = ut_asr_options_default();
        struct tape tape = { .left = 40000 };
        struct ut_asr_timing timing;
        struct ut_error err = { UT_OK, "" };
        o.timestamps = round % 2 == 0;
        o.word_times = round >= 2;
        o.max_no_speech = 1.0f;
        o.prompt = "a prompt that is longer than the toy's context can hold";
        o.n_temperatures = 2;
        enum ut_status st = ut_recognizer_transcribe(r, &o, NAN, read_noise, &tape, count_segment,
                                                     &tape, &timing, &err);
        if (st != UT_OK)
            fail_msg("%s", err.text);
        assert_int_equal(tape.left, 0);
        assert_int_equal(timing.n_samples, 40000);
        assert_true(timing.n_windows > 0);
        n_segments += tape.n_segments;
    }
    assert_true(n_segments > 0);
    ut_recognizer_destroy(r);
}

static void test_live_steps_of_nonsense_stay_bounded_and_give_cells_back(void **state)
{
    static float mel[3][2 * TINY_AUDIO_CTX * 80];
    struct ut_recognizer_options sizes = { .max_batch = 3 };
    struct ut_recognizer *r = NULL;
    int32_t draft[64];
    (void)state;
    srand(6);
    assert_int_equal(ut_recognizer_create(&r, compute, model, &sizes), UT_OK);
    for (int round = 0; round < 20; round++) {
        struct ut_asr_step steps[3];
        size_t n = 1 + (size_t)round % 3;
        for (size_t i = 0; i < 64; i++)
            draft[i] = rand() % 2000;
        for (size_t i = 0; i < n; i++) {
            for (size_t k = 0; k < sizeof mel[0] / sizeof(float); k++)
                mel[i][k] = (float)rand() / (float)RAND_MAX - 0.5f;
            steps[i] = (struct ut_asr_step){ .mel = mel[i],
                                             .n_frames = 2 + (size_t)rand() % 19,
                                             .language = round % 2 ? -1 : 3,
                                             .prompt = round % 4 == 3 ? draft : NULL,
                                             .n_prompt = 64,
                                             .draft = round % 3 ? draft : NULL,
                                             .n_draft = 64 };
        }
        assert_int_equal(ut_recognizer_step(r, steps, n), UT_OK);
        for (size_t i = 0; i < n; i++) {
            assert_true(steps[i].n_tokens <= N_TOKENS);
            assert_true(isfinite(steps[i].avg_logprob));
            for (size_t w = 0; w < steps[i].n_words; w++)
                assert_true(steps[i].words[w].end <= (int64_t)steps[i].n_frames * 160);
        }
    }
    ut_recognizer_destroy(r);
}

static void test_any_draft_gives_the_same_tokens_with_terms(void **state)
{
    static float mel[2 * TINY_AUDIO_CTX * 80];
    const char *terms[] = { "x.", "a,", "e.", "no.", "q!" };
    struct ut_recognizer *r = NULL;
    size_t n_changed = 0;
    (void)state;
    srand(7);
    assert_int_equal(ut_recognizer_create(&r, compute, model, NULL), UT_OK);
    for (int round = 0; round < 24; round++) {
        struct ut_asr_bias *bias =
            make_bias(terms, 5, 2.5f * (float)(round % 9), 5.0f * (float)(round % 4));
        struct ut_asr_step step = { .mel = mel, .n_frames = 12, .language = 0 };
        int32_t plain[N_TOKENS], first[N_TOKENS], draft[N_TOKENS];
        for (size_t k = 0; k < sizeof mel / sizeof mel[0]; k++)
            mel[k] = (float)rand() / (float)RAND_MAX - 0.5f;
        assert_int_equal(ut_recognizer_step(r, &step, 1), UT_OK);
        size_t n_plain = step.n_tokens;
        memcpy(plain, step.tokens, n_plain * sizeof *plain);
        step.bias = bias;
        assert_int_equal(ut_recognizer_step(r, &step, 1), UT_OK);
        size_t n = step.n_tokens;
        float avg = step.avg_logprob;
        memcpy(first, step.tokens, n * sizeof *first);
        n_changed += n != n_plain || memcmp(first, plain, n * sizeof *first) != 0;
        for (int k = 0; k < 4; k++) {
            /* the result itself, the plain text, and noise */
            memcpy(draft, k == 0 ? first : plain, sizeof draft);
            for (size_t i = 0; k > 1 && i < N_TOKENS; i++)
                draft[i] = rand() % 256;
            step.draft = draft;
            step.n_draft = k == 0 ? n : k == 1 ? n_plain : N_TOKENS;
            assert_int_equal(ut_recognizer_step(r, &step, 1), UT_OK);
            assert_int_equal(step.n_tokens, n);
            assert_memory_equal(step.tokens, first, n * sizeof *first);
            assert_true(fabsf(step.avg_logprob - avg) < 1e-4f);
        }
        ut_asr_bias_destroy(bias);
    }
    assert_true(n_changed > 0);
    ut_recognizer_destroy(r);
}

/* ------------------------------------------------------------ memory that cannot be had */

static long fail_at = -1; /* the allocation that fails, counted down; -1: none */
int __real_posix_memalign(void **p, size_t align, size_t n);
int __wrap_posix_memalign(void **p, size_t align, size_t n);
int __wrap_posix_memalign(void **p, size_t align, size_t n)
{
    if (fail_at >= 0 && fail_at-- == 0)
        return ENOMEM;
    return __real_posix_memalign(p, align, n);
}

/* Makes a recognizer and uses both ways in. */
static enum ut_status use_recognizer(void)
{
    static float mel[8 * 80];
    struct ut_asr_step step = { .mel = mel, .n_frames = 8, .language = 0 };
    struct ut_asr_options o = ut_asr_options_default();
    struct tape tape = { .left = 4000 };
    struct ut_recognizer *r = NULL;

    o.word_times = true;
    o.prompt = "words";
    o.n_temperatures = 1;
    o.beam = 2;
    enum ut_status st = ut_recognizer_create(&r, compute, model, NULL);
    if (st == UT_OK)
        st = ut_recognizer_transcribe(r, &o, NAN, read_noise, &tape, count_segment, &tape, NULL,
                                      NULL);
    if (st == UT_OK)
        st = ut_recognizer_step(r, &step, 1);
    ut_recognizer_destroy(r);
    return st;
}

static void test_when_any_allocation_fails_the_recognizer_says_so(void **state)
{
    enum ut_status st = UT_ENOMEM;
    long n = 0;
    (void)state;
    for (; st != UT_OK && n < 1000; n++) {
        fail_at = n;
        st = use_recognizer();
        assert_true(st == UT_OK || st == UT_ENOMEM);
    }
    fail_at = -1;
    assert_int_equal(st, UT_OK);
    assert_true(n > 50); /* the failures were reached */
}

static int start(void **state)
{
    const struct ut_compute_options options = { .n_threads = 1 };
    static float mel[2 * TINY_AUDIO_CTX * 80];

    (void)state;
    snprintf(path, sizeof path, "/tmp/ut-test-search-%ld.gguf", (long)getpid());
    tiny_write(path, &(struct tiny_options){ .dtype = UT_DTYPE_F32 });
    if (ut_compute_create(&compute, &options, NULL) != UT_OK ||
        ut_asr_model_open(&model, compute, path, NULL) != UT_OK)
        return -1;
    parts = (struct ut_asr_parts){ .compute = compute,
                                   .model = model,
                                   .dims = ut_asr_model_dims(model),
                                   .tokens = ut_asr_model_tokens(model),
                                   .max_rows = 16,
                                   .n_logit_rows = 8 };
    parts.specials = ut_asr_tokens_specials(parts.tokens);
    parts.logits = calloc(8 * TINY_VOCAB, sizeof(float));
    n_cells = ut_asr_search_n_cells(parts.dims, MAX_BEAM);
    if (!parts.logits ||
        ut_asr_encoder_create(&parts.encoder, compute, model, TINY_AUDIO_CTX) != UT_OK ||
        ut_asr_decoder_create(&parts.decoder, compute, model, 16, n_cells) != UT_OK ||
        ut_asr_encoder_new_cross(parts.encoder, &cross) != UT_OK)
        return -1;
    for (size_t i = 0; i < sizeof mel / sizeof mel[0]; i++)
        mel[i] = (float)(i % 17) / 17 - 0.5f;
    const struct ut_asr_encode_call call = { .mel = mel,
                                             .n_frames = 2 * TINY_AUDIO_CTX,
                                             .cross = cross };
    if (ut_asr_encoder_run(parts.encoder, &call, 1) != UT_OK)
        return -1;
    audio =
        (struct ut_asr_audio){ .n_views = 1, .views = { { .kv = cross, .n = TINY_AUDIO_CTX } } };
    struct ut_asr_options o = ut_asr_options_default();
    rules = ut_asr_window_rules(&parts, &o);
    return ut_asr_parts_sot(&parts, 0, false, true, prompt) == N_PROMPT ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    ut_kv_destroy(cross);
    ut_asr_decoder_destroy(parts.decoder);
    ut_asr_encoder_destroy(parts.encoder);
    ut_asr_model_unref(model);
    ut_compute_destroy(compute);
    free(parts.logits);
    unlink(path);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_search_reports_the_models_own_scores),
        cmocka_unit_test(test_a_wide_beam_is_no_worse_than_greedy),
        cmocka_unit_test(test_max_tokens_cuts_a_hypothesis),
        cmocka_unit_test(test_terms_are_written_and_scores_stay_the_models),
        cmocka_unit_test(test_a_term_that_cannot_be_completed_leaves_no_trace),
        cmocka_unit_test(test_run_refuses_options_out_of_range),
        cmocka_unit_test(test_when_cells_run_out_the_search_fails_and_gives_them_back),
        cmocka_unit_test(test_a_recording_of_nonsense_comes_to_an_end),
        cmocka_unit_test(test_live_steps_of_nonsense_stay_bounded_and_give_cells_back),
        cmocka_unit_test(test_any_draft_gives_the_same_tokens_with_terms),
        cmocka_unit_test(test_when_any_allocation_fails_the_recognizer_says_so),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
