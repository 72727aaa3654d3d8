#include "compute/gguf_writer.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "compute/gguf_private.h"

#define MAX_HEADER ((size_t)1 << 30)

struct declared {
    size_t name; /* offset in `names` */
    size_t n_bytes;
};

struct ut_gguf_writer {
    struct ut_file_writer file;
    struct ut_buffer keys;    /* as in the file */
    struct ut_buffer infos;   /* tensor infos as in the file */
    struct ut_buffer names;   /* of keys and tensors: 'k' or 't', the name, NUL */
    struct ut_buffer tensors; /* struct declared */
    uint64_t n_keys;
    uint64_t n_tensors;
    uint64_t offset; /* of the next declared tensor */
    size_t n_written;
    bool header_done;
};

enum ut_status ut_gguf_writer_create(struct ut_gguf_writer **out, const char *path,
                                     struct ut_error *err)
{
    struct ut_gguf_writer *w = ut_calloc(1, sizeof *w);

    if (!w)
        return ut_error_set(err, UT_ENOMEM, "%s: out of memory", path);
    w->keys.limit = w->infos.limit = w->names.limit = w->tensors.limit = MAX_HEADER;
    enum ut_status st = ut_file_writer_open(&w->file, path, err);
    if (st != UT_OK) {
        ut_gguf_writer_destroy(w);
        return st;
    }
    *out = w;
    return UT_OK;
}

void ut_gguf_writer_destroy(struct ut_gguf_writer *w)
{
    if (!w)
        return;
    ut_file_writer_abort(&w->file);
    ut_buffer_finish(&w->keys);
    ut_buffer_finish(&w->infos);
    ut_buffer_finish(&w->names);
    ut_buffer_finish(&w->tensors);
    ut_free(w);
}

/* Remembers a name; UT_EINVAL when it is there already or the time for it has passed. */
static enum ut_status add_name(struct ut_gguf_writer *w, char kind, const char *name)
{
    size_t at = 0;

    if (w->header_done || name[0] == 0)
        return UT_EINVAL;
    while (at < w->names.n) {
        const char *have = w->names.data + at;
        if (have[0] == kind && strcmp(have + 1, name) == 0)
            return UT_EINVAL;
        at += strlen(have) + 1;
    }
    enum ut_status st = ut_buffer_append(&w->names, &kind, 1);
    return st == UT_OK ? ut_buffer_append(&w->names, name, strlen(name) + 1) : st;
}

static enum ut_status put_u32(struct ut_buffer *buf, uint32_t v)
{
    return ut_buffer_append(buf, &v, sizeof v);
}

static enum ut_status put_u64(struct ut_buffer *buf, uint64_t v)
{
    return ut_buffer_append(buf, &v, sizeof v);
}

static enum ut_status put_text(struct ut_buffer *buf, const char *text, size_t n)
{
    enum ut_status st = put_u64(buf, n);
    return st == UT_OK ? ut_buffer_append(buf, text, n) : st;
}

/* A key with a value (or array header) of `n` bytes, exactly as the file has them. */
static enum ut_status put_key(struct ut_gguf_writer *w, const char *key, uint32_t type,
                              const void *raw, size_t n)
{
    enum ut_status st = add_name(w, 'k', key);

    if (st == UT_OK)
        st = put_text(&w->keys, key, strlen(key));
    if (st == UT_OK)
        st = put_u32(&w->keys, type);
    if (st == UT_OK)
        st = ut_buffer_append(&w->keys, raw, n);
    if (st == UT_OK)
        w->n_keys++;
    return st;
}

enum ut_status ut_gguf_writer_u32(struct ut_gguf_writer *w, const char *key, uint32_t value)
{
    return put_key(w, key, UT_GGUF_U32, &value, sizeof value);
}

enum ut_status ut_gguf_writer_f32(struct ut_gguf_writer *w, const char *key, float value)
{
    return put_key(w, key, UT_GGUF_F32, &value, sizeof value);
}

enum ut_status ut_gguf_writer_bool(struct ut_gguf_writer *w, const char *key, bool value)
{
    return put_key(w, key, UT_GGUF_BOOL, &(uint8_t){ value }, 1);
}

enum ut_status ut_gguf_writer_text(struct ut_gguf_writer *w, const char *key, const char *value)
{
    uint64_t n = strlen(value);
    enum ut_status st = put_key(w, key, UT_GGUF_TEXT, &n, sizeof n);
    return st == UT_OK ? ut_buffer_append(&w->keys, value, (size_t)n) : st;
}

static enum ut_status put_array(struct ut_gguf_writer *w, const char *key, uint32_t type, size_t n)
{
    enum ut_status st = put_key(w, key, UT_GGUF_ARRAY, &type, sizeof type);
    return st == UT_OK ? put_u64(&w->keys, n) : st;
}

enum ut_status ut_gguf_writer_text_array(struct ut_gguf_writer *w, const char *key,
                                         const struct ut_gguf_text *values, size_t n)
{
    enum ut_status st = put_array(w, key, UT_GGUF_TEXT, n);

    for (size_t i = 0; i < n && st == UT_OK; i++)
        st = put_text(&w->keys, values[i].data, values[i].n);
    return st;
}

enum ut_status ut_gguf_writer_i32_array(struct ut_gguf_writer *w, const char *key,
                                        const int32_t *values, size_t n)
{
    enum ut_status st = put_array(w, key, UT_GGUF_I32, n);
    return st == UT_OK ? ut_buffer_append(&w->keys, values, n * sizeof *values) : st;
}

enum ut_status ut_gguf_writer_f32_array(struct ut_gguf_writer *w, const char *key,
                                        const float *values, size_t n)
{
    enum ut_status st = put_array(w, key, UT_GGUF_F32, n);
    return st == UT_OK ? ut_buffer_append(&w->keys, values, n * sizeof *values) : st;
}

enum ut_status ut_gguf_writer_copy_key(struct ut_gguf_writer *w, const struct ut_gguf *from,
                                       size_t i)
{
    if (i >= from->n_keys)
        return UT_EINVAL;
    const struct ut_gguf_entry *e = &from->keys[i];
    return put_key(w, e->name, e->type, e->raw, e->raw_bytes);
}

enum ut_status ut_gguf_writer_declare(struct ut_gguf_writer *w, const char *name,
                                      enum ut_dtype dtype, int n_dims, const size_t *dims)
{
    struct declared d = { 0 };
    size_t n = 1;

    if (n_dims < 1 || n_dims > UT_TENSOR_MAX_DIMS || !ut_dtype_known((uint32_t)dtype))
        return UT_EINVAL;
    for (int i = 0; i < n_dims; i++)
        if (dims[i] == 0 || !ut_size_mul(n, dims[i], &n))
            return UT_EINVAL;
    if (dims[n_dims - 1] % ut_dtype_block(dtype) != 0 ||
        ut_dtype_bytes(&d.n_bytes, dtype, n) != UT_OK || d.n_bytes > PTRDIFF_MAX)
        return UT_EINVAL;
    d.name = w->names.n + 1;
    enum ut_status st = add_name(w, 't', name);
    if (st == UT_OK)
        st = put_text(&w->infos, name, strlen(name));
    if (st == UT_OK)
        st = put_u32(&w->infos, (uint32_t)n_dims);
    for (int i = n_dims; i-- > 0 && st == UT_OK;) /* the file has the innermost first */
        st = put_u64(&w->infos, dims[i]);
    if (st == UT_OK)
        st = put_u32(&w->infos, (uint32_t)dtype);
    if (st == UT_OK)
        st = put_u64(&w->infos, w->offset);
    if (st == UT_OK)
        st = ut_buffer_append(&w->tensors, &d, sizeof d);
    if (st != UT_OK)
        return st;
    w->n_tensors++;
    w->offset += (d.n_bytes + UT_GGUF_ALIGNMENT - 1) / UT_GGUF_ALIGNMENT * UT_GGUF_ALIGNMENT;
    return UT_OK;
}

static enum ut_status write_bytes(struct ut_gguf_writer *w, const void *data, size_t n,
                                  struct ut_error *err)
{
    if (n && fwrite(data, 1, n, w->file.f) != n)
        return ut_error_set(err, UT_EIO, "%s: cannot write: %s", w->file.path, strerror(errno));
    return UT_OK;
}

static enum ut_status pad(struct ut_gguf_writer *w, size_t n, struct ut_error *err)
{
    static const char zeros[UT_GGUF_ALIGNMENT];

    return write_bytes(w, zeros, (UT_GGUF_ALIGNMENT - n % UT_GGUF_ALIGNMENT) % UT_GGUF_ALIGNMENT,
                       err);
}

static enum ut_status write_header(struct ut_gguf_writer *w, struct ut_error *err)
{
    struct {
        uint32_t magic, version;
        uint64_t n_tensors, n_keys;
    } head = { UT_GGUF_MAGIC, 3, w->n_tensors, w->n_keys };

    _Static_assert(sizeof head == 24, "as in the file");
    w->header_done = true;
    enum ut_status st = write_bytes(w, &head, sizeof head, err);
    if (st == UT_OK)
        st = write_bytes(w, w->keys.data, w->keys.n, err);
    if (st == UT_OK)
        st = write_bytes(w, w->infos.data, w->infos.n, err);
    return st == UT_OK ? pad(w, sizeof head + w->keys.n + w->infos.n, err) : st;
}

enum ut_status ut_gguf_writer_data(struct ut_gguf_writer *w, const void *data, size_t n_bytes,
                                   struct ut_error *err)
{
    struct declared d;
    enum ut_status st = UT_OK;

    if (w->n_written >= w->n_tensors)
        return ut_error_set(err, UT_EINVAL, "%s: data without a tensor", w->file.path);
    memcpy(&d, w->tensors.data + w->n_written * sizeof d, sizeof d);
    if (n_bytes != d.n_bytes)
        return ut_error_set(err, UT_EINVAL, "%s: tensor '%s' takes %zu bytes, not %zu",
                            w->file.path, w->names.data + d.name, d.n_bytes, n_bytes);
    if (!w->header_done)
        st = write_header(w, err);
    if (st == UT_OK)
        st = write_bytes(w, data, n_bytes, err);
    if (st == UT_OK)
        st = pad(w, n_bytes, err);
    if (st == UT_OK)
        w->n_written++;
    return st;
}

enum ut_status ut_gguf_writer_finish(struct ut_gguf_writer *w, struct ut_error *err)
{
    enum ut_status st = UT_OK;

    if (w->n_written != w->n_tensors)
        return ut_error_set(err, UT_EINVAL, "%s: %zu of %llu tensors written", w->file.path,
                            w->n_written, (unsigned long long)w->n_tensors);
    if (!w->header_done)
        st = write_header(w, err);
    return st == UT_OK ? ut_file_writer_commit(&w->file, err) : st;
}
