#include <string.h>

#include "compute/linear_avx512.h"
#include "compute/simd_avx512.h"

#define MAX_ROWS 12
#define MAX_PANELS 4

/* n_rows x n_panels sums in registers; one 64-byte load of weights serves every row. */
UT_INLINE void block(const struct ut_gemm_s8 *g, size_t p, size_t n_panels, size_t row,
                     size_t n_rows)
{
    __m512i sum[MAX_ROWS][MAX_PANELS];
    const uint8_t *a = (const uint8_t *)g->a + row * g->lda;
    const int8_t *w = g->w + p * g->k * UT_PANEL;
    int32_t *c = g->c + row * g->ldc + p * UT_PANEL;

    for (size_t i = 0; i < n_rows; i++)
        for (size_t j = 0; j < n_panels; j++)
            sum[i][j] = _mm512_setzero_si512();
    for (size_t k = 0; k < g->k; k += 4) {
        __m512i weights[MAX_PANELS];
        for (size_t j = 0; j < n_panels; j++)
            weights[j] = _mm512_loadu_si512(w + (j * g->k + k) * UT_PANEL);
        for (size_t i = 0; i < n_rows; i++) {
            int32_t four;
            memcpy(&four, a + i * g->lda + k, sizeof four);
            __m512i v = _mm512_set1_epi32(four);
            for (size_t j = 0; j < n_panels; j++)
                sum[i][j] = _mm512_dpbusd_epi32(sum[i][j], v, weights[j]);
        }
    }
    for (size_t i = 0; i < n_rows; i++)
        for (size_t j = 0; j < n_panels; j++)
            _mm512_storeu_si512(c + i * g->ldc + j * UT_PANEL, sum[i][j]);
}

UT_INLINE void panels(const struct ut_gemm_s8 *g, size_t p, size_t n_panels)
{
    size_t r = 0;

    for (; r + 12 <= g->n_rows; r += 12)
        block(g, p, n_panels, r, 12);
    for (; r + 8 <= g->n_rows; r += 8)
        block(g, p, n_panels, r, 8);
    for (; r + 4 <= g->n_rows; r += 4)
        block(g, p, n_panels, r, 4);
    for (; r < g->n_rows; r++)
        block(g, p, n_panels, r, 1);
}

void ut_gemm_s8_vnni(const struct ut_gemm_s8 *g)
{
    size_t p = 0;

    /* Of few rows two panels are too few sums to hide what an instruction takes. */
    for (; g->n_rows < 4 && p + 4 <= g->n_panels; p += 4) {
        for (size_t r = 0; r < g->n_rows; r++)
            block(g, p, 4, r, 1);
    }
    for (; p + 2 <= g->n_panels; p += 2)
        panels(g, p, 2);
    if (p < g->n_panels)
        panels(g, p, 1);
}

void ut_linear_ops_init_vnni(struct ut_linear_ops *ops)
{
    ops->zero = 128;
    ops->s8_rows = 48;
    ops->s8_panels = 8;
    ops->gemm_s8 = ut_gemm_s8_vnni;
}
