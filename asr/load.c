/*
 * A Whisper model out of a GGUF file (docs/MODEL.md): every dimension bounded, every tensor of the
 * exact shape, matrices packed as they are read and their pages given back.
 */
#include <stdio.h>
#include <string.h>

#include "asr/weights.h"
#include "base/memory.h"

#define MAX_ALIGN_HEADS 256
#define NAME_BYTES 96
#define NORM_EPS 1e-5f /* PyTorch's default, which Whisper keeps */

struct loader {
    struct ut_asr_model *m;
    const struct ut_gguf *g;
    struct ut_error *err;
    float *next_float; /* in m->floats */
    float *scratch;    /* host, room for the longest float tensor */
};

static enum ut_status out_of_memory(const struct loader *ld)
{
    return ut_error_set(ld->err, UT_ENOMEM, "%s: out of memory", ut_gguf_path(ld->g));
}

static enum ut_status read_dims(struct loader *ld)
{
    struct ut_asr_dims *d = &ld->m->dims;
    const struct {
        const char *key;
        size_t *value;
        uint32_t min;
        uint32_t max;
    } keys[] = {
        { "whisper.n_mels", &d->n_mels, 80, 128 },
        { "whisper.vocab_size", &d->n_vocab, 51864, 51866 },
        { "whisper.encoder.context_length", &d->n_audio_ctx, 2, 1500 },
        { "whisper.encoder.embedding_length", &d->n_audio_state, 8, 4096 },
        { "whisper.encoder.attention.head_count", &d->n_audio_head, 1, 64 },
        { "whisper.encoder.block_count", &d->n_audio_layer, 1, 64 },
        { "whisper.decoder.context_length", &d->n_text_ctx, 8, 448 },
        { "whisper.decoder.embedding_length", &d->n_text_state, 8, 4096 },
        { "whisper.decoder.attention.head_count", &d->n_text_head, 1, 64 },
        { "whisper.decoder.block_count", &d->n_text_layer, 1, 64 },
    };

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        uint32_t value;
        enum ut_status st = ut_gguf_u32(&value, ld->g, keys[i].key, ld->err);
        if (st != UT_OK)
            return st;
        if (value < keys[i].min || value > keys[i].max)
            return ut_error_set(ld->err, UT_EFORMAT, "%s: %s is %u, need %u to %u",
                                ut_gguf_path(ld->g), keys[i].key, value, keys[i].min, keys[i].max);
        *keys[i].value = value;
    }
    return UT_OK;
}

static enum ut_status check_head(const struct loader *ld, const char *key, size_t d, size_t n_head)
{
    size_t d_head = d / n_head;

    if (d % n_head || d_head % 8 || d_head > 128)
        return ut_error_set(ld->err, UT_EFORMAT,
                            "%s: %s is %zu, which does not divide %zu into heads of 8, 16 .. 128",
                            ut_gguf_path(ld->g), key, n_head, d);
    return UT_OK;
}

static enum ut_status check_dims(const struct loader *ld)
{
    const struct ut_asr_dims *d = &ld->m->dims;

    if (d->n_mels != 80 && d->n_mels != 128)
        return ut_error_set(ld->err, UT_EFORMAT, "%s: whisper.n_mels is %zu, need 80 or 128",
                            ut_gguf_path(ld->g), d->n_mels);
    if (d->n_audio_state != d->n_text_state)
        return ut_error_set(ld->err, UT_EFORMAT,
                            "%s: whisper.decoder.embedding_length is %zu, the encoder's is %zu",
                            ut_gguf_path(ld->g), d->n_text_state, d->n_audio_state);
    if (d->n_audio_state % 16)
        return ut_error_set(ld->err, UT_EFORMAT,
                            "%s: whisper.encoder.embedding_length is %zu, need a multiple of 16",
                            ut_gguf_path(ld->g), d->n_audio_state);
    enum ut_status st =
        check_head(ld, "whisper.encoder.attention.head_count", d->n_audio_state, d->n_audio_head);
    if (st == UT_OK)
        st =
            check_head(ld, "whisper.decoder.attention.head_count", d->n_text_state, d->n_text_head);
    return st;
}

static enum ut_status check_architecture(const struct loader *ld)
{
    struct ut_gguf_text text;
    enum ut_status st = ut_gguf_text(&text, ld->g, "general.architecture", ld->err);

    if (st == UT_OK && (text.n != 7 || memcmp(text.data, "whisper", 7) != 0))
        st = ut_error_set(ld->err, UT_EFORMAT, "%s: general.architecture is '%.*s', need 'whisper'",
                          ut_gguf_path(ld->g), (int)(text.n < 32 ? text.n : 32), text.data);
    return st;
}

static void put_default_heads(struct ut_asr_model *m)
{
    const struct ut_asr_dims *d = &m->dims;

    for (size_t l = d->n_text_layer / 2; l < d->n_text_layer; l++) {
        for (size_t h = 0; h < d->n_text_head && m->n_align_heads < MAX_ALIGN_HEADS; h++)
            m->align_heads[m->n_align_heads++] =
                (struct ut_asr_align_head){ (uint16_t)l, (uint16_t)h };
    }
}

/* Without the key: every head of the upper half of the layers, as the original starts out. */
static enum ut_status read_align_heads(struct loader *ld)
{
    static const char key[] = "whisper.alignment_heads";
    struct ut_asr_model *m = ld->m;
    size_t n;

    m->align_heads = ut_alloc(MAX_ALIGN_HEADS, sizeof *m->align_heads);
    if (!m->align_heads)
        return out_of_memory(ld);
    if (!ut_gguf_has(ld->g, key)) {
        put_default_heads(m);
        return UT_OK;
    }
    enum ut_status st = ut_gguf_array_n(&n, ld->g, key, ld->err);
    if (st != UT_OK)
        return st;
    if (n % 2 || n / 2 > MAX_ALIGN_HEADS)
        return ut_error_set(ld->err, UT_EFORMAT, "%s: %s has %zu entries, need pairs, at most %d",
                            ut_gguf_path(ld->g), key, n, MAX_ALIGN_HEADS);
    for (size_t i = 0; i < n; i += 2) {
        int64_t l, h;
        st = ut_gguf_array_i64(&l, ld->g, key, i, ld->err);
        if (st == UT_OK)
            st = ut_gguf_array_i64(&h, ld->g, key, i + 1, ld->err);
        if (st != UT_OK)
            return st;
        if (l < 0 || l >= (int64_t)m->dims.n_text_layer || h < 0 ||
            h >= (int64_t)m->dims.n_text_head)
            return ut_error_set(ld->err, UT_EFORMAT, "%s: %s names layer %lld, head %lld",
                                ut_gguf_path(ld->g), key, (long long)l, (long long)h);
        m->align_heads[m->n_align_heads++] = (struct ut_asr_align_head){ (uint16_t)l, (uint16_t)h };
    }
    return UT_OK;
}

/* Reads tensor `name` of the given shape as floats to host memory. */
static enum ut_status read_floats(struct loader *ld, const char *name,
                                  const size_t dims[UT_TENSOR_MAX_DIMS], float *host)
{
    const struct ut_tensor *t;
    enum ut_status st = ut_gguf_need(&t, ld->g, name, dims, ld->err);

    if (st != UT_OK)
        return st;
    size_t n = dims[0] * (dims[1] ? dims[1] : 1);
    st = ut_dtype_read(host, t->data, t->dtype, n);
    if (st != UT_OK)
        return ut_error_set(ld->err, UT_EFORMAT, "%s: tensor %s is %s, need floats",
                            ut_gguf_path(ld->g), name, ut_dtype_name(t->dtype));
    ut_gguf_release(ld->g, t);
    return UT_OK;
}

/* The same to the model's device block; *out is where. */
static enum ut_status load_floats(struct loader *ld, float **out, const char *name, size_t n,
                                  size_t d)
{
    const size_t dims[UT_TENSOR_MAX_DIMS] = { n > 1 ? n : d, n > 1 ? d : 0 };
    enum ut_status st = read_floats(ld, name, dims, ld->scratch);

    if (st != UT_OK)
        return st;
    ut_compute_write(ld->m->compute, ld->next_float, ld->scratch, n * d * sizeof(float));
    *out = ld->next_float;
    ld->next_float += n * d;
    return UT_OK;
}

static enum ut_status load_norm(struct loader *ld, struct ut_norm *norm, const char *prefix,
                                const char *name)
{
    char full[NAME_BYTES];
    float *gamma, *beta;

    snprintf(full, sizeof full, "%s.%s.weight", prefix, name);
    enum ut_status st = load_floats(ld, &gamma, full, 1, ld->m->dims.n_audio_state);
    if (st != UT_OK)
        return st;
    snprintf(full, sizeof full, "%s.%s.bias", prefix, name);
    st = load_floats(ld, &beta, full, 1, ld->m->dims.n_audio_state);
    if (st == UT_OK)
        *norm = (struct ut_norm){ UT_NORM_LAYER, gamma, beta, NORM_EPS };
    return st;
}

/* Packs the stacked matrices of `spec`; `name` is the first one's, for errors. */
static enum ut_status pack_linear(struct loader *ld, struct ut_linear **out,
                                  const struct ut_linear_spec *spec, const char *name)
{
    enum ut_status st = ut_linear_create(out, ld->m->compute, spec);

    if (st == UT_ENOMEM)
        return out_of_memory(ld);
    if (st != UT_OK)
        return ut_error_set(ld->err, UT_EFORMAT, "%s: tensor %s of type %s cannot be used",
                            ut_gguf_path(ld->g), name, ut_dtype_name(spec->weight[0]->dtype));
    ld->m->bytes += ut_linear_bytes(*out);
    for (size_t i = 0; i < spec->n_parts; i++) {
        if (spec->weight[i]->dtype != UT_DTYPE_F32)
            ld->m->exact = false;
    }
    return UT_OK;
}

/* Matrices of a block that are stacked along n_out, each [n_out, n_in]. */
struct stack {
    size_t n_parts;
    const char *part[UT_LINEAR_MAX_PARTS]; /* one that ends in _k has no bias */
};

static enum ut_status load_stack(struct loader *ld, struct ut_linear **out, const char *prefix,
                                 const struct stack *stack, size_t n_out, size_t n_in)
{
    struct ut_linear_spec spec = { .n_parts = stack->n_parts };
    char name[NAME_BYTES];

    for (size_t i = 0; i < stack->n_parts; i++) {
        const char *part = stack->part[i];
        const size_t shape[UT_TENSOR_MAX_DIMS] = { n_out, n_in };
        const size_t bias_shape[UT_TENSOR_MAX_DIMS] = { n_out };
        snprintf(name, sizeof name, "%s.%s.weight", prefix, part);
        enum ut_status st = ut_gguf_need(&spec.weight[i], ld->g, name, shape, ld->err);
        if (st != UT_OK)
            return st;
        if (strcmp(part + strlen(part) - 2, "_k") == 0)
            continue;
        snprintf(name, sizeof name, "%s.%s.bias", prefix, part);
        st = ut_gguf_need(&spec.bias[i], ld->g, name, bias_shape, ld->err);
        if (st != UT_OK)
            return st;
    }
    enum ut_status st = pack_linear(ld, out, &spec, spec.weight[0]->name);
    for (size_t i = 0; i < stack->n_parts && st == UT_OK; i++)
        ut_gguf_release(ld->g, spec.weight[i]);
    return st;
}

static enum ut_status load_block(struct loader *ld, struct ut_asr_block *b, const char *side,
                                 size_t layer)
{
    static const struct stack qkv = { 3, { "attn_q", "attn_k", "attn_v" } };
    static const struct stack attn_out = { 1, { "attn_out" } };
    static const struct stack cross_q = { 1, { "cross_q" } };
    static const struct stack cross_kv = { 2, { "cross_k", "cross_v" } };
    static const struct stack cross_out = { 1, { "cross_out" } };
    static const struct stack up = { 1, { "ffn_up" } };
    static const struct stack down = { 1, { "ffn_down" } };
    const size_t d = ld->m->dims.n_audio_state;
    const bool cross = strcmp(side, "decoder") == 0;
    char prefix[NAME_BYTES / 2];

    snprintf(prefix, sizeof prefix, "%s.blk.%zu", side, layer);
    enum ut_status st = load_norm(ld, &b->attn_norm, prefix, "attn_norm");
    if (st == UT_OK)
        st = load_stack(ld, &b->attn_qkv, prefix, &qkv, d, d);
    if (st == UT_OK)
        st = load_stack(ld, &b->attn_out, prefix, &attn_out, d, d);
    if (st == UT_OK && cross)
        st = load_norm(ld, &b->cross_norm, prefix, "cross_norm");
    if (st == UT_OK && cross)
        st = load_stack(ld, &b->cross_q, prefix, &cross_q, d, d);
    if (st == UT_OK && cross)
        st = load_stack(ld, &b->cross_kv, prefix, &cross_kv, d, d);
    if (st == UT_OK && cross)
        st = load_stack(ld, &b->cross_out, prefix, &cross_out, d, d);
    if (st == UT_OK)
        st = load_norm(ld, &b->ffn_norm, prefix, "ffn_norm");
    if (st == UT_OK)
        st = load_stack(ld, &b->ffn_up, prefix, &up, 4 * d, d);
    if (st == UT_OK)
        st = load_stack(ld, &b->ffn_down, prefix, &down, d, 4 * d);
    return st;
}

/*
 * A convolution of width 3 becomes a matrix whose rows run over k, then channel: time-major
 * activations then make its input by overlapping rows. Weights [n_out, n_in, 3] -> [n_out, 3,
 * n_in].
 */
static void permute_conv(unsigned char *dst, const unsigned char *src, size_t size, size_t n_out,
                         size_t n_in)
{
    for (size_t o = 0; o < n_out; o++) {
        for (size_t k = 0; k < 3; k++) {
            for (size_t i = 0; i < n_in; i++)
                memcpy(dst + ((o * 3 + k) * n_in + i) * size, src + ((o * n_in + i) * 3 + k) * size,
                       size);
        }
    }
}

/* Convolutions stay f16 in a quantised file; what is around them tells. */
static bool is_quantised(const struct ut_gguf *g)
{
    const struct ut_tensor *t = ut_gguf_find(g, "encoder.blk.0.attn_q.weight");

    return t && ut_dtype_block(t->dtype) > 1;
}

static enum ut_status load_conv(struct loader *ld, struct ut_linear **out, const char *name,
                                size_t n_in)
{
    const size_t n_out = ld->m->dims.n_audio_state;
    const size_t shape[UT_TENSOR_MAX_DIMS] = { n_out, n_in, 3 };
    const size_t bias_shape[UT_TENSOR_MAX_DIMS] = { n_out };
    const struct ut_tensor *weight, *bias;
    char full[NAME_BYTES];

    snprintf(full, sizeof full, "%s.bias", name);
    enum ut_status st = ut_gguf_need(&bias, ld->g, full, bias_shape, ld->err);
    if (st != UT_OK)
        return st;
    snprintf(full, sizeof full, "%s.weight", name);
    st = ut_gguf_need(&weight, ld->g, full, shape, ld->err);
    if (st != UT_OK)
        return st;
    if (weight->dtype != UT_DTYPE_F32 && weight->dtype != UT_DTYPE_F16)
        return ut_error_set(ld->err, UT_EFORMAT, "%s: tensor %s is %s, need f32 or f16",
                            ut_gguf_path(ld->g), full, ut_dtype_name(weight->dtype));
    unsigned char *data = ut_alloc(weight->n_bytes, 1);
    if (!data)
        return out_of_memory(ld);
    permute_conv(data, weight->data, weight->n_bytes / (n_out * n_in * 3), n_out, n_in);
    struct ut_tensor matrix = { weight->name, weight->dtype,  2, { n_out, 3 * n_in, 1, 1 },
                                data,         weight->n_bytes };
    struct ut_linear_spec spec = {
        .n_parts = 1, .weight = { &matrix }, .bias = { bias }, .rough = is_quantised(ld->g)
    };
    st = pack_linear(ld, out, &spec, full);
    ut_free(data);
    ut_gguf_release(ld->g, weight);
    return st;
}

static enum ut_status load_encoder(struct loader *ld)
{
    struct ut_asr_model *m = ld->m;
    const struct ut_asr_dims *d = &m->dims;
    enum ut_status st = load_conv(ld, &m->conv1, "encoder.conv1", d->n_mels);

    if (st == UT_OK)
        st = load_conv(ld, &m->conv2, "encoder.conv2", d->n_audio_state);
    if (st == UT_OK)
        st = load_floats(ld, &m->audio_position, "encoder.position", d->n_audio_ctx,
                         d->n_audio_state);
    for (size_t l = 0; l < d->n_audio_layer && st == UT_OK; l++)
        st = load_block(ld, &m->audio[l], "encoder", l);
    if (st == UT_OK)
        st = load_norm(ld, &m->audio_norm, "encoder", "norm");
    return st;
}

static enum ut_status load_decoder(struct loader *ld)
{
    struct ut_asr_model *m = ld->m;
    const struct ut_asr_dims *d = &m->dims;
    const size_t shape[UT_TENSOR_MAX_DIMS] = { d->n_vocab, d->n_text_state };
    const size_t position_shape[UT_TENSOR_MAX_DIMS] = { d->n_text_ctx, d->n_text_state };
    struct ut_linear_spec spec = { .n_parts = 1 };
    enum ut_status st =
        ut_gguf_need(&spec.weight[0], ld->g, "decoder.embedding.weight", shape, ld->err);

    if (st == UT_OK)
        st = pack_linear(ld, &m->embedding, &spec, spec.weight[0]->name);
    if (st == UT_OK) {
        ut_gguf_release(ld->g, spec.weight[0]);
        st = read_floats(ld, "decoder.position", position_shape, m->text_position);
    }
    for (size_t l = 0; l < d->n_text_layer && st == UT_OK; l++)
        st = load_block(ld, &m->text[l], "decoder", l);
    if (st == UT_OK)
        st = load_norm(ld, &m->text_norm, "decoder", "norm");
    return st;
}

/* Room for blocks, float tensors and the scratch to read them through. Dims are bounded by now. */
static enum ut_status make_room(struct loader *ld)
{
    struct ut_asr_model *m = ld->m;
    const struct ut_asr_dims *d = &m->dims;
    /* encoder positions; two norms a block (the decoder three); two final norms */
    size_t rows = d->n_audio_ctx + 4 * d->n_audio_layer + 6 * d->n_text_layer + 4;
    size_t longest = d->n_audio_ctx > d->n_text_ctx ? d->n_audio_ctx : d->n_text_ctx;

    m->audio = ut_calloc(d->n_audio_layer, sizeof *m->audio);
    m->text = ut_calloc(d->n_text_layer, sizeof *m->text);
    m->text_position = ut_alloc(d->n_text_ctx * d->n_text_state, sizeof(float));
    m->floats = ut_compute_alloc(m->compute, rows * d->n_audio_state, sizeof(float));
    ld->scratch = ut_alloc(longest * d->n_audio_state, sizeof(float));
    ld->next_float = m->floats;
    if (!m->audio || !m->text || !m->text_position || !m->floats || !ld->scratch)
        return out_of_memory(ld);
    m->bytes = (rows + d->n_text_ctx) * d->n_audio_state * sizeof(float);
    return UT_OK;
}

enum ut_status ut_asr_load(struct ut_asr_model *m, const struct ut_gguf *g, struct ut_error *err)
{
    struct loader ld = { .m = m, .g = g, .err = err };
    enum ut_status st = check_architecture(&ld);

    m->exact = true;
    if (st == UT_OK)
        st = read_dims(&ld);
    if (st == UT_OK)
        st = check_dims(&ld);
    if (st == UT_OK)
        st = read_align_heads(&ld);
    if (st == UT_OK)
        st = ut_asr_tokens_create(&m->tokens, g, m->dims.n_vocab, err);
    if (st == UT_OK)
        st = make_room(&ld);
    if (st == UT_OK)
        st = load_encoder(&ld);
    if (st == UT_OK)
        st = load_decoder(&ld);
    enum ut_status end = ut_compute_end(m->compute);
    if (st == UT_OK && end != UT_OK)
        st = ut_error_set(err, end, "%s: cannot be packed: %s", ut_gguf_path(g),
                          ut_status_name(end));
    ut_free(ld.scratch);
    return st;
}
