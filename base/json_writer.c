#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

static void put(struct ut_json_writer *w, const char *bytes, size_t n)
{
    if (w->status == UT_OK)
        w->status = ut_buffer_append(w->out, bytes, n);
}

/* Bytes of the UTF-8 sequence at p, 0 when there is none: no overlong forms, no surrogates. */
static size_t sequence_bytes(const unsigned char *p, size_t n)
{
    size_t bytes = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

    if (bytes == 0 || p[0] > 0xf4 || bytes > n)
        return 0;
    for (size_t i = 1; i < bytes; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return bytes;
}

static void put_quoted(struct ut_json_writer *w, const char *text, size_t n)
{
    static const char hex[] = "0123456789abcdef";
    const unsigned char *p = (const unsigned char *)text;

    put(w, "\"", 1);
    for (size_t i = 0; i < n && w->status == UT_OK;) {
        size_t bytes = sequence_bytes(p + i, n - i);
        if (bytes == 0) {
            put(w, "\xef\xbf\xbd", 3);
            bytes = 1;
        } else if (p[i] == '"' || p[i] == '\\') {
            put(w, (char[]){ '\\', text[i] }, 2);
        } else if (p[i] == '\n') {
            put(w, "\\n", 2);
        } else if (p[i] < 0x20 || p[i] == 0x7f) {
            put(w, (char[]){ '\\', 'u', '0', '0', hex[p[i] >> 4], hex[p[i] & 15] }, 6);
        } else {
            put(w, text + i, bytes);
        }
        i += bytes;
    }
    put(w, "\"", 1);
}

/* The comma, and the key where the level is an object. */
static void begin_value(struct ut_json_writer *w, const char *key)
{
    bool in_object = w->depth > 0 && w->closing[w->depth - 1] == '}';

    if (w->status == UT_OK && (in_object != (key != NULL) || (w->depth == 0 && w->comma)))
        w->status = UT_EINVAL;
    if (w->comma)
        put(w, ",", 1);
    w->comma = true;
    if (key) {
        put_quoted(w, key, strlen(key));
        put(w, ":", 1);
    }
}

static void open_level(struct ut_json_writer *w, const char *key, char opening, char closing)
{
    begin_value(w, key);
    if (w->status == UT_OK && w->depth == UT_JSON_MAX_DEPTH)
        w->status = UT_EINVAL;
    if (w->status != UT_OK)
        return;
    put(w, &opening, 1);
    w->closing[w->depth++] = closing;
    w->comma = false;
}

void ut_json_open_object(struct ut_json_writer *w, const char *key)
{
    open_level(w, key, '{', '}');
}

void ut_json_open_array(struct ut_json_writer *w, const char *key)
{
    open_level(w, key, '[', ']');
}

void ut_json_close(struct ut_json_writer *w)
{
    if (w->status == UT_OK && w->depth == 0)
        w->status = UT_EINVAL;
    if (w->status != UT_OK)
        return;
    put(w, &w->closing[--w->depth], 1);
    w->comma = true;
}

void ut_json_put_text(struct ut_json_writer *w, const char *key, const char *text, size_t n)
{
    begin_value(w, key);
    put_quoted(w, text, n);
}

void ut_json_put_string(struct ut_json_writer *w, const char *key, const char *text)
{
    ut_json_put_text(w, key, text, strlen(text));
}

void ut_json_put_i64(struct ut_json_writer *w, const char *key, int64_t value)
{
    begin_value(w, key);
    if (w->status == UT_OK)
        w->status = ut_buffer_printf(w->out, "%" PRId64, value);
}

void ut_json_put_bool(struct ut_json_writer *w, const char *key, bool value)
{
    begin_value(w, key);
    put(w, value ? "true" : "false", value ? 4 : 5);
}

void ut_json_put_null(struct ut_json_writer *w, const char *key)
{
    begin_value(w, key);
    put(w, "null", 4);
}

/* By whole numbers, because printf writes the point that the host program's locale wants. */
void ut_json_put_f64(struct ut_json_writer *w, const char *key, double value, int decimals)
{
    int64_t unit = 1;
    char digits[24];

    if (!isfinite(value)) {
        ut_json_put_null(w, key);
        return;
    }
    begin_value(w, key);
    decimals = decimals < 0 ? 0 : decimals > 9 ? 9 : decimals;
    for (int i = 0; i < decimals; i++)
        unit *= 10;
    if (w->status != UT_OK)
        return;
    if (fabs(value) >= 9e9) {
        w->status = ut_buffer_printf(w->out, "%.0f.0", value); /* with a point: no integer */
        return;
    }
    int64_t scaled = llround(value * (double)unit);
    int64_t whole = scaled / unit;
    int64_t rest = scaled % unit;
    w->status =
        ut_buffer_printf(w->out, "%s%" PRId64, scaled < 0 ? "-" : "", whole < 0 ? -whole : whole);
    rest = rest < 0 ? -rest : rest;
    if (rest == 0)
        return;
    int n = snprintf(digits, sizeof digits, ".%0*" PRId64, decimals, rest);
    while (digits[n - 1] == '0')
        n--;
    put(w, digits, (size_t)n);
}

enum ut_status ut_json_end(const struct ut_json_writer *w)
{
    if (w->status != UT_OK)
        return w->status;
    return w->depth || !w->comma ? UT_EINVAL : UT_OK;
}
