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

#include "asr/decoder.h"
#include "asr/encoder.h"
#include "asr/model.h"
#include "asr/tokens.h"
#include "tests/unit/asr/tiny_model.h"

static char path[64];
static struct ut_compute *compute;

static int start(void **state)
{
    const struct ut_compute_options options = { .n_threads = 2 };

    (void)state;
    snprintf(path, sizeof path, "/tmp/ut-test-model-%ld.gguf", (long)getpid());
    return ut_compute_create(&compute, &options, NULL) == UT_OK ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    ut_compute_destroy(compute);
    unlink(path);
    return 0;
}

/* The model of these options must be refused with a line that holds `text`. */
static void check_refused(const struct tiny_options *options, const char *text)
{
    struct ut_asr_model *m = NULL;
    struct ut_error err = { 0 };

    tiny_write(path, options);
    assert_int_equal(ut_asr_model_open(&m, compute, path, &err), UT_EFORMAT);
    assert_null(m);
    if (!strstr(err.text, text))
        fail_msg("'%s' does not say '%s'", err.text, text);
    if (!strstr(err.text, path))
        fail_msg("'%s' does not name the file", err.text);
}

/* Encodes a window and decodes two rows; the logits of the last [TINY_VOCAB] go to `logits`. */
static void run_model(float *logits)
{
    static float mel[2 * TINY_AUDIO_CTX * 80];
    struct ut_asr_model *m = NULL;
    struct ut_asr_encoder *e = NULL;
    struct ut_asr_decoder *d = NULL;
    struct ut_asr_silence *s = NULL;
    struct ut_kv *cross = NULL;
    int32_t cells[2];
    float align[2 * TINY_AUDIO_CTX];
    struct ut_error err = { 0 };

    if (ut_asr_model_open(&m, compute, path, &err) != UT_OK)
        fail_msg("%s", err.text);
    assert_int_equal(ut_asr_encoder_create(&e, compute, m, TINY_AUDIO_CTX), UT_OK);
    assert_int_equal(ut_asr_encoder_new_cross(e, &cross), UT_OK);
    assert_int_equal(ut_asr_silence_create(&s, e, -1.5f, 4), UT_OK);
    for (size_t i = 0; i < sizeof mel / sizeof mel[0]; i++)
        mel[i] = (float)(i % 17) / 17 - 0.5f;
    const struct ut_asr_encode_call call = {
        .mel = mel, .n_frames = 8, .silence = s, .cross = cross
    };
    assert_int_equal(ut_asr_encoder_run(e, &call, 1), UT_OK);
    assert_int_equal(ut_asr_decoder_create(&d, compute, m, 2, 2), UT_OK);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(ut_asr_decoder_take_cell(d, &cells[i]), UT_OK);
    struct ut_asr_decode_row rows[2];
    for (size_t i = 0; i < 2; i++)
        rows[i] = (struct ut_asr_decode_row){
            .token = 50258 + (int32_t)i,
            .position = i,
            .cells = cells,
            .n_cross = 2,
            .cross = { { .kv = cross, .n = 4 }, ut_asr_silence_cross(s, 4) },
            .align = align,
        };
    assert_int_equal(rows[0].cross[1].n, 4);
    rows[1].logits = logits;
    assert_int_equal(ut_asr_decoder_run(d, rows, 2), UT_OK);
    ut_kv_destroy(cross);
    ut_asr_silence_destroy(s);
    ut_asr_decoder_destroy(d);
    ut_asr_encoder_destroy(e);
    ut_asr_model_unref(m);
}

static void test_model_runs_in_every_type(void **state)
{
    static const enum ut_dtype dtypes[] = { UT_DTYPE_F32, UT_DTYPE_F16, UT_DTYPE_Q8_0,
                                            UT_DTYPE_Q5_0, UT_DTYPE_Q4_0 };
    static const double bounds[] = { 0, 0.02, 0.1, 0.25, 0.5 };
    float *exact = malloc(TINY_VOCAB * sizeof *exact);
    float *logits = malloc(TINY_VOCAB * sizeof *logits);

    (void)state;
    assert_non_null(exact);
    assert_non_null(logits);
    for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++) {
        double difference = 0, norm = 0;
        tiny_write(path, &(struct tiny_options){ .dtype = dtypes[i] });
        run_model(logits);
        if (i == 0)
            memcpy(exact, logits, TINY_VOCAB * sizeof *exact);
        for (size_t v = 0; v < TINY_VOCAB; v++) {
            difference += ((double)logits[v] - exact[v]) * ((double)logits[v] - exact[v]);
            norm += (double)exact[v] * exact[v];
        }
        assert_true(norm > 0 && isfinite(norm));
        assert_true(sqrt(difference / norm) <= bounds[i]);
    }
    free(logits);
    free(exact);
}

static void test_model_dims_tokens_and_heads_are_read(void **state)
{
    struct ut_asr_model *m = NULL;
    size_t n;
    int32_t ids[8];

    (void)state;
    tiny_write(path, &(struct tiny_options){ .dtype = UT_DTYPE_Q8_0, .align_head = 1 });
    assert_int_equal(ut_asr_model_open(&m, compute, path, NULL), UT_OK);
    assert_int_equal(ut_asr_model_dims(m)->n_vocab, TINY_VOCAB);
    assert_int_equal(ut_asr_model_dims(m)->n_text_ctx, TINY_TEXT_CTX);
    const struct ut_asr_align_head *heads = ut_asr_model_align_heads(m, &n);
    assert_int_equal(n, 1);
    assert_int_equal(heads[0].layer, 1);
    assert_int_equal(heads[0].head, 1);
    assert_true(ut_asr_model_bytes(m) > TINY_VOCAB * TINY_D);
    const struct ut_asr_tokens *t = ut_asr_model_tokens(m);
    assert_int_equal(ut_asr_tokens_specials(t)->eot, 50257);
    assert_int_equal(ut_asr_tokens_specials(t)->timestamp0, 50364);
    assert_int_equal(ut_asr_tokens_encode(t, "t300 \xff", 6, ids, 8, &n), UT_OK);
    /* no join leads to "t300" here, as "t3" is none */
    assert_int_equal(n, 6);
    assert_int_equal(ids[4], ' ');
    assert_int_equal(ids[5], 0xff);
    assert_int_equal(ut_asr_tokens_encode(t, "t300", 4, ids, 3, &n), UT_ELIMIT);
    assert_int_equal(ut_asr_tokens_text(t, 300).n, 4);
    assert_int_equal(ut_asr_tokens_text(t, 50257).n, 0);
    assert_int_equal(ut_asr_tokens_text(t, -1).n, 0);
    struct ut_asr_model *again = ut_asr_model_ref(m);
    ut_asr_model_unref(m);
    assert_int_equal(ut_asr_model_dims(again)->n_mels, 80);
    ut_asr_model_unref(again);
    ut_asr_model_unref(NULL);
}

static void test_model_of_another_kind_says_which(void **state)
{
    (void)state;
    check_refused(&(struct tiny_options){ .dtype = UT_DTYPE_Q8_0, .architecture = "llama" },
                  "general.architecture is 'llama', need 'whisper'");
    check_refused(&(struct tiny_options){ .dtype = UT_DTYPE_Q8_0, .skip = "general.architecture" },
                  "general.architecture");
}

static void test_model_with_a_bad_number_names_it(void **state)
{
    static const struct {
        const char *key;
        uint32_t value;
    } bad[] = {
        { "whisper.n_mels", 81 },
        { "whisper.n_mels", UINT32_MAX },
        { "whisper.vocab_size", 0 },
        { "whisper.vocab_size", 51864 },
        { "whisper.vocab_size", 51866 },
        { "whisper.vocab_size", UINT32_MAX },
        { "whisper.encoder.context_length", 0 },
        { "whisper.encoder.context_length", 1501 },
        { "whisper.encoder.embedding_length", 0 },
        { "whisper.encoder.embedding_length", UINT32_MAX },
        { "whisper.encoder.embedding_length", 64 },
        { "whisper.encoder.block_count", 0 },
        { "whisper.encoder.block_count", UINT32_MAX },
        { "whisper.encoder.attention.head_count", 0 },
        { "whisper.encoder.attention.head_count", 3 },
        { "whisper.encoder.attention.head_count", 8 },
        { "whisper.decoder.context_length", 449 },
        { "whisper.decoder.embedding_length", 64 },
        { "whisper.decoder.block_count", UINT32_MAX },
        { "whisper.decoder.attention.head_count", 33 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        /* a width of 64 is at odds with the other side's */
        const char *says = bad[i].value == 64 ? "embedding_length" : bad[i].key;
        check_refused(&(struct tiny_options){ .dtype = UT_DTYPE_Q8_0,
                                              .key = bad[i].key,
                                              .value = bad[i].value },
                      says);
        check_refused(&(struct tiny_options){ .dtype = UT_DTYPE_Q8_0, .skip = bad[i].key },
                      bad[i].key);
    }
    /* one block more than there are tensors for */
    check_refused(&(struct tiny_options){ .dtype = UT_DTYPE_Q8_0,
                                          .key = "whisper.decoder.block_count",
                                          .value = TINY_LAYERS + 1 },
                  "decoder.blk.2.attn_norm.weight");
    check_refused(&(struct tiny_options){ .dtype = UT_DTYPE_Q8_0,
                                          .key = "whisper.decoder.context_length",
                                          .value = TINY_TEXT_CTX + 1 },
                  "decoder.position");
}

static void test_model_with_bad_tokens_or_heads_is_refused(void **state)
{
    (void)state;
    check_refused(&(struct tiny_options){ .dtype = UT_DTYPE_Q8_0, .skip = "tokenizer.ggml.model" },
                  "tokenizer.ggml.model");
    check_refused(&(struct tiny_options){ .dtype = UT_DTYPE_Q8_0, .skip = "tokenizer.ggml.tokens" },
                  "tokenizer.ggml.tokens");
    check_refused(&(struct tiny_options){ .dtype = UT_DTYPE_Q8_0, .token = "a b" }, "token 300");
    check_refused(&(struct tiny_options){ .dtype = UT_DTYPE_Q8_0, .token = "\xc4" }, "token 300");
    check_refused(&(struct tiny_options){ .dtype = UT_DTYPE_Q8_0, .token = "\xe2\x99\xaa" },
                  "token 300");
    check_refused(&(struct tiny_options){ .dtype = UT_DTYPE_Q8_0, .align_head = 2 },
                  "whisper.alignment_heads names layer 1, head 2");
    check_refused(&(struct tiny_options){ .dtype = UT_DTYPE_Q8_0, .align_head = -1 },
                  "whisper.alignment_heads names layer 1, head -1");
}

static void check_tensor(void *ctx, const char *name)
{
    (void)ctx;
    if (strstr(name, ".blk.1.")) /* as .blk.0. */
        return;
    check_refused(&(struct tiny_options){ .dtype = UT_DTYPE_Q8_0, .skip = name }, name);
    check_refused(&(struct tiny_options){ .dtype = UT_DTYPE_Q8_0, .reshaped = name }, name);
    check_refused(&(struct tiny_options){ .dtype = UT_DTYPE_Q8_0, .retyped = name }, "");
}

static void test_model_without_a_tensor_or_of_another_shape_names_it(void **state)
{
    (void)state;
    tiny_each_tensor(check_tensor, NULL);
}

static void run_with_nan(const char *name)
{
    static const enum ut_dtype dtypes[] = { UT_DTYPE_F32, UT_DTYPE_Q8_0 };
    float *logits = malloc(TINY_VOCAB * sizeof *logits);

    assert_non_null(logits);
    for (int i = 0; i < 2; i++) {
        tiny_write(path, &(struct tiny_options){ .dtype = dtypes[i], .not_a_number = name });
        run_model(logits);
    }
    free(logits);
}

/* The result is worthless and the run still ends, whatever the weights: nothing may be indexed by
 * them. A sanitizer build is what this is for. */
static void test_model_of_nan_runs_to_the_end(void **state)
{
    static const char *const names[] = {
        "encoder.conv1.weight",         "encoder.blk.0.attn_q.weight",
        "encoder.blk.1.ffn_up.weight",  "encoder.norm.weight",
        "decoder.embedding.weight",     "decoder.blk.0.attn_k.weight",
        "decoder.blk.1.cross_v.weight", "decoder.position"
    };

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        run_with_nan(names[i]);
}

static void test_model_cut_short_is_refused(void **state)
{
    struct ut_asr_model *m = NULL;
    struct ut_error err = { 0 };

    (void)state;
    tiny_write(path, &(struct tiny_options){ .dtype = UT_DTYPE_Q8_0 });
    FILE *f = fopen(path, "rbe");
    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    long size = ftell(f);
    fclose(f);
    for (long n = size - 1; n > 0; n = n * 3 / 4) {
        assert_int_equal(truncate(path, n), 0);
        assert_int_equal(ut_asr_model_open(&m, compute, path, &err), UT_EFORMAT);
        assert_non_null(strstr(err.text, path));
    }
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(ut_asr_model_open(&m, compute, path, &err), UT_EFORMAT);
    assert_int_equal(ut_asr_model_open(&m, compute, "/nonexistent/x.gguf", &err), UT_EIO);
    assert_null(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model_runs_in_every_type),
        cmocka_unit_test(test_model_dims_tokens_and_heads_are_read),
        cmocka_unit_test(test_model_of_another_kind_says_which),
        cmocka_unit_test(test_model_with_a_bad_number_names_it),
        cmocka_unit_test(test_model_with_bad_tokens_or_heads_is_refused),
        cmocka_unit_test(test_model_without_a_tensor_or_of_another_shape_names_it),
        cmocka_unit_test(test_model_of_nan_runs_to_the_end),
        cmocka_unit_test(test_model_cut_short_is_refused),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
