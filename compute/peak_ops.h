/*
 * Loops of nothing but multiply-add instructions, or of nothing but loads: what an arithmetic can
 * reach on this processor when nothing else holds it up. For compute/roofline.h.
 */
#ifndef UT_COMPUTE_PEAK_OPS_H
#define UT_COMPUTE_PEAK_OPS_H

#include <stddef.h>

struct ut_peak_ops {
    /* Each runs `n` rounds and returns the operations of one (a multiply-add counts as two). */
    size_t (*s8)(size_t n);   /* int8 products, int32 sums */
    size_t (*bf16)(size_t n); /* NULL where the processor has no bf16 products */
    size_t (*f32)(size_t n);
    /* Loads n bytes, a multiple of 1024, from an address that is a multiple of 64. */
    void (*read)(const unsigned char *p, size_t n);
};

/* Fills the table for a set of enum ut_cpu flags. */
void ut_peak_ops_init(struct ut_peak_ops *ops, unsigned cpu);

/* Overrides of one instruction set each; their files carry its flags. */
void ut_peak_ops_init_avx2(struct ut_peak_ops *ops);
void ut_peak_ops_init_avxvnni(struct ut_peak_ops *ops);
void ut_peak_ops_init_avx512(struct ut_peak_ops *ops);
void ut_peak_ops_init_vnni(struct ut_peak_ops *ops);
void ut_peak_ops_init_bf16(struct ut_peak_ops *ops);
void ut_peak_ops_init_amx_int8(struct ut_peak_ops *ops);
void ut_peak_ops_init_amx_bf16(struct ut_peak_ops *ops);

/* Registers that a loop adds to: more than two units times a latency of five. */
#define UT_PEAK_SUMS 12

#endif
