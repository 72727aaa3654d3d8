#include "compute/peak_ops.h"

#include <stdint.h>

#include "base/cpu.h"

/* Eight sums that the compiler may hold in vectors of the base instruction set. */
#define LANES 8

static size_t s8(size_t n)
{
    int32_t sum[LANES] = { 0 };
    volatile int32_t out[LANES];
    int32_t a = 3, b = 5;

    for (size_t i = 0; i < n; i++) {
        __asm__ volatile("" : "+r"(a), "+r"(b));
        for (int j = 0; j < LANES; j++)
            sum[j] += (int32_t)((uint32_t)a * (uint32_t)(b + j));
    }
    for (int j = 0; j < LANES; j++)
        out[j] = sum[j];
    (void)out;
    return (size_t)2 * LANES;
}

static size_t f32(size_t n)
{
    float sum[LANES] = { 0 }, a = 0.5f;
    volatile float out[LANES];

    for (size_t i = 0; i < n; i++) {
        __asm__ volatile("" : "+m"(a));
        for (int j = 0; j < LANES; j++)
            sum[j] = sum[j] * a + 1.0f;
    }
    for (int j = 0; j < LANES; j++)
        out[j] = sum[j];
    (void)out;
    return (size_t)2 * LANES;
}

static void read_bytes(const unsigned char *p, size_t n)
{
    const uint64_t *words = (const uint64_t *)(const void *)p;
    uint64_t sum[LANES] = { 0 };
    volatile uint64_t out = 0;

    for (size_t i = 0; i < n / sizeof *words; i += LANES) {
        for (int j = 0; j < LANES; j++)
            sum[j] ^= words[i + (size_t)j];
    }
    for (int j = 0; j < LANES; j++)
        out ^= sum[j];
    (void)out;
}

void ut_peak_ops_init(struct ut_peak_ops *ops, unsigned cpu)
{
    *ops = (struct ut_peak_ops){ .s8 = s8, .f32 = f32, .read = read_bytes };
    (void)cpu;
#if defined(__x86_64__)
    if (cpu & UT_CPU_AVX2)
        ut_peak_ops_init_avx2(ops);
    if (cpu & UT_CPU_AVX_VNNI)
        ut_peak_ops_init_avxvnni(ops);
    if (cpu & UT_CPU_AVX512)
        ut_peak_ops_init_avx512(ops);
    if (cpu & UT_CPU_AVX512_VNNI)
        ut_peak_ops_init_vnni(ops);
    if (cpu & UT_CPU_AVX512_BF16)
        ut_peak_ops_init_bf16(ops);
    if (cpu & UT_CPU_AMX_INT8)
        ut_peak_ops_init_amx_int8(ops);
    if (cpu & UT_CPU_AMX_BF16)
        ut_peak_ops_init_amx_bf16(ops);
#endif
}
