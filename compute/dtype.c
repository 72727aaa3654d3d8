#include "compute/dtype.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "compute/dtype_blocks.h"

struct dtype_info {
    enum ut_dtype dtype;
    const char *name;
    size_t block;       /* elements */
    size_t block_bytes; /* bytes */
    ut_block_read_fn *read;
    ut_block_write_fn *write;
};

static void read_f32(float *dst, const uint8_t *block)
{
    memcpy(dst, block, sizeof *dst);
}

static void read_f16(float *dst, const uint8_t *block)
{
    *dst = ut_f16_to_f32(load_u16(block));
}

static void read_bf16(float *dst, const uint8_t *block)
{
    *dst = ut_bf16_to_f32(load_u16(block));
}

static void read_f64(float *dst, const uint8_t *block)
{
    double v;
    memcpy(&v, block, sizeof v);
    *dst = (float)v;
}

static void write_f32(uint8_t *block, const float *src)
{
    memcpy(block, src, sizeof *src);
}

static void write_f16(uint8_t *block, const float *src)
{
    uint16_t h = ut_f32_to_f16(*src);
    memcpy(block, &h, sizeof h);
}

static void write_bf16(uint8_t *block, const float *src)
{
    uint16_t h = ut_f32_to_bf16(*src);
    memcpy(block, &h, sizeof h);
}

static const struct dtype_info infos[] = {
    { UT_DTYPE_F32, "f32", 1, 4, read_f32, write_f32 },
    { UT_DTYPE_F16, "f16", 1, 2, read_f16, write_f16 },
    { UT_DTYPE_Q4_0, "q4_0", 32, 18, ut_block_read_q4_0, ut_block_write_q4_0 },
    { UT_DTYPE_Q4_1, "q4_1", 32, 20, ut_block_read_q4_1, ut_block_write_q4_1 },
    { UT_DTYPE_Q5_0, "q5_0", 32, 22, ut_block_read_q5_0, ut_block_write_q5_0 },
    { UT_DTYPE_Q5_1, "q5_1", 32, 24, ut_block_read_q5_1, ut_block_write_q5_1 },
    { UT_DTYPE_Q8_0, "q8_0", 32, 34, ut_block_read_q8_0, ut_block_write_q8_0 },
    { UT_DTYPE_Q4_K, "q4_K", 256, 144, ut_block_read_q4_k, NULL },
    { UT_DTYPE_Q5_K, "q5_K", 256, 176, ut_block_read_q5_k, NULL },
    { UT_DTYPE_Q6_K, "q6_K", 256, 210, ut_block_read_q6_k, NULL },
    { UT_DTYPE_I8, "i8", 1, 1, NULL, NULL },
    { UT_DTYPE_I16, "i16", 1, 2, NULL, NULL },
    { UT_DTYPE_I32, "i32", 1, 4, NULL, NULL },
    { UT_DTYPE_I64, "i64", 1, 8, NULL, NULL },
    { UT_DTYPE_F64, "f64", 1, 8, read_f64, NULL },
    { UT_DTYPE_BF16, "bf16", 1, 2, read_bf16, write_bf16 },
};

static const struct dtype_info *find_info(uint32_t dtype)
{
    for (size_t i = 0; i < sizeof infos / sizeof infos[0]; i++)
        if ((uint32_t)infos[i].dtype == dtype)
            return &infos[i];
    return NULL;
}

bool ut_dtype_known(uint32_t dtype)
{
    return find_info(dtype) != NULL;
}

const char *ut_dtype_name(enum ut_dtype dtype)
{
    const struct dtype_info *info = find_info((uint32_t)dtype);
    return info ? info->name : "?";
}

enum ut_status ut_dtype_parse(enum ut_dtype *out, const char *name)
{
    for (size_t i = 0; i < sizeof infos / sizeof infos[0]; i++) {
        if (strcmp(infos[i].name, name) == 0) {
            *out = infos[i].dtype;
            return UT_OK;
        }
    }
    return UT_EINVAL;
}

size_t ut_dtype_block(enum ut_dtype dtype)
{
    const struct dtype_info *info = find_info((uint32_t)dtype);
    return info ? info->block : 1;
}

enum ut_status ut_dtype_bytes(size_t *out, enum ut_dtype dtype, size_t n)
{
    const struct dtype_info *info = find_info((uint32_t)dtype);

    if (!info || n % info->block != 0 || !ut_size_mul(n / info->block, info->block_bytes, out))
        return UT_EINVAL;
    return UT_OK;
}

enum ut_status ut_dtype_read(float *dst, const void *src, enum ut_dtype dtype, size_t n)
{
    const struct dtype_info *info = find_info((uint32_t)dtype);
    const uint8_t *p = src;

    if (!info || !info->read || n % info->block != 0)
        return UT_EINVAL;
    if (n == 0)
        return UT_OK;
    if (dtype == UT_DTYPE_F32) {
        memcpy(dst, src, n * sizeof *dst);
        return UT_OK;
    }
    for (size_t i = 0; i < n; i += info->block, p += info->block_bytes)
        info->read(dst + i, p);
    return UT_OK;
}

enum ut_status ut_dtype_write(void *dst, const float *src, enum ut_dtype dtype, size_t n)
{
    const struct dtype_info *info = find_info((uint32_t)dtype);
    uint8_t *p = dst;
    float finite[32];

    if (!info || !info->write || n % info->block != 0)
        return UT_EINVAL;
    for (size_t i = 0; i < n; i += info->block, p += info->block_bytes) {
        if (info->block == 1) {
            info->write(p, src + i);
            continue;
        }
        for (size_t j = 0; j < info->block; j++)
            finite[j] = isfinite(src[i + j]) ? src[i + j] : 0.0f;
        info->write(p, finite);
    }
    return UT_OK;
}

static uint32_t bits_of(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

static float float_of(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

float ut_f16_to_f32(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16;
    uint32_t exponent = (h >> 10) & 31;
    uint32_t mantissa = h & 0x3ff;

    if (exponent == 0)
        return float_of(sign | bits_of((float)mantissa * 0x1p-24f));
    if (exponent == 31)
        return float_of(sign | 0x7f800000 | mantissa << 13);
    return float_of(sign | (exponent + 112) << 23 | mantissa << 13);
}

uint16_t ut_f32_to_f16(float f)
{
    uint32_t bits = bits_of(f);
    uint32_t sign = bits >> 16 & 0x8000;
    uint32_t a = bits & 0x7fffffff;

    if (a > 0x7f800000) /* NaN: quiet, the upper payload kept */
        return (uint16_t)(sign | 0x7e00 | (a >> 13 & 0x3ff));
    if (a >= 0x477ff000) /* 65520 and more round to infinity */
        return (uint16_t)(sign | 0x7c00);
    if (a < 0x38800000) /* below 2^-14: 0.5 has the unit 2^-24, so the addition rounds for us */
        return (uint16_t)(sign | (bits_of(float_of(a) + 0.5f) - 0x3f000000));
    a -= 112u << 23;
    return (uint16_t)(sign | (a + 0xfff + (a >> 13 & 1)) >> 13);
}

float ut_bf16_to_f32(uint16_t h)
{
    return float_of((uint32_t)h << 16);
}

uint16_t ut_f32_to_bf16(float f)
{
    uint32_t bits = bits_of(f);

    if ((bits & 0x7fffffff) > 0x7f800000)
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
