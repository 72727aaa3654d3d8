/*
 * What a person sees: finished lines that scroll away, and below them a live region of a few rows
 * that is drawn anew: the words of the open line, its unstable tail dimmed, and a status row.
 *
 * One thread. A region is erased by the rows that it takes at the terminal's present width, so
 * resizing leaves no rubbish. The status line of a long file goes to standard error.
 */
#ifndef UT_CLIENTS_TERMINAL_H
#define UT_CLIENTS_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

struct ut_terminal;

/*
 * For the terminal at descriptor `fd`. `color` false: no colours, only movement. Errors: UT_ENOMEM.
 */
UT_NODISCARD enum ut_status ut_terminal_create(struct ut_terminal **out, int fd, bool color);

/* Leaves the cursor on a fresh line. Accepts NULL. */
void ut_terminal_destroy(struct ut_terminal *t);

/* Adds words that stay; `space` between it and what is on the line. */
void ut_terminal_commit(struct ut_terminal *t, const char *text, bool space);

/* The tail after the committed words, and the status row (either may be ""). Draws. */
void ut_terminal_draw(struct ut_terminal *t, const char *tail, const char *status);

/* Ends the line; the next words begin a new one, after `mark` ("0:12") dimmed. */
void ut_terminal_end_line(struct ut_terminal *t);
void ut_terminal_mark(struct ut_terminal *t, const char *mark);

/* Columns of the terminal at `fd`, 80 when it does not say. */
size_t ut_terminal_columns(int fd);

/* --color auto|always|never, NO_COLOR and TERM=dumb against a descriptor. */
bool ut_terminal_wants_color(const char *when, int fd);

/* One row on standard error, in place of the last; and its removal before other lines. */
void ut_terminal_status(const char *text);
void ut_terminal_clear_status(void);

#endif
