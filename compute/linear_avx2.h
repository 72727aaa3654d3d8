/* AVX2 forms of the linear kernels (AVX2, FMA, F16C). linear_scalar.c defines them. */
#ifndef UT_COMPUTE_LINEAR_AVX2_H
#define UT_COMPUTE_LINEAR_AVX2_H

#include "compute/linear_ops.h"

/* Overrides the work on rows of inputs; zero stays 0. */
void ut_linear_ops_init_avx2(struct ut_linear_ops *ops);
/* Overrides reading and packing of weights. */
void ut_linear_ops_init_pack_avx2(struct ut_linear_ops *ops);

/* The int8 product without VNNI (linear_s8_avx2.c). */
void ut_gemm_s8_avx2(const struct ut_gemm_s8 *g);

/* Overrides the int8 product; sets zero to 128. Needs AVX-VNNI. */
void ut_linear_ops_init_avxvnni(struct ut_linear_ops *ops);

#endif
