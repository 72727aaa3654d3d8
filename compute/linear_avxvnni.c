#include <string.h>

#include "compute/linear_avx2.h"
#include "compute/simd_avx2.h"

/* n_rows x n_panels sums, two registers each; one load of weights serves every row. */
UT_INLINE void block(const struct ut_gemm_s8 *g, size_t p, size_t n_panels, size_t row,
                     size_t n_rows)
{
    __m256i sum[6][8];
    const uint8_t *a = (const uint8_t *)g->a + row * g->lda;
    const int8_t *w = g->w + p * g->k * UT_PANEL;
    int32_t *c = g->c + row * g->ldc + p * UT_PANEL;
    size_t n = 2 * n_panels, lda = g->lda, k = g->k;

    for (size_t i = 0; i < n_rows; i++)
        for (size_t j = 0; j < n; j++)
            sum[i][j] = _mm256_setzero_si256();
    for (size_t at = 0; at < k; at += 4) {
        __m256i weights[8];
        for (size_t j = 0; j < n; j++) {
            const int8_t *from = w + (j / 2 * k + at) * UT_PANEL + j % 2 * 32;
            weights[j] = _mm256_loadu_si256((const __m256i *)(const void *)from);
        }
        for (size_t i = 0; i < n_rows; i++) {
            int32_t four;
            memcpy(&four, a + i * lda + at, sizeof four);
            __m256i v = _mm256_set1_epi32(four);
            for (size_t j = 0; j < n; j++)
                sum[i][j] = _mm256_dpbusd_avx_epi32(sum[i][j], v, weights[j]);
        }
    }
    for (size_t i = 0; i < n_rows; i++)
        for (size_t j = 0; j < n; j++)
            _mm256_storeu_si256((__m256i *)(void *)(c + i * g->ldc + j * 8), sum[i][j]);
}

static void gemm_s8(const struct ut_gemm_s8 *g)
{
    size_t n_six = g->n_rows / 6 * 6, n_pair = n_six + (g->n_rows - n_six) / 2 * 2;

    for (size_t p = 0; p < g->n_panels; p++) {
        for (size_t r = 0; r < n_six; r += 6)
            block(g, p, 1, r, 6);
        for (size_t r = n_six; r < n_pair; r += 2)
            block(g, p, 1, r, 2);
    }
    for (size_t r = n_pair; r < g->n_rows; r++) {
        size_t p = 0;
        for (; p + 4 <= g->n_panels; p += 4)
            block(g, p, 4, r, 1);
        for (; p < g->n_panels; p++)
            block(g, p, 1, r, 1);
    }
}

void ut_linear_ops_init_avxvnni(struct ut_linear_ops *ops)
{
    ops->zero = 128;
    ops->gemm_s8 = gemm_s8;
}
