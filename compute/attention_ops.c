#include "compute/attention_ops.h"

#include "base/cpu.h"
#include "compute/attention_scalar.h"
#include "compute/interim_avx512.h"

void ut_attention_ops_init(struct ut_attention_ops *ops, unsigned cpu)
{
    ut_attention_ops_init_scalar(ops);
    if (cpu & UT_CPU_AVX512_VNNI)
        ut_interim_avx512_attention(ops);
}
