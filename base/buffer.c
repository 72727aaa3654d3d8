#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum ut_status ut_buffer_reserve(struct ut_buffer *buf, size_t n)
{
    if (n > buf->limit)
        return UT_ELIMIT;
    if (buf->data && n <= buf->capacity)
        return UT_OK;

    size_t capacity = buf->capacity ? buf->capacity : 64;
    while (capacity < n)
        capacity = capacity > buf->limit / 2 ? buf->limit : capacity * 2;
    char *data = ut_alloc(capacity + 1, 1);
    if (!data)
        return UT_ENOMEM;
    if (buf->data)
        memcpy(data, buf->data, buf->n);
    data[buf->n] = '\0';
    ut_free(buf->data);
    buf->data = data;
    buf->capacity = capacity;
    return UT_OK;
}

enum ut_status ut_buffer_append(struct ut_buffer *buf, const void *bytes, size_t n)
{
    size_t total;

    if (!ut_size_add(buf->n, n, &total))
        return UT_ELIMIT;
    enum ut_status st = ut_buffer_reserve(buf, total);
    if (st != UT_OK)
        return st;
    if (n)
        memcpy(buf->data + buf->n, bytes, n);
    buf->n = total;
    buf->data[total] = '\0';
    return UT_OK;
}

enum ut_status ut_buffer_printf(struct ut_buffer *buf, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0)
        return UT_EINVAL;
    size_t total;
    if (!ut_size_add(buf->n, (size_t)n, &total))
        return UT_ELIMIT;
    enum ut_status st = ut_buffer_reserve(buf, total);
    if (st != UT_OK)
        return st;
    va_start(args, fmt);
    vsnprintf(buf->data + buf->n, (size_t)n + 1, fmt, args);
    va_end(args);
    buf->n = total;
    return UT_OK;
}

void ut_buffer_clear(struct ut_buffer *buf)
{
    buf->n = 0;
    if (buf->data)
        buf->data[0] = '\0';
}

const char *ut_buffer_text(const struct ut_buffer *buf)
{
    return buf->data ? buf->data : "";
}

void ut_buffer_finish(struct ut_buffer *buf)
{
    ut_free(buf->data);
    *buf = (struct ut_buffer){ .limit = buf->limit };
}
