#include "compute/vector_neon.h"

#include <math.h>

#include "compute/simd_neon.h"

/* Sums and maxima that do not wait for each other. */
#define CHAINS 4

static float max(const float *x, size_t n)
{
    float32x4_t most[CHAINS];
    size_t i = 0;

    for (int j = 0; j < CHAINS; j++)
        most[j] = vdupq_n_f32(-INFINITY);
    for (; n - i >= (size_t)4 * CHAINS; i += (size_t)4 * CHAINS) {
        for (size_t j = 0; j < CHAINS; j++)
            most[j] = ut_max4(vld1q_f32(x + i + 4 * j), most[j]);
    }
    for (; i < n; i += 4)
        most[0] = ut_max4(ut_load4(x + i, n - i, -INFINITY), most[0]);
    return vmaxvq_f32(vmaxq_f32(vmaxq_f32(most[0], most[1]), vmaxq_f32(most[2], most[3])));
}

UT_INLINE float32x4_t exp_scaled(float32x4_t x, float max, float scale)
{
    return ut_exp4(vmulq_n_f32(vsubq_f32(x, vdupq_n_f32(max)), scale));
}

static float exp_sum(float *y, const float *x, size_t n, float max, float scale)
{
    float32x4_t sum[CHAINS];
    size_t i = 0;

    for (int j = 0; j < CHAINS; j++)
        sum[j] = vdupq_n_f32(0);
    for (; n - i >= (size_t)4 * CHAINS; i += (size_t)4 * CHAINS) {
        for (size_t j = 0; j < CHAINS; j++) {
            float32x4_t e = exp_scaled(vld1q_f32(x + i + 4 * j), max, scale);
            if (y)
                vst1q_f32(y + i + 4 * j, e);
            sum[j] = vaddq_f32(sum[j], e);
        }
    }
    for (; i < n; i += 4) {
        /* Nothing adds nothing: its exponential is 0. */
        float32x4_t e = exp_scaled(ut_load4(x + i, n - i, -INFINITY), max, scale);
        if (y)
            ut_store4(y + i, e, n - i);
        sum[0] = vaddq_f32(sum[0], e);
    }
    return vaddvq_f32(vaddq_f32(vaddq_f32(sum[0], sum[1]), vaddq_f32(sum[2], sum[3])));
}

static void scale(float *x, size_t n, float factor)
{
    for (size_t i = 0; i < n; i += 4)
        ut_store4(x + i, vmulq_n_f32(ut_load4(x + i, n - i, 0), factor), n - i);
}

static float dot(const float *a, const float *b, size_t n)
{
    float32x4_t sum[CHAINS];
    size_t i = 0;

    for (int j = 0; j < CHAINS; j++)
        sum[j] = vdupq_n_f32(0);
    for (; n - i >= (size_t)4 * CHAINS; i += (size_t)4 * CHAINS) {
        for (size_t j = 0; j < CHAINS; j++)
            sum[j] = vfmaq_f32(sum[j], vld1q_f32(a + i + 4 * j), vld1q_f32(b + i + 4 * j));
    }
    for (; i < n; i += 4)
        sum[0] = vfmaq_f32(sum[0], ut_load4(a + i, n - i, 0), ut_load4(b + i, n - i, 0));
    return vaddvq_f32(vaddq_f32(vaddq_f32(sum[0], sum[1]), vaddq_f32(sum[2], sum[3])));
}

static void add(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i += 4) {
        float32x4_t v = vaddq_f32(ut_load4(y + i, n - i, 0), ut_load4(x + i, n - i, 0));
        ut_store4(y + i, v, n - i);
    }
}

static size_t find_above(const float *x, size_t from, size_t n, float limit)
{
    float32x4_t bound = vdupq_n_f32(limit);
    size_t i = from;

    for (; n - i >= 16; i += 16) {
        uint32x4_t a = vcgtq_f32(vld1q_f32(x + i), bound);
        uint32x4_t b = vcgtq_f32(vld1q_f32(x + i + 4), bound);
        uint32x4_t c = vcgtq_f32(vld1q_f32(x + i + 8), bound);
        uint32x4_t d = vcgtq_f32(vld1q_f32(x + i + 12), bound);
        if (vmaxvq_u32(vorrq_u32(vorrq_u32(a, b), vorrq_u32(c, d))))
            break;
    }
    for (; i < n; i++) {
        if (x[i] > limit)
            return i;
    }
    return n;
}

void ut_vector_ops_init_neon(struct ut_vector_ops *ops)
{
    *ops = (struct ut_vector_ops){
        .max = max,
        .exp_sum = exp_sum,
        .scale = scale,
        .dot = dot,
        .add = add,
        .find_above = find_above,
    };
}
