/*
 * Files out of zip and tar archives. Wraps libarchive. One thread a call.
 *
 * Paths of an archive only choose entries; they never become names of files here.
 */
#ifndef UT_MODELS_UNPACK_H
#define UT_MODELS_UNPACK_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/status.h"

/*
 * Appends the one regular file whose path matches the shell pattern `inner` to `to`, at most
 * `limit` bytes; *n_bytes, when not NULL, is its size. `sha256`, when not NULL, is what its bytes
 * must hash to (64 hex digits). Errors: UT_EFORMAT (no archive, no or several such files, hash),
 * UT_ELIMIT (longer), UT_EIO (cannot write), UT_ENOMEM.
 */
UT_NODISCARD enum ut_status ut_unpack_file(FILE *to, const char *archive, const char *inner,
                                           uint64_t limit, const char *sha256, uint64_t *n_bytes,
                                           struct ut_error *err);

#endif
