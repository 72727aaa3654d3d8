/*
 * Products by AMX tiles, of int8 and of bf16: both read tiles of 16 rows x 64 bytes and leave sums
 * of 32 bits, so that one walk over rows, panels and k serves them. Sizes here are bytes.
 */
#ifndef UT_COMPUTE_TILES_AMX_H
#define UT_COMPUTE_TILES_AMX_H

#include <stdbool.h>
#include <stddef.h>

#define UT_TILE_ROWS 16
#define UT_TILE_BYTES 64 /* of a tile row */

/* c[r][16 p + j] (+)= the product of row r of a and column j of panel p. */
struct ut_tiles_gemm {
    bool bf16;              /* else unsigned bytes times signed ones */
    const unsigned char *a; /* rows of k bytes, lda bytes apart */
    size_t lda;
    const unsigned char *w; /* panels of [k / 4, 16, 4] bytes, `panel` bytes apart */
    size_t panel;
    size_t k; /* a multiple of UT_TILE_BYTES */
    size_t n_rows;
    size_t n_panels;
    void *c; /* int32 or float, ldc elements a row */
    size_t ldc;
    bool add;   /* to what c holds */
    bool tiles; /* the caller is between begin and end */
};

void ut_tiles_multiply(const struct ut_tiles_gemm *g);

/* Sets the tiles of this thread for whole blocks of rows, and frees them. */
void ut_tiles_begin(void);
void ut_tiles_end(void);

#endif
