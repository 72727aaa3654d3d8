#include "compute/dtype.h"
#include "compute/dtype_blocks.h"

void ut_block_read_q4_0(float *dst, const uint8_t *block)
{
    float d = ut_f16_to_f32(load_u16(block));
    const uint8_t *q = block + 2;

    for (int j = 0; j < 16; j++) {
        dst[j] = (float)((q[j] & 15) - 8) * d;
        dst[j + 16] = (float)((q[j] >> 4) - 8) * d;
    }
}

void ut_block_read_q4_1(float *dst, const uint8_t *block)
{
    float d = ut_f16_to_f32(load_u16(block));
    float m = ut_f16_to_f32(load_u16(block + 2));
    const uint8_t *q = block + 4;

    for (int j = 0; j < 16; j++) {
        dst[j] = (float)(q[j] & 15) * d + m;
        dst[j + 16] = (float)(q[j] >> 4) * d + m;
    }
}

void ut_block_read_q5_0(float *dst, const uint8_t *block)
{
    float d = ut_f16_to_f32(load_u16(block));
    uint32_t high = load_u32(block + 2);
    const uint8_t *q = block + 6;

    for (int j = 0; j < 16; j++) {
        int lo = (q[j] & 15) | (int)(high >> j & 1) << 4;
        int hi = (q[j] >> 4) | (int)(high >> (j + 16) & 1) << 4;
        dst[j] = (float)(lo - 16) * d;
        dst[j + 16] = (float)(hi - 16) * d;
    }
}

void ut_block_read_q5_1(float *dst, const uint8_t *block)
{
    float d = ut_f16_to_f32(load_u16(block));
    float m = ut_f16_to_f32(load_u16(block + 2));
    uint32_t high = load_u32(block + 4);
    const uint8_t *q = block + 8;

    for (int j = 0; j < 16; j++) {
        int lo = (q[j] & 15) | (int)(high >> j & 1) << 4;
        int hi = (q[j] >> 4) | (int)(high >> (j + 16) & 1) << 4;
        dst[j] = (float)lo * d + m;
        dst[j + 16] = (float)hi * d + m;
    }
}

void ut_block_read_q8_0(float *dst, const uint8_t *block)
{
    float d = ut_f16_to_f32(load_u16(block));

    for (int j = 0; j < 32; j++)
        dst[j] = (float)(int8_t)block[2 + j] * d;
}

/*
 * The 6-bit scale and minimum of group g in [0, 8). Groups 0..3 sit in the low six bits of bytes
 * 0..3 and 4..7; groups 4..7 have their low four bits in bytes 8..11 and their upper two in the
 * spare bits of the first eight.
 */
static void unpack_scale_k(const uint8_t *s, int g, float *scale, float *minimum)
{
    if (g < 4) {
        *scale = (float)(s[g] & 63);
        *minimum = (float)(s[g + 4] & 63);
        return;
    }
    *scale = (float)((s[g + 4] & 15) | (s[g - 4] >> 6) << 4);
    *minimum = (float)((s[g + 4] >> 4) | (s[g] >> 6) << 4);
}

/* q4_K and q5_K: pairs of groups share 32 bytes, the first in the low nibbles. */
static void read_k(float *dst, const uint8_t *block, const uint8_t *high, const uint8_t *q)
{
    float d = ut_f16_to_f32(load_u16(block));
    float m = ut_f16_to_f32(load_u16(block + 2));

    for (int g = 0; g < 8; g++) {
        const uint8_t *nibbles = q + g / 2 * 32;
        float scale, minimum;

        unpack_scale_k(block + 4, g, &scale, &minimum);
        scale *= d;
        minimum *= m;
        for (int j = 0; j < 32; j++) {
            int v = g % 2 ? nibbles[j] >> 4 : nibbles[j] & 15;
            if (high)
                v |= (high[j] >> g & 1) << 4;
            dst[g * 32 + j] = scale * (float)v - minimum;
        }
    }
}

void ut_block_read_q4_k(float *dst, const uint8_t *block)
{
    read_k(dst, block, NULL, block + 16);
}

void ut_block_read_q5_k(float *dst, const uint8_t *block)
{
    read_k(dst, block, block + 16, block + 48);
}

void ut_block_read_q6_k(float *dst, const uint8_t *block)
{
    float d = ut_f16_to_f32(load_u16(block + 208));

    /* Element e: half e/128, quarter (e/32)%4 of it, lane e%32; a scale serves 16 elements. */
    for (int e = 0; e < 256; e++) {
        int half = e / 128;
        int quarter = e / 32 % 4;
        int lane = e % 32;
        int low = block[half * 64 + quarter % 2 * 32 + lane];
        int high = block[128 + half * 32 + lane] >> (2 * quarter) & 3;
        float scale = (float)(int8_t)block[192 + e / 16];

        low = quarter < 2 ? low & 15 : low >> 4;
        dst[e] = d * scale * (float)((low | high << 4) - 32);
    }
}
