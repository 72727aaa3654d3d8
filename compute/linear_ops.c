#include "compute/linear_ops.h"

#include "base/cpu.h"
#include "compute/linear_scalar.h"

#if defined(__x86_64__)
#include "compute/linear_avx2.h"
#include "compute/linear_avx512.h"
#elif defined(__aarch64__)
#include "compute/linear_neon.h"
#endif

void ut_linear_ops_init(struct ut_linear_ops *ops, unsigned cpu)
{
    ut_linear_ops_init_scalar(ops);
    (void)cpu;
#if defined(__x86_64__)
    if (cpu & UT_CPU_AVX2) {
        ut_linear_ops_init_avx2(ops);
        ut_linear_ops_init_pack_avx2(ops);
    }
    if (cpu & UT_CPU_AVX_VNNI)
        ut_linear_ops_init_avxvnni(ops);
    if (cpu & UT_CPU_AVX512) {
        ut_linear_ops_init_avx512(ops);
        ut_linear_ops_init_pack_avx512(ops);
    }
    if (cpu & UT_CPU_AVX512_VNNI)
        ut_linear_ops_init_vnni(ops);
    if (cpu & UT_CPU_AMX_INT8)
        ut_linear_ops_init_amx(ops);
#elif defined(__aarch64__)
    if (cpu & UT_CPU_NEON)
        ut_linear_ops_init_neon(ops);
    if (cpu & UT_CPU_DOTPROD)
        ut_linear_ops_init_dotprod(ops);
#endif
}
