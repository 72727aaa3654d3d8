/* AVX-512 forms of the linear kernels (F, BW, DQ, VL). linear_scalar.c defines them. */
#ifndef UT_COMPUTE_LINEAR_AVX512_H
#define UT_COMPUTE_LINEAR_AVX512_H

#include "compute/linear_ops.h"

/* Overrides rows, floats and the epilogue of the table. */
void ut_linear_ops_init_avx512(struct ut_linear_ops *ops);
/* Overrides reading and packing of weights. */
void ut_linear_ops_init_pack_avx512(struct ut_linear_ops *ops);

/* Overrides the int8 product; sets zero to 128. Needs VNNI; the second needs AMX int8 besides. */
void ut_linear_ops_init_vnni(struct ut_linear_ops *ops);
void ut_linear_ops_init_amx(struct ut_linear_ops *ops);

/* The product of the first, which the second takes for few rows. */
void ut_gemm_s8_vnni(const struct ut_gemm_s8 *g);

#endif
