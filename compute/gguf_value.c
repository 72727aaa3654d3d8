#include <inttypes.h>
#include <string.h>

#include "base/buffer.h"
#include "compute/gguf_private.h"

#define MAX_SHOWN 8 /* elements of an array in print_value */
#define MAX_SHOWN_TEXT 60

/* Element i of a fixed-size integer type; false when it is none or does not fit. */
static bool load_i64(int64_t *out, uint32_t type, const uint8_t *base, size_t i)
{
    const uint8_t *p = base + i * ut_gguf_type_bytes(type);
    union {
        uint8_t u8;
        int8_t i8;
        uint16_t u16;
        int16_t i16;
        uint32_t u32;
        int32_t i32;
        uint64_t u64;
        int64_t i64;
    } v = { .u64 = 0 };

    memcpy(&v, p, ut_gguf_type_bytes(type));
    switch (type) {
    case UT_GGUF_U8:
        *out = v.u8;
        return true;
    case UT_GGUF_I8:
        *out = v.i8;
        return true;
    case UT_GGUF_U16:
        *out = v.u16;
        return true;
    case UT_GGUF_I16:
        *out = v.i16;
        return true;
    case UT_GGUF_U32:
        *out = v.u32;
        return true;
    case UT_GGUF_I32:
        *out = v.i32;
        return true;
    case UT_GGUF_I64:
        *out = v.i64;
        return true;
    case UT_GGUF_U64:
        *out = v.i64;
        return v.u64 <= INT64_MAX;
    default:
        return false;
    }
}

static bool load_f64(double *out, uint32_t type, const uint8_t *base, size_t i)
{
    float f;

    if (type == UT_GGUF_F32) {
        memcpy(&f, base + i * sizeof f, sizeof f);
        *out = (double)f;
        return true;
    }
    if (type == UT_GGUF_F64) {
        memcpy(out, base + i * sizeof *out, sizeof *out);
        return true;
    }
    return false;
}

/* NULL with the error set when there is none. */
static const struct ut_gguf_entry *find_key(const struct ut_gguf *g, const char *key,
                                            struct ut_error *err)
{
    const struct ut_gguf_entry *e = ut_gguf_entry(g, key);

    if (!e)
        ut_error_set(err, UT_EFORMAT, "%s: key '%s' is missing", g->path, key);
    return e;
}

static enum ut_status refuse_type(const struct ut_gguf *g, const struct ut_gguf_entry *e,
                                  const char *want, struct ut_error *err)
{
    return ut_error_set(err, UT_EFORMAT,
                        "%s: key '%s' has type %" PRIu32 " or a value that is no %s", g->path,
                        e->name, e->type == UT_GGUF_ARRAY ? e->element : e->type, want);
}

enum ut_status ut_gguf_u32(uint32_t *out, const struct ut_gguf *g, const char *key,
                           struct ut_error *err)
{
    const struct ut_gguf_entry *e = find_key(g, key, err);
    int64_t v;

    if (!e)
        return UT_EFORMAT;
    if (!load_i64(&v, e->type, e->value, 0) || v < 0 || v > UINT32_MAX)
        return refuse_type(g, e, "32-bit count", err);
    *out = (uint32_t)v;
    return UT_OK;
}

enum ut_status ut_gguf_f32(float *out, const struct ut_gguf *g, const char *key,
                           struct ut_error *err)
{
    const struct ut_gguf_entry *e = find_key(g, key, err);
    double v;

    if (!e)
        return UT_EFORMAT;
    if (!load_f64(&v, e->type, e->value, 0))
        return refuse_type(g, e, "float", err);
    *out = (float)v;
    return UT_OK;
}

enum ut_status ut_gguf_bool(bool *out, const struct ut_gguf *g, const char *key,
                            struct ut_error *err)
{
    const struct ut_gguf_entry *e = find_key(g, key, err);

    if (!e)
        return UT_EFORMAT;
    if (e->type != UT_GGUF_BOOL || e->value[0] > 1)
        return refuse_type(g, e, "bool", err);
    *out = e->value[0];
    return UT_OK;
}

enum ut_status ut_gguf_text(struct ut_gguf_text *out, const struct ut_gguf *g, const char *key,
                            struct ut_error *err)
{
    const struct ut_gguf_entry *e = find_key(g, key, err);

    if (!e)
        return UT_EFORMAT;
    if (e->type != UT_GGUF_TEXT)
        return refuse_type(g, e, "text", err);
    *out = (struct ut_gguf_text){ (const char *)e->value, e->n };
    return UT_OK;
}

bool ut_gguf_has(const struct ut_gguf *g, const char *key)
{
    return ut_gguf_entry(g, key) != NULL;
}

/* The array `key` when it has an element i, else NULL with the error set. */
static const struct ut_gguf_entry *find_array(const struct ut_gguf *g, const char *key, size_t i,
                                              struct ut_error *err)
{
    const struct ut_gguf_entry *e = find_key(g, key, err);

    if (e && e->type != UT_GGUF_ARRAY) {
        refuse_type(g, e, "array", err);
        return NULL;
    }
    if (e && i >= e->n) {
        ut_error_set(err, UT_EFORMAT, "%s: key '%s' has %zu elements, none at %zu", g->path, key,
                     e->n, i);
        return NULL;
    }
    return e;
}

enum ut_status ut_gguf_array_n(size_t *out, const struct ut_gguf *g, const char *key,
                               struct ut_error *err)
{
    const struct ut_gguf_entry *e = find_key(g, key, err);

    if (!e)
        return UT_EFORMAT;
    if (e->type != UT_GGUF_ARRAY)
        return refuse_type(g, e, "array", err);
    *out = e->n;
    return UT_OK;
}

static struct ut_gguf_text text_at(const struct ut_gguf_entry *e, size_t i)
{
    const uint8_t *p = e->value + e->starts[i];
    uint64_t n;

    memcpy(&n, p, sizeof n);
    return (struct ut_gguf_text){ (const char *)p + sizeof n, (size_t)n };
}

enum ut_status ut_gguf_array_text(struct ut_gguf_text *out, const struct ut_gguf *g,
                                  const char *key, size_t i, struct ut_error *err)
{
    const struct ut_gguf_entry *e = find_array(g, key, i, err);

    if (!e)
        return UT_EFORMAT;
    if (e->element != UT_GGUF_TEXT)
        return refuse_type(g, e, "text", err);
    *out = text_at(e, i);
    return UT_OK;
}

enum ut_status ut_gguf_array_i64(int64_t *out, const struct ut_gguf *g, const char *key, size_t i,
                                 struct ut_error *err)
{
    const struct ut_gguf_entry *e = find_array(g, key, i, err);
    int64_t v;

    if (!e)
        return UT_EFORMAT;
    if (!load_i64(&v, e->element, e->value, i))
        return refuse_type(g, e, "64-bit integer", err);
    *out = v;
    return UT_OK;
}

enum ut_status ut_gguf_array_f32(float *out, const struct ut_gguf *g, const char *key, size_t i,
                                 struct ut_error *err)
{
    const struct ut_gguf_entry *e = find_array(g, key, i, err);
    double v;

    if (!e)
        return UT_EFORMAT;
    if (!load_f64(&v, e->element, e->value, i))
        return refuse_type(g, e, "float", err);
    *out = (float)v;
    return UT_OK;
}

size_t ut_gguf_n_keys(const struct ut_gguf *g)
{
    return g->n_keys;
}

const char *ut_gguf_key(const struct ut_gguf *g, size_t i)
{
    return i < g->n_keys ? g->keys[i].name : NULL;
}

/* Quoted, shortened, without control characters. */
static enum ut_status print_text(struct ut_buffer *buf, struct ut_gguf_text text)
{
    size_t n = text.n < MAX_SHOWN_TEXT ? text.n : MAX_SHOWN_TEXT;
    enum ut_status st = ut_buffer_append(buf, "\"", 1);

    while (n > 0 && n < text.n && ((uint8_t)text.data[n] & 0xc0) == 0x80)
        n--; /* not in the middle of a UTF-8 sequence */
    for (size_t i = 0; i < n && st == UT_OK; i++) {
        uint8_t c = (uint8_t)text.data[i];
        st = ut_buffer_append(buf, c < 0x20 || c == 0x7f ? "?" : (const char *)&c, 1);
    }
    return st == UT_OK ? ut_buffer_printf(buf, n < text.n ? "...\"" : "\"") : st;
}

static enum ut_status print_element(struct ut_buffer *buf, const struct ut_gguf_entry *e,
                                    uint32_t type, size_t i)
{
    int64_t v;
    double d;
    uint64_t u;

    if (type == UT_GGUF_TEXT)
        return print_text(buf, e->type == UT_GGUF_ARRAY
                                   ? text_at(e, i)
                                   : (struct ut_gguf_text){ (const char *)e->value, e->n });
    if (type == UT_GGUF_BOOL)
        return ut_buffer_printf(buf, "%s", e->value[i] ? "true" : "false");
    if (load_f64(&d, type, e->value, i))
        return ut_buffer_printf(buf, "%g", d);
    if (load_i64(&v, type, e->value, i))
        return ut_buffer_printf(buf, "%" PRId64, v);
    memcpy(&u, e->value + i * sizeof u, sizeof u);
    return ut_buffer_printf(buf, "%" PRIu64, u);
}

enum ut_status ut_gguf_print_value(const struct ut_gguf *g, size_t i, char *text, size_t size)
{
    if (i >= g->n_keys || size == 0)
        return UT_EINVAL;
    const struct ut_gguf_entry *e = &g->keys[i];
    struct ut_buffer buf = { .limit = size - 1 };
    enum ut_status st = UT_OK;

    if (e->type != UT_GGUF_ARRAY) {
        st = print_element(&buf, e, e->type, 0);
    } else {
        st = ut_buffer_printf(&buf, "%zu [", e->n);
        for (size_t k = 0; k < e->n && k < MAX_SHOWN && st == UT_OK; k++) {
            st = k ? ut_buffer_printf(&buf, ", ") : UT_OK;
            if (st == UT_OK)
                st = print_element(&buf, e, e->element, k);
        }
        if (st == UT_OK)
            st = ut_buffer_printf(&buf, e->n > MAX_SHOWN ? ", ...]" : "]");
    }
    if (st == UT_OK)
        memcpy(text, ut_buffer_text(&buf), buf.n + 1);
    ut_buffer_finish(&buf);
    return st;
}
