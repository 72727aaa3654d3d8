/*
 * The int8 product without VNNI: |w| times a with w's sign gives the same products with one factor
 * unsigned, as vpmaddubsw wants. It adds two of them, at most 2 * 127 * 127 = 32258, which its
 * saturation at 32767 never touches; so the sums are exact.
 */
#include <string.h>

#include "compute/linear_avx2.h"
#include "compute/simd_avx2.h"

UT_INLINE __m256i broadcast4(const int8_t *a)
{
    int32_t four;

    memcpy(&four, a, sizeof four);
    return _mm256_set1_epi32(four);
}

/* n_rows x n_panels sums, two registers each; one load of weights serves every row. */
UT_INLINE void block(const struct ut_gemm_s8 *g, size_t p, size_t n_panels, size_t row,
                     size_t n_rows)
{
    __m256i sum[4][4];
    const int8_t *a = (const int8_t *)g->a + row * g->lda;
    const int8_t *w = g->w + p * g->k * UT_PANEL;
    int32_t *c = g->c + row * g->ldc + p * UT_PANEL;
    size_t n = 2 * n_panels, lda = g->lda, k = g->k;

    for (size_t i = 0; i < n_rows; i++)
        for (size_t j = 0; j < n; j++)
            sum[i][j] = _mm256_setzero_si256();
    for (size_t at = 0; at < k; at += 4) {
        for (size_t j = 0; j < n; j++) {
            const int8_t *from = w + (j / 2 * k + at) * UT_PANEL + j % 2 * 32;
            __m256i weights = _mm256_loadu_si256((const __m256i *)(const void *)from);
            __m256i magnitudes = _mm256_abs_epi8(weights);
            for (size_t i = 0; i < n_rows; i++) {
                __m256i v = _mm256_sign_epi8(broadcast4(a + i * lda + at), weights);
                v = _mm256_madd_epi16(_mm256_maddubs_epi16(magnitudes, v), _mm256_set1_epi16(1));
                sum[i][j] = _mm256_add_epi32(sum[i][j], v);
            }
        }
    }
    for (size_t i = 0; i < n_rows; i++)
        for (size_t j = 0; j < n; j++)
            _mm256_storeu_si256((__m256i *)(void *)(c + i * g->ldc + j * 8), sum[i][j]);
}

void ut_gemm_s8_avx2(const struct ut_gemm_s8 *g)
{
    size_t n_four = g->n_rows / 4 * 4;

    for (size_t p = 0; p < g->n_panels; p++) {
        for (size_t r = 0; r < n_four; r += 4)
            block(g, p, 1, r, 4);
    }
    for (size_t r = n_four; r < g->n_rows; r++) {
        size_t p = 0;
        for (; p + 2 <= g->n_panels; p += 2)
            block(g, p, 2, r, 1);
        if (p < g->n_panels)
            block(g, p, 1, r, 1);
    }
}
