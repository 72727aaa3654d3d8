/*
 * What goes into a GGUF file: tensors in order, each with its source and the type it is stored as.
 * Conversion is a tensor at a time, so that memory is bounded by the largest. One thread.
 */
#ifndef UT_MODELS_PLAN_H
#define UT_MODELS_PLAN_H

#include "compute/gguf_writer.h"
#include "models/progress.h"

struct ut_plan_item {
    char *name;
    struct ut_tensor source; /* shape and data; its name is for errors */
    enum ut_dtype dtype;
};

/* Zeroed is empty. */
struct ut_plan {
    struct ut_plan_item *items;
    size_t n;
    size_t capacity;
};

/*
 * Adds `source` under `name`. A quantised type that the rows do not fit becomes f16. The sources'
 * data must stay valid until the write. Errors: UT_ENOMEM.
 */
UT_NODISCARD enum ut_status ut_plan_add(struct ut_plan *plan, const char *name,
                                        const struct ut_tensor *source, enum ut_dtype dtype);

/*
 * Declares all in `w` and writes their data. Same type: bytes as they are. Errors: UT_EFORMAT (a
 * weight that is not finite or of a type that cannot be read; names tensor), UT_EIO, UT_ENOMEM,
 * UT_ECANCELED (progress said so). `path` is the source file, for errors.
 */
UT_NODISCARD enum ut_status ut_plan_write(const struct ut_plan *plan, struct ut_gguf_writer *w,
                                          const char *path,
                                          const struct ut_models_progress *progress,
                                          struct ut_error *err);

void ut_plan_finish(struct ut_plan *plan);

#endif
