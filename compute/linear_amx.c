#include <immintrin.h>

#include "compute/linear_avx512.h"
#include "compute/tiles_amx.h"

#define ROWS 16 /* of a tile */
#define K 64    /* bytes of a tile row */

/* What the blocks of one pass share. */
struct block {
    size_t lda;
    size_t panel;
    size_t k;
    size_t ldc;
    bool add; /* to what c holds */
};

/*
 * Inputs of one pass: 32 rows of them and two panels of weights stay in the nearest cache. A
 * multiple of K.
 */
#define K_PASS 512

/* Sums of 32 rows x 2 panels in four tiles, so that each loaded tile is used twice. */
static void block_2x2(const struct block *b, const uint8_t *a, const int8_t *w, int32_t *c)
{
    size_t ldc = b->ldc * sizeof *c;

    if (b->add) {
        _tile_loadd(0, c, ldc);
        _tile_loadd(1, c + UT_PANEL, ldc);
        _tile_loadd(2, c + ROWS * b->ldc, ldc);
        _tile_loadd(3, c + ROWS * b->ldc + UT_PANEL, ldc);
    } else {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
    }
    for (size_t i = 0; i < b->k; i += K) {
        _tile_loadd(4, a + i, b->lda);
        _tile_loadd(6, w + i * UT_PANEL, K);
        _tile_loadd(7, w + b->panel + i * UT_PANEL, K);
        _tile_dpbusd(0, 4, 6);
        _tile_loadd(5, a + ROWS * b->lda + i, b->lda);
        _tile_dpbusd(1, 4, 7);
        _tile_dpbusd(2, 5, 6);
        _tile_dpbusd(3, 5, 7);
    }
    _tile_stored(0, c, ldc);
    _tile_stored(1, c + UT_PANEL, ldc);
    _tile_stored(2, c + ROWS * b->ldc, ldc);
    _tile_stored(3, c + ROWS * b->ldc + UT_PANEL, ldc);
}

static void block_1x2(const struct block *b, const uint8_t *a, const int8_t *w, int32_t *c)
{
    size_t ldc = b->ldc * sizeof *c;

    if (b->add) {
        _tile_loadd(0, c, ldc);
        _tile_loadd(1, c + UT_PANEL, ldc);
    } else {
        _tile_zero(0);
        _tile_zero(1);
    }
    for (size_t i = 0; i < b->k; i += K) {
        _tile_loadd(4, a + i, b->lda);
        _tile_loadd(6, w + i * UT_PANEL, K);
        _tile_loadd(7, w + b->panel + i * UT_PANEL, K);
        _tile_dpbusd(0, 4, 6);
        _tile_dpbusd(1, 4, 7);
    }
    _tile_stored(0, c, ldc);
    _tile_stored(1, c + UT_PANEL, ldc);
}

static void block_1x1(const struct block *b, const uint8_t *a, const int8_t *w, int32_t *c)
{
    size_t ldc = b->ldc * sizeof *c;

    if (b->add)
        _tile_loadd(0, c, ldc);
    else
        _tile_zero(0);
    for (size_t i = 0; i < b->k; i += K) {
        _tile_loadd(4, a + i, b->lda);
        _tile_loadd(6, w + i * UT_PANEL, K);
        _tile_dpbusd(0, 4, 6);
    }
    _tile_stored(0, c, ldc);
}

/* Rows [row, row + n_rows) by `height` (32 or 16; the last may be lower) of all panels. */
static void rows_pass(const struct ut_gemm_s8 *g, const struct block *b, size_t k, size_t row,
                      size_t n_rows, size_t height)
{
    const uint8_t *a = (const uint8_t *)g->a + row * g->lda + k;

    for (size_t p = 0; p < g->n_panels; p += 2) {
        const int8_t *w = g->w + p * b->panel + k * UT_PANEL;
        for (size_t r = 0; r < n_rows; r += height) {
            int32_t *c = g->c + (row + r) * g->ldc + p * UT_PANEL;
            const uint8_t *a_r = a + r * g->lda;
            if (p + 2 > g->n_panels) {
                block_1x1(b, a_r, w, c);
                if (height > ROWS)
                    block_1x1(b, a_r + ROWS * g->lda, w, c + ROWS * g->ldc);
            } else if (height > ROWS) {
                block_2x2(b, a_r, w, c);
            } else {
                block_1x2(b, a_r, w, c);
            }
        }
    }
}

static void rows_of(const struct ut_gemm_s8 *g, size_t row, size_t n_rows, size_t height)
{
    for (size_t k = 0; k < g->k && n_rows > 0; k += K_PASS) {
        struct block b = {
            .lda = g->lda,
            .panel = g->k * UT_PANEL,
            .k = g->k - k < K_PASS ? g->k - k : K_PASS,
            .ldc = g->ldc,
            .add = k > 0,
        };
        rows_pass(g, &b, k, row, n_rows, height);
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
    size_t n_pairs = g->n_rows / (2 * ROWS) * (2 * ROWS), n_whole = g->n_rows / ROWS * ROWS;

    if (g->n_rows < 4) {
        few_rows(g);
        return;
    }
    if (!g->tiles && n_whole > 0)
        ut_tiles_load(ROWS, ROWS);
    rows_of(g, 0, n_pairs, 2 * ROWS);
    rows_of(g, n_pairs, n_whole - n_pairs, ROWS);
    if (n_whole < g->n_rows) {
        ut_tiles_load(g->n_rows - n_whole, 0);
        rows_of(g, n_whole, g->n_rows - n_whole, ROWS);
        if (g->tiles)
            ut_tiles_load(ROWS, ROWS);
    }
    if (!g->tiles)
        ut_tiles_release();
}

static void tiles_begin(void)
{
    ut_tiles_load(ROWS, ROWS);
}

static void tiles_end(void)
{
    ut_tiles_release();
}

void ut_linear_ops_init_amx(struct ut_linear_ops *ops)
{
    ops->zero = 128;
    ops->s8_rows = 64;
    ops->s8_panels = 2;
    ops->gemm_s8 = gemm_s8;
    ops->tiles_begin = tiles_begin;
    ops->tiles_end = tiles_end;
}
