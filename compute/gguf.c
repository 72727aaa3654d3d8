#include "compute/gguf.h"

#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "compute/gguf_private.h"

/* FNV-1a, 64 bits. */
static uint64_t hash_name(const char *name)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (; *name; name++)
        h = (h ^ (uint8_t)*name) * 0x100000001b3u;
    return h ^ h >> 32;
}

static enum ut_status init_slots(struct ut_gguf_slots *slots, size_t n)
{
    size_t size = 2;

    while (size < 2 * n)
        size *= 2;
    slots->index = ut_calloc(size, sizeof *slots->index);
    slots->mask = size - 1;
    return slots->index ? UT_OK : UT_ENOMEM;
}

static const char *name_at(const struct ut_gguf *g, bool keys, size_t i)
{
    return keys ? g->keys[i].name : g->tensors[i].name;
}

/* The slot of `name`: its own, or the empty one where it belongs. */
static uint32_t *find_slot(const struct ut_gguf *g, bool keys, const char *name)
{
    const struct ut_gguf_slots *slots = keys ? &g->key_slots : &g->tensor_slots;
    size_t s = hash_name(name) & slots->mask;

    while (slots->index[s] && strcmp(name_at(g, keys, slots->index[s] - 1), name) != 0)
        s = (s + 1) & slots->mask;
    return &slots->index[s];
}

static enum ut_status index_names(struct ut_gguf *g, bool keys, struct ut_error *err)
{
    size_t n = keys ? g->n_keys : g->n_tensors;

    if (init_slots(keys ? &g->key_slots : &g->tensor_slots, n) != UT_OK)
        return ut_error_set(err, UT_ENOMEM, "%s: no memory for %zu names", g->path, n);
    for (size_t i = 0; i < n; i++) {
        uint32_t *slot = find_slot(g, keys, name_at(g, keys, i));
        if (*slot)
            return ut_error_set(err, UT_EFORMAT, "%s: %s '%s' is there twice", g->path,
                                keys ? "key" : "tensor", name_at(g, keys, i));
        *slot = (uint32_t)i + 1;
    }
    return UT_OK;
}

/* Takes over `map`. */
static enum ut_status parse(struct ut_gguf **out, const void *bytes, size_t n_bytes,
                            const char *name, struct ut_file_map *map, struct ut_error *err)
{
    struct ut_gguf *g = ut_calloc(1, sizeof *g);
    enum ut_status st;

    if (!g || !(g->path = ut_strdup(name))) {
        st = ut_error_set(err, UT_ENOMEM, "%s: out of memory", name);
        goto fail;
    }
    g->bytes = bytes;
    g->n_bytes = n_bytes;
    st = ut_gguf_read(g, err);
    if (st == UT_OK)
        st = index_names(g, true, err);
    if (st == UT_OK)
        st = index_names(g, false, err);
    if (st != UT_OK)
        goto fail;
    if (map)
        g->map = *map;
    *out = g;
    return UT_OK;
fail:
    ut_gguf_close(g);
    if (map)
        ut_file_map_close(map);
    return st;
}

enum ut_status ut_gguf_open(struct ut_gguf **out, const char *path, struct ut_error *err)
{
    struct ut_file_map map;
    enum ut_status st = ut_file_map_open(&map, path, err);

    return st == UT_OK ? parse(out, map.data, map.n_bytes, path, &map, err) : st;
}

enum ut_status ut_gguf_parse(struct ut_gguf **out, const void *bytes, size_t n_bytes,
                             const char *name, struct ut_error *err)
{
    return parse(out, bytes, n_bytes, name, NULL, err);
}

void ut_gguf_close(struct ut_gguf *g)
{
    if (!g)
        return;
    ut_free(g->path);
    ut_free(g->keys);
    ut_free(g->tensors);
    ut_free(g->starts);
    ut_free(g->key_slots.index);
    ut_free(g->tensor_slots.index);
    ut_buffer_finish(&g->key_names);
    ut_buffer_finish(&g->tensor_names);
    ut_file_map_close(&g->map);
    ut_free(g);
}

const char *ut_gguf_path(const struct ut_gguf *g)
{
    return g->path;
}

size_t ut_gguf_n_tensors(const struct ut_gguf *g)
{
    return g->n_tensors;
}

const struct ut_tensor *ut_gguf_tensor(const struct ut_gguf *g, size_t i)
{
    return i < g->n_tensors ? &g->tensors[i] : NULL;
}

const struct ut_tensor *ut_gguf_find(const struct ut_gguf *g, const char *name)
{
    uint32_t slot = *find_slot(g, false, name);

    return slot ? &g->tensors[slot - 1] : NULL;
}

const struct ut_gguf_entry *ut_gguf_entry(const struct ut_gguf *g, const char *key)
{
    uint32_t slot = *find_slot(g, true, key);

    return slot ? &g->keys[slot - 1] : NULL;
}

/* "[512, 80, 3]" */
static const char *format_shape(char *text, size_t size, const size_t *dims, int n_dims)
{
    size_t at = (size_t)snprintf(text, size, "[");

    for (int i = 0; i < n_dims && at < size; i++)
        at += (size_t)snprintf(text + at, size - at, "%s%zu", i ? ", " : "", dims[i]);
    if (at < size)
        snprintf(text + at, size - at, "]");
    return text;
}

enum ut_status ut_gguf_need(const struct ut_tensor **out, const struct ut_gguf *g, const char *name,
                            const size_t dims[UT_TENSOR_MAX_DIMS], struct ut_error *err)
{
    const struct ut_tensor *t = ut_gguf_find(g, name);
    char have[96], want[96];
    int n_dims = 0;

    if (!t)
        return ut_error_set(err, UT_EFORMAT, "%s: tensor '%s' is missing", g->path, name);
    while (n_dims < UT_TENSOR_MAX_DIMS && dims[n_dims])
        n_dims++;
    bool same = t->n_dims == n_dims;
    for (int i = 0; i < n_dims && same; i++)
        same = t->dims[i] == dims[i];
    if (!same)
        return ut_error_set(err, UT_EFORMAT, "%s: tensor '%s' is %s, not %s", g->path, name,
                            format_shape(have, sizeof have, t->dims, t->n_dims),
                            format_shape(want, sizeof want, dims, n_dims));
    *out = t;
    return UT_OK;
}

void ut_gguf_release(const struct ut_gguf *g, const struct ut_tensor *t)
{
    if (g->map.data)
        ut_file_map_release(&g->map, (size_t)((const uint8_t *)t->data - g->bytes), t->n_bytes);
}
