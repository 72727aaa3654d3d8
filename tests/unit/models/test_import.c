#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "compute/gguf.h"
#include "models/import.h"
#include "tests/unit/models/toy.h"

static char dir[] = "/tmp/ut-import-XXXXXX";
static char out[64];

static const char config[] = "{\"alignment_heads\":[[0,1],[0,0]],\"suppress_ids\":[3,39]}";

static void write_tokens(void)
{
    char text[TOY_VOCAB * 8] = "";

    for (size_t i = 0; i < TOY_VOCAB; i++)
        snprintf(text + strlen(text), 8, "t%zu\n", i);
    toy_write(dir, "vocabulary.txt", text, strlen(text));
}

/* An empty folder but for these. */
static int make_folder(void **state)
{
    static const char *const names[] = { "model.bin",   "model.safetensors",
                                         "config.json", "generation_config.json",
                                         "vocab.json",  "out.gguf",
                                         "again.gguf" };
    char path[96];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        unlink(path);
    }
    write_tokens();
    toy_write(dir, "config.json", config, strlen(config));
    return 0;
}

static void write_config(const char *text)
{
    toy_write(dir, "config.json", text, strlen(text));
}

static void write_ct2(const struct toy_fault *fault)
{
    struct ut_buffer b = { .limit = 1 << 24 };

    toy_ct2(&b, fault);
    toy_write(dir, "model.bin", b.data, b.n);
    ut_buffer_finish(&b);
}

static void import_as(const char *src, const char *type)
{
    struct ut_import_options options = { .type = type };
    struct ut_error err = { 0 };

    if (ut_models_import(src, out, &options, &err) != UT_OK)
        fail_msg("%s", err.text);
}

static void check_tensor(const struct ut_gguf *g, const struct ut_whisper_name *row, char side,
                         size_t n_vocab, enum ut_dtype weights)
{
    char name[128];
    size_t dims[UT_TENSOR_MAX_DIMS] = { 0 }, n = 1;
    int n_dims = toy_shape(row, side, n_vocab, dims);
    const struct ut_tensor *t = NULL;
    struct ut_error err = { 0 };
    float tolerance = weights == UT_DTYPE_F32 ? 0.0f : 0.25f / 127.0f;

    assert_int_equal(ut_whisper_name_fill(name, sizeof name, row->ours, side, 0), UT_OK);
    if (row->shape == UT_SHAPE_ZERO) {
        assert_null(ut_gguf_find(g, name));
        return;
    }
    if (ut_gguf_need(&t, g, name, dims, &err) != UT_OK)
        fail_msg("%s", err.text);
    for (int i = 0; i < n_dims; i++)
        n *= dims[i];
    if (n_dims == 1 || row->shape == UT_SHAPE_POSITION)
        assert_int_equal(t->dtype, UT_DTYPE_F32);
    else if (n_dims == 3)
        assert_int_equal(t->dtype, weights == UT_DTYPE_F32 ? UT_DTYPE_F32 : UT_DTYPE_F16);
    else
        assert_int_equal(t->dtype, weights);
    float *v = malloc(n * sizeof *v);
    assert_non_null(v);
    assert_int_equal(ut_dtype_read(v, t->data, t->dtype, n), UT_OK);
    for (size_t i = 0; i < n; i++)
        if (fabsf(v[i] - toy_value(name, i)) > (t->dtype == weights ? tolerance : 0.0f))
            fail_msg("%s[%zu] is %g, not %g", name, i, (double)v[i], (double)toy_value(name, i));
    free(v);
}

static void check_number(const struct ut_gguf *g, const char *key, uint32_t want)
{
    uint32_t v = 0;

    assert_int_equal(ut_gguf_u32(&v, g, key, NULL), UT_OK);
    assert_int_equal(v, want);
}

/* Every tensor of the table and the keys. */
static struct ut_gguf *check_model(size_t n_vocab, enum ut_dtype weights)
{
    struct ut_gguf *g = NULL;
    struct ut_error err = { 0 };
    size_t n = 0;

    if (ut_gguf_open(&g, out, &err) != UT_OK)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < ut_n_whisper_names; i++)
        for (const char *side = "ed"; *side; side++)
            if (ut_whisper_names[i].side == 'b' || ut_whisper_names[i].side == *side)
                check_tensor(g, &ut_whisper_names[i], *side, n_vocab, weights);
    check_number(g, "whisper.n_mels", TOY_MELS);
    check_number(g, "whisper.vocab_size", (uint32_t)n_vocab);
    check_number(g, "whisper.encoder.context_length", TOY_AUDIO);
    check_number(g, "whisper.decoder.context_length", TOY_TEXT);
    check_number(g, "whisper.encoder.embedding_length", TOY_D);
    check_number(g, "whisper.encoder.block_count", 1);
    check_number(g, "whisper.decoder.attention.head_count", TOY_HEADS);
    assert_int_equal(ut_gguf_array_n(&n, g, "tokenizer.ggml.tokens", &err), UT_OK);
    assert_int_equal(n, n_vocab);
    return g;
}

static void check_heads(const struct ut_gguf *g, const int64_t *want, size_t n)
{
    size_t n_have = 0;
    int64_t v = -1;

    assert_int_equal(ut_gguf_array_n(&n_have, g, "whisper.alignment_heads", NULL), UT_OK);
    assert_int_equal(n_have, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(ut_gguf_array_i64(&v, g, "whisper.alignment_heads", i, NULL), UT_OK);
        assert_int_equal(v, want[i]);
    }
}

static void test_ct2_import_keeps_every_value(void **state)
{
    struct ut_gguf_text text;
    size_t n = 0;

    (void)state;
    write_ct2(NULL);
    import_as(dir, "f32");
    struct ut_gguf *g = check_model(TOY_VOCAB, UT_DTYPE_F32);
    check_number(g, "general.file_type", 0);
    check_heads(g, (int64_t[]){ 0, 1, 0, 0 }, 4);
    assert_int_equal(ut_gguf_array_n(&n, g, "whisper.suppress_tokens", NULL), UT_OK);
    assert_int_equal(n, 2);
    assert_int_equal(ut_gguf_array_text(&text, g, "tokenizer.ggml.tokens", 39, NULL), UT_OK);
    assert_int_equal(text.n, 3);
    assert_memory_equal(text.data, "t39", 3);
    ut_gguf_close(g);
}

static void test_ct2_import_as_q8_0_quantises_only_matrices(void **state)
{
    (void)state;
    write_ct2(NULL);
    import_as(dir, NULL); /* the default */
    struct ut_gguf *g = check_model(TOY_VOCAB, UT_DTYPE_Q8_0);
    check_number(g, "general.file_type", 7);
    ut_gguf_close(g);
}

static void test_safetensors_import_of_both_namings(void **state)
{
    (void)state;
    write_config("{\"encoder_attention_heads\":2,\"decoder_attention_heads\":2}");
    for (int naming = UT_NAMING_OPENAI; naming <= UT_NAMING_HF; naming++) {
        struct ut_buffer b = { .limit = 1 << 24 };
        toy_safetensors(&b, (enum ut_naming)naming, NULL);
        toy_write(dir, "model.safetensors", b.data, b.n);
        ut_buffer_finish(&b);
        import_as(dir, "f32");
        struct ut_gguf *g = check_model(TOY_VOCAB, UT_DTYPE_F32);
        check_heads(g, (int64_t[]){ 0, 0, 0, 1 }, 4); /* no list anywhere: the upper half */
        assert_false(ut_gguf_has(g, "whisper.suppress_tokens"));
        ut_gguf_close(g);
    }
}

static void test_ggml_import_regenerates_special_tokens(void **state)
{
    struct ut_buffer b = { .limit = 1 << 24 };
    struct ut_gguf_text text;
    char path[96];

    (void)state;
    toy_ggml(&b, 51864);
    toy_write(dir, "model.bin", b.data, b.n);
    ut_buffer_finish(&b);
    snprintf(path, sizeof path, "%s/model.bin", dir);
    import_as(path, "f32");
    struct ut_gguf *g = check_model(51864, UT_DTYPE_F32);
    assert_int_equal(ut_gguf_array_text(&text, g, "tokenizer.ggml.tokens", 12, NULL), UT_OK);
    assert_memory_equal(text.data,
                        "\xc4\xa0"
                        "12\xc4\x8a",
                        6);
    assert_int_equal(ut_gguf_array_text(&text, g, "tokenizer.ggml.tokens", 50361, NULL), UT_OK);
    assert_memory_equal(text.data, "<|nospeech|>", 12);
    ut_gguf_close(g);
}

static void check_refused(enum ut_status want, const char *says)
{
    struct ut_error err = { 0 };

    assert_int_equal(ut_models_import(dir, out, NULL, &err), want);
    if (!strstr(err.text, says))
        fail_msg("'%s' lacks '%s'", err.text, says);
    assert_non_null(strstr(err.text, dir));
    assert_int_equal(access(out, F_OK), -1);
}

static void test_faulty_tensors_are_named(void **state)
{
    static const struct {
        struct toy_fault fault;
        const char *says;
    } faults[] = {
        { { "encoder.conv1.weight", TOY_MISSING }, "'encoder/conv1/weight' is missing" },
        { { "decoder.norm.bias", TOY_MISSING }, "'decoder/layer_norm/beta' is missing" },
        { { "decoder.blk.0.ffn_up.weight", TOY_MISSING },
          "'decoder/layer_0/ffn/linear_0/weight' is missing" },
        { { "encoder.blk.0.attn_v.weight", TOY_NAN },
          "'encoder/layer_0/self_attention/linear_0/weight': element 7 is nan" },
        { { "decoder.blk.0.cross_k.bias", TOY_KEY_BIAS }, "key bias is not zero" },
        { { "encoder.blk.0.ffn_down.weight", TOY_SHAPE }, "f16 of [16, 256, 1]" },
        { { "encoder.position", TOY_SHAPE }, "is [3, 64], not [3, 32]" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        write_ct2(&faults[i].fault);
        check_refused(UT_EFORMAT, faults[i].says);
    }
}

static void test_faulty_neighbours_are_named(void **state)
{
    (void)state;
    write_ct2(NULL);
    write_config("{\"alignment_heads\":[[0,2]]}");
    check_refused(UT_EFORMAT, "config.json: alignment_heads[0] is [0, 2]");
    write_config("{\"alignment_heads\":[[1,0]]}");
    check_refused(UT_EFORMAT, "alignment_heads[0] is [1, 0]");
    write_config("{\"suppress_ids\":[40]}");
    check_refused(UT_EFORMAT, "suppressed token 0 is 40");
    write_config("{\"decoder_attention_heads\":5}");
    check_refused(UT_EFORMAT, "attention heads for 32 channels");
    write_config("{");
    check_refused(UT_EFORMAT, "config.json: JSON line 1");
    write_config("{}");
    toy_write(dir, "vocabulary.txt", "a\nb\n", 4);
    check_refused(UT_EFORMAT, "2 tokens for an embedding of 40 rows");
    char path[96];
    snprintf(path, sizeof path, "%s/vocabulary.txt", dir);
    assert_int_equal(unlink(path), 0);
    check_refused(UT_EIO, "no vocabulary.json");
}

static void test_what_is_no_model_is_refused(void **state)
{
    (void)state;
    check_refused(UT_EFORMAT, "a folder without model.bin");
    toy_write(dir, "model.bin", "", 0);
    check_refused(UT_EFORMAT, "0 bytes that are no GGUF");
    toy_write(dir, "model.bin", "PK\3\4........", 12);
    check_refused(UT_EFORMAT, "zip archive");
    toy_write(dir, "model.bin", "RIFF....WAVEfmt ", 16);
    check_refused(UT_EFORMAT, "16 bytes that are no GGUF");
}

static bool stop_early(void *ctx, const char *what, uint64_t done, uint64_t total)
{
    int *calls = ctx;

    (void)what;
    assert_true(done <= total);
    return ++*calls < 5;
}

static void test_cancel_leaves_no_file(void **state)
{
    int calls = 0;
    struct ut_import_options options = { .progress = { stop_early, &calls } };
    struct ut_error err;

    (void)state;
    write_ct2(NULL);
    assert_int_equal(ut_models_import(dir, out, &options, &err), UT_ECANCELED);
    assert_int_equal(calls, 5);
    assert_int_equal(access(out, F_OK), -1);
}

static void test_quantize_changes_matrices_and_copy_changes_nothing(void **state)
{
    struct ut_error err = { 0 };
    struct ut_gguf *g = NULL, *h = NULL;
    char again[96];

    (void)state;
    write_ct2(NULL);
    import_as(dir, "f32");
    snprintf(again, sizeof again, "%s/again.gguf", dir);
    assert_int_equal(ut_models_import(out, again, NULL, &err), UT_OK);
    assert_int_equal(ut_gguf_open(&g, out, &err), UT_OK);
    assert_int_equal(ut_gguf_open(&h, again, &err), UT_OK);
    assert_int_equal(ut_gguf_n_keys(g), ut_gguf_n_keys(h));
    assert_int_equal(ut_gguf_n_tensors(g), ut_gguf_n_tensors(h));
    for (size_t i = 0; i < ut_gguf_n_tensors(g); i++) {
        const struct ut_tensor *a = ut_gguf_tensor(g, i), *b = ut_gguf_find(h, a->name);
        assert_non_null(b);
        assert_int_equal(a->n_bytes, b->n_bytes);
        assert_memory_equal(a->data, b->data, a->n_bytes);
    }
    ut_gguf_close(h);
    ut_gguf_close(g);
    assert_int_equal(rename(out, again), 0);
    assert_int_equal(ut_models_quantize(again, out, "q8_0", NULL, &err), UT_OK);
    g = check_model(TOY_VOCAB, UT_DTYPE_Q8_0);
    check_number(g, "general.file_type", 7);
    ut_gguf_close(g);
    assert_int_equal(ut_models_quantize(again, out, "q4_K", NULL, &err), UT_EINVAL);
    assert_non_null(strstr(err.text, "'q4_K' is not one of f32"));
    assert_int_equal(ut_models_quantize("/nonexistent", out, "q8_0", NULL, &err), UT_EIO);
}

/* Hugging Face's names, written down from its checkpoints and not from our table. */
static void test_hf_names_are_as_published(void **state)
{
    static const char *const names[][2] = {
        { "encoder.conv2.bias", "encoder.conv2.bias" },
        { "encoder.position", "encoder.embed_positions.weight" },
        { "encoder.blk.7.attn_norm.weight", "encoder.layers.7.self_attn_layer_norm.weight" },
        { "encoder.blk.7.attn_q.bias", "encoder.layers.7.self_attn.q_proj.bias" },
        { "encoder.blk.7.ffn_norm.weight", "encoder.layers.7.final_layer_norm.weight" },
        { "encoder.blk.7.ffn_up.weight", "encoder.layers.7.fc1.weight" },
        { "encoder.norm.bias", "encoder.layer_norm.bias" },
        { "decoder.embedding.weight", "decoder.embed_tokens.weight" },
        { "decoder.blk.7.attn_k.weight", "decoder.layers.7.self_attn.k_proj.weight" },
        { "decoder.blk.7.cross_norm.bias", "decoder.layers.7.encoder_attn_layer_norm.bias" },
        { "decoder.blk.7.cross_v.weight", "decoder.layers.7.encoder_attn.v_proj.weight" },
        { "decoder.blk.7.cross_out.bias", "decoder.layers.7.encoder_attn.out_proj.bias" },
        { "decoder.blk.7.ffn_down.weight", "decoder.layers.7.fc2.weight" },
    };

    (void)state;
    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
        bool found = false;
        for (size_t i = 0; i < ut_n_whisper_names; i++) {
            char ours[128], theirs[128];
            char side = names[k][0][0];
            assert_int_equal(ut_whisper_name_fill(ours, 128, ut_whisper_names[i].ours, side, 7),
                             UT_OK);
            if (strcmp(ours, names[k][0]) != 0)
                continue;
            assert_int_equal(ut_whisper_name_fill(
                                 theirs, 128, ut_whisper_names[i].theirs[UT_NAMING_HF], side, 7),
                             UT_OK);
            assert_string_equal(theirs, names[k][1]);
            found = true;
        }
        assert_true(found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_ct2_import_keeps_every_value, make_folder),
        cmocka_unit_test_setup(test_ct2_import_as_q8_0_quantises_only_matrices, make_folder),
        cmocka_unit_test_setup(test_safetensors_import_of_both_namings, make_folder),
        cmocka_unit_test_setup(test_ggml_import_regenerates_special_tokens, make_folder),
        cmocka_unit_test_setup(test_faulty_tensors_are_named, make_folder),
        cmocka_unit_test_setup(test_faulty_neighbours_are_named, make_folder),
        cmocka_unit_test_setup(test_what_is_no_model_is_refused, make_folder),
        cmocka_unit_test_setup(test_cancel_leaves_no_file, make_folder),
        cmocka_unit_test_setup(test_quantize_changes_matrices_and_copy_changes_nothing,
                               make_folder),
        cmocka_unit_test(test_hf_names_are_as_published),
    };
    if (!mkdtemp(dir))
        return 1;
    snprintf(out, sizeof out, "%s/out.gguf", dir);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    make_folder(NULL);
    char path[96];
    snprintf(path, sizeof path, "%s/config.json", dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/vocabulary.txt", dir);
    unlink(path);
    rmdir(dir);
    return failed;
}
