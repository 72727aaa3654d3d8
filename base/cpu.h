/*
 * What the processor can do, read once and handed to the kernel tables.
 *
 * A flag is set only when CPUID names the feature, OSXSAVE is on and XCR0 shows that the operating
 * system keeps the registers. UT_CPU=scalar|avx2|avxvnni|avx512|vnni|amx, on aarch64
 * scalar|neon|dotprod, masks everything above the named level, for tests and bug reports. Any
 * thread.
 */
#ifndef UT_BASE_CPU_H
#define UT_BASE_CPU_H

enum ut_cpu {
    UT_CPU_AVX2 = 1 << 0,        /* AVX2 + FMA + F16C */
    UT_CPU_AVX_VNNI = 1 << 1,    /* VEX vpdpbusd */
    UT_CPU_AVX512 = 1 << 2,      /* F + BW + DQ + VL */
    UT_CPU_AVX512_VNNI = 1 << 3, /* EVEX vpdpbusd */
    UT_CPU_AVX512_BF16 = 1 << 4,
    UT_CPU_AMX_INT8 = 1 << 5, /* tiles + int8; permission was asked of the kernel and given */
    UT_CPU_AMX_BF16 = 1 << 6,
    UT_CPU_NEON = 1 << 7,
    UT_CPU_DOTPROD = 1 << 8 /* aarch64 sdot */
};

/* The flags of this machine after the UT_CPU mask; asks the kernel for AMX tiles when present. */
unsigned ut_cpu_flags(void);

/* The flags left of `flags` under a level name; an unknown name leaves them as they are. */
unsigned ut_cpu_mask(unsigned flags, const char *level);

/* The name of the highest level in `flags`: "scalar", "avx2", "avxvnni", "avx512", "vnni", "amx",
 * "neon", "dotprod". */
const char *ut_cpu_level(unsigned flags);

/* Cores that this process may run on (affinity), at least 1. */
int ut_cpu_count(void);

#endif
