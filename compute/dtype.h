/*
 * Element types of model files and their block formats; numbers are those of GGUF (ggml).
 *
 * Values and pure functions; any thread. A quantised row is a whole number of blocks: 32 elements
 * for q4_0..q8_0, 256 for the K types. SOURCE: GGUF specification v3, "ggml_type".
 */
#ifndef UT_COMPUTE_DTYPE_H
#define UT_COMPUTE_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum ut_dtype {
    UT_DTYPE_F32 = 0,
    UT_DTYPE_F16 = 1,
    UT_DTYPE_Q4_0 = 2,
    UT_DTYPE_Q4_1 = 3,
    UT_DTYPE_Q5_0 = 6,
    UT_DTYPE_Q5_1 = 7,
    UT_DTYPE_Q8_0 = 8,
    UT_DTYPE_Q4_K = 12,
    UT_DTYPE_Q5_K = 13,
    UT_DTYPE_Q6_K = 14,
    UT_DTYPE_I8 = 24,
    UT_DTYPE_I16 = 25,
    UT_DTYPE_I32 = 26,
    UT_DTYPE_I64 = 27,
    UT_DTYPE_F64 = 28,
    UT_DTYPE_BF16 = 30
};

/* False for a number that this build does not know. */
bool ut_dtype_known(uint32_t dtype);

/* "f32", "q8_0", ...; "?" for an unknown number. */
const char *ut_dtype_name(enum ut_dtype dtype);

/* The type of a name; UT_EINVAL when there is none. */
UT_NODISCARD enum ut_status ut_dtype_parse(enum ut_dtype *out, const char *name);

/* Elements of one block (1, 32 or 256). */
size_t ut_dtype_block(enum ut_dtype dtype);

/* Bytes of `n` elements; UT_EINVAL when n is no whole number of blocks or the size overflows. */
UT_NODISCARD enum ut_status ut_dtype_bytes(size_t *out, enum ut_dtype dtype, size_t n);

/*
 * Reads `n` elements (whole blocks) of a float or quantised type to float. `src` may be at any
 * address. UT_EINVAL for integer types.
 */
UT_NODISCARD enum ut_status ut_dtype_read(float *dst, const void *src, enum ut_dtype dtype,
                                          size_t n);

/*
 * Writes `n` floats (whole blocks) as f32, f16, bf16, q4_0, q4_1, q5_0, q5_1 or q8_0, rounding to
 * nearest. UT_EINVAL for other types. NaN and infinity are stored as 0 in quantised blocks.
 */
UT_NODISCARD enum ut_status ut_dtype_write(void *dst, const float *src, enum ut_dtype dtype,
                                           size_t n);

/* IEEE half and bfloat16 conversions, round to nearest even. */
float ut_f16_to_f32(uint16_t h);
uint16_t ut_f32_to_f16(float f);
float ut_bf16_to_f32(uint16_t h);
uint16_t ut_f32_to_bf16(float f);

#endif
