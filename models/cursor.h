/*
 * A reading position in bytes from outside: every take is checked, errors name file and field.
 */
#ifndef UT_MODELS_CURSOR_H
#define UT_MODELS_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct ut_cursor {
    const uint8_t *bytes;
    size_t n_bytes;
    size_t at;
    const char *path; /* for errors */
    struct ut_error *err;
};

/* The next `n` bytes, or NULL with the error set; `what` names the field. */
const uint8_t *ut_cursor_take(struct ut_cursor *c, const char *what, size_t n);

/* Little-endian numbers; false with the error set. */
bool ut_cursor_u8(struct ut_cursor *c, const char *what, uint8_t *out);
bool ut_cursor_u16(struct ut_cursor *c, const char *what, uint16_t *out);
bool ut_cursor_u32(struct ut_cursor *c, const char *what, uint32_t *out);
bool ut_cursor_u64(struct ut_cursor *c, const char *what, uint64_t *out);

static inline size_t ut_cursor_left(const struct ut_cursor *c)
{
    return c->n_bytes - c->at;
}

#endif
