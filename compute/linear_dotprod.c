#include <arm_neon.h>
#include <string.h>

#include "compute/linear_neon.h"

#define UT_INLINE static inline __attribute__((always_inline))

/* Sixteen columns of n_rows rows: four registers of sums a row. */
UT_INLINE void block(const struct ut_gemm_s8 *g, size_t p, size_t row, size_t n_rows)
{
    int32x4_t sum[6][4];
    const int8_t *a = (const int8_t *)g->a + row * g->lda;
    const int8_t *w = g->w + p * g->k * UT_PANEL;
    int32_t *c = g->c + row * g->ldc + p * UT_PANEL;

    for (size_t i = 0; i < n_rows; i++)
        for (size_t j = 0; j < 4; j++)
            sum[i][j] = vdupq_n_s32(0);
    for (size_t k = 0; k < g->k; k += 4, w += 4 * UT_PANEL) {
        int8x16_t weights[4];
        for (size_t j = 0; j < 4; j++)
            weights[j] = vld1q_s8(w + 16 * j);
        for (size_t i = 0; i < n_rows; i++) {
            int32_t four;
            memcpy(&four, a + i * g->lda + k, sizeof four);
            int8x16_t v = vreinterpretq_s8_s32(vdupq_n_s32(four));
            for (size_t j = 0; j < 4; j++)
                sum[i][j] = vdotq_s32(sum[i][j], weights[j], v);
        }
    }
    for (size_t i = 0; i < n_rows; i++)
        for (size_t j = 0; j < 4; j++)
            vst1q_s32(c + i * g->ldc + 4 * j, sum[i][j]);
}

static void gemm_s8(const struct ut_gemm_s8 *g)
{
    for (size_t p = 0; p < g->n_panels; p++) {
        size_t r = 0;
        for (; r + 6 <= g->n_rows; r += 6)
            block(g, p, r, 6);
        for (; r + 2 <= g->n_rows; r += 2)
            block(g, p, r, 2);
        if (r < g->n_rows)
            block(g, p, r, 1);
    }
}

void ut_linear_ops_init_dotprod(struct ut_linear_ops *ops)
{
    ops->gemm_s8 = gemm_s8;
}
