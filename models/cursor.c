#include "models/cursor.h"

#include <string.h>

const uint8_t *ut_cursor_take(struct ut_cursor *c, const char *what, size_t n)
{
    if (n > ut_cursor_left(c)) {
        ut_error_set(c->err, UT_EFORMAT, "%s: truncated at byte %zu: %s needs %zu bytes, %zu left",
                     c->path, c->at, what, n, ut_cursor_left(c));
        return NULL;
    }
    c->at += n;
    return c->bytes + c->at - n;
}

static bool take_number(struct ut_cursor *c, const char *what, void *out, size_t n)
{
    const uint8_t *p = ut_cursor_take(c, what, n);

    if (p)
        memcpy(out, p, n);
    return p != NULL;
}

bool ut_cursor_u8(struct ut_cursor *c, const char *what, uint8_t *out)
{
    return take_number(c, what, out, sizeof *out);
}

bool ut_cursor_u16(struct ut_cursor *c, const char *what, uint16_t *out)
{
    return take_number(c, what, out, sizeof *out);
}

bool ut_cursor_u32(struct ut_cursor *c, const char *what, uint32_t *out)
{
    return take_number(c, what, out, sizeof *out);
}

bool ut_cursor_u64(struct ut_cursor *c, const char *what, uint64_t *out)
{
    return take_number(c, what, out, sizeof *out);
}
