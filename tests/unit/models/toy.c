#include "tests/unit/models/toy.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/dtype.h"

static void put(struct ut_buffer *b, const void *p, size_t n)
{
    if (ut_buffer_append(b, p, n) != UT_OK)
        abort();
}

static void put_u8(struct ut_buffer *b, unsigned v)
{
    put(b, &(uint8_t){ (uint8_t)v }, 1);
}

static void put_u16(struct ut_buffer *b, size_t v)
{
    put(b, &(uint16_t){ (uint16_t)v }, 2);
}

static void put_u32(struct ut_buffer *b, size_t v)
{
    put(b, &(uint32_t){ (uint32_t)v }, 4);
}

float toy_value(const char *name, size_t i)
{
    uint32_t h = 17;

    for (; *name; name++)
        h = h * 31 + (uint8_t)*name;
    return (float)((int)((h + 37 * (uint32_t)i) % 2048) - 1024) / 4096.0f;
}

int toy_shape(const struct ut_whisper_name *row, char side, size_t n_vocab, size_t *dims)
{
    size_t context = side == 'e' ? TOY_AUDIO : TOY_TEXT;
    const struct {
        int n;
        size_t dims[3];
    } shapes[] = {
        [UT_SHAPE_D] = { 1, { TOY_D } },
        [UT_SHAPE_4D] = { 1, { 4 * TOY_D } },
        [UT_SHAPE_DD] = { 2, { TOY_D, TOY_D } },
        [UT_SHAPE_UP] = { 2, { 4 * TOY_D, TOY_D } },
        [UT_SHAPE_DOWN] = { 2, { TOY_D, 4 * TOY_D } },
        [UT_SHAPE_CONV1] = { 3, { TOY_D, TOY_MELS, 3 } },
        [UT_SHAPE_CONV2] = { 3, { TOY_D, TOY_D, 3 } },
        [UT_SHAPE_POSITION] = { 2, { context, TOY_D } },
        [UT_SHAPE_EMBEDDING] = { 2, { n_vocab, TOY_D } },
        [UT_SHAPE_ZERO] = { 1, { TOY_D } },
    };

    memcpy(dims, shapes[row->shape].dims, sizeof shapes[0].dims);
    return shapes[row->shape].n;
}

static bool has_fault(const struct toy_fault *fault, const char *name, int kind)
{
    return fault && fault->name && (int)fault->kind == kind && strcmp(fault->name, name) == 0;
}

/* The values of one of our tensors as f16. */
static void put_values(struct ut_buffer *b, const struct ut_whisper_name *row, char side,
                       size_t n_vocab, const struct toy_fault *fault)
{
    char name[128];
    size_t dims[3], n = 1;
    int n_dims = toy_shape(row, side, n_vocab, dims);

    if (ut_whisper_name_fill(name, sizeof name, row->ours, side, 0) != UT_OK)
        abort();
    for (int i = 0; i < n_dims; i++)
        n *= dims[i];
    for (size_t i = 0; i < n; i++) {
        float v = row->shape == UT_SHAPE_ZERO ? 0.0f : toy_value(name, i);
        if (i == 5 && has_fault(fault, name, TOY_KEY_BIAS))
            v = 0.5f;
        put_u16(b, i == 7 && has_fault(fault, name, TOY_NAN) ? 0x7e00 : ut_f32_to_f16(v));
    }
}

/* Calls fn for each row and side that the toy has; a layer's number is 0. */
typedef void row_fn(void *ctx, const struct ut_whisper_name *row, char side, const char *ours);

static void each_row(row_fn *fn, void *ctx)
{
    for (size_t i = 0; i < ut_n_whisper_names; i++) {
        const struct ut_whisper_name *row = &ut_whisper_names[i];
        for (const char *side = "ed"; *side; side++) {
            char ours[128];
            if (row->side != 'b' && row->side != *side)
                continue;
            if (ut_whisper_name_fill(ours, sizeof ours, row->ours, *side, 0) != UT_OK)
                abort();
            fn(ctx, row, *side, ours);
        }
    }
}

struct ct2 {
    struct ut_buffer *body;
    const struct toy_fault *fault;
    size_t n;
};

static void put_ct2_text(struct ut_buffer *b, const char *text)
{
    put_u16(b, strlen(text) + 1);
    put(b, text, strlen(text) + 1);
}

/* Part 0 writes the whole variable with all parts behind each other. */
static void put_ct2_row(void *ctx, const struct ut_whisper_name *row, char side, const char *ours)
{
    struct ct2 *c = ctx;
    char name[128];
    size_t dims[3], n = 1;
    int n_dims = toy_shape(row, side, TOY_VOCAB, dims);

    if (row->part != 0 || has_fault(c->fault, ours, TOY_MISSING))
        return;
    if (ut_whisper_name_fill(name, sizeof name, row->theirs[UT_NAMING_CT2], side, 0) != UT_OK)
        abort();
    put_ct2_text(c->body, name);
    put_u8(c->body, (unsigned)n_dims);
    dims[0] *= (size_t)row->n_parts;
    for (int i = 0; i < n_dims; i++) {
        n *= dims[i];
        put_u32(c->body, dims[i]);
    }
    if (has_fault(c->fault, ours, TOY_SHAPE)) { /* the same bytes, another shape */
        dims[0] /= 2;
        c->body->n -= 4 * (size_t)n_dims;
        for (int i = 0; i < n_dims; i++)
            put_u32(c->body, i == 0 ? dims[0] : i == n_dims - 1 ? dims[i] * 2 : dims[i]);
    }
    put_u8(c->body, 4);
    put_u32(c->body, 2 * n);
    for (int part = 0; part < row->n_parts; part++) {
        const struct ut_whisper_name *other = ut_whisper_names;
        while (!(other->part == part && other->theirs[UT_NAMING_CT2] &&
                 strcmp(other->theirs[UT_NAMING_CT2], row->theirs[UT_NAMING_CT2]) == 0))
            other++;
        put_values(c->body, other, side, TOY_VOCAB, c->fault);
    }
    c->n++;
}

void toy_ct2(struct ut_buffer *out, const struct toy_fault *fault)
{
    struct ut_buffer body = { .limit = 1 << 24 };
    struct ct2 c = { &body, fault, 0 };

    each_row(put_ct2_row, &c);
    put_u32(out, 6);
    put_ct2_text(out, "WhisperSpec");
    put_u32(out, 3);
    put_u32(out, c.n + 2);
    for (int i = 0; i < 2; i++) {
        put_ct2_text(out, i ? "decoder/num_heads" : "encoder/num_heads");
        put_u8(out, 0);
        put_u8(out, 2);
        put_u32(out, 2);
        put_u16(out, TOY_HEADS);
    }
    put(out, body.data, body.n);
    put_u32(out, 1);
    put_ct2_text(out, "decoder/projection/weight");
    put_ct2_text(out, "decoder/embeddings/weight");
    ut_buffer_finish(&body);
}

struct safetensors {
    struct ut_buffer *header, *data;
    const struct toy_fault *fault;
    enum ut_naming naming;
};

static void put_safetensors_row(void *ctx, const struct ut_whisper_name *row, char side,
                                const char *ours)
{
    struct safetensors *s = ctx;
    char name[128];
    size_t dims[3], first = s->data->n;
    int n_dims = toy_shape(row, side, TOY_VOCAB, dims);

    if (row->shape == UT_SHAPE_ZERO || has_fault(s->fault, ours, TOY_MISSING))
        return;
    if (ut_whisper_name_fill(name, sizeof name, row->theirs[s->naming], side, 0) != UT_OK)
        abort();
    put_values(s->data, row, side, TOY_VOCAB, s->fault);
    if (ut_buffer_printf(s->header, "%s\"%s%s\":{\"dtype\":\"F16\",\"shape\":[",
                         s->header->n > 1 ? "," : "", s->naming == UT_NAMING_HF ? "model." : "",
                         name) != UT_OK)
        abort();
    for (int i = 0; i < n_dims; i++)
        if (ut_buffer_printf(s->header, "%s%zu", i ? "," : "", dims[i]) != UT_OK)
            abort();
    if (ut_buffer_printf(s->header, "],\"data_offsets\":[%zu,%zu]}", first, s->data->n) != UT_OK)
        abort();
}

void toy_safetensors(struct ut_buffer *out, enum ut_naming naming, const struct toy_fault *fault)
{
    struct ut_buffer header = { .limit = 1 << 20 }, data = { .limit = 1 << 24 };
    struct safetensors s = { &header, &data, fault, naming };

    put(&header, "{", 1);
    each_row(put_safetensors_row, &s);
    put(&header, "}", 1);
    put(out, &(uint64_t){ header.n }, 8);
    put(out, header.data, header.n);
    put(out, data.data, data.n);
    ut_buffer_finish(&header);
    ut_buffer_finish(&data);
}

struct ggml {
    struct ut_buffer *out;
    size_t n_vocab;
};

static void put_ggml_row(void *ctx, const struct ut_whisper_name *row, char side, const char *ours)
{
    struct ggml *g = ctx;
    char name[128];
    size_t dims[3];
    int n_dims = toy_shape(row, side, g->n_vocab, dims);

    (void)ours;
    if (row->shape == UT_SHAPE_ZERO)
        return;
    if (ut_whisper_name_fill(name, sizeof name, row->theirs[UT_NAMING_OPENAI], side, 0) != UT_OK)
        abort();
    put_u32(g->out, (size_t)n_dims);
    put_u32(g->out, strlen(name));
    put_u32(g->out, UT_DTYPE_F16);
    for (int i = n_dims; i-- > 0;)
        put_u32(g->out, dims[i]);
    put(g->out, name, strlen(name));
    put_values(g->out, row, side, g->n_vocab, NULL);
}

void toy_ggml(struct ut_buffer *out, size_t n_vocab)
{
    const size_t dims[11] = { n_vocab, TOY_AUDIO, TOY_D, TOY_HEADS, 1, TOY_TEXT,
                              TOY_D,   TOY_HEADS, 1,     TOY_MELS,  1 };
    size_t n_text = n_vocab > 51864 ? 50257 : 50256;
    struct ggml g = { out, n_vocab };

    put_u32(out, 0x67676d6c);
    for (int i = 0; i < 11; i++)
        put_u32(out, dims[i]);
    put_u32(out, 2); /* mel filters, 2 x 3 */
    put_u32(out, 3);
    put(out, (float[6]){ 0 }, 24);
    put_u32(out, n_text);
    for (size_t i = 0; i < n_text; i++) {
        char token[16];
        int n = snprintf(token, sizeof token, " %zu\n", i);
        put_u32(out, (size_t)n);
        put(out, token, (size_t)n);
    }
    each_row(put_ggml_row, &g);
}

void toy_write(const char *folder, const char *name, const void *bytes, size_t n)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wbe");
    if (!f || fwrite(bytes, 1, n, f) != n || fclose(f) != 0)
        abort();
}
