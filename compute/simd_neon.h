/*
 * Four floats at a time: the functions that several NEON kernels share. Only for aarch64.
 */
#ifndef UT_COMPUTE_SIMD_NEON_H
#define UT_COMPUTE_SIMD_NEON_H

#include <arm_neon.h>
#include <stddef.h>
#include <string.h>

#define UT_INLINE static inline __attribute__((always_inline))

/* The next four of `left` elements, `rest` where there are none. */
UT_INLINE float32x4_t ut_load4(const float *x, size_t left, float rest)
{
    float part[4] = { rest, rest, rest, rest };

    if (left >= 4)
        return vld1q_f32(x);
    memcpy(part, x, left * sizeof *part);
    return vld1q_f32(part);
}

UT_INLINE void ut_store4(float *y, float32x4_t v, size_t left)
{
    float part[4];

    if (left >= 4) {
        vst1q_f32(y, v);
        return;
    }
    vst1q_f32(part, v);
    memcpy(y, part, left * sizeof *part);
}

/* The greater of each two; b where a is a NaN of any kind. */
UT_INLINE float32x4_t ut_max4(float32x4_t a, float32x4_t b)
{
    return vbslq_f32(vcgtq_f32(a, b), a, b);
}

/* 2^n for whole n in [-126, 127]. */
UT_INLINE float32x4_t ut_power4(int32x4_t n)
{
    return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(n, vdupq_n_s32(127)), 23));
}

/*
 * exp(x): x = n ln 2 + r, 2^n p(r), relative error below 2e-7; 0 below -87 and for NaN as NaN is.
 * SOURCE: Cephes expf (range reduction in two parts, degree 5).
 */
UT_INLINE float32x4_t ut_exp4(float32x4_t x)
{
    uint32x4_t tiny = vcltq_f32(x, vdupq_n_f32(-87.0f));
    /* Above 89 all is infinite; a NaN passes both. */
    x = vminq_f32(vmaxq_f32(x, vdupq_n_f32(-88.0f)), vdupq_n_f32(89.0f));
    float32x4_t n = vrndnq_f32(vmulq_n_f32(x, 1.44269504f));
    float32x4_t r = vfmsq_f32(x, n, vdupq_n_f32(0.693359375f));
    r = vfmsq_f32(r, n, vdupq_n_f32(-2.12194440e-4f));
    float32x4_t p = vdupq_n_f32(1.9875691500e-4f);
    p = vfmaq_f32(vdupq_n_f32(1.3981999507e-3f), p, r);
    p = vfmaq_f32(vdupq_n_f32(8.3334519073e-3f), p, r);
    p = vfmaq_f32(vdupq_n_f32(4.1665795894e-2f), p, r);
    p = vfmaq_f32(vdupq_n_f32(1.6666665459e-1f), p, r);
    p = vfmaq_f32(vdupq_n_f32(5.0000001201e-1f), p, r);
    p = vfmaq_f32(vaddq_f32(r, vdupq_n_f32(1.0f)), p, vmulq_f32(r, r));
    /* In two factors: n reaches 128, which one exponent cannot hold. */
    int32x4_t whole = vcvtq_s32_f32(n), half = vshrq_n_s32(whole, 1);
    p = vmulq_f32(vmulq_f32(p, ut_power4(half)), ut_power4(vsubq_s32(whole, half)));
    return vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(p), tiny));
}

/* Four f16 as floats. */
UT_INLINE float32x4_t ut_load_half4(const uint16_t *h)
{
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(h)));
}

#endif
