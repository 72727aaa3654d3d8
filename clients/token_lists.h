/*
 * The tokens that a run gave for each recording, as text: a line `file<TAB>token token ...` each.
 * One thread; hostile until read.
 */
#ifndef UT_CLIENTS_TOKEN_LISTS_H
#define UT_CLIENTS_TOKEN_LISTS_H

#include <stddef.h>

#include "base/status.h"

struct ut_token_list {
    const char *file;
    const char *tokens; /* decimal, parted by single spaces */
};

struct ut_token_lists {
    struct ut_token_list *lists;
    size_t n;
    char *text; /* the file, cut up */
};

/* Errors: UT_EIO, UT_EFORMAT (names the line), UT_ENOMEM. End with ut_token_lists_close(). */
UT_NODISCARD enum ut_status ut_token_lists_open(struct ut_token_lists *out, const char *path,
                                                struct ut_error *err);
void ut_token_lists_close(struct ut_token_lists *t); /* accepts a zeroed struct */

/* The tokens of `file`, or NULL when the run did not have it. */
const char *ut_token_lists_find(const struct ut_token_lists *t, const char *file);

#endif
