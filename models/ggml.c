#include <inttypes.h>
#include <string.h>

#include "models/cursor.h"
#include "models/formats.h"

#define GGML_MAGIC 0x67676d6c
#define MAX_TOKEN 1024
#define MAX_TOKENS 200000

static enum ut_status refuse(struct ut_cursor *c, const char *what, uint32_t value)
{
    return ut_error_set(c->err, UT_EFORMAT, "%s: %s is %" PRIu32, c->path, what, value);
}

static enum ut_status take_dims(struct ut_cursor *c, struct ut_ggml_dims *d)
{
    const struct {
        const char *what;
        uint32_t *out;
        uint32_t max;
    } fields[] = {
        { "n_vocab", &d->n_vocab, MAX_TOKENS },
        { "n_audio_ctx", &d->n_audio_ctx, 1 << 16 },
        { "n_audio_state", &d->n_audio_state, 1 << 14 },
        { "n_audio_head", &d->n_audio_head, 1 << 8 },
        { "n_audio_layer", &d->n_audio_layer, 1 << 8 },
        { "n_text_ctx", &d->n_text_ctx, 1 << 16 },
        { "n_text_state", &d->n_text_state, 1 << 14 },
        { "n_text_head", &d->n_text_head, 1 << 8 },
        { "n_text_layer", &d->n_text_layer, 1 << 8 },
        { "n_mels", &d->n_mels, 1 << 10 },
    };
    uint32_t magic;

    if (!ut_cursor_u32(c, "magic", &magic))
        return UT_EFORMAT;
    if (magic != GGML_MAGIC)
        return ut_error_set(c->err, UT_EFORMAT, "%s: not ggml: magic 0x%08" PRIx32, c->path, magic);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (!ut_cursor_u32(c, fields[i].what, fields[i].out))
            return UT_EFORMAT;
        if (*fields[i].out == 0 || *fields[i].out > fields[i].max)
            return refuse(c, fields[i].what, *fields[i].out);
    }
    return ut_cursor_u32(c, "file type", &d->file_type) ? UT_OK : UT_EFORMAT;
}

static enum ut_status skip_filters(struct ut_cursor *c)
{
    uint32_t n_mels, n_fft;

    if (!ut_cursor_u32(c, "mel filter rows", &n_mels) ||
        !ut_cursor_u32(c, "mel filter columns", &n_fft))
        return UT_EFORMAT;
    if (n_mels > 1 << 12)
        return refuse(c, "mel filter rows", n_mels);
    if (n_fft > 1 << 16)
        return refuse(c, "mel filter columns", n_fft);
    return ut_cursor_take(c, "mel filters", (size_t)n_mels * n_fft * 4) ? UT_OK : UT_EFORMAT;
}

static enum ut_status take_tokens(struct ut_cursor *c, struct ut_vocabulary *v)
{
    uint32_t n, bytes;

    if (!ut_cursor_u32(c, "token count", &n))
        return UT_EFORMAT;
    if (n > MAX_TOKENS)
        return refuse(c, "token count", n);
    for (uint32_t i = 0; i < n; i++) {
        if (!ut_cursor_u32(c, "token length", &bytes))
            return UT_EFORMAT;
        if (bytes > MAX_TOKEN)
            return refuse(c, "token length", bytes);
        const uint8_t *p = ut_cursor_take(c, "token", bytes);
        if (!p)
            return UT_EFORMAT;
        enum ut_status st = ut_vocabulary_add_bytes(v, p, bytes);
        if (st != UT_OK)
            return ut_error_set(c->err, st, "%s: no memory for token %" PRIu32, c->path, i);
    }
    return UT_OK;
}

static enum ut_status take_tensor(struct ut_cursor *c, struct ut_bag *bag)
{
    struct ut_tensor t = { .dims = { 1, 1, 1, 1 } };
    uint32_t n_dims, n_name, type, d;

    if (!ut_cursor_u32(c, "dimension count", &n_dims) ||
        !ut_cursor_u32(c, "name length", &n_name) || !ut_cursor_u32(c, "tensor type", &type))
        return UT_EFORMAT;
    if (n_dims < 1 || n_dims > UT_TENSOR_MAX_DIMS)
        return refuse(c, "dimension count", n_dims);
    if (n_name > UT_BAG_MAX_NAME)
        return refuse(c, "name length", n_name);
    if (!ut_dtype_known(type))
        return refuse(c, "tensor type", type);
    for (uint32_t i = n_dims; i-- > 0;) { /* innermost first */
        if (!ut_cursor_u32(c, "dimension", &d))
            return UT_EFORMAT;
        t.dims[i] = d;
    }
    const uint8_t *name = ut_cursor_take(c, "tensor name", n_name);
    if (!name)
        return UT_EFORMAT;
    t.n_dims = (int)n_dims;
    t.dtype = (enum ut_dtype)type;
    t.data = c->bytes + c->at;
    enum ut_status st =
        ut_bag_add(bag, c->path, (const char *)name, n_name, &t, ut_cursor_left(c), c->err);
    if (st != UT_OK)
        return st;
    c->at += bag->tensors[bag->n - 1].n_bytes;
    return UT_OK;
}

enum ut_status ut_ggml_read(struct ut_bag *bag, struct ut_ggml_dims *dims,
                            struct ut_vocabulary *vocabulary, const uint8_t *bytes, size_t n_bytes,
                            const char *path, struct ut_error *err)
{
    struct ut_cursor c = { .bytes = bytes, .n_bytes = n_bytes, .path = path, .err = err };
    enum ut_status st = take_dims(&c, dims);

    if (st == UT_OK)
        st = skip_filters(&c);
    if (st == UT_OK)
        st = take_tokens(&c, vocabulary);
    while (st == UT_OK && ut_cursor_left(&c))
        st = take_tensor(&c, bag);
    if (st == UT_OK)
        st = ut_bag_check(bag, path, err);
    if (st != UT_OK) {
        ut_bag_finish(bag);
        ut_vocabulary_finish(vocabulary);
    }
    return st;
}
