/*
 * A list of recordings with what is said in them: tab-separated text whose first line names the
 * columns; `file` (relative to the manifest), `language`, `reference`, `kind` and, where there is
 * one, `speaker` are used. One thread; hostile until read.
 */
#ifndef UT_CLIENTS_MANIFEST_H
#define UT_CLIENTS_MANIFEST_H

#include <stddef.h>

#include "base/status.h"

struct ut_manifest_entry {
    const char *path; /* the file, with the manifest's directory before it */
    const char *file; /* as the manifest has it */
    const char *language;
    const char *reference; /* "" when nothing is said */
    const char *kind;
    const char *speaker; /* "" in a manifest without that column */
};

struct ut_manifest {
    struct ut_manifest_entry *entries;
    size_t n;
    char *text;  /* the file, cut into fields */
    char *paths; /* all of them */
};

/* Errors: UT_EIO, UT_EFORMAT (names line and column), UT_ENOMEM. End with ut_manifest_close(). */
UT_NODISCARD enum ut_status ut_manifest_open(struct ut_manifest *out, const char *path,
                                             struct ut_error *err);
void ut_manifest_close(struct ut_manifest *m); /* accepts a zeroed struct */

#endif
