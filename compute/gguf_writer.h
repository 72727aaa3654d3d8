/*
 * Writes GGUF v3 files: keys first, then tensors, 32-byte alignment, whole or not at all.
 *
 * One thread. Declare every key and tensor, then write the tensors' data in the same order.
 */
#ifndef UT_COMPUTE_GGUF_WRITER_H
#define UT_COMPUTE_GGUF_WRITER_H

#include "compute/gguf.h"

struct ut_gguf_writer;

UT_NODISCARD enum ut_status ut_gguf_writer_create(struct ut_gguf_writer **out, const char *path,
                                                  struct ut_error *err);
/* Without a finish before it, the file is not there afterwards. Accepts NULL. */
void ut_gguf_writer_destroy(struct ut_gguf_writer *w);

/* Keys: UT_EINVAL for a duplicate or a key after the first data, UT_ENOMEM. */
UT_NODISCARD enum ut_status ut_gguf_writer_u32(struct ut_gguf_writer *w, const char *key,
                                               uint32_t value);
UT_NODISCARD enum ut_status ut_gguf_writer_f32(struct ut_gguf_writer *w, const char *key,
                                               float value);
UT_NODISCARD enum ut_status ut_gguf_writer_bool(struct ut_gguf_writer *w, const char *key,
                                                bool value);
UT_NODISCARD enum ut_status ut_gguf_writer_text(struct ut_gguf_writer *w, const char *key,
                                                const char *value);
UT_NODISCARD enum ut_status ut_gguf_writer_text_array(struct ut_gguf_writer *w, const char *key,
                                                      const struct ut_gguf_text *values, size_t n);
UT_NODISCARD enum ut_status ut_gguf_writer_i32_array(struct ut_gguf_writer *w, const char *key,
                                                     const int32_t *values, size_t n);
UT_NODISCARD enum ut_status ut_gguf_writer_f32_array(struct ut_gguf_writer *w, const char *key,
                                                     const float *values, size_t n);
/* Copies key i of `from` with its type and value. */
UT_NODISCARD enum ut_status ut_gguf_writer_copy_key(struct ut_gguf_writer *w,
                                                    const struct ut_gguf *from, size_t i);

/* Declares a tensor of dims (outermost first). Errors: UT_EINVAL (blocks, duplicate), UT_ENOMEM. */
UT_NODISCARD enum ut_status ut_gguf_writer_declare(struct ut_gguf_writer *w, const char *name,
                                                   enum ut_dtype dtype, int n_dims,
                                                   const size_t *dims);

/* Writes the data of the next declared tensor: exactly its bytes. Errors: UT_EINVAL, UT_EIO. */
UT_NODISCARD enum ut_status ut_gguf_writer_data(struct ut_gguf_writer *w, const void *data,
                                                size_t n_bytes, struct ut_error *err);

/* Ends and renames into place. Errors: UT_EINVAL (data missing), UT_EIO. */
UT_NODISCARD enum ut_status ut_gguf_writer_finish(struct ut_gguf_writer *w, struct ut_error *err);

#endif
