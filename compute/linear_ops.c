#include "compute/linear_ops.h"

#include "base/cpu.h"
#include "compute/interim_avx512.h"
#include "compute/linear_scalar.h"

void ut_linear_ops_init(struct ut_linear_ops *ops, unsigned cpu)
{
    ut_linear_ops_init_scalar(ops);
    if (cpu & UT_CPU_AVX512_VNNI)
        ut_interim_avx512_linear(ops);
}
