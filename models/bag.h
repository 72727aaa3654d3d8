/*
 * The tensors of a foreign model file: names and views into the mapped bytes. One thread.
 */
#ifndef UT_MODELS_BAG_H
#define UT_MODELS_BAG_H

#include "base/buffer.h"
#include "compute/gguf.h"

#define UT_BAG_MAX_TENSORS 8192
#define UT_BAG_MAX_NAME 256

/* Zeroed is empty. */
struct ut_bag {
    struct ut_tensor *tensors;
    size_t n;
    size_t capacity;
};

/*
 * Adds a view: `name` is copied, `t->name` ignored, `t->n_bytes` set from type and shape; the data
 * must have that many of the `n_left` bytes behind it. `path` is for errors. Errors: UT_EFORMAT
 * (name, shape, size), UT_ELIMIT, UT_ENOMEM.
 */
UT_NODISCARD enum ut_status ut_bag_add(struct ut_bag *bag, const char *path, const char *name,
                                       size_t n_name, const struct ut_tensor *t, size_t n_left,
                                       struct ut_error *err);

/* NULL when there is none. */
const struct ut_tensor *ut_bag_find(const struct ut_bag *bag, const char *name);

/* UT_EFORMAT when a name is there twice. Call once when all are added. */
UT_NODISCARD enum ut_status ut_bag_check(const struct ut_bag *bag, const char *path,
                                         struct ut_error *err);

void ut_bag_finish(struct ut_bag *bag);

#endif
