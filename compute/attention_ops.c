#include "compute/attention_ops.h"

#include "base/cpu.h"
#include "compute/attention_scalar.h"

void ut_attention_ops_init(struct ut_attention_ops *ops, unsigned cpu)
{
    ut_attention_ops_init_scalar(ops);
    (void)cpu;
}
