#include <inttypes.h>
#include <string.h>

#include "models/cursor.h"
#include "models/formats.h"

#define BINARY_VERSION 6
#define MAX_REVISION 3

/* Types by CTranslate2's numbers: f32, i8, i16, i32, f16, bf16. */
static const enum ut_dtype types[] = { UT_DTYPE_F32, UT_DTYPE_I8,  UT_DTYPE_I16,
                                       UT_DTYPE_I32, UT_DTYPE_F16, UT_DTYPE_BF16 };

/* A u16 length that counts the NUL at the end, then bytes. NULL with the error set. */
static const char *take_text(struct ut_cursor *c, const char *what, size_t *n)
{
    uint16_t bytes;

    if (!ut_cursor_u16(c, what, &bytes))
        return NULL;
    const uint8_t *p = ut_cursor_take(c, what, bytes);
    if (!p)
        return NULL;
    if (bytes == 0 || memchr(p, 0, bytes) != p + bytes - 1) {
        ut_error_set(c->err, UT_EFORMAT, "%s: %s of length %u does not end in its only NUL",
                     c->path, what, bytes);
        return NULL;
    }
    *n = (size_t)bytes - 1;
    return (const char *)p;
}

static enum ut_status take_head(struct ut_cursor *c, uint32_t *n_variables)
{
    uint32_t version, revision;
    size_t n;

    if (!ut_cursor_u32(c, "binary version", &version))
        return UT_EFORMAT;
    if (version != BINARY_VERSION)
        return ut_error_set(c->err, UT_EFORMAT,
                            "%s: CTranslate2 binary version %" PRIu32 ", not %d", c->path, version,
                            BINARY_VERSION);
    const char *spec = take_text(c, "specification", &n);
    if (!spec)
        return UT_EFORMAT;
    if (strcmp(spec, "WhisperSpec") != 0)
        return ut_error_set(c->err, UT_EFORMAT,
                            "%s: CTranslate2 model of kind '%.40s', not Whisper", c->path, spec);
    if (!ut_cursor_u32(c, "revision", &revision) ||
        !ut_cursor_u32(c, "variable count", n_variables))
        return UT_EFORMAT;
    if (revision < 1 || revision > MAX_REVISION)
        return ut_error_set(c->err, UT_EFORMAT, "%s: WhisperSpec revision %" PRIu32, c->path,
                            revision);
    if (*n_variables > UT_BAG_MAX_TENSORS)
        return ut_error_set(c->err, UT_ELIMIT, "%s: variable count %" PRIu32 " is more than %d",
                            c->path, *n_variables, UT_BAG_MAX_TENSORS);
    return UT_OK;
}

static enum ut_status take_variable(struct ut_bag *bag, struct ut_cursor *c)
{
    struct ut_tensor t = { .n_dims = 1, .dims = { 1, 1, 1, 1 } };
    uint8_t rank, type;
    uint32_t bytes;
    size_t n_name;
    const char *name = take_text(c, "variable name", &n_name);

    if (!name || !ut_cursor_u8(c, "rank", &rank))
        return UT_EFORMAT;
    if (rank > UT_TENSOR_MAX_DIMS)
        return ut_error_set(c->err, UT_EFORMAT, "%s: variable '%s': rank %u", c->path, name, rank);
    for (int i = 0; i < rank; i++) {
        uint32_t d;
        if (!ut_cursor_u32(c, "dimension", &d))
            return UT_EFORMAT;
        t.dims[i] = d;
    }
    t.n_dims = rank ? rank : 1; /* a scalar is one element */
    if (!ut_cursor_u8(c, "type", &type) || !ut_cursor_u32(c, "byte count", &bytes))
        return UT_EFORMAT;
    if (type >= sizeof types / sizeof types[0])
        return ut_error_set(c->err, UT_EFORMAT, "%s: variable '%s': type %u", c->path, name, type);
    t.dtype = types[type];
    t.data = c->bytes + c->at;
    enum ut_status st = ut_bag_add(bag, c->path, name, n_name, &t, ut_cursor_left(c), c->err);
    if (st != UT_OK)
        return st;
    if (bag->tensors[bag->n - 1].n_bytes != bytes)
        return ut_error_set(c->err, UT_EFORMAT,
                            "%s: variable '%s': byte count %" PRIu32 ", its shape has %zu", c->path,
                            name, bytes, bag->tensors[bag->n - 1].n_bytes);
    return ut_cursor_take(c, name, bytes) ? UT_OK : UT_EFORMAT;
}

/* Aliases only tie the projection to the embedding, which Whisper always does. */
static enum ut_status take_aliases(struct ut_cursor *c)
{
    uint32_t n_aliases;
    size_t n;

    if (!ut_cursor_u32(c, "alias count", &n_aliases))
        return UT_EFORMAT;
    for (uint32_t i = 0; i < n_aliases; i++)
        if (!take_text(c, "alias", &n) || !take_text(c, "alias target", &n))
            return UT_EFORMAT;
    if (ut_cursor_left(c))
        return ut_error_set(c->err, UT_EFORMAT, "%s: %zu bytes behind the last alias", c->path,
                            ut_cursor_left(c));
    return UT_OK;
}

enum ut_status ut_ct2_read(struct ut_bag *bag, const uint8_t *bytes, size_t n_bytes,
                           const char *path, struct ut_error *err)
{
    struct ut_cursor c = { .bytes = bytes, .n_bytes = n_bytes, .path = path, .err = err };
    uint32_t n_variables = 0;
    enum ut_status st = take_head(&c, &n_variables);

    for (uint32_t i = 0; i < n_variables && st == UT_OK; i++)
        st = take_variable(bag, &c);
    if (st == UT_OK)
        st = take_aliases(&c);
    if (st == UT_OK)
        st = ut_bag_check(bag, path, err);
    if (st != UT_OK)
        ut_bag_finish(bag);
    return st;
}
