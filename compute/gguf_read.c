#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "compute/gguf_private.h"

/* Far above any real model, low enough that a table of hostile names stays quick. */
#define MAX_TENSORS 16384
#define MAX_KEYS 4096
#define MAX_NAME 65535
#define MAX_METADATA ((size_t)1 << 30)
#define MAX_ALIGNMENT 65536

static const uint8_t type_bytes[UT_GGUF_N_TYPES] = {
    [UT_GGUF_U8] = 1,  [UT_GGUF_I8] = 1,  [UT_GGUF_U16] = 2, [UT_GGUF_I16] = 2,
    [UT_GGUF_U32] = 4, [UT_GGUF_I32] = 4, [UT_GGUF_F32] = 4, [UT_GGUF_BOOL] = 1,
    [UT_GGUF_U64] = 8, [UT_GGUF_I64] = 8, [UT_GGUF_F64] = 8,
};

size_t ut_gguf_type_bytes(uint32_t type)
{
    return type < UT_GGUF_N_TYPES ? type_bytes[type] : 0;
}

struct reader {
    struct ut_gguf *g;
    size_t at;
    struct ut_error *err;
};

/* The next `n` bytes, or NULL with the error set. */
static const uint8_t *take_bytes(struct reader *r, const char *what, size_t n)
{
    size_t left = r->g->n_bytes - r->at;

    if (n > left) {
        ut_error_set(r->err, UT_EFORMAT,
                     "%s: truncated at byte %zu: %s needs %zu bytes, %zu are left", r->g->path,
                     r->at, what, n, left);
        return NULL;
    }
    r->at += n;
    return r->g->bytes + r->at - n;
}

static enum ut_status take_u32(struct reader *r, const char *what, uint32_t *out)
{
    const uint8_t *p = take_bytes(r, what, sizeof *out);

    if (!p)
        return UT_EFORMAT;
    memcpy(out, p, sizeof *out);
    return UT_OK;
}

static enum ut_status take_u64(struct reader *r, const char *what, uint64_t *out)
{
    const uint8_t *p = take_bytes(r, what, sizeof *out);

    if (!p)
        return UT_EFORMAT;
    memcpy(out, p, sizeof *out);
    return UT_OK;
}

/* Gives the name's offset in `names`, because the buffer moves while it grows. */
static enum ut_status take_name(struct reader *r, struct ut_buffer *names, const char *what,
                                size_t i, size_t *out)
{
    uint64_t n = 0;
    enum ut_status st = take_u64(r, what, &n);

    if (st != UT_OK)
        return st;
    if (n == 0 || n > MAX_NAME)
        return ut_error_set(r->err, UT_EFORMAT, "%s: %s %zu: length %" PRIu64 " is not in 1..%d",
                            r->g->path, what, i, n, MAX_NAME);
    const uint8_t *p = take_bytes(r, what, (size_t)n);
    if (!p)
        return UT_EFORMAT;
    for (size_t j = 0; j < n; j++)
        if (p[j] < 0x20 || p[j] == 0x7f)
            return ut_error_set(r->err, UT_EFORMAT, "%s: %s %zu: byte 0x%02x is no text",
                                r->g->path, what, i, p[j]);
    size_t offset = names->n;
    st = ut_buffer_append(names, p, (size_t)n);
    if (st == UT_OK)
        st = ut_buffer_append(names, "", 1);
    if (st != UT_OK)
        return ut_error_set(r->err, st, "%s: %s %zu: no memory for its name", r->g->path, what, i);
    *out = offset;
    return UT_OK;
}

static enum ut_status reserve_starts(struct reader *r, size_t n)
{
    struct ut_gguf *g = r->g;
    size_t want;

    if (!ut_size_add(g->n_starts, n, &want))
        return UT_ENOMEM;
    if (want <= g->starts_capacity)
        return UT_OK;
    size_t capacity = want + want / 2;
    uint32_t *grown = ut_alloc(capacity, sizeof *grown);
    if (!grown)
        return ut_error_set(r->err, UT_ENOMEM, "%s: no memory for %zu texts", g->path, n);
    if (g->n_starts)
        memcpy(grown, g->starts, g->n_starts * sizeof *grown);
    ut_free(g->starts);
    g->starts = grown;
    g->starts_capacity = capacity;
    return UT_OK;
}

/* Walks an array of texts once, so that element i is found in constant time afterwards. */
static enum ut_status take_texts(struct reader *r, struct ut_gguf_entry *e, const char *key)
{
    struct ut_gguf *g = r->g;
    size_t first = r->at;
    enum ut_status st = reserve_starts(r, e->n);

    for (size_t i = 0; i < e->n && st == UT_OK; i++) {
        uint64_t n = 0;

        g->starts[g->n_starts++] = (uint32_t)(r->at - first);
        st = take_u64(r, key, &n);
        if (st == UT_OK && n > g->n_bytes - r->at)
            return ut_error_set(r->err, UT_EFORMAT,
                                "%s: key '%s': text %zu: length %" PRIu64 " is past the end",
                                g->path, key, i, n);
        if (st == UT_OK)
            r->at += (size_t)n;
        if (st == UT_OK && r->at - first > MAX_METADATA)
            return ut_error_set(r->err, UT_ELIMIT, "%s: key '%s': more than %zu bytes of text",
                                g->path, key, MAX_METADATA);
    }
    return st;
}

static enum ut_status take_array(struct reader *r, struct ut_gguf_entry *e, const char *key)
{
    uint64_t n = 0;
    enum ut_status st = take_u32(r, key, &e->element);

    if (st == UT_OK)
        st = take_u64(r, key, &n);
    if (st != UT_OK)
        return st;
    size_t size = ut_gguf_type_bytes(e->element);
    if (!size && e->element != UT_GGUF_TEXT)
        return ut_error_set(r->err, UT_EFORMAT, "%s: key '%s': array of type %" PRIu32, r->g->path,
                            key, e->element);
    /* A text has at least its eight bytes of length, which bounds what the count can cost. */
    if (n > (r->g->n_bytes - r->at) / (size ? size : 8))
        return ut_error_set(r->err, UT_EFORMAT,
                            "%s: key '%s': %" PRIu64 " elements are more than the file holds",
                            r->g->path, key, n);
    e->n = (size_t)n;
    e->value = r->g->bytes + r->at;
    if (!size)
        return take_texts(r, e, key);
    r->at += e->n * size;
    return UT_OK;
}

static enum ut_status take_value(struct reader *r, struct ut_gguf_entry *e, const char *key)
{
    size_t first = r->at;
    enum ut_status st;
    uint64_t n = 0;

    e->raw = r->g->bytes + first;
    e->n = 1;
    if (e->type == UT_GGUF_ARRAY) {
        st = take_array(r, e, key);
    } else if (e->type == UT_GGUF_TEXT) {
        st = take_u64(r, key, &n);
        if (st == UT_OK && n > r->g->n_bytes - r->at)
            return ut_error_set(r->err, UT_EFORMAT,
                                "%s: key '%s': length %" PRIu64 " is past the end", r->g->path, key,
                                n);
        if (st == UT_OK) {
            e->n = (size_t)n;
            e->value = take_bytes(r, key, e->n);
        }
    } else if (ut_gguf_type_bytes(e->type)) {
        e->value = take_bytes(r, key, ut_gguf_type_bytes(e->type));
        st = e->value ? UT_OK : UT_EFORMAT;
    } else {
        return ut_error_set(r->err, UT_EFORMAT, "%s: key '%s': type %" PRIu32, r->g->path, key,
                            e->type);
    }
    e->raw_bytes = r->at - first;
    return st;
}

static enum ut_status take_keys(struct reader *r)
{
    struct ut_gguf *g = r->g;
    size_t start = 0;
    enum ut_status st = UT_OK;

    size_t *names = ut_alloc(g->n_keys, sizeof *names);
    g->keys = ut_calloc(g->n_keys, sizeof *g->keys);
    if (!g->keys || !names)
        st = ut_error_set(r->err, UT_ENOMEM, "%s: no memory for %zu keys", g->path, g->n_keys);
    for (size_t i = 0; i < g->n_keys && st == UT_OK; i++) {
        st = take_name(r, &g->key_names, "key", i, &names[i]);
        if (st == UT_OK)
            st = take_u32(r, "type of a key", &g->keys[i].type);
        if (st == UT_OK)
            st = take_value(r, &g->keys[i], g->key_names.data + names[i]);
    }
    for (size_t i = 0; i < g->n_keys && st == UT_OK; i++) {
        struct ut_gguf_entry *e = &g->keys[i];
        e->name = g->key_names.data + names[i];
        if (e->type == UT_GGUF_ARRAY && e->element == UT_GGUF_TEXT && e->n) {
            e->starts = g->starts + start;
            start += e->n;
        }
    }
    ut_free(names);
    return st;
}

static enum ut_status take_dims(struct reader *r, struct ut_tensor *t, const char *name)
{
    uint32_t n_dims = 0;
    size_t n = 1;
    enum ut_status st = take_u32(r, "dimension count", &n_dims);

    if (st != UT_OK)
        return st;
    if (n_dims < 1 || n_dims > UT_TENSOR_MAX_DIMS)
        return ut_error_set(r->err, UT_EFORMAT, "%s: tensor '%s': %" PRIu32 " dimensions",
                            r->g->path, name, n_dims);
    t->n_dims = (int)n_dims;
    for (size_t i = 0; i < UT_TENSOR_MAX_DIMS; i++)
        t->dims[i] = 1;
    for (size_t i = n_dims; i-- > 0;) {
        uint64_t d = 0;
        st = take_u64(r, "dimension", &d);
        if (st != UT_OK)
            return st;
        if (d == 0 || d > PTRDIFF_MAX || !ut_size_mul(n, (size_t)d, &n) || n > PTRDIFF_MAX)
            return ut_error_set(r->err, UT_EFORMAT,
                                "%s: tensor '%s': dimension %" PRIu64 " is zero or too large",
                                r->g->path, name, d);
        t->dims[i] = (size_t)d;
    }
    return UT_OK;
}

/* Leaves the offset in `n_bytes` until the start of the data is known. */
static enum ut_status take_tensor(struct reader *r, struct ut_tensor *t, const char *name)
{
    uint32_t dtype = 0;
    uint64_t offset = 0;
    enum ut_status st = take_dims(r, t, name);

    if (st == UT_OK)
        st = take_u32(r, "tensor type", &dtype);
    if (st == UT_OK && !ut_dtype_known(dtype))
        st = ut_error_set(r->err, UT_EFORMAT, "%s: tensor '%s': type %" PRIu32 " is not supported",
                          r->g->path, name, dtype);
    if (st == UT_OK)
        st = take_u64(r, "tensor offset", &offset);
    if (st != UT_OK)
        return st;
    t->dtype = (enum ut_dtype)dtype;
    size_t row = t->dims[t->n_dims - 1];
    if (row % ut_dtype_block(t->dtype) != 0)
        return ut_error_set(r->err, UT_EFORMAT,
                            "%s: tensor '%s': rows of %zu are no whole blocks of %s", r->g->path,
                            name, row, ut_dtype_name(t->dtype));
    if (offset % r->g->alignment != 0 || offset > r->g->n_bytes)
        return ut_error_set(r->err, UT_EFORMAT,
                            "%s: tensor '%s': offset %" PRIu64
                            " is misaligned (to %zu) or past the end",
                            r->g->path, name, offset, r->g->alignment);
    t->n_bytes = (size_t)offset;
    return UT_OK;
}

static enum ut_status place_tensor(struct reader *r, struct ut_tensor *t, size_t data)
{
    const struct ut_gguf *g = r->g;
    size_t offset = t->n_bytes;
    size_t bytes, n = 1;

    for (int i = 0; i < t->n_dims; i++)
        n *= t->dims[i]; /* take_dims() checked the product */
    if (ut_dtype_bytes(&bytes, t->dtype, n) != UT_OK || data > g->n_bytes ||
        offset > g->n_bytes - data || bytes > g->n_bytes - data - offset)
        return ut_error_set(r->err, UT_EFORMAT,
                            "%s: tensor '%s': %zu elements of %s at offset %zu pass the end of "
                            "the file (%zu bytes)",
                            g->path, t->name, n, ut_dtype_name(t->dtype), offset, g->n_bytes);
    t->data = g->bytes + data + offset;
    t->n_bytes = bytes;
    return UT_OK;
}

static enum ut_status take_tensors(struct reader *r)
{
    struct ut_gguf *g = r->g;
    enum ut_status st = UT_OK;
    size_t *names = ut_alloc(g->n_tensors, sizeof *names);

    g->tensors = ut_calloc(g->n_tensors, sizeof *g->tensors);
    if (!g->tensors || !names)
        st =
            ut_error_set(r->err, UT_ENOMEM, "%s: no memory for %zu tensors", g->path, g->n_tensors);
    for (size_t i = 0; i < g->n_tensors && st == UT_OK; i++) {
        st = take_name(r, &g->tensor_names, "tensor", i, &names[i]);
        if (st == UT_OK)
            st = take_tensor(r, &g->tensors[i], g->tensor_names.data + names[i]);
    }
    size_t data = (r->at + g->alignment - 1) / g->alignment * g->alignment;
    for (size_t i = 0; i < g->n_tensors && st == UT_OK; i++) {
        g->tensors[i].name = g->tensor_names.data + names[i];
        st = place_tensor(r, &g->tensors[i], data);
    }
    ut_free(names);
    return st;
}

/* The data begins at the next multiple of this; the specification lets a key change it. */
static enum ut_status find_alignment(struct reader *r)
{
    struct ut_gguf *g = r->g;

    g->alignment = UT_GGUF_ALIGNMENT;
    for (size_t i = 0; i < g->n_keys; i++) {
        const struct ut_gguf_entry *e = &g->keys[i];
        uint32_t v;

        if (strcmp(e->name, "general.alignment") != 0)
            continue;
        if (e->type != UT_GGUF_U32)
            return ut_error_set(r->err, UT_EFORMAT, "%s: general.alignment has type %" PRIu32,
                                g->path, e->type);
        memcpy(&v, e->value, sizeof v);
        if (v < 8 || v > MAX_ALIGNMENT || (v & (v - 1)) != 0)
            return ut_error_set(r->err, UT_EFORMAT, "%s: general.alignment is %" PRIu32, g->path,
                                v);
        g->alignment = v;
    }
    return UT_OK;
}

static enum ut_status take_count(struct reader *r, const char *what, size_t max, size_t *out)
{
    uint64_t n = 0;
    enum ut_status st = take_u64(r, what, &n);

    if (st != UT_OK)
        return st;
    /* The shortest key and the shortest tensor both take more than 12 bytes. */
    if (n > max || n > (r->g->n_bytes - r->at) / 12)
        return ut_error_set(r->err, n > max ? UT_ELIMIT : UT_EFORMAT,
                            "%s: %s is %" PRIu64 ", more than %s", r->g->path, what, n,
                            n > max ? "is supported" : "the file holds");
    *out = (size_t)n;
    return UT_OK;
}

enum ut_status ut_gguf_read(struct ut_gguf *g, struct ut_error *err)
{
    struct reader r = { .g = g, .err = err };
    uint32_t magic = 0, version = 0;
    enum ut_status st = take_u32(&r, "magic", &magic);

    g->key_names.limit = g->tensor_names.limit = MAX_METADATA;
    if (st == UT_OK && magic != UT_GGUF_MAGIC)
        return ut_error_set(err, UT_EFORMAT, "%s: not GGUF: magic 0x%08" PRIx32, g->path, magic);
    if (st == UT_OK)
        st = take_u32(&r, "version", &version);
    if (st == UT_OK && (version < 2 || version > 3)) /* 2 has the same layout */
        return ut_error_set(err, UT_EFORMAT, "%s: GGUF version %" PRIu32 " is not 2 or 3", g->path,
                            version);
    size_t n_tensors = 0, n_keys = 0;
    if (st == UT_OK)
        st = take_count(&r, "tensor count", MAX_TENSORS, &n_tensors);
    if (st == UT_OK)
        st = take_count(&r, "key count", MAX_KEYS, &n_keys);
    if (st != UT_OK)
        return st;
    g->n_tensors = n_tensors;
    g->n_keys = n_keys;
    st = take_keys(&r);
    if (st == UT_OK)
        st = find_alignment(&r);
    if (st == UT_OK)
        st = take_tensors(&r);
    return st;
}
