/*
 * The kernels behind attention: scalar first, then better ones. Pure functions, any thread.
 */
#ifndef UT_COMPUTE_ATTENTION_OPS_H
#define UT_COMPUTE_ATTENTION_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compute/attention.h"

/* Keys of one block of the window form: scores of a query block against it stay in cache. */
#define UT_KEY_BLOCK 256

/* Queries that share the cells they read in the row form. */
#define UT_ROW_GROUP 4

/*
 * One step of a blocked softmax over n_rows rows of scores s [n_rows, UT_KEY_BLOCK]. Per row, with
 * the running maximum m and sum l: m' = max(m, max s); s = exp((s - m') * scale);
 * c = exp((m - m') * scale); l = l * c + sum s; o *= c for o [n_rows, d]. Before the first step m
 * is -INFINITY and l and o are 0.
 */
struct ut_softmax_step {
    float *s;
    size_t n_rows;
    size_t n; /* keys of the block, 1 .. UT_KEY_BLOCK */
    float scale;
    float *m, *l;
    float *o;
    size_t ldo;
    size_t d; /* a multiple of 16 */
};

/* Keys or values of one head in a ut_kv: cell i is at base + i * d elements of the dtype. */
struct ut_cells {
    const void *base;
    const int32_t *cells; /* NULL: first, first + 1, ... */
    size_t first;
    size_t n;
    size_t d; /* a multiple of 8, at most 128 */
};

/*
 * c[r][16 p + j] (+)= sum over k of a[r][k] * w[p][k / 2][j][k % 2] in bf16 with f32 sums. Panels
 * begin `panel` elements apart; k is a multiple of 32.
 */
struct ut_gemm_pairs {
    const uint16_t *a;
    size_t lda;
    const uint16_t *w;
    size_t panel;
    size_t k;
    size_t n_rows;
    size_t n_panels;
    float *c;
    size_t ldc;
    bool add;   /* to what c holds */
    bool tiles; /* the caller is between ut_linear_ops.tiles_begin() and tiles_end() */
};

struct ut_attention_ops {
    /* k [n, d] with row stride ld -> panels of 16 keys [ceil(n / 16), d, 16]; missing keys are 0.
     */
    void (*pack_k)(float *dst, const float *k, size_t ld, size_t n, size_t d);
    /* v [n, d] -> panels of 16 channels [ceil(d / 16), UT_KEY_BLOCK, 16]. */
    void (*pack_v)(float *dst, const float *v, size_t ld, size_t n, size_t d);
    void (*softmax_step)(const struct ut_softmax_step *s);
    void (*to_f16)(uint16_t *y, const float *x, size_t n); /* to nearest even */
    /* s[i] = q . k_i */
    void (*scores_f32)(float *s, const float *q, const struct ut_cells *k);
    /* y[j] += sum over i of p[i] * v_i[j] */
    void (*mix_f32)(float *y, const float *p, const struct ut_cells *v);
    /* The same for 1 to UT_ROW_GROUP queries over the same f16 cells; each result has the same bits
     * whatever stands beside it. */
    void (*scores_f16)(float *const *s, const float *const *q, size_t n_rows,
                       const struct ut_cells *k);
    void (*mix_f16)(float *const *y, const float *const *p, size_t n_rows,
                    const struct ut_cells *v);

    /* The bf16 forms of the window. `pairs`: they are faster here than the f32 ones. */
    bool pairs;
    /* k [n, d] -> panels of 16 keys [ceil(n / 16), d / 2, 16, 2]; missing keys are 0. */
    void (*pack_k_pairs)(uint16_t *dst, const float *k, size_t ld, size_t n, size_t d);
    /* v [n, d] -> panels of 16 channels [ceil(d / 16), UT_KEY_BLOCK / 2, 16, 2], 0 from n up to
     * the next multiple of 32. */
    void (*pack_v_pairs)(uint16_t *dst, const float *v, size_t ld, size_t n, size_t d);
    void (*to_bf16)(uint16_t *y, const float *x, size_t n); /* to nearest even */
    /* As softmax_step; the weights go to p [n_rows, UT_KEY_BLOCK] as bf16, 0 from n up to the next
     * multiple of 32, and s is left undefined. */
    void (*softmax_pairs)(const struct ut_softmax_step *s, uint16_t *p);
    void (*gemm_pairs)(const struct ut_gemm_pairs *g);
};

void ut_attention_ops_init(struct ut_attention_ops *ops, unsigned cpu);

#endif
