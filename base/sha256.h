/*
 * SHA-256 of files and bytes: how pinned downloads are checked. Wraps libcrypto. Any thread.
 */
#ifndef UT_BASE_SHA256_H
#define UT_BASE_SHA256_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

#define UT_SHA256_HEX 65 /* 64 lower-case digits and a NUL */

/* A running hash. */
struct ut_sha256;

/* Errors: UT_ENOMEM. End with ut_sha256_destroy(). */
UT_NODISCARD enum ut_status ut_sha256_create(struct ut_sha256 **out);

/* Accepts NULL. */
void ut_sha256_destroy(struct ut_sha256 *h);

/* Errors: UT_ENOMEM. */
UT_NODISCARD enum ut_status ut_sha256_update(struct ut_sha256 *h, const void *bytes, size_t n);

/* Ends the hash; nothing may be added after it. Errors: UT_ENOMEM. */
UT_NODISCARD enum ut_status ut_sha256_final(struct ut_sha256 *h, char hex[UT_SHA256_HEX]);

/* The hash of a whole file. Errors: UT_EIO, UT_EFORMAT (not a regular file), UT_ENOMEM. */
UT_NODISCARD enum ut_status ut_sha256_file(char hex[UT_SHA256_HEX], const char *path,
                                           struct ut_error *err);

#endif
