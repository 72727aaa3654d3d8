#include "compute/vector_ops.h"

#include "base/cpu.h"
#include "compute/vector_scalar.h"

#if defined(__x86_64__)
#include "compute/vector_avx2.h"
#include "compute/vector_avx512.h"
#elif defined(__aarch64__)
#include "compute/vector_neon.h"
#endif

void ut_vector_ops_init(struct ut_vector_ops *ops, unsigned cpu)
{
    ut_vector_ops_init_scalar(ops);
    (void)cpu;
#if defined(__x86_64__)
    if (cpu & UT_CPU_AVX2)
        ut_vector_ops_init_avx2(ops);
    if (cpu & UT_CPU_AVX512)
        ut_vector_ops_init_avx512(ops);
#elif defined(__aarch64__)
    if (cpu & UT_CPU_NEON)
        ut_vector_ops_init_neon(ops);
#endif
}
