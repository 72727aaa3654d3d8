/*
 * The kernels behind linear layers: one table, scalar first, then what the processor can do better.
 *
 * Kernels are pure: they read and write only what their arguments name, on any thread. Memory
 * forms and rounding are defined here and in docs/KERNELS.md; linear_scalar.c is the specification.
 */
#ifndef UT_COMPUTE_LINEAR_OPS_H
#define UT_COMPUTE_LINEAR_OPS_H

#include <stddef.h>
#include <stdint.h>

#include "compute/linear.h"

#define UT_PANEL 16    /* output columns of a panel */
#define UT_S8_ALIGN 64 /* quantised rows are padded to whole AMX tiles along n_in */

#define UT_PAIRS_ALIGN 32 /* and rows of bf16 pairs likewise */

/* PAIRS: bf16 weights two by two, for inputs that become bf16 too. From S8 on inputs are made. */
enum ut_linear_kind {
    UT_LINEAR_F32 = 0,
    UT_LINEAR_F16,
    UT_LINEAR_BF16,
    UT_LINEAR_S8,
    UT_LINEAR_PAIRS
};

/* Bytes of an input as the product reads it. */
static inline size_t ut_linear_input_bytes(enum ut_linear_kind kind)
{
    return kind == UT_LINEAR_S8 ? 1 : kind == UT_LINEAR_PAIRS ? 2 : 4;
}

/* Bytes of a packed weight. */
static inline size_t ut_linear_weight_bytes(enum ut_linear_kind kind)
{
    return kind == UT_LINEAR_S8 ? 1 : kind == UT_LINEAR_F32 ? 4 : 2;
}

struct ut_linear {
    enum ut_linear_kind kind;
    size_t n_in;
    size_t n_out;
    size_t k;        /* n_in, padded for S8 and PAIRS */
    size_t n_panels; /* of UT_PANEL columns; the last is padded with zeros */
    size_t n_bytes;
    void *data;   /* F32 [n_panels, k, 16], 16 bit the same; S8 [n_panels, k/4, 16, 4],
                     PAIRS [n_panels, k/2, 16, 2] */
    float *scale; /* S8: [n_panels * 16] */
    int32_t *sum; /* S8: [n_panels * 16] sum of the int8 weights of a row */
    float *bias;  /* [n_panels * 16] */
};

/*
 * c[r][16 p + j] = sum over k of (a[r][k] - zero) * w[p][k/4][j][k%4] + zero * sum(w), that is: the
 * kernel multiplies the stored bytes as they are (see ut_linear_ops.zero); the epilogue subtracts.
 * a: rows of k bytes (k a multiple of 64), stride lda. c: int32, stride ldc, whole panels. Weights
 * and a - zero lie in [-127, 127].
 */
struct ut_gemm_s8 {
    const void *a;
    size_t lda;
    const int8_t *w;
    size_t k;
    size_t n_rows;
    size_t n_panels;
    int32_t *c;
    size_t ldc;
    bool tiles; /* the caller is between tiles_begin() and tiles_end() */
};

/*
 * c[r][16 p + j] (+)= sum over k of a[r][k] * w[p][k][j], each sum in order of k. Panels begin
 * `panel` elements apart.
 */
struct ut_gemm_float {
    const float *a;
    size_t lda;
    const void *w;
    size_t panel;
    size_t k;
    size_t n_rows;
    size_t n_panels;
    float *c;
    size_t ldc;
    bool add; /* to what c holds */
};

/*
 * What follows a product for n_rows x n_cols: y = act(v + bias) + residual, with
 * v = (acc - zero * sum) * (row_scale * scale) for integers and v = acc for floats.
 * scale, sum and bias begin at the first column and, as acc, may be read up to the end of a panel.
 */
struct ut_epilogue {
    const void *acc; /* int32 or float, stride ld_acc */
    size_t ld_acc;
    const float *row_scale; /* NULL: acc is float */
    const float *scale;
    const int32_t *sum;
    const float *bias;
    int32_t zero;
    enum ut_act act;
    const float *residual; /* or NULL */
    size_t ld_residual;
    float *y;
    size_t ldy;
    size_t n_rows;
    size_t n_cols;
};

struct ut_linear_ops {
    /*
     * What quantise adds to each value in memory: 0 for signed bytes, 128 where the dot product
     * wants unsigned ones. Sums are the same integers at every level.
     */
    uint8_t zero;
    size_t s8_rows; /* rows and panels of a call that fit the caches best */
    size_t s8_panels;
    size_t float_rows;

    /*
     * q[i] = round(x[i] * (127 / amax)) clipped to +-127, plus zero; *scale = amax / 127. Bytes
     * [n, n_pad) become zero; n_pad is a multiple of UT_S8_ALIGN. A row whose amax is below 1e-30
     * is all 0 with scale 0; one that holds a NaN or an infinity has a scale that is not finite, so
     * that the result is not either.
     */
    void (*quantise)(uint8_t *q, float *scale, const float *x, size_t n, size_t n_pad,
                     uint8_t zero);
    void (*gemm_s8)(const struct ut_gemm_s8 *g);
    void (*gemm_f32)(const struct ut_gemm_float *g);
    void (*gemm_f16)(const struct ut_gemm_float *g);
    void (*gemm_bf16)(const struct ut_gemm_float *g);
    void (*epilogue)(const struct ut_epilogue *e);
    void (*norm)(const struct ut_norm *norm, const float *x, float *y, size_t n);

    /* Rows of a model file to n floats, as ut_dtype_read() does, from any address. */
    void (*read_q8_0)(float *y, const void *blocks, size_t n); /* n: a multiple of 32 */
    void (*read_f16)(float *y, const void *halves, size_t n);
    /*
     * One column of an S8 panel from a row of n floats: column[k / 4 * 64 + k % 4] = q[k], q and
     * the result, the scale, by the rule of quantise with zero 0, *sum that of q. Only those n
     * bytes are written. A row that is not finite gives 0 and the scale NAN: what the weights are
     * multiplied by tells. n <= 2^16.
     */
    float (*pack_s8)(int8_t *column, int32_t *sum, const float *x, size_t n);
    /* One column of a 16 bit panel: column[16 * k] = x[k] as f16, to nearest even. */
    void (*pack_f16)(uint16_t *column, const float *x, size_t n);

    /*
     * Where products need a state of the processor (AMX tiles), it may be set once around many of
     * them, on the thread that runs them; NULL where there is none. A product works without, too.
     */
    void (*tiles_begin)(void);
    void (*tiles_end)(void);
};

/* Fills the table for a set of enum ut_cpu flags. */
void ut_linear_ops_init(struct ut_linear_ops *ops, unsigned cpu);

#endif
