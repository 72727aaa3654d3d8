#include "base/json.h"

#include <jansson.h>

#include "base/file.h"

static const json_t *unwrap(const struct ut_json *v)
{
    return (const json_t *)(const void *)v;
}

static const struct ut_json *wrap(const json_t *v)
{
    return (const struct ut_json *)(const void *)v;
}

/* Brackets outside strings never nest deeper than the limit; all else is the parser's to judge. */
static bool is_shallow(const char *text, size_t n)
{
    int depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < n; i++) {
        if (in_string) {
            if (text[i] == '\\')
                i++;
            else if (text[i] == '"')
                in_string = false;
        } else if (text[i] == '"') {
            in_string = true;
        } else if (text[i] == '[' || text[i] == '{') {
            if (++depth > UT_JSON_MAX_DEPTH)
                return false;
        } else if (text[i] == ']' || text[i] == '}') {
            depth--;
        }
    }
    return true;
}

enum ut_status ut_json_parse(struct ut_json **out, const void *text, size_t n, size_t limit,
                             const char *name, struct ut_error *err)
{
    json_error_t e;

    if (n > limit)
        return ut_error_set(err, UT_ELIMIT, "%s: JSON of %zu bytes, more than %zu", name, n, limit);
    if (!is_shallow(text, n))
        return ut_error_set(err, UT_ELIMIT, "%s: JSON nested deeper than %d", name,
                            UT_JSON_MAX_DEPTH);
    json_t *root =
        json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &e);
    if (!root)
        return ut_error_set(
            err, json_error_code(&e) == json_error_out_of_memory ? UT_ENOMEM : UT_EFORMAT,
            "%s: JSON line %d, column %d: %s", name, e.line, e.column, e.text);
    *out = (struct ut_json *)(void *)root;
    return UT_OK;
}

enum ut_status ut_json_load(struct ut_json **out, const char *path, size_t limit,
                            struct ut_error *err)
{
    struct ut_file_map map;
    enum ut_status st = ut_file_map_open(&map, path, err);

    if (st != UT_OK)
        return st;
    st = ut_json_parse(out, map.data ? (const void *)map.data : "", map.n_bytes, limit, path, err);
    ut_file_map_close(&map);
    return st;
}

void ut_json_destroy(struct ut_json *root)
{
    json_decref((json_t *)(void *)root); /* accepts NULL */
}

bool ut_json_is_object(const struct ut_json *v)
{
    return json_is_object(unwrap(v));
}

bool ut_json_is_array(const struct ut_json *v)
{
    return json_is_array(unwrap(v));
}

const struct ut_json *ut_json_get(const struct ut_json *v, const char *key)
{
    return wrap(json_object_get(unwrap(v), key));
}

size_t ut_json_n(const struct ut_json *v)
{
    return json_is_array(unwrap(v)) ? json_array_size(unwrap(v)) : json_object_size(unwrap(v));
}

const struct ut_json *ut_json_at(const struct ut_json *v, size_t i)
{
    return wrap(json_array_get(unwrap(v), i));
}

void ut_json_each(const struct ut_json *v, ut_json_member_fn *fn, void *ctx)
{
    json_t *object = (json_t *)(size_t)unwrap(v);

    for (void *it = json_object_iter(object); it; it = json_object_iter_next(object, it))
        if (!fn(ctx, json_object_iter_key(it), wrap(json_object_iter_value(it))))
            return;
}

const char *ut_json_text(const struct ut_json *v, size_t *n)
{
    if (n && json_is_string(unwrap(v)))
        *n = json_string_length(unwrap(v));
    return json_string_value(unwrap(v));
}

bool ut_json_i64(const struct ut_json *v, int64_t *out)
{
    if (!json_is_integer(unwrap(v)))
        return false;
    *out = json_integer_value(unwrap(v));
    return true;
}

bool ut_json_f64(const struct ut_json *v, double *out)
{
    if (!json_is_number(unwrap(v)))
        return false;
    *out = json_number_value(unwrap(v));
    return true;
}

bool ut_json_bool(const struct ut_json *v, bool *out)
{
    if (!json_is_boolean(unwrap(v)))
        return false;
    *out = json_is_true(unwrap(v));
    return true;
}
