#include "compute/attention_ops.h"

#include "base/cpu.h"
#include "compute/attention_scalar.h"

#if defined(__x86_64__)
#include "compute/attention_avx2.h"
#include "compute/attention_avx512.h"
#elif defined(__aarch64__)
#include "compute/attention_neon.h"
#endif

void ut_attention_ops_init(struct ut_attention_ops *ops, unsigned cpu)
{
    ut_attention_ops_init_scalar(ops);
    (void)cpu;
#if defined(__x86_64__)
    if (cpu & UT_CPU_AVX2)
        ut_attention_ops_init_avx2(ops);
    if (cpu & UT_CPU_AVX512)
        ut_attention_ops_init_avx512(ops);
    if (cpu & UT_CPU_AVX512)
        ut_attention_ops_init_rows_avx512(ops);
    if (cpu & UT_CPU_AVX512)
        ut_attention_ops_init_pairs(ops);
    if (cpu & UT_CPU_AVX512_BF16)
        ut_attention_ops_init_bf16(ops);
    if ((cpu & UT_CPU_AMX_BF16) && (cpu & UT_CPU_AVX512_BF16))
        ut_attention_ops_init_amx(ops);
#elif defined(__aarch64__)
    if (cpu & UT_CPU_NEON)
        ut_attention_ops_init_neon(ops);
#endif
}
