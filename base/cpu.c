#include "base/cpu.h"

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#if defined(__x86_64__)
#include <cpuid.h>

#define ARCH_REQ_XCOMP_PERM 0x1023
#define XFEATURE_XTILEDATA 18

/* XCR0: bits 1-2 are SSE and AVX state, 5-7 the AVX-512 state, 17-18 the AMX tiles. */
static uint64_t read_xcr0(void)
{
    uint32_t lo, hi;

    __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    return (uint64_t)hi << 32 | lo;
}

static bool has(uint32_t word, int bit)
{
    return word >> bit & 1;
}

static unsigned read_avx512(uint32_t b, uint32_t c, uint32_t a1)
{
    /* F, DQ, BW, VL */
    if (!has(b, 16) || !has(b, 17) || !has(b, 30) || !has(b, 31))
        return 0;
    unsigned flags = UT_CPU_AVX512;
    if (has(c, 11))
        flags |= UT_CPU_AVX512_VNNI;
    if (has(a1, 5))
        flags |= UT_CPU_AVX512_BF16;
    return flags;
}

static unsigned read_flags(void)
{
    uint32_t a, b, c, d;

    if (!__get_cpuid(1, &a, &b, &c, &d) || !has(c, 27))
        return 0;
    bool fma_f16c = has(c, 12) && has(c, 29);
    uint64_t xcr0 = read_xcr0();
    uint32_t a7, b7, c7, d7, a1 = 0, b1, c1, d1;
    if ((xcr0 & 0x6) != 0x6 || !__get_cpuid_count(7, 0, &a7, &b7, &c7, &d7))
        return 0;
    if (a7 >= 1)
        __get_cpuid_count(7, 1, &a1, &b1, &c1, &d1);
    if (!has(b7, 5) || !fma_f16c)
        return 0;
    unsigned flags = UT_CPU_AVX2;
    if (has(a1, 4))
        flags |= UT_CPU_AVX_VNNI;
    if ((xcr0 & 0xe0) != 0xe0)
        return flags;
    flags |= read_avx512(b7, c7, a1);
    bool tiles = has(d7, 24) && (xcr0 & 0x60000) == 0x60000;
    if (!tiles || !(flags & UT_CPU_AVX512_VNNI) ||
        syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) != 0)
        return flags;
    if (has(d7, 25))
        flags |= UT_CPU_AMX_INT8;
    if (has(d7, 22))
        flags |= UT_CPU_AMX_BF16;
    return flags;
}
#elif defined(__aarch64__)
static unsigned read_flags(void)
{
    return UT_CPU_NEON | (getauxval(AT_HWCAP) & HWCAP_ASIMDDP ? UT_CPU_DOTPROD : 0);
}
#else
static unsigned read_flags(void)
{
    return 0;
}
#endif

unsigned ut_cpu_mask(unsigned flags, const char *level)
{
    static const struct {
        const char *name;
        unsigned keep;
    } levels[] = {
        { "scalar", 0 },
        { "neon", UT_CPU_NEON },
        { "avx2", UT_CPU_AVX2 },
        { "avxvnni", UT_CPU_AVX2 | UT_CPU_AVX_VNNI },
        { "avx512", UT_CPU_AVX2 | UT_CPU_AVX512 },
        { "vnni",
          UT_CPU_AVX2 | UT_CPU_AVX_VNNI | UT_CPU_AVX512 | UT_CPU_AVX512_VNNI | UT_CPU_AVX512_BF16 },
    };

    for (size_t i = 0; level && i < sizeof levels / sizeof levels[0]; i++) {
        if (strcmp(level, levels[i].name) == 0)
            return flags & levels[i].keep;
    }
    return flags;
}

unsigned ut_cpu_flags(void)
{
    return ut_cpu_mask(read_flags(), getenv("UT_CPU"));
}

const char *ut_cpu_level(unsigned flags)
{
    if (flags & UT_CPU_AMX_INT8)
        return "amx";
    if (flags & UT_CPU_AVX512_VNNI)
        return "vnni";
    if (flags & UT_CPU_AVX512)
        return "avx512";
    if (flags & UT_CPU_AVX_VNNI)
        return "avxvnni";
    if (flags & UT_CPU_AVX2)
        return "avx2";
    if (flags & UT_CPU_DOTPROD)
        return "dotprod";
    return flags & UT_CPU_NEON ? "neon" : "scalar";
}

int ut_cpu_count(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    int n = CPU_COUNT(&set);
    return n > 0 ? n : 1;
}
