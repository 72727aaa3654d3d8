#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "models/cursor.h"
#include "models/formats.h"

#define MAX_HEADER ((uint64_t)64 << 20)

static const struct {
    const char *name;
    enum ut_dtype dtype;
} types[] = {
    { "F32", UT_DTYPE_F32 }, { "F16", UT_DTYPE_F16 }, { "BF16", UT_DTYPE_BF16 },
    { "F64", UT_DTYPE_F64 }, { "I64", UT_DTYPE_I64 }, { "I32", UT_DTYPE_I32 },
    { "I16", UT_DTYPE_I16 }, { "I8", UT_DTYPE_I8 },
};

struct header {
    struct ut_bag *bag;
    const uint8_t *data; /* behind the header */
    size_t n_data;
    const char *path;
    struct ut_error *err;
    enum ut_status status;
};

static enum ut_status refuse(struct header *h, const char *key, const char *what)
{
    return ut_error_set(h->err, UT_EFORMAT, "%s: tensor '%.100s': bad %s", h->path, key, what);
}

static enum ut_status read_shape(struct header *h, const char *key, const struct ut_json *shape,
                                 struct ut_tensor *t)
{
    size_t n = ut_json_n(shape);

    if (!ut_json_is_array(shape) || n > UT_TENSOR_MAX_DIMS)
        return refuse(h, key, "shape");
    t->n_dims = n ? (int)n : 1;
    for (size_t i = 0; i < n; i++) {
        int64_t d;
        if (!ut_json_i64(ut_json_at(shape, i), &d) || d < 1)
            return refuse(h, key, "dimension in its shape");
        t->dims[i] = (size_t)d;
    }
    return UT_OK;
}

static enum ut_status add_tensor(struct header *h, const char *key, const struct ut_json *value)
{
    struct ut_tensor t = { .dims = { 1, 1, 1, 1 } };
    const char *dtype = ut_json_text(ut_json_get(value, "dtype"), NULL);
    const struct ut_json *offsets = ut_json_get(value, "data_offsets");
    int64_t first, end;
    size_t k = 0;

    while (dtype && k < sizeof types / sizeof types[0] && strcmp(types[k].name, dtype) != 0)
        k++;
    if (!dtype || k == sizeof types / sizeof types[0])
        return ut_error_set(h->err, UT_EFORMAT, "%s: tensor '%.100s': type '%.20s'", h->path, key,
                            dtype ? dtype : "none");
    t.dtype = types[k].dtype;
    enum ut_status st = read_shape(h, key, ut_json_get(value, "shape"), &t);
    if (st != UT_OK)
        return st;
    if (ut_json_n(offsets) != 2 || !ut_json_i64(ut_json_at(offsets, 0), &first) ||
        !ut_json_i64(ut_json_at(offsets, 1), &end))
        return refuse(h, key, "data_offsets");
    if (first < 0 || end < first || (uint64_t)end > h->n_data)
        return ut_error_set(h->err, UT_EFORMAT,
                            "%s: tensor '%.100s': data_offsets [%" PRId64 ", %" PRId64
                            "] are not within %zu bytes",
                            h->path, key, first, end, h->n_data);
    t.data = h->data + first;
    st = ut_bag_add(h->bag, h->path, key, strlen(key), &t, (size_t)(end - first), h->err);
    if (st == UT_OK && h->bag->tensors[h->bag->n - 1].n_bytes != (size_t)(end - first))
        return ut_error_set(h->err, UT_EFORMAT,
                            "%s: tensor '%.100s': %" PRId64 " bytes for a shape of %zu", h->path,
                            key, end - first, h->bag->tensors[h->bag->n - 1].n_bytes);
    return st;
}

static bool add_member(void *ctx, const char *key, const struct ut_json *value)
{
    struct header *h = ctx;

    if (strcmp(key, "__metadata__") != 0)
        h->status = add_tensor(h, key, value);
    return h->status == UT_OK;
}

enum ut_status ut_safetensors_read(struct ut_bag *bag, const uint8_t *bytes, size_t n_bytes,
                                   const char *path, struct ut_error *err)
{
    struct ut_cursor c = { .bytes = bytes, .n_bytes = n_bytes, .path = path, .err = err };
    struct ut_json *root = NULL;
    uint64_t n;

    if (!ut_cursor_u64(&c, "header length", &n))
        return UT_EFORMAT;
    if (n < 2 || n > MAX_HEADER || n > ut_cursor_left(&c))
        return ut_error_set(err, UT_EFORMAT, "%s: header length %" PRIu64 " (%zu bytes are left)",
                            path, n, ut_cursor_left(&c));
    const uint8_t *text = ut_cursor_take(&c, "header", (size_t)n);
    enum ut_status st = ut_json_parse(&root, text, (size_t)n, MAX_HEADER, path, err);
    if (st != UT_OK)
        return st;
    struct header h = { bag, bytes + c.at, ut_cursor_left(&c), path, err, UT_OK };
    if (!ut_json_is_object(root))
        h.status = ut_error_set(err, UT_EFORMAT, "%s: the header is no object", path);
    else
        ut_json_each(root, add_member, &h);
    ut_json_destroy(root);
    if (h.status != UT_OK)
        ut_bag_finish(bag);
    return h.status;
}
