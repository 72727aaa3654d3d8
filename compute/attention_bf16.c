#include <string.h>

#include "compute/attention_avx512.h"
#include "compute/simd_avx512.h"

UT_INLINE void block(const struct ut_gemm_pairs *g, size_t p, size_t n_panels, size_t row,
                     size_t n_rows)
{
    __m512 sum[12][2];
    const uint16_t *a = g->a + row * g->lda, *w = g->w + p * g->panel;
    float *c = g->c + row * g->ldc + p * 16;

    for (size_t i = 0; i < n_rows; i++)
        for (size_t j = 0; j < n_panels; j++)
            sum[i][j] = g->add ? _mm512_loadu_ps(c + i * g->ldc + j * 16) : _mm512_setzero_ps();
    for (size_t k = 0; k < g->k; k += 2) {
        __m512bh weights[2];
        for (size_t j = 0; j < n_panels; j++)
            weights[j] = (__m512bh)_mm512_loadu_si512(w + j * g->panel + k * 16);
        for (size_t i = 0; i < n_rows; i++) {
            int32_t pair;
            memcpy(&pair, a + i * g->lda + k, sizeof pair);
            __m512bh v = (__m512bh)_mm512_set1_epi32(pair);
            for (size_t j = 0; j < n_panels; j++)
                sum[i][j] = _mm512_dpbf16_ps(sum[i][j], v, weights[j]);
        }
    }
    for (size_t i = 0; i < n_rows; i++)
        for (size_t j = 0; j < n_panels; j++)
            _mm512_storeu_ps(c + i * g->ldc + j * 16, sum[i][j]);
}

UT_INLINE void panels(const struct ut_gemm_pairs *g, size_t p, size_t n_panels)
{
    size_t r = 0;

    for (; r + 12 <= g->n_rows; r += 12)
        block(g, p, n_panels, r, 12);
    for (; r + 4 <= g->n_rows; r += 4)
        block(g, p, n_panels, r, 4);
    for (; r < g->n_rows; r++)
        block(g, p, n_panels, r, 1);
}

static void gemm_pairs(const struct ut_gemm_pairs *g)
{
    size_t p = 0;

    for (; p + 2 <= g->n_panels; p += 2)
        panels(g, p, 2);
    if (p < g->n_panels)
        panels(g, p, 1);
}

void ut_attention_ops_init_bf16(struct ut_attention_ops *ops)
{
    ops->pairs = true;
    ops->gemm_pairs = gemm_pairs;
}
