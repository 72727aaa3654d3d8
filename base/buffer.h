/*
 * A growing byte buffer with a ceiling; also the way text is put together.
 *
 * One thread at a time. A zeroed struct with a `limit` set is a valid empty buffer. The content is
 * always followed by a NUL that `n` does not count, so `data` is a C string when it holds text.
 */
#ifndef UT_BASE_BUFFER_H
#define UT_BASE_BUFFER_H

#include <stddef.h>

#include "base/status.h"

struct ut_buffer {
    char *data; /* NULL while empty */
    size_t n;
    size_t capacity;
    size_t limit; /* the most bytes it may hold; never grows past it */
};

/* Errors: UT_ENOMEM, UT_ELIMIT; the buffer then holds what it held. */
UT_NODISCARD enum ut_status ut_buffer_append(struct ut_buffer *buf, const void *bytes, size_t n);
UT_NODISCARD enum ut_status ut_buffer_printf(struct ut_buffer *buf, const char *fmt, ...)
    UT_PRINTF(2, 3);

/* Makes room for `n` bytes in all, so that later appends up to it cannot fail. */
UT_NODISCARD enum ut_status ut_buffer_reserve(struct ut_buffer *buf, size_t n);

/* Empties it and keeps the memory. */
void ut_buffer_clear(struct ut_buffer *buf);

/* The text, "" when empty. Valid until the next change. */
const char *ut_buffer_text(const struct ut_buffer *buf);

/* Frees the memory; accepts a zeroed buffer. */
void ut_buffer_finish(struct ut_buffer *buf);

#endif
