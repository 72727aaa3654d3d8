#include "tests/unit/asr/tiny_model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compute/gguf_writer.h"

#define MAX_TENSORS 100

struct tensor {
    char name[64];
    int n_dims;
    size_t dims[3];
    bool matrix;
};

struct list {
    struct tensor t[MAX_TENSORS];
    size_t n;
};

static void add_tensor(struct list *l, const char *name, size_t d0, size_t d1, size_t d2)
{
    struct tensor *t = &l->t[l->n++];

    assert_true(l->n <= MAX_TENSORS);
    snprintf(t->name, sizeof t->name, "%s", name);
    t->n_dims = d2 ? 3 : d1 ? 2 : 1;
    t->dims[0] = d0;
    t->dims[1] = d1;
    t->dims[2] = d2;
}

static void add_pair(struct list *l, const char *prefix, const char *name, size_t n_out,
                     size_t n_in)
{
    char full[64];

    snprintf(full, sizeof full, "%s.%s.weight", prefix, name);
    add_tensor(l, full, n_out, n_in, 0);
    l->t[l->n - 1].matrix = n_in > 0;
    size_t n = strlen(name);
    if (strcmp(name + n - 2, "_k") == 0)
        return;
    snprintf(full, sizeof full, "%s.%s.bias", prefix, name);
    add_tensor(l, full, n_out, 0, 0);
}

static void add_blocks(struct list *l, const char *side, bool cross)
{
    static const char *const attn[] = { "attn_q", "attn_k", "attn_v", "attn_out" };
    static const char *const over[] = { "cross_q", "cross_k", "cross_v", "cross_out" };
    char prefix[32];

    for (int layer = 0; layer < TINY_LAYERS; layer++) {
        snprintf(prefix, sizeof prefix, "%s.blk.%d", side, layer);
        add_pair(l, prefix, "attn_norm", TINY_D, 0);
        for (int i = 0; i < 4; i++)
            add_pair(l, prefix, attn[i], TINY_D, TINY_D);
        for (int i = 0; cross && i < 4; i++)
            add_pair(l, prefix, over[i], TINY_D, TINY_D);
        if (cross)
            add_pair(l, prefix, "cross_norm", TINY_D, 0);
        add_pair(l, prefix, "ffn_norm", TINY_D, 0);
        add_pair(l, prefix, "ffn_up", 4 * TINY_D, TINY_D);
        add_pair(l, prefix, "ffn_down", TINY_D, 4 * TINY_D);
    }
    add_pair(l, side, "norm", TINY_D, 0);
}

static void list_tensors(struct list *l)
{
    l->n = 0;
    add_tensor(l, "encoder.conv1.weight", TINY_D, 80, 3);
    add_tensor(l, "encoder.conv1.bias", TINY_D, 0, 0);
    add_tensor(l, "encoder.conv2.weight", TINY_D, TINY_D, 3);
    add_tensor(l, "encoder.conv2.bias", TINY_D, 0, 0);
    add_tensor(l, "encoder.position", TINY_AUDIO_CTX, TINY_D, 0);
    add_blocks(l, "encoder", false);
    add_tensor(l, "decoder.embedding.weight", TINY_VOCAB, TINY_D, 0);
    l->t[l->n - 1].matrix = true;
    add_tensor(l, "decoder.position", TINY_TEXT_CTX, TINY_D, 0);
    add_blocks(l, "decoder", true);
}

void tiny_each_tensor(void (*fn)(void *ctx, const char *name), void *ctx)
{
    static struct list l;

    list_tensors(&l);
    for (size_t i = 0; i < l.n; i++)
        fn(ctx, l.t[i].name);
}

static bool is(const char *wanted, const char *name)
{
    return wanted && strcmp(wanted, name) == 0;
}

static void write_numbers(struct ut_gguf_writer *w, const struct tiny_options *o)
{
    static const struct {
        const char *key;
        uint32_t value;
    } keys[] = {
        { "whisper.n_mels", 80 },
        { "whisper.vocab_size", TINY_VOCAB },
        { "whisper.encoder.context_length", TINY_AUDIO_CTX },
        { "whisper.encoder.embedding_length", TINY_D },
        { "whisper.encoder.block_count", TINY_LAYERS },
        { "whisper.encoder.attention.head_count", 2 },
        { "whisper.decoder.context_length", TINY_TEXT_CTX },
        { "whisper.decoder.embedding_length", TINY_D },
        { "whisper.decoder.block_count", TINY_LAYERS },
        { "whisper.decoder.attention.head_count", 2 },
    };

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        uint32_t value = is(o->key, keys[i].key) ? o->value : keys[i].value;
        if (!is(o->skip, keys[i].key))
            assert_int_equal(ut_gguf_writer_u32(w, keys[i].key, value), UT_OK);
    }
}

/* Bytes in GPT-2's form, then names that are all different. */
static void write_tokens(struct ut_gguf_writer *w, const struct tiny_options *o)
{
    static char text[TINY_VOCAB][8];
    static struct ut_gguf_text tokens[TINY_VOCAB];
    unsigned next = 256;

    for (unsigned i = 0; i < TINY_VOCAB; i++) {
        if (i < 256) {
            bool prints = (i >= 33 && i <= 126) || (i >= 161 && i <= 172) || i >= 174;
            unsigned c = prints ? i : next++;
            if (c < 0x80)
                snprintf(text[i], sizeof text[i], "%c", (int)c);
            else
                snprintf(text[i], sizeof text[i], "%c%c", (int)(0xc0 | c >> 6),
                         (int)(0x80 | (c & 0x3f)));
        } else {
            snprintf(text[i], sizeof text[i], "t%u", i);
        }
        tokens[i] = (struct ut_gguf_text){ text[i], strlen(text[i]) };
    }
    if (o->token)
        tokens[300] = (struct ut_gguf_text){ o->token, strlen(o->token) };
    if (!is(o->skip, "tokenizer.ggml.model"))
        assert_int_equal(ut_gguf_writer_text(w, "tokenizer.ggml.model", "gpt2"), UT_OK);
    if (!is(o->skip, "tokenizer.ggml.tokens"))
        assert_int_equal(ut_gguf_writer_text_array(w, "tokenizer.ggml.tokens", tokens, TINY_VOCAB),
                         UT_OK);
}

/* Uniform in [-1, 1); the weights of norms lie around 1. */
static float *make_values(const struct tensor *t, size_t n, bool nan)
{
    uint32_t seed = 2463534242u;
    float *v = malloc(n * sizeof *v);
    bool gain = strstr(t->name, "norm.weight") != NULL;

    assert_non_null(v);
    for (const char *p = t->name; *p; p++)
        seed = seed * 31 + (unsigned char)*p;
    for (size_t i = 0; i < n; i++) {
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        float u = (float)(seed >> 8) / (1 << 23) - 1;
        v[i] = nan ? NAN : gain ? 1 + u / 10 : u / 4;
    }
    return v;
}

static void write_tensor(struct ut_gguf_writer *w, const struct tensor *t, enum ut_dtype dtype,
                         bool nan)
{
    struct ut_error err = { 0 };
    size_t n = t->dims[0] * (t->dims[1] ? t->dims[1] : 1) * (t->dims[2] ? t->dims[2] : 1);
    size_t n_bytes;
    float *v = make_values(t, n, nan);

    assert_int_equal(ut_dtype_bytes(&n_bytes, dtype, n), UT_OK);
    unsigned char *data = calloc(n_bytes, 1);
    assert_non_null(data);
    if (dtype != UT_DTYPE_I32)
        assert_int_equal(ut_dtype_write(data, v, dtype, n), UT_OK);
    /* NaN never gets into a block by itself: put it into the scales. */
    for (size_t i = 0; nan && dtype == UT_DTYPE_Q8_0 && i < n_bytes; i += 34) {
        data[i] = 0x00;
        data[i + 1] = 0x7e;
    }
    assert_int_equal(ut_gguf_writer_data(w, data, n_bytes, &err), UT_OK);
    free(data);
    free(v);
}

void tiny_write(const char *path, const struct tiny_options *o)
{
    static struct list l;
    struct ut_gguf_writer *w = NULL;
    struct ut_error err = { 0 };
    enum ut_dtype dtypes[MAX_TENSORS];
    const int32_t heads[2] = { 1, o->align_head };

    list_tensors(&l);
    assert_int_equal(ut_gguf_writer_create(&w, path, &err), UT_OK);
    if (!is(o->skip, "general.architecture"))
        assert_int_equal(ut_gguf_writer_text(w, "general.architecture",
                                             o->architecture ? o->architecture : "whisper"),
                         UT_OK);
    write_numbers(w, o);
    assert_int_equal(ut_gguf_writer_i32_array(w, "whisper.alignment_heads", heads, 2), UT_OK);
    write_tokens(w, o);
    for (size_t i = 0; i < l.n; i++) {
        struct tensor *t = &l.t[i];
        dtypes[i] = is(o->retyped, t->name) ? UT_DTYPE_I32 : t->matrix ? o->dtype : UT_DTYPE_F32;
        if (is(o->reshaped, t->name))
            t->dims[0]++;
        if (!is(o->skip, t->name))
            assert_int_equal(ut_gguf_writer_declare(w, t->name, dtypes[i], t->n_dims, t->dims),
                             UT_OK);
    }
    for (size_t i = 0; i < l.n; i++) {
        if (!is(o->skip, l.t[i].name))
            write_tensor(w, &l.t[i], dtypes[i], is(o->not_a_number, l.t[i].name));
    }
    assert_int_equal(ut_gguf_writer_finish(w, &err), UT_OK);
    ut_gguf_writer_destroy(w);
}
