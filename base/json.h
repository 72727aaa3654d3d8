/*
 * JSON from files, sockets and model packages, and JSON written for others. Wraps jansson.
 *
 * Reading: ut_json_parse() checks size, depth and UTF-8, then values are looked at through borrowed
 * pointers that live as long as the root. Every accessor accepts NULL and answers "not there", so
 * that chains need one check at the end. Writing: a builder that appends to a ut_buffer in order.
 * One thread per root or builder.
 */
#ifndef UT_BASE_JSON_H
#define UT_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/status.h"

/* One value, borrowed from its root. */
struct ut_json;

#define UT_JSON_MAX_DEPTH 64

/*
 * Parses one document of at most `limit` bytes. The caller owns *out and ends it with
 * ut_json_destroy(). `name` is for errors. Errors: UT_ELIMIT (size, depth), UT_EFORMAT (line,
 * column, what), UT_ENOMEM.
 */
UT_NODISCARD enum ut_status ut_json_parse(struct ut_json **out, const void *text, size_t n,
                                          size_t limit, const char *name, struct ut_error *err);

/* The same of a file. Errors: those and UT_EIO. */
UT_NODISCARD enum ut_status ut_json_load(struct ut_json **out, const char *path, size_t limit,
                                         struct ut_error *err);

/* Only for what ut_json_parse() or ut_json_load() gave; accepts NULL. */
void ut_json_destroy(struct ut_json *root);

bool ut_json_is_object(const struct ut_json *v);
bool ut_json_is_array(const struct ut_json *v);

/* A member of an object; NULL when there is none. */
const struct ut_json *ut_json_get(const struct ut_json *v, const char *key);

/* Elements of an array or members of an object, 0 of anything else. */
size_t ut_json_n(const struct ut_json *v);

/* Element i of an array; NULL when there is none. */
const struct ut_json *ut_json_at(const struct ut_json *v, size_t i);

/* Calls fn for each member in the order of the text until it returns false. */
typedef bool ut_json_member_fn(void *ctx, const char *key, const struct ut_json *value);
void ut_json_each(const struct ut_json *v, ut_json_member_fn *fn, void *ctx);

/* The UTF-8 of a string (may hold NULs; *n, when not NULL, is its bytes); NULL of anything else. */
const char *ut_json_text(const struct ut_json *v, size_t *n);

/* False, *out untouched, when the value is no integer (number, bool). */
bool ut_json_i64(const struct ut_json *v, int64_t *out);
bool ut_json_f64(const struct ut_json *v, double *out);
bool ut_json_bool(const struct ut_json *v, bool *out);

/*
 * A writer: values in order, separators put by itself, no white space. Set `out` and nothing else.
 * The first failure (UT_ENOMEM, UT_ELIMIT of the buffer, UT_EINVAL for misuse) is kept and later
 * calls do nothing; ask ut_json_end() once. A NULL key is for elements of arrays and the root.
 */
struct ut_json_writer {
    struct ut_buffer *out;
    enum ut_status status;
    int depth;
    bool comma;                      /* the next value of this level needs one */
    char closing[UT_JSON_MAX_DEPTH]; /* '}' or ']' of each open level */
};

void ut_json_open_object(struct ut_json_writer *w, const char *key);
void ut_json_open_array(struct ut_json_writer *w, const char *key);
void ut_json_close(struct ut_json_writer *w); /* the innermost open one */

/* `n` bytes of UTF-8; what is not UTF-8 becomes U+FFFD. */
void ut_json_put_text(struct ut_json_writer *w, const char *key, const char *text, size_t n);
void ut_json_put_string(struct ut_json_writer *w, const char *key, const char *text);
void ut_json_put_i64(struct ut_json_writer *w, const char *key, int64_t value);
void ut_json_put_bool(struct ut_json_writer *w, const char *key, bool value);
void ut_json_put_null(struct ut_json_writer *w, const char *key);

/* With at most `decimals` digits behind the point; not a number and infinity become null. */
void ut_json_put_f64(struct ut_json_writer *w, const char *key, double value, int decimals);

/* The first failure; UT_EINVAL when something is still open. */
UT_NODISCARD enum ut_status ut_json_end(const struct ut_json_writer *w);

#endif
