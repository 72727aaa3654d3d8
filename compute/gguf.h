/*
 * GGUF v3 model files: mapped read-only, every byte checked before use.
 *
 * A file is hostile until proven otherwise: counts, lengths, types, offsets, alignment, duplicate
 * names and overlaps with the end of the file are checked at open; nothing is read past the map.
 * Immutable after open, any thread. SOURCE: GGUF specification v3 (ggml-org/ggml, docs/gguf.md).
 */
#ifndef UT_COMPUTE_GGUF_H
#define UT_COMPUTE_GGUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "compute/dtype.h"

#define UT_TENSOR_MAX_DIMS 4

/* A view of a tensor; `data` belongs to whoever made the view (the map, or the caller). */
struct ut_tensor {
    const char *name;
    enum ut_dtype dtype;
    int n_dims;
    size_t dims[UT_TENSOR_MAX_DIMS]; /* row-major, outermost first: {n_out, n_in}; unused are 1 */
    const void *data;
    size_t n_bytes;
};

struct ut_gguf;

/* A string value inside the map; not terminated. */
struct ut_gguf_text {
    const char *data;
    size_t n;
};

/*
 * Maps and checks `path`. The caller owns *out and ends it with ut_gguf_close().
 * Errors: UT_EIO, UT_EFORMAT (which field, which value), UT_ELIMIT, UT_ENOMEM.
 */
UT_NODISCARD enum ut_status ut_gguf_open(struct ut_gguf **out, const char *path,
                                         struct ut_error *err);

/* The same over bytes that stay valid until close (importers, fuzzing). `name` is for errors. */
UT_NODISCARD enum ut_status ut_gguf_parse(struct ut_gguf **out, const void *bytes, size_t n_bytes,
                                          const char *name, struct ut_error *err);
void ut_gguf_close(struct ut_gguf *g);

const char *ut_gguf_path(const struct ut_gguf *g);

size_t ut_gguf_n_tensors(const struct ut_gguf *g);
const struct ut_tensor *ut_gguf_tensor(const struct ut_gguf *g, size_t i);

/* NULL when there is no tensor of that name. Constant time. */
const struct ut_tensor *ut_gguf_find(const struct ut_gguf *g, const char *name);

/*
 * The tensor `name` with the shape {d0, d1, d2, d3} (0 ends the list). Errors: UT_EFORMAT, naming
 * the tensor and both shapes.
 */
UT_NODISCARD enum ut_status ut_gguf_need(const struct ut_tensor **out, const struct ut_gguf *g,
                                         const char *name, const size_t dims[UT_TENSOR_MAX_DIMS],
                                         struct ut_error *err);

/* Metadata. Each returns UT_EFORMAT (naming the key) when it is missing or of another type;
 * integers of any width are read as long as the value fits. */
UT_NODISCARD enum ut_status ut_gguf_u32(uint32_t *out, const struct ut_gguf *g, const char *key,
                                        struct ut_error *err);
UT_NODISCARD enum ut_status ut_gguf_f32(float *out, const struct ut_gguf *g, const char *key,
                                        struct ut_error *err);
UT_NODISCARD enum ut_status ut_gguf_bool(bool *out, const struct ut_gguf *g, const char *key,
                                         struct ut_error *err);
UT_NODISCARD enum ut_status ut_gguf_text(struct ut_gguf_text *out, const struct ut_gguf *g,
                                         const char *key, struct ut_error *err);
bool ut_gguf_has(const struct ut_gguf *g, const char *key);

/* Arrays: the count, then elements. Strings by index in constant time. */
UT_NODISCARD enum ut_status ut_gguf_array_n(size_t *out, const struct ut_gguf *g, const char *key,
                                            struct ut_error *err);
UT_NODISCARD enum ut_status ut_gguf_array_text(struct ut_gguf_text *out, const struct ut_gguf *g,
                                               const char *key, size_t i, struct ut_error *err);
UT_NODISCARD enum ut_status ut_gguf_array_i64(int64_t *out, const struct ut_gguf *g,
                                              const char *key, size_t i, struct ut_error *err);
UT_NODISCARD enum ut_status ut_gguf_array_f32(float *out, const struct ut_gguf *g, const char *key,
                                              size_t i, struct ut_error *err);

/* For `utter models show`: key i as text, long arrays shortened. Errors: UT_EINVAL, UT_ELIMIT. */
size_t ut_gguf_n_keys(const struct ut_gguf *g);
const char *ut_gguf_key(const struct ut_gguf *g, size_t i);
UT_NODISCARD enum ut_status ut_gguf_print_value(const struct ut_gguf *g, size_t i, char *text,
                                                size_t size);

/* Tells the kernel that the pages of tensor `t` are not needed again (it has been repacked). */
void ut_gguf_release(const struct ut_gguf *g, const struct ut_tensor *t);

#endif
