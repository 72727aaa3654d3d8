#include <math.h>

#include "compute/dtype.h"
#include "compute/dtype_blocks.h"

#define F16_MAX 65504.0f

/* Stores a scale or minimum as f16, finite. */
static void store_f16(uint8_t *p, float v)
{
    uint16_t h = ut_f32_to_f16(fminf(fmaxf(v, -F16_MAX), F16_MAX));
    memcpy(p, &h, sizeof h);
}

/* The value of greatest magnitude among 32, with its sign. */
static float extreme_of(const float *x)
{
    float best = 0.0f;

    for (int j = 0; j < 32; j++)
        if (fabsf(x[j]) > fabsf(best))
            best = x[j];
    return best;
}

static void range_of(const float *x, float *lo, float *hi)
{
    *lo = *hi = x[0];
    for (int j = 1; j < 32; j++) {
        *lo = fminf(*lo, x[j]);
        *hi = fmaxf(*hi, x[j]);
    }
}

/* The inverse of a step; a step too small to have one leaves every element at its zero. */
static float inverse_of(float d)
{
    float id = d != 0.0f ? 1.0f / d : 0.0f;
    return isfinite(id) ? id : 0.0f;
}

/* Truncation of `v` (which carries its own half for rounding) to [0, top]. */
static unsigned level_of(float v, float top)
{
    return (unsigned)fminf(fmaxf(v, 0.0f), top);
}

static void pack_5(uint8_t *high, uint8_t *q, const unsigned *level)
{
    uint32_t bits = 0;

    for (int j = 0; j < 32; j++)
        bits |= (uint32_t)(level[j] >> 4) << j;
    memcpy(high, &bits, sizeof bits);
    for (int j = 0; j < 16; j++)
        q[j] = (uint8_t)((level[j] & 15) | (level[j + 16] & 15) << 4);
}

static void pack_4(uint8_t *q, const unsigned *level)
{
    for (int j = 0; j < 16; j++)
        q[j] = (uint8_t)(level[j] | level[j + 16] << 4);
}

/* Symmetric formats put the extreme value at level 0, so that its sign is the scale's. */
void ut_block_write_q4_0(uint8_t *block, const float *src)
{
    float d = extreme_of(src) / -8.0f;
    float id = inverse_of(d);
    unsigned level[32];

    for (int j = 0; j < 32; j++)
        level[j] = level_of(src[j] * id + 8.5f, 15.0f);
    store_f16(block, d);
    pack_4(block + 2, level);
}

void ut_block_write_q5_0(uint8_t *block, const float *src)
{
    float d = extreme_of(src) / -16.0f;
    float id = inverse_of(d);
    unsigned level[32];

    for (int j = 0; j < 32; j++)
        level[j] = level_of(src[j] * id + 16.5f, 31.0f);
    store_f16(block, d);
    pack_5(block + 2, block + 6, level);
}

void ut_block_write_q4_1(uint8_t *block, const float *src)
{
    float lo, hi;
    unsigned level[32];

    range_of(src, &lo, &hi);
    float d = hi / 15.0f - lo / 15.0f;
    float id = inverse_of(d);
    for (int j = 0; j < 32; j++)
        level[j] = level_of((src[j] - lo) * id + 0.5f, 15.0f);
    store_f16(block, d);
    store_f16(block + 2, lo);
    pack_4(block + 4, level);
}

void ut_block_write_q5_1(uint8_t *block, const float *src)
{
    float lo, hi;
    unsigned level[32];

    range_of(src, &lo, &hi);
    float d = hi / 31.0f - lo / 31.0f;
    float id = inverse_of(d);
    for (int j = 0; j < 32; j++)
        level[j] = level_of((src[j] - lo) * id + 0.5f, 31.0f);
    store_f16(block, d);
    store_f16(block + 2, lo);
    pack_5(block + 4, block + 8, level);
}

void ut_block_write_q8_0(uint8_t *block, const float *src)
{
    float d = fabsf(extreme_of(src)) / 127.0f;
    float id = inverse_of(d);

    store_f16(block, d);
    for (int j = 0; j < 32; j++) {
        float q = fminf(fmaxf(roundf(src[j] * id), -127.0f), 127.0f);
        block[2 + j] = (uint8_t)(int8_t)q;
    }
}
