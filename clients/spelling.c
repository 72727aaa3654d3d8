#include "clients/spelling.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"

#define MAX_BYTES ((size_t)1 << 20)

struct pair {
    const char *british;
    const char *american;
};

struct ut_spelling {
    struct ut_json *root; /* owns the words */
    struct pair *pairs;
    size_t n;
};

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct pair *)a)->british, ((const struct pair *)b)->british);
}

struct taking {
    struct ut_spelling *s;
    bool bad;
};

static bool take_pair(void *ctx, const char *key, const struct ut_json *value)
{
    struct taking *t = ctx;
    struct ut_spelling *s = t->s;
    const char *american = ut_json_text(value, NULL);

    t->bad = !american;
    if (t->bad)
        return false;
    s->pairs[s->n].british = key;
    s->pairs[s->n++].american = american;
    return true;
}

/* Takes the document over. */
static enum ut_status from_json(struct ut_spelling **out, struct ut_json *root, const char *name,
                                struct ut_error *err)
{
    struct ut_spelling *s = ut_calloc(1, sizeof *s);

    if (s) {
        s->root = root;
        s->pairs = ut_calloc(ut_json_n(root), sizeof *s->pairs);
    }
    if (!s || !s->pairs) {
        if (!s)
            ut_json_destroy(root);
        ut_spelling_close(s);
        return ut_error_set(err, UT_ENOMEM, "%s: out of memory", name);
    }
    struct taking t = { .s = s, .bad = !ut_json_is_object(root) };
    if (!t.bad)
        ut_json_each(root, take_pair, &t);
    if (t.bad) {
        size_t at = s->n;
        ut_spelling_close(s);
        return ut_error_set(err, UT_EFORMAT, "%s: no object of words at member %zu", name, at);
    }
    qsort(s->pairs, s->n, sizeof *s->pairs, compare);
    *out = s;
    return UT_OK;
}

enum ut_status ut_spelling_parse(struct ut_spelling **out, const char *json, size_t n,
                                 struct ut_error *err)
{
    struct ut_json *root = NULL;

    enum ut_status st = ut_json_parse(&root, json, n, MAX_BYTES, "spellings", err);
    return st == UT_OK ? from_json(out, root, "spellings", err) : st;
}

enum ut_status ut_spelling_open(struct ut_spelling **out, const char *path, struct ut_error *err)
{
    struct ut_json *root = NULL;

    enum ut_status st = ut_json_load(&root, path, MAX_BYTES, err);
    return st == UT_OK ? from_json(out, root, path, err) : st;
}

void ut_spelling_close(struct ut_spelling *s)
{
    if (!s)
        return;
    ut_json_destroy(s->root);
    ut_free(s->pairs);
    ut_free(s);
}

size_t ut_spelling_n(const struct ut_spelling *s)
{
    return s->n;
}

const char *ut_spelling_find(const struct ut_spelling *s, const char *word, size_t n)
{
    char key[64];

    if (n >= sizeof key)
        return NULL;
    memcpy(key, word, n);
    key[n] = '\0';
    struct pair wanted = { .british = key };
    const struct pair *found = bsearch(&wanted, s->pairs, s->n, sizeof *s->pairs, compare);
    return found ? found->american : NULL;
}
