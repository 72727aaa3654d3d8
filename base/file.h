/*
 * Files read by mapping, and files written so that they are whole or absent. Cold paths, any
 * thread.
 */
#ifndef UT_BASE_FILE_H
#define UT_BASE_FILE_H

#include <stddef.h>
#include <stdio.h>

#include "base/status.h"

/* A read-only private mapping. Fields are read-only to callers. */
struct ut_file_map {
    const unsigned char *data; /* NULL when the file is empty */
    size_t n_bytes;
};

/* Maps `path` (a regular file). Errors: UT_EIO, UT_EFORMAT (not a regular file). */
UT_NODISCARD enum ut_status ut_file_map_open(struct ut_file_map *out, const char *path,
                                             struct ut_error *err);

/* Accepts a zeroed map. */
void ut_file_map_close(struct ut_file_map *map);

/* Tells the kernel that the pages of [offset, offset + n) are not needed again soon. */
void ut_file_map_release(const struct ut_file_map *map, size_t offset, size_t n);

/*
 * A file that is written beside its final name and renamed over it at commit, so that a full disk
 * or a signal never leaves half of one.
 */
struct ut_file_writer {
    FILE *f; /* write with stdio; errors are collected at commit */
    char *path;
    char *temporary;
};

UT_NODISCARD enum ut_status ut_file_writer_open(struct ut_file_writer *out, const char *path,
                                                struct ut_error *err);

/* Flushes, syncs, renames. On failure the temporary file is gone and the old file stays. */
UT_NODISCARD enum ut_status ut_file_writer_commit(struct ut_file_writer *w, struct ut_error *err);

/* Gives up what was written; accepts a zeroed or committed writer. */
void ut_file_writer_abort(struct ut_file_writer *w);

#endif
