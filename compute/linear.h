/*
 * Linear layers: y = act(norm(x) W^T + b) + residual, over rows of a batch.
 *
 * Weights are packed once at load into the tiles that the kernels read and are immutable after
 * that; any number of contexts of the same CPU level may read them. The packed form depends on the
 * source: f32 stays f32, f16/bf16 stay 16 bit, quantised types become int8 with one scale an output
 * row (inputs are then quantised per row on the fly: int8, one scale a row), or f16 in a context
 * with float_weights; rough float weights become bf16 pairs where the processor multiplies those
 * fastest, and inputs then bf16 on the fly. docs/KERNELS.md.
 */
#ifndef UT_COMPUTE_LINEAR_H
#define UT_COMPUTE_LINEAR_H

#include "compute/compute.h"
#include "compute/gguf.h"

struct ut_linear;

#define UT_LINEAR_MAX_PARTS 4

/* Matrices stacked along n_out, for instance Q, K and V. Each weight is [n_out_i, n_in]. */
struct ut_linear_spec {
    size_t n_parts;
    const struct ut_tensor *weight[UT_LINEAR_MAX_PARTS];
    const struct ut_tensor *bias[UT_LINEAR_MAX_PARTS]; /* [n_out_i] of any float type, or NULL: 0 */
    bool rough; /* float weights need no more than bf16: those of a model that is quantised */
};

/*
 * Packs. The sources are not needed afterwards. End with ut_linear_destroy().
 * Errors: UT_EINVAL (shapes, types), UT_ENOMEM.
 */
UT_NODISCARD enum ut_status ut_linear_create(struct ut_linear **out, struct ut_compute *c,
                                             const struct ut_linear_spec *spec);
void ut_linear_destroy(struct ut_linear *w);

size_t ut_linear_n_in(const struct ut_linear *w);
size_t ut_linear_n_out(const struct ut_linear *w);
size_t ut_linear_bytes(const struct ut_linear *w); /* packed */

enum ut_act { UT_ACT_NONE = 0, UT_ACT_GELU, UT_ACT_RELU, UT_ACT_SILU };

/* Row normalisation ahead of a product. */
enum ut_norm_kind { UT_NORM_LAYER = 0, UT_NORM_RMS };
struct ut_norm {
    enum ut_norm_kind kind;
    const float *gamma; /* [n_in] */
    const float *beta;  /* [n_in], NULL for RMS */
    float eps;
};

struct ut_linear_call {
    const float
        *x; /* [n_rows, n_in], row r starts at x + r * ldx; rows may overlap (convolution) */
    size_t ldx;
    float *y; /* [n_rows, n_out], may not overlap x */
    size_t ldy;
    size_t split; /* 0, or a multiple of 16 below n_out: columns from it on go to y2 instead */
    float *y2;    /* [n_rows, n_out - split] */
    size_t ldy2;
    float *const *host_rows; /* NULL, or [n_rows] rows of host memory that stand for y (then NULL,
                                without split): what the caller looks at, with no copy between */
    size_t n_rows;           /* 0 does nothing */
    const struct ut_norm *norm; /* NULL: none */
    enum ut_act act;
    const float *residual; /* [n_rows, n_out] added last, or NULL; may be y itself */
    size_t ld_residual;
};

/*
 * Errors (also kept in the context; nothing is then written): UT_EINVAL (shapes, strides, a buffer
 * that is missing or not aligned to a float), UT_ENOMEM.
 */
enum ut_status ut_linear_run(struct ut_compute *c, const struct ut_linear *w,
                             const struct ut_linear_call *call);

/* Row `i` of the packed matrix as floats [n_in] (token embeddings of a tied projection). */
enum ut_status ut_linear_row(struct ut_compute *c, const struct ut_linear *w, size_t i, float *y);

/* y = norm(x) for [n_rows, d]; y may be x. n_rows 0 does nothing, d 0 is refused. Errors: as above.
 */
enum ut_status ut_norm_run(struct ut_compute *c, const struct ut_norm *norm, const float *x,
                           float *y, size_t n_rows, size_t d);

#endif
