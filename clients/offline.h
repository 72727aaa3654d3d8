/*
 * Whole recordings through a recognizer: what `caption` and `bench` share. One thread.
 */
#ifndef UT_CLIENTS_OFFLINE_H
#define UT_CLIENTS_OFFLINE_H

#include "asr/recognizer.h"
#include "clients/settings.h"

struct ut_offline {
    struct ut_compute *compute;
    struct ut_asr_model *model;
    struct ut_recognizer *recognizer;
    struct ut_asr_bias *bias; /* of the settings' terms, or NULL */
    int64_t load_us;
};

/*
 * Opens the model that the settings name. Errors: UT_EIO, UT_EFORMAT (the model),
 * UT_EINVAL (a language, task or term that it cannot do), UT_ENOMEM; *out is then empty.
 */
UT_NODISCARD enum ut_status ut_offline_open(struct ut_offline *out, const struct ut_settings *s,
                                            struct ut_error *err);
void ut_offline_close(struct ut_offline *o); /* accepts a zeroed struct */

/* The recognizer's options for these settings but for the terms; `language` -1: detect. */
struct ut_asr_options ut_offline_options(const struct ut_settings *s, int language);

typedef enum ut_status ut_offline_segment_fn(void *ctx, const struct ut_asr_segment *segment);

/* How far the recording has been read, in samples at 16 kHz; n_total -1: unknown. */
typedef void ut_offline_progress_fn(void *ctx, int64_t n_read, int64_t n_total);

struct ut_offline_job {
    const char *path;
    struct ut_asr_options options;
    ut_offline_segment_fn *on_segment;
    ut_offline_progress_fn *on_progress; /* NULL: none */
    void *ctx;
    /* out */
    struct ut_asr_timing timing;
    uint64_t n_bad;   /* samples that were not finite */
    bool input_error; /* the failure returned is the recording's */
};

/*
 * Captions one recording; two passes over the file, the first for its loudest mel value. Errors:
 * those of the reader (input_error set), of on_segment, UT_ECANCELED (interrupted), UT_ENOMEM. A
 * damaged file is captioned as far as it can be read and then gives its error.
 */
UT_NODISCARD enum ut_status ut_offline_run(struct ut_offline *o, struct ut_offline_job *job,
                                           struct ut_error *err);

#endif
