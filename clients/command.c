#include "clients/command.h"

#include <stdarg.h>
#include <stdio.h>

#include "clients/terminal.h"

/* One write, so that lines of several processes do not mix; control bytes cannot reach a terminal.
 */
static void print_line(const char *fmt, va_list args)
{
    char text[640];

    int n = vsnprintf(text, sizeof text - 1, fmt, args);
    if (n < 0)
        return;
    if ((size_t)n > sizeof text - 2)
        n = (int)sizeof text - 2;
    for (int i = 0; i < n; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            text[i] = '?';
    }
    ut_terminal_clear_status();
    fprintf(stderr, "utter: %.*s\n", n, text);
}

int ut_cmd_model_exit(enum ut_status status)
{
    if (status == UT_EINVAL)
        return UT_EXIT_USAGE;
    return status == UT_EIO || status == UT_EFORMAT || status == UT_ELIMIT ? UT_EXIT_MODEL
                                                                           : UT_EXIT_OTHER;
}

int ut_cmd_fail(int code, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    print_line(fmt, args);
    va_end(args);
    return code;
}

void ut_cmd_warn(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    print_line(fmt, args);
    va_end(args);
}
