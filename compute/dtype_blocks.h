/*
 * Layouts of the quantised blocks and their readers and writers, for dtype*.c and linear_scalar.c.
 *
 * A block is described by byte offsets, never by a C struct, so that it may lie at any address.
 * All numbers are little-endian. SOURCE: ggml's block definitions (the formats that GGUF names).
 *
 *   q4_0  f16 d, 16 bytes of nibbles                      x = d (q - 8)
 *   q4_1  f16 d, f16 m, 16 bytes of nibbles               x = d q + m
 *   q5_0  f16 d, u32 fifth bits, 16 bytes of nibbles      x = d (q - 16)
 *   q5_1  f16 d, f16 m, u32 fifth bits, 16 bytes          x = d q + m
 *   q8_0  f16 d, 32 signed bytes                          x = d q
 *   q4_K  f16 d, f16 m, 12 bytes of 6-bit scales and minima of 8 groups, 128 bytes of nibbles
 *   q5_K  f16 d, f16 m, 12 bytes as above, 32 bytes of fifth bits, 128 bytes of nibbles
 *   q6_K  128 bytes of low nibbles, 64 bytes of high pairs, 16 signed scales, f16 d
 *
 * In the 32-element formats the low nibbles hold elements 0..15 and the high ones 16..31.
 */
#ifndef UT_COMPUTE_DTYPE_BLOCKS_H
#define UT_COMPUTE_DTYPE_BLOCKS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "model files are read in place");

/* Reads one block to as many floats as it has elements. */
typedef void ut_block_read_fn(float *dst, const uint8_t *block);
/* Writes one block; the inputs are finite. */
typedef void ut_block_write_fn(uint8_t *block, const float *src);

ut_block_read_fn ut_block_read_q4_0, ut_block_read_q4_1, ut_block_read_q5_0, ut_block_read_q5_1,
    ut_block_read_q8_0, ut_block_read_q4_k, ut_block_read_q5_k, ut_block_read_q6_k;
ut_block_write_fn ut_block_write_q4_0, ut_block_write_q4_1, ut_block_write_q5_0,
    ut_block_write_q5_1, ut_block_write_q8_0;

static inline uint16_t load_u16(const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint32_t load_u32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

#endif
