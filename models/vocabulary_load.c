#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "models/vocabulary.h"

#define MAX_FILE ((size_t)64 << 20)

/* Texts by id, while they come in any order. */
struct by_id {
    struct ut_gguf_text *texts; /* [UT_VOCABULARY_MAX], data NULL where there is none */
    size_t n;                   /* 1 + the greatest id */
    const char *path;
    struct ut_error *err;
    enum ut_status status;
};

static enum ut_status set_text(struct by_id *ids, const char *text, size_t n, int64_t id)
{
    if (id < 0 || id >= UT_VOCABULARY_MAX)
        return ut_error_set(ids->err, UT_EFORMAT, "%s: token id %" PRId64, ids->path, id);
    ids->texts[id] = (struct ut_gguf_text){ text, n };
    if ((size_t)id >= ids->n)
        ids->n = (size_t)id + 1;
    return UT_OK;
}

static bool set_member(void *ctx, const char *key, const struct ut_json *value)
{
    struct by_id *ids = ctx;
    int64_t id = -1;

    ut_json_i64(value, &id);
    ids->status = set_text(ids, key, strlen(key), id);
    return ids->status == UT_OK;
}

static enum ut_status set_added(struct by_id *ids, const struct ut_json *added)
{
    enum ut_status st = UT_OK;

    for (size_t i = 0; i < ut_json_n(added) && st == UT_OK; i++) {
        const struct ut_json *token = ut_json_at(added, i);
        int64_t id = -1;
        size_t n = 0;
        const char *text = ut_json_text(ut_json_get(token, "content"), &n);

        ut_json_i64(ut_json_get(token, "id"), &id);
        if (!text)
            return ut_error_set(ids->err, UT_EFORMAT, "%s: added token %zu has no content",
                                ids->path, i);
        st = set_text(ids, text, n, id);
    }
    return st;
}

static enum ut_status take_all(struct ut_vocabulary *v, const struct by_id *ids)
{
    enum ut_status st = UT_OK;

    for (size_t i = 0; i < ids->n && st == UT_OK; i++) {
        if (!ids->texts[i].data)
            return ut_error_set(ids->err, UT_EFORMAT, "%s: no token has id %zu", ids->path, i);
        st = ut_vocabulary_add(v, ids->texts[i].data, ids->texts[i].n);
    }
    return st;
}

/* An object of text: id, or a tokenizer.json that holds one and its added tokens. */
static enum ut_status load_object(struct ut_vocabulary *v, const struct ut_json *root,
                                  const struct ut_json *more, const char *path,
                                  struct ut_error *err)
{
    const struct ut_json *inner = ut_json_get(ut_json_get(root, "model"), "vocab");
    struct by_id ids = { .path = path, .err = err };

    ids.texts = ut_calloc(UT_VOCABULARY_MAX, sizeof *ids.texts);
    if (!ids.texts)
        return ut_error_set(err, UT_ENOMEM, "%s: no memory for its tokens", path);
    ut_json_each(ut_json_is_object(inner) ? inner : root, set_member, &ids);
    if (ids.status == UT_OK && ut_json_is_object(inner))
        ids.status = set_added(&ids, ut_json_get(root, "added_tokens"));
    if (ids.status == UT_OK && more)
        ut_json_each(more, set_member, &ids);
    enum ut_status st = ids.status == UT_OK ? take_all(v, &ids) : ids.status;
    ut_free(ids.texts);
    return st;
}

static enum ut_status load_list(struct ut_vocabulary *v, const struct ut_json *root,
                                const char *path, struct ut_error *err)
{
    enum ut_status st = UT_OK;

    for (size_t i = 0; i < ut_json_n(root) && st == UT_OK; i++) {
        size_t n = 0;
        const char *text = ut_json_text(ut_json_at(root, i), &n);
        if (!text)
            return ut_error_set(err, UT_EFORMAT, "%s: token %zu is no text", path, i);
        st = ut_vocabulary_add(v, text, n);
    }
    return st;
}

static enum ut_status load_lines(struct ut_vocabulary *v, const char *path, struct ut_error *err)
{
    struct ut_file_map map;
    enum ut_status st = ut_file_map_open(&map, path, err);

    if (st != UT_OK)
        return st;
    const char *at = (const char *)map.data;
    const char *end = at + map.n_bytes;
    while (at != end && st == UT_OK) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        st = ut_vocabulary_add(v, at, (size_t)((stop ? stop : end) - at));
        at = stop ? stop + 1 : end;
    }
    if (st != UT_OK)
        ut_error_set(err, st, "%s: too many tokens or no memory", path);
    ut_file_map_close(&map);
    return st;
}

static enum ut_status load_json(struct ut_vocabulary *v, const char *path, const char *more_path,
                                struct ut_error *err)
{
    struct ut_json *root = NULL, *more = NULL;
    enum ut_status st = ut_json_load(&root, path, MAX_FILE, err);

    if (st == UT_OK && more_path && access(more_path, R_OK) == 0)
        st = ut_json_load(&more, more_path, MAX_FILE, err);
    if (st == UT_OK && ut_json_is_array(root))
        st = load_list(v, root, path, err);
    else if (st == UT_OK)
        st = load_object(v, root, more, path, err);
    ut_json_destroy(root);
    ut_json_destroy(more);
    return st;
}

enum ut_status ut_vocabulary_load(struct ut_vocabulary *v, const char *folder, struct ut_error *err)
{
    static const char *const names[] = { "vocabulary.json", "vocabulary.txt", "tokenizer.json",
                                         "vocab.json" };
    struct ut_buffer path = { .limit = 8192 }, more = { .limit = 8192 };
    enum ut_status st = UT_OK;
    size_t i;

    for (i = 0; i < sizeof names / sizeof names[0]; i++) {
        ut_buffer_clear(&path);
        st = ut_buffer_printf(&path, "%s/%s", folder, names[i]);
        if (st != UT_OK || access(ut_buffer_text(&path), F_OK) == 0)
            break;
    }
    if (st == UT_OK)
        st = ut_buffer_printf(&more, "%s/added_tokens.json", folder);
    if (st != UT_OK)
        ut_error_set(err, st, "%s: path too long or no memory", folder);
    else if (i == sizeof names / sizeof names[0])
        st = ut_error_set(err, UT_EIO,
                          "%s: no vocabulary.json, vocabulary.txt, tokenizer.json or vocab.json",
                          folder);
    else if (i == 1)
        st = load_lines(v, ut_buffer_text(&path), err);
    else
        st = load_json(v, ut_buffer_text(&path), i == 3 ? ut_buffer_text(&more) : NULL, err);
    if (st != UT_OK)
        ut_vocabulary_finish(v);
    ut_buffer_finish(&path);
    ut_buffer_finish(&more);
    return st;
}
