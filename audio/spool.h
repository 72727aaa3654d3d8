/*
 * Any readable path as a descriptor that can seek, which decoders need: a regular file is opened, a
 * pipe is first copied into an unnamed temporary file of at most UT_SPOOL_LIMIT bytes in TMPDIR
 * (or /tmp). Any thread.
 */
#ifndef UT_AUDIO_SPOOL_H
#define UT_AUDIO_SPOOL_H

#include "base/status.h"

#define UT_SPOOL_LIMIT ((long long)1 << 32) /* 37 hours of 16-bit mono at 16 kHz */

/*
 * "-" is standard input. The caller closes *out, which stands at the start. A signal handler that
 * interrupts the copying ends it. Errors, with a text that does not name the path: UT_EIO,
 * UT_EFORMAT (a directory, device or terminal), UT_ELIMIT, UT_ECANCELED, UT_ENOMEM.
 */
UT_NODISCARD enum ut_status ut_spool_open(int *out, const char *path, struct ut_error *err);

#endif
