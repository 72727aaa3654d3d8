#include <immintrin.h>

#include "compute/linear_avx512.h"
#include "compute/tiles_amx.h"

#define ROWS 16 /* of a tile */
#define K 64    /* bytes of a tile row */

/* 32 rows x 2 panels: four result tiles, so that each loaded tile is used twice. */
static void block_2x2(const uint8_t *a, size_t lda, const int8_t *w, size_t panel, size_t k,
                      int32_t *c, size_t ldc)
{
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (size_t i = 0; i < k; i += K) {
        _tile_loadd(4, a + i, lda);
        _tile_loadd(6, w + i * UT_PANEL, K);
        _tile_loadd(7, w + panel + i * UT_PANEL, K);
        _tile_dpbusd(0, 4, 6);
        _tile_loadd(5, a + ROWS * lda + i, lda);
        _tile_dpbusd(1, 4, 7);
        _tile_dpbusd(2, 5, 6);
        _tile_dpbusd(3, 5, 7);
    }
    _tile_stored(0, c, ldc * sizeof *c);
    _tile_stored(1, c + UT_PANEL, ldc * sizeof *c);
    _tile_stored(2, c + ROWS * ldc, ldc * sizeof *c);
    _tile_stored(3, c + ROWS * ldc + UT_PANEL, ldc * sizeof *c);
}

static void block_1x2(const uint8_t *a, size_t lda, const int8_t *w, size_t panel, size_t k,
                      int32_t *c, size_t ldc)
{
    _tile_zero(0);
    _tile_zero(1);
    for (size_t i = 0; i < k; i += K) {
        _tile_loadd(4, a + i, lda);
        _tile_loadd(6, w + i * UT_PANEL, K);
        _tile_loadd(7, w + panel + i * UT_PANEL, K);
        _tile_dpbusd(0, 4, 6);
        _tile_dpbusd(1, 4, 7);
    }
    _tile_stored(0, c, ldc * sizeof *c);
    _tile_stored(1, c + UT_PANEL, ldc * sizeof *c);
}

static void block_1x1(const uint8_t *a, size_t lda, const int8_t *w, size_t k, int32_t *c,
                      size_t ldc)
{
    _tile_zero(0);
    for (size_t i = 0; i < k; i += K) {
        _tile_loadd(4, a + i, lda);
        _tile_loadd(6, w + i * UT_PANEL, K);
        _tile_dpbusd(0, 4, 6);
    }
    _tile_stored(0, c, ldc * sizeof *c);
}

/* Rows [row, row + n_rows), n_rows <= 32, of all panels; the tiles are as high as the rows. */
static void strip(const struct ut_gemm_s8 *g, size_t row, size_t n_rows)
{
    const uint8_t *a = (const uint8_t *)g->a + row * g->lda;
    size_t panel = g->k * UT_PANEL;

    for (size_t p = 0; p < g->n_panels;) {
        const int8_t *w = g->w + p * panel;
        int32_t *c = g->c + row * g->ldc + p * UT_PANEL;
        bool two = p + 2 <= g->n_panels;

        if (two && n_rows > ROWS) {
            block_2x2(a, g->lda, w, panel, g->k, c, g->ldc);
        } else if (two) {
            block_1x2(a, g->lda, w, panel, g->k, c, g->ldc);
        } else {
            block_1x1(a, g->lda, w, g->k, c, g->ldc);
            if (n_rows > ROWS)
                block_1x1(a + ROWS * g->lda, g->lda, w, g->k, c + ROWS * g->ldc, g->ldc);
        }
        p += two ? 2 : 1;
    }
}

/* The vector form that few rows take: a tile would be loaded for one row of sixteen. */
static void few_rows(const struct ut_gemm_s8 *g)
{
    struct ut_linear_ops vector;

    ut_linear_ops_init_vnni(&vector);
    vector.gemm_s8(g);
}

static void gemm_s8(const struct ut_gemm_s8 *g)
{
    size_t r = 0;

    if (g->n_rows < 4) {
        few_rows(g);
        return;
    }
    if (g->n_rows >= 2 * ROWS) {
        ut_tiles_load(ROWS, ROWS);
        for (; r + 2 * ROWS <= g->n_rows; r += 2 * ROWS)
            strip(g, r, 2 * ROWS);
    }
    while (r < g->n_rows) {
        size_t n = g->n_rows - r < ROWS ? g->n_rows - r : ROWS;
        ut_tiles_load(n, 0);
        strip(g, r, n);
        r += n;
    }
    ut_tiles_release();
}

void ut_linear_ops_init_amx(struct ut_linear_ops *ops)
{
    ops->zero = 128;
    ops->s8_rows = 64;
    ops->s8_panels = 8;
    ops->gemm_s8 = gemm_s8;
}
