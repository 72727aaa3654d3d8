#include "compute/tiles_amx.h"

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define UT_INLINE static inline __attribute__((always_inline))

#define ROWS UT_TILE_ROWS
#define K UT_TILE_BYTES
#define COLUMNS 16 /* of a panel */

/* Inputs of one pass: 32 rows of them and two panels of weights stay in the nearest cache. A
 * multiple of K. */
#define K_PASS 512

struct tile_config {
    uint8_t palette;
    uint8_t start_row;
    uint8_t reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};
_Static_assert(sizeof(struct tile_config) == 64, "what ldtilecfg reads");

/*
 * Tiles 0-3 are results (rows0 and rows1 high, side by side in pairs), 4-5 the inputs' rows, 6-7
 * the weights' 16 x 64 bytes. rows0 in 1..16, rows1 in 0..16 (0: the second row of tiles is
 * unused).
 *
 * ldtilecfg reads all 64 bytes; gcc 12's own intrinsic tells the compiler of eight, which lets it
 * drop the rest of the stores, so the instruction stands here with its true operand.
 */
static void load_config(size_t rows0, size_t rows1)
{
    static const uint8_t second[8] = { 0, 0, 1, 1, 0, 1, 2, 2 };
    struct tile_config config;

    memset(&config, 0, sizeof config);
    config.palette = 1;
    for (int i = 0; i < 8; i++) {
        size_t rows = second[i] == 0 ? rows0 : second[i] == 1 ? rows1 : 16;
        config.rows[i] = (uint8_t)(rows ? rows : 1);
        config.row_bytes[i] = K;
    }
    __asm__ volatile("ldtilecfg %0" : : "m"(config));
}

void ut_tiles_begin(void)
{
    load_config(ROWS, ROWS);
}

void ut_tiles_end(void)
{
    __asm__ volatile("tilerelease");
}

/* The numbers of tiles are part of the instruction. */
#define MULTIPLY(sum, a, w)                                                                        \
    do {                                                                                           \
        if (bf16)                                                                                  \
            _tile_dpbf16ps(sum, a, w);                                                             \
        else                                                                                       \
            _tile_dpbusd(sum, a, w);                                                               \
    } while (0)

/* What the blocks of one pass share. */
struct pass {
    size_t lda, panel, k;
    size_t ldc; /* bytes */
    bool add;
};

/* Sums of 32 rows x 2 panels in four tiles, so that each loaded tile is used twice. */
UT_INLINE void block_2x2(const struct pass *b, const unsigned char *a, const unsigned char *w,
                         unsigned char *c, bool bf16)
{
    if (b->add) {
        _tile_loadd(0, c, b->ldc);
        _tile_loadd(1, c + K, b->ldc);
        _tile_loadd(2, c + ROWS * b->ldc, b->ldc);
        _tile_loadd(3, c + ROWS * b->ldc + K, b->ldc);
    } else {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
    }
    for (size_t i = 0; i < b->k; i += K) {
        _tile_loadd(4, a + i, b->lda);
        _tile_loadd(6, w + i * COLUMNS, K);
        _tile_loadd(7, w + b->panel + i * COLUMNS, K);
        MULTIPLY(0, 4, 6);
        _tile_loadd(5, a + ROWS * b->lda + i, b->lda);
        MULTIPLY(1, 4, 7);
        MULTIPLY(2, 5, 6);
        MULTIPLY(3, 5, 7);
    }
    _tile_stored(0, c, b->ldc);
    _tile_stored(1, c + K, b->ldc);
    _tile_stored(2, c + ROWS * b->ldc, b->ldc);
    _tile_stored(3, c + ROWS * b->ldc + K, b->ldc);
}

UT_INLINE void block_1x2(const struct pass *b, const unsigned char *a, const unsigned char *w,
                         unsigned char *c, bool bf16)
{
    if (b->add) {
        _tile_loadd(0, c, b->ldc);
        _tile_loadd(1, c + K, b->ldc);
    } else {
        _tile_zero(0);
        _tile_zero(1);
    }
    for (size_t i = 0; i < b->k; i += K) {
        _tile_loadd(4, a + i, b->lda);
        _tile_loadd(6, w + i * COLUMNS, K);
        _tile_loadd(7, w + b->panel + i * COLUMNS, K);
        MULTIPLY(0, 4, 6);
        MULTIPLY(1, 4, 7);
    }
    _tile_stored(0, c, b->ldc);
    _tile_stored(1, c + K, b->ldc);
}

UT_INLINE void block_1x1(const struct pass *b, const unsigned char *a, const unsigned char *w,
                         unsigned char *c, bool bf16)
{
    if (b->add)
        _tile_loadd(0, c, b->ldc);
    else
        _tile_zero(0);
    for (size_t i = 0; i < b->k; i += K) {
        _tile_loadd(4, a + i, b->lda);
        _tile_loadd(6, w + i * COLUMNS, K);
        MULTIPLY(0, 4, 6);
    }
    _tile_stored(0, c, b->ldc);
}

/* n_rows from a and c on by `height` (32 or 16; the last may be lower), of all panels. */
UT_INLINE void rows_pass(const struct pass *b, const unsigned char *a, const unsigned char *w,
                         unsigned char *c, size_t n_rows, size_t n_panels, size_t height, bool bf16)
{
    for (size_t p = 0; p < n_panels; p += 2, w += 2 * b->panel, c += (size_t)2 * K) {
        for (size_t r = 0; r < n_rows; r += height) {
            const unsigned char *a_r = a + r * b->lda;
            unsigned char *c_r = c + r * b->ldc;
            if (p + 2 > n_panels) {
                block_1x1(b, a_r, w, c_r, bf16);
                if (height > ROWS)
                    block_1x1(b, a_r + ROWS * b->lda, w, c_r + ROWS * b->ldc, bf16);
            } else if (height > ROWS) {
                block_2x2(b, a_r, w, c_r, bf16);
            } else {
                block_1x2(b, a_r, w, c_r, bf16);
            }
        }
    }
}

static void run_rows(const struct ut_tiles_gemm *g, size_t row, size_t n_rows, size_t height)
{
    unsigned char *c = (unsigned char *)g->c + row * g->ldc * 4;

    for (size_t k = 0; k < g->k && n_rows > 0; k += K_PASS) {
        const struct pass pass = {
            .lda = g->lda,
            .panel = g->panel,
            .k = g->k - k < K_PASS ? g->k - k : K_PASS,
            .ldc = g->ldc * 4,
            .add = g->add || k > 0,
        };
        const unsigned char *a = g->a + row * g->lda + k, *w = g->w + k * COLUMNS;
        if (g->bf16)
            rows_pass(&pass, a, w, c, n_rows, g->n_panels, height, true);
        else
            rows_pass(&pass, a, w, c, n_rows, g->n_panels, height, false);
    }
}

void ut_tiles_multiply(const struct ut_tiles_gemm *g)
{
    size_t n_pairs = g->n_rows / (2 * ROWS) * (2 * ROWS), n_whole = g->n_rows / ROWS * ROWS;

    if (!g->tiles && n_whole > 0)
        load_config(ROWS, ROWS);
    run_rows(g, 0, n_pairs, 2 * ROWS);
    run_rows(g, n_pairs, n_whole - n_pairs, ROWS);
    if (n_whole < g->n_rows) {
        load_config(g->n_rows - n_whole, 0);
        run_rows(g, n_whole, g->n_rows - n_whole, ROWS);
        if (g->tiles)
            load_config(ROWS, ROWS);
    }
    if (!g->tiles)
        ut_tiles_end();
}
