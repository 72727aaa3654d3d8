#include <immintrin.h>

#include "compute/attention_avx512.h"
#include "compute/tiles_amx.h"

#define ROWS 16
#define K 32 /* bf16 values of a tile row */

/* Up to 32 rows x 2 panels in four result tiles; `low`: rows 17..32 are there. */
static void block_2(const struct ut_gemm_pairs *g, const uint16_t *a, const uint16_t *w, float *c,
                    bool low)
{
    size_t ldc = g->ldc * sizeof *c, lda = g->lda * sizeof *a;

    if (g->add) {
        _tile_loadd(0, c, ldc);
        _tile_loadd(1, c + 16, ldc);
    } else {
        _tile_zero(0);
        _tile_zero(1);
    }
    if (low && g->add) {
        _tile_loadd(2, c + ROWS * g->ldc, ldc);
        _tile_loadd(3, c + ROWS * g->ldc + 16, ldc);
    } else {
        _tile_zero(2);
        _tile_zero(3);
    }
    for (size_t i = 0; i < g->k; i += K) {
        _tile_loadd(4, a + i, lda);
        _tile_loadd(6, w + i * 16, 64);
        _tile_loadd(7, w + g->panel + i * 16, 64);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        if (!low)
            continue;
        _tile_loadd(5, a + ROWS * g->lda + i, lda);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, c, ldc);
    _tile_stored(1, c + 16, ldc);
    if (low) {
        _tile_stored(2, c + ROWS * g->ldc, ldc);
        _tile_stored(3, c + ROWS * g->ldc + 16, ldc);
    }
}

static void block_1(const struct ut_gemm_pairs *g, const uint16_t *a, const uint16_t *w, float *c)
{
    size_t ldc = g->ldc * sizeof *c;

    if (g->add)
        _tile_loadd(0, c, ldc);
    else
        _tile_zero(0);
    for (size_t i = 0; i < g->k; i += K) {
        _tile_loadd(4, a + i, g->lda * sizeof *a);
        _tile_loadd(6, w + i * 16, 64);
        _tile_dpbf16ps(0, 4, 6);
    }
    _tile_stored(0, c, ldc);
}

/* n_rows <= 32 from `row` on; with more than 16 of them, exactly 32. */
static void strip(const struct ut_gemm_pairs *g, size_t row, size_t n_rows)
{
    const uint16_t *a = g->a + row * g->lda;
    float *c = g->c + row * g->ldc;
    size_t p = 0;

    for (; p + 2 <= g->n_panels; p += 2)
        block_2(g, a, g->w + p * g->panel, c + p * 16, n_rows > ROWS);
    if (p == g->n_panels)
        return;
    block_1(g, a, g->w + p * g->panel, c + p * 16);
    if (n_rows > ROWS)
        block_1(g, a + ROWS * g->lda, g->w + p * g->panel, c + ROWS * g->ldc + p * 16);
}

static void gemm_pairs(const struct ut_gemm_pairs *g)
{
    size_t r = 0;

    if (!g->tiles && g->n_rows >= ROWS)
        ut_tiles_load(ROWS, ROWS);
    for (; r + 2 * ROWS <= g->n_rows; r += 2 * ROWS)
        strip(g, r, 2 * ROWS);
    for (; r + ROWS <= g->n_rows; r += ROWS)
        strip(g, r, ROWS);
    if (r < g->n_rows) {
        ut_tiles_load(g->n_rows - r, 0);
        strip(g, r, g->n_rows - r);
        if (g->tiles)
            ut_tiles_load(ROWS, ROWS);
    }
    if (!g->tiles)
        ut_tiles_release();
}

void ut_attention_ops_init_amx(struct ut_attention_ops *ops)
{
    ops->pairs = true;
    ops->gemm_pairs = gemm_pairs;
}
