#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>

enum ut_status ut_error_set(struct ut_error *err, enum ut_status code, const char *fmt, ...)
{
    if (!err)
        return code;

    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    if (n < 0)
        err->text[0] = '\0';
    for (char *p = err->text; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    }
    err->code = code;
    return code;
}

const char *ut_status_name(enum ut_status status)
{
    static const char *const names[] = { "ok",  "again",   "end",    "einval",   "enomem",
                                         "eio", "eformat", "elimit", "ecanceled" };

    if ((unsigned)status >= sizeof names / sizeof names[0])
        return "unknown";
    return names[status];
}
