#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clients/terminal.h"
#include "clients/unicode.h"

/* Whether a row stands on standard error: a fact about the process's terminal, of main alone. */
static bool shown;

void ut_terminal_status(const char *text)
{
    size_t n = ut_unicode_fit(text, strlen(text), ut_terminal_columns(STDERR_FILENO) - 1);

    fprintf(stderr, "\r%.*s\033[K", (int)n, text);
    fflush(stderr);
    shown = true;
}

void ut_terminal_clear_status(void)
{
    if (!shown)
        return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    shown = false;
}
