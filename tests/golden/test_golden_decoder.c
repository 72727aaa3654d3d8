/*
 * The decoder against the reference on the clip: logits, no-speech and language probabilities,
 * greedy tokens, alignment weights; and rows of a batch the same as alone.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "asr/decoder.h"
#include "asr/encoder.h"
#include "asr/tokens.h"
#include "tests/golden/golden.h"

#define MAX_ROWS 32
#define N_LOGIT_IDS 64

/* A model with the clip encoded. */
struct engine {
    struct ut_compute *compute;
    struct ut_asr_model *model;
    struct ut_asr_encoder *encoder;
    struct ut_asr_decoder *decoder;
    struct ut_kv *cross;
    const struct ut_asr_specials *specials;
    size_t n_vocab;
    float *logits;     /* [MAX_ROWS, n_vocab] */
    int32_t cells[64]; /* of one sequence */
};

static void open_engine(struct engine *e, const char *file)
{
    struct ut_error err = { 0 };
    float *mel = golden_clip_mel();

    *e = (struct engine){ 0 };
    assert_int_equal(ut_compute_create(&e->compute, NULL, &err), UT_OK);
    if (ut_asr_model_open(&e->model, e->compute, golden_model_path(file), &err) != UT_OK)
        fail_msg("%s", err.text);
    e->n_vocab = ut_asr_model_dims(e->model)->n_vocab;
    e->specials = ut_asr_tokens_specials(ut_asr_model_tokens(e->model));
    assert_int_equal(ut_asr_encoder_create(&e->encoder, e->compute, e->model, 1500), UT_OK);
    assert_int_equal(ut_asr_encoder_new_cross(e->encoder, &e->cross), UT_OK);
    const struct ut_asr_encode_call call = { .mel = mel, .n_frames = 3000, .cross = e->cross };
    assert_int_equal(ut_asr_encoder_run(e->encoder, &call, 1), UT_OK);
    assert_int_equal(ut_asr_decoder_create(&e->decoder, e->compute, e->model, MAX_ROWS, 256),
                     UT_OK);
    for (size_t i = 0; i < 64; i++)
        assert_int_equal(ut_asr_decoder_take_cell(e->decoder, &e->cells[i]), UT_OK);
    e->logits = malloc(MAX_ROWS * e->n_vocab * sizeof(float));
    assert_non_null(e->logits);
    free(mel);
}

static void close_engine(struct engine *e)
{
    free(e->logits);
    ut_kv_destroy(e->cross);
    ut_asr_decoder_destroy(e->decoder);
    ut_asr_encoder_destroy(e->encoder);
    ut_asr_model_unref(e->model);
    ut_compute_destroy(e->compute);
}

static struct ut_asr_decode_row make_row(struct engine *e, int32_t token, size_t position)
{
    return (struct ut_asr_decode_row){
        .token = token,
        .position = position,
        .cells = e->cells,
        .n_cross = 1,
        .cross = { { .kv = e->cross, .n = 1500 } },
    };
}

/* Runs ids[0..n) from position `first`; row i's logits go to e->logits + i * n_vocab. */
static void run_rows(struct engine *e, const int32_t *ids, size_t n, size_t first)
{
    struct ut_asr_decode_row rows[MAX_ROWS];

    for (size_t i = 0; i < n; i++) {
        rows[i] = make_row(e, ids[i], first + i);
        rows[i].logits = e->logits + i * e->n_vocab;
    }
    assert_int_equal(ut_asr_decoder_run(e->decoder, rows, n), UT_OK);
}

/* log of the softmax over x[first .. end) at `id`. */
static double log_probability(const float *x, size_t first, size_t end, size_t id)
{
    double top = -INFINITY, sum = 0;

    for (size_t i = first; i < end; i++)
        top = fmax(top, x[i]);
    for (size_t i = first; i < end; i++)
        sum += exp(x[i] - top);
    return x[id] - top - log(sum);
}

static void ban_tokens(const struct engine *e, float *logits, bool first)
{
    size_t n;
    const int32_t *ids = ut_asr_tokens_suppressed(ut_asr_model_tokens(e->model), &n);

    for (size_t i = 0; i < n; i++)
        logits[ids[i]] = -INFINITY;
    if (first)
        logits[220] = logits[e->specials->eot] = -INFINITY;
}

/* Raw logits after the prompt, and the no-speech probability at its startoftranscript. */
static void check_logits(struct engine *e, const char *model, const char *kind, size_t n_prompt)
{
    char name[80];

    snprintf(name, sizeof name, "%s_%s_prompt.i32", model, kind);
    int32_t *prompt = golden_i32(name, n_prompt);
    snprintf(name, sizeof name, "%s_%s_logit_ids.i32", model, kind);
    int32_t *ids = golden_i32(name, N_LOGIT_IDS);
    snprintf(name, sizeof name, "%s_%s_logits.f32", model, kind);
    float *want = golden_f32(name, N_LOGIT_IDS);
    snprintf(name, sizeof name, "%s_%s_no_speech.f32", model, kind);
    float *no_speech = golden_f32(name, 1);

    run_rows(e, prompt, n_prompt, 0);
    const float *last = e->logits + (n_prompt - 1) * e->n_vocab;
    for (size_t i = 0; i < N_LOGIT_IDS; i++)
        assert_float_equal(last[ids[i]], want[i], 2e-3);
    double p = exp(log_probability(e->logits, 0, e->n_vocab, (size_t)e->specials->no_speech));
    assert_float_equal(p, *no_speech, 1e-5);
    free(no_speech);
    free(want);
    free(ids);
    free(prompt);
}

/*
 * Decoding without timestamps, token by token: each token of the reference is the likeliest or
 * nearer to it than `tolerance`, and its log p is as near to the reference's.
 */
static void check_greedy(struct engine *e, const char *model, size_t n_prompt, double tolerance)
{
    enum { N_TOKENS = 14 };
    char name[80];

    snprintf(name, sizeof name, "%s_plain_prompt.i32", model);
    int32_t *prompt = golden_i32(name, n_prompt);
    snprintf(name, sizeof name, "%s_plain_tokens.i32", model);
    int32_t *want = golden_i32(name, N_TOKENS);
    snprintf(name, sizeof name, "%s_plain_logprobs.f32", model);
    float *logprobs = golden_f32(name, N_TOKENS + 1);

    run_rows(e, prompt, n_prompt, 0);
    float *logits = e->logits + (n_prompt - 1) * e->n_vocab;
    for (size_t i = 0; i <= N_TOKENS; i++) {
        int32_t best = 0;
        ban_tokens(e, logits, i == 0);
        for (size_t v = 0; v < e->n_vocab; v++)
            best = logits[v] > logits[best] ? (int32_t)v : best;
        int32_t token = i < N_TOKENS ? want[i] : e->specials->eot;
        assert_true(logits[best] - logits[token] <= tolerance);
        assert_float_equal(log_probability(logits, 0, e->n_vocab, (size_t)token), logprobs[i],
                           tolerance);
        run_rows(e, &token, 1, n_prompt + i);
        logits = e->logits;
    }
    free(logprobs);
    free(want);
    free(prompt);
}

static void test_decoder_base_f32_equals_the_reference(void **state)
{
    struct engine e;

    (void)state;
    open_engine(&e, "whisper-base-f32.gguf");
    check_logits(&e, "base", "timestamps", 3);
    check_logits(&e, "base", "plain", 4);
    check_greedy(&e, "base", 4, 1e-3);
    close_engine(&e);
}

static void test_decoder_tiny_en_f32_equals_the_reference(void **state)
{
    struct engine e;

    (void)state;
    open_engine(&e, "whisper-tiny.en-f32.gguf");
    check_logits(&e, "tiny_en", "timestamps", 1);
    check_logits(&e, "tiny_en", "plain", 2);
    check_greedy(&e, "tiny_en", 2, 1e-3);
    close_engine(&e);
}

static void test_decoder_q8_0_says_the_same(void **state)
{
    struct engine e;

    (void)state;
    open_engine(&e, "whisper-base-q8_0.gguf");
    check_greedy(&e, "base", 4, 0.5);
    close_engine(&e);
}

static void test_decoder_language_equals_the_reference(void **state)
{
    struct engine e;
    int32_t *ids = golden_i32("base_language_ids.i32", 5);
    float *want = golden_f32("base_language_probabilities.f32", 5);

    (void)state;
    open_engine(&e, "whisper-base-f32.gguf");
    run_rows(&e, &e.specials->sot, 1, 0);
    size_t first = (size_t)e.specials->language0;
    size_t end = first + (size_t)e.specials->n_languages;
    for (size_t i = 0; i < 5; i++)
        assert_float_equal(exp(log_probability(e.logits, first, end, (size_t)ids[i])), want[i],
                           1e-5);
    close_engine(&e);
    free(want);
    free(ids);
}

/* Tokens' own probabilities in the forced pass, and weights that are a distribution each. */
static void check_alignment(struct engine *e, const char *model)
{
    enum { N_TEXT = 14, N_ROWS = 17 };
    const int32_t eot = e->specials->eot;
    char name[80];
    size_t n_heads;
    struct ut_asr_decode_row rows[N_ROWS + 3];
    int32_t ids[N_ROWS + 3];
    size_t n = 0;

    snprintf(name, sizeof name, "%s_align_tokens.i32", model);
    int32_t *text = golden_i32(name, N_TEXT);
    snprintf(name, sizeof name, "%s_align_probabilities.f32", model);
    float *want = golden_f32(name, N_TEXT);
    ids[n++] = e->specials->sot;
    if (e->specials->n_languages) {
        ids[n++] = e->specials->language0;
        ids[n++] = e->specials->transcribe;
    }
    ids[n++] = e->specials->no_timestamps;
    size_t first = n;
    for (size_t i = 0; i < N_TEXT; i++)
        ids[n++] = text[i];
    ids[n++] = eot;
    ut_asr_model_align_heads(e->model, &n_heads);
    float *weights = malloc(n * n_heads * 1500 * sizeof *weights);
    assert_non_null(weights);
    for (size_t i = 0; i < n; i++) {
        rows[i] = make_row(e, ids[i], i);
        /* two views of the same audio must be as one */
        rows[i].n_cross = 2;
        rows[i].cross[0].n = 700;
        rows[i].cross[1] = (struct ut_kv_view){ .kv = e->cross, .first = 700, .n = 800 };
        rows[i].logits = e->logits + i * e->n_vocab;
        rows[i].align = weights + i * n_heads * 1500;
    }
    assert_int_equal(ut_asr_decoder_run(e->decoder, rows, n), UT_OK);
    for (size_t i = 0; i < N_TEXT; i++) {
        const float *logits = e->logits + (first + i - 1) * e->n_vocab;
        assert_float_equal(exp(log_probability(logits, 0, (size_t)eot, (size_t)text[i])), want[i],
                           1e-4);
    }
    for (size_t i = 0; i < n * n_heads; i++) {
        double sum = 0;
        for (size_t t = 0; t < 1500; t++) {
            assert_true(weights[i * 1500 + t] >= 0);
            sum += weights[i * 1500 + t];
        }
        assert_float_equal(sum, 1, 1e-4);
    }
    free(weights);
    free(want);
    free(text);
}

static void test_decoder_alignment_equals_the_reference(void **state)
{
    struct engine e;

    (void)state;
    open_engine(&e, "whisper-base-f32.gguf");
    check_alignment(&e, "base");
    close_engine(&e);
    open_engine(&e, "whisper-tiny.en-f32.gguf");
    check_alignment(&e, "tiny_en");
    close_engine(&e);
}

/* Two sequences that share the cells of their prompt, in one pass, against each alone. */
static void test_decoder_beams_share_their_past(void **state)
{
    struct engine e;
    int32_t forked[3];
    struct ut_asr_decode_row rows[2];

    (void)state;
    open_engine(&e, "whisper-tiny.en-f32.gguf");
    const int32_t prompt[2] = { e.specials->sot, e.specials->no_timestamps };
    float *alone = malloc(2 * e.n_vocab * sizeof *alone);
    assert_non_null(alone);
    run_rows(&e, prompt, 2, 0);
    run_rows(&e, (int32_t[]){ 632 }, 1, 2);
    memcpy(alone, e.logits, e.n_vocab * sizeof *alone);
    run_rows(&e, (int32_t[]){ 383 }, 1, 2);
    memcpy(alone + e.n_vocab, e.logits, e.n_vocab * sizeof *alone);

    memcpy(forked, e.cells, 2 * sizeof *forked);
    ut_asr_decoder_ref_cells(e.decoder, forked, 2);
    assert_int_equal(ut_asr_decoder_take_cell(e.decoder, &forked[2]), UT_OK);
    rows[0] = make_row(&e, 632, 2);
    rows[1] = make_row(&e, 383, 2);
    rows[1].cells = forked;
    rows[0].logits = e.logits;
    rows[1].logits = e.logits + e.n_vocab;
    assert_int_equal(ut_asr_decoder_run(e.decoder, rows, 2), UT_OK);
    assert_true(golden_relative_l2(e.logits, alone, 2 * e.n_vocab) < 1e-5);
    size_t n_free = ut_asr_decoder_n_free_cells(e.decoder);
    ut_asr_decoder_unref_cells(e.decoder, forked, 3);
    assert_int_equal(ut_asr_decoder_n_free_cells(e.decoder), n_free + 1);
    free(alone);
    close_engine(&e);
}

/* Two windows encoded in one pass, and a row for each: as each alone. */
static void test_decoder_of_windows_of_a_batch(void **state)
{
    static const size_t n_frames[2] = { 1302, 700 };
    struct engine e;
    float *mel = golden_clip_mel();
    struct ut_kv *cross[2];
    struct ut_asr_encode_call calls[2];
    struct ut_asr_decode_row rows[2];

    (void)state;
    open_engine(&e, "whisper-tiny.en-f32.gguf");
    float *alone = malloc(2 * e.n_vocab * sizeof *alone);
    assert_non_null(alone);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(ut_asr_encoder_new_cross(e.encoder, &cross[i]), UT_OK);
        calls[i] = (struct ut_asr_encode_call){ .mel = mel + i * 200 * 80,
                                                .n_frames = n_frames[i],
                                                .cross = cross[i] };
        assert_int_equal(ut_asr_encoder_run(e.encoder, &calls[i], 1), UT_OK);
        rows[i] = make_row(&e, e.specials->sot, 0);
        rows[i].cells = &e.cells[i];
        rows[i].cross[0] = (struct ut_kv_view){ .kv = cross[i], .n = n_frames[i] / 2 };
        rows[i].logits = alone + i * e.n_vocab;
        assert_int_equal(ut_asr_decoder_run(e.decoder, &rows[i], 1), UT_OK);
        rows[i].logits = e.logits + i * e.n_vocab;
    }
    assert_true(golden_relative_l2(alone, alone + e.n_vocab, e.n_vocab) > 1e-3);
    assert_int_equal(ut_asr_encoder_run(e.encoder, calls, 2), UT_OK);
    assert_int_equal(ut_asr_decoder_run(e.decoder, rows, 2), UT_OK);
    assert_true(golden_relative_l2(e.logits, alone, 2 * e.n_vocab) < 1e-5);
    ut_kv_destroy(cross[0]);
    ut_kv_destroy(cross[1]);
    free(alone);
    free(mel);
    close_engine(&e);
}

static void test_decoder_refuses_bad_rows(void **state)
{
    struct engine e;
    struct ut_asr_decode_row rows[MAX_ROWS + 1];
    int32_t bad_cell = 256;

    (void)state;
    open_engine(&e, "whisper-tiny.en-q8_0.gguf");
    for (size_t i = 0; i <= MAX_ROWS; i++)
        rows[i] = make_row(&e, 0, 0);
    assert_int_equal(ut_asr_decoder_run(e.decoder, rows, 0), UT_OK);
    assert_int_equal(ut_asr_decoder_run(e.decoder, rows, MAX_ROWS + 1), UT_ELIMIT);
    rows[0].token = (int32_t)e.n_vocab;
    assert_int_equal(ut_asr_decoder_run(e.decoder, rows, 1), UT_EINVAL);
    rows[0].token = -1;
    assert_int_equal(ut_asr_decoder_run(e.decoder, rows, 1), UT_EINVAL);
    rows[0] = make_row(&e, 0, 448);
    assert_int_equal(ut_asr_decoder_run(e.decoder, rows, 1), UT_EINVAL);
    rows[0] = make_row(&e, 0, 0);
    rows[0].cells = &bad_cell;
    assert_int_equal(ut_asr_decoder_run(e.decoder, rows, 1), UT_EINVAL);
    rows[0] = make_row(&e, 0, 0);
    rows[0].cross[0].first = 1;
    assert_int_equal(ut_asr_decoder_run(e.decoder, rows, 1), UT_EINVAL);
    rows[0] = make_row(&e, 0, 0);
    rows[0].n_cross = 0;
    assert_int_equal(ut_asr_decoder_run(e.decoder, rows, 1), UT_EINVAL);
    rows[0] = make_row(&e, 0, 0);
    assert_int_equal(ut_asr_decoder_run(e.decoder, rows, 1), UT_OK);
    close_engine(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decoder_tiny_en_f32_equals_the_reference),
        cmocka_unit_test(test_decoder_base_f32_equals_the_reference),
        cmocka_unit_test(test_decoder_q8_0_says_the_same),
        cmocka_unit_test(test_decoder_language_equals_the_reference),
        cmocka_unit_test(test_decoder_alignment_equals_the_reference),
        cmocka_unit_test(test_decoder_beams_share_their_past),
        cmocka_unit_test(test_decoder_of_windows_of_a_batch),
        cmocka_unit_test(test_decoder_refuses_bad_rows),
    };
    golden_model_path("whisper-base-f32.gguf");
    golden_model_path("whisper-base-q8_0.gguf");
    golden_model_path("whisper-tiny.en-f32.gguf");
    golden_model_path("whisper-tiny.en-q8_0.gguf");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
