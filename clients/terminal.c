#include "clients/terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "clients/unicode.h"

#define MAX_LINE ((size_t)64 << 10)
#define MAX_ROWS 64

struct ut_terminal {
    int fd;
    bool color;
    struct ut_buffer line;      /* committed words of the open line that still fit on it */
    struct ut_buffer screen;    /* one frame, written at once */
    size_t mark;                /* bytes of `line` that are its dimmed mark */
    size_t row_width[MAX_ROWS]; /* of the rows drawn last, to erase them after a resize */
    size_t n_rows;
    struct ut_buffer drawn; /* what the region shows, to leave it alone while nothing changes */
};

size_t ut_terminal_columns(int fd)
{
    struct winsize size = { 0 };

    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20)
        return size.ws_col;
    return 80;
}

bool ut_terminal_wants_color(const char *when, int fd)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");

    if (strcmp(when, "always") == 0)
        return true;
    if (strcmp(when, "never") == 0 || (no_color && no_color[0]))
        return false;
    return isatty(fd) && term && strcmp(term, "dumb") != 0;
}

enum ut_status ut_terminal_create(struct ut_terminal **out, int fd, bool color)
{
    struct ut_terminal *t = ut_calloc(1, sizeof *t);

    if (!t)
        return UT_ENOMEM;
    t->fd = fd;
    t->color = color;
    t->line.limit = MAX_LINE;
    t->screen.limit = 4 * MAX_LINE;
    t->drawn.limit = 4 * MAX_LINE;
    *out = t;
    return UT_OK;
}

/* The screen is a convenience: what does not fit or cannot be written is left out. */
static void put(struct ut_terminal *t, const char *s, size_t n)
{
    if (ut_buffer_append(&t->screen, s, n) != UT_OK)
        return;
}

static void put_text(struct ut_terminal *t, const char *s)
{
    put(t, s, strlen(s));
}

static void dim(struct ut_terminal *t, bool on)
{
    if (t->color)
        put_text(t, on ? "\033[2m" : "\033[0m");
}

/* Text from a model may hold anything; only what cannot move the cursor is printed. */
static void put_clean(struct ut_terminal *t, const char *s, size_t n)
{
    size_t used;

    for (size_t i = 0; i < n; i += used) {
        int32_t c = ut_unicode_next(s + i, n - i, &used);
        if (c >= 0x20 && c != 0x7f && !(c >= 0x80 && c < 0xa0) && c != 0xfffd)
            put(t, s + i, used);
    }
}

static void flush(struct ut_terminal *t)
{
    const char *p = ut_buffer_text(&t->screen);
    size_t n = t->screen.n;

    while (n) {
        ssize_t done = write(t->fd, p, n);
        if (done <= 0)
            break;
        p += done;
        n -= (size_t)done;
    }
    ut_buffer_clear(&t->screen);
}

/* Goes to the region's first row and clears from there. */
static void erase(struct ut_terminal *t)
{
    size_t columns = ut_terminal_columns(t->fd);
    size_t rows = 0;
    char move[32];

    for (size_t i = 0; i < t->n_rows; i++)
        rows += t->row_width[i] ? (t->row_width[i] + columns - 1) / columns : 1;
    if (rows > 1) {
        snprintf(move, sizeof move, "\033[%zuA", rows - 1);
        put_text(t, move);
    }
    if (t->n_rows)
        put_text(t, "\r\033[J");
    t->n_rows = 0;
}

/* Bytes of s[0..n) for one row: to the last space that fits, or to the width when there is none. */
static size_t row_bytes(const char *s, size_t n, size_t columns)
{
    size_t fit = ut_unicode_fit(s, n, columns);

    if (fit == n)
        return n;
    for (size_t i = fit; i > 0; i--) {
        if (s[i] == ' ')
            return i;
    }
    return fit ? fit : n;
}

/* Puts s[from..to) of a text whose first `mark` bytes and bytes from `tail` on are dimmed. */
static void put_row(struct ut_terminal *t, const char *s, size_t from, size_t to, size_t mark,
                    size_t tail)
{
    size_t edges[] = { from, mark, tail, to };

    for (int i = 0; i < 3; i++) {
        size_t a = edges[i] < from ? from : edges[i] > to ? to : edges[i];
        size_t b = edges[i + 1] < from ? from : edges[i + 1] > to ? to : edges[i + 1];
        if (a >= b)
            continue;
        if (i != 1)
            dim(t, true);
        put_clean(t, s + a, b - a);
        if (i != 1)
            dim(t, false);
    }
}

static void next_row(struct ut_terminal *t, size_t width)
{
    if (t->n_rows)
        put_text(t, "\n");
    if (t->n_rows < MAX_ROWS)
        t->row_width[t->n_rows++] = width;
}

/* Full rows of the open line leave the region for good, so that it stays small. */
static void settle(struct ut_terminal *t, size_t columns)
{
    for (;;) {
        size_t n = row_bytes(ut_buffer_text(&t->line), t->line.n, columns);
        if (n >= t->line.n)
            return;
        put_row(t, t->line.data, 0, n, t->mark, t->line.n);
        put_text(t, "\n");
        size_t skip = t->line.data[n] == ' ' ? n + 1 : n;
        memmove(t->line.data, t->line.data + skip, t->line.n - skip + 1);
        t->line.n -= skip;
        t->mark = t->mark > skip ? t->mark - skip : 0;
    }
}

void ut_terminal_commit(struct ut_terminal *t, const char *text, bool space)
{
    if (space && t->line.n > t->mark && ut_buffer_append(&t->line, " ", 1) != UT_OK)
        return;
    if (ut_buffer_append(&t->line, text, strlen(text)) != UT_OK)
        return;
}

void ut_terminal_mark(struct ut_terminal *t, const char *mark)
{
    if (t->line.n == 0 && ut_buffer_printf(&t->line, "%s  ", mark) == UT_OK)
        t->mark = t->line.n;
}

/* Whether the region shows just this already; remembers it when it does not. */
static bool is_drawn(struct ut_terminal *t, const char *tail, const char *status, size_t columns)
{
    struct ut_buffer now = { .limit = t->drawn.limit };
    bool same = false;

    if (ut_buffer_printf(&now, "%zu\n%s\n%s\n%s", columns, ut_buffer_text(&t->line), tail,
                         status) == UT_OK)
        same = t->n_rows && strcmp(ut_buffer_text(&now), ut_buffer_text(&t->drawn)) == 0;
    ut_buffer_finish(&t->drawn);
    t->drawn = now;
    return same;
}

void ut_terminal_draw(struct ut_terminal *t, const char *tail, const char *status)
{
    size_t columns = ut_terminal_columns(t->fd) - 1;
    struct ut_buffer text = { .limit = 2 * MAX_LINE };

    if (is_drawn(t, tail, status, columns))
        return;
    erase(t);
    settle(t, columns);
    enum ut_status st = ut_buffer_append(&text, ut_buffer_text(&t->line), t->line.n);
    size_t tail_at = text.n;
    if (st == UT_OK && tail[0])
        st = ut_buffer_printf(&text, "%s%s", t->line.n > t->mark ? " " : "", tail);
    for (size_t i = 0; st == UT_OK && i < text.n && t->n_rows < MAX_ROWS - 1;) {
        size_t n = row_bytes(text.data + i, text.n - i, columns);
        next_row(t, ut_unicode_width(text.data + i, n));
        put_row(t, text.data, i, i + n, t->mark, tail_at);
        i += n;
        if (i < text.n && text.data[i] == ' ')
            i++;
    }
    if (status[0]) {
        size_t n = ut_unicode_fit(status, strlen(status), columns);
        next_row(t, ut_unicode_width(status, n));
        dim(t, true);
        put_clean(t, status, n);
        dim(t, false);
    }
    ut_buffer_finish(&text);
    flush(t);
}

void ut_terminal_end_line(struct ut_terminal *t)
{
    erase(t);
    if (t->line.n > t->mark) {
        settle(t, ut_terminal_columns(t->fd) - 1);
        put_row(t, ut_buffer_text(&t->line), 0, t->line.n, t->mark, t->line.n);
        put_text(t, "\n");
    }
    ut_buffer_clear(&t->line);
    t->mark = 0;
    flush(t);
}

void ut_terminal_destroy(struct ut_terminal *t)
{
    if (!t)
        return;
    ut_terminal_end_line(t);
    ut_buffer_finish(&t->line);
    ut_buffer_finish(&t->screen);
    ut_buffer_finish(&t->drawn);
    ut_free(t);
}
