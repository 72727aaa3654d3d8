/*
 * How long work tells how far it is.
 */
#ifndef UT_MODELS_PROGRESS_H
#define UT_MODELS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct ut_models_progress {
    /* Called on the working thread with bytes done and in all; false ends the work: UT_ECANCELED */
    bool (*fn)(void *ctx, const char *what, uint64_t done, uint64_t total);
    void *ctx;
};

#endif
