#include "compute/linear_avx512.h"
#include "compute/tiles_amx.h"

/* Rows from which tiles pay; for fewer one would be loaded for a row or three of its sixteen. */
#define LEAST_ROWS 4

static void gemm_s8(const struct ut_gemm_s8 *g)
{
    const struct ut_tiles_gemm tiles = {
        .a = g->a,
        .lda = g->lda,
        .w = (const unsigned char *)g->w,
        .panel = g->k * UT_PANEL,
        .k = g->k,
        .n_rows = g->n_rows,
        .n_panels = g->n_panels,
        .c = g->c,
        .ldc = g->ldc,
        .tiles = g->tiles,
    };

    if (g->n_rows < LEAST_ROWS)
        ut_gemm_s8_vnni(g);
    else
        ut_tiles_multiply(&tiles);
}

void ut_linear_ops_init_amx(struct ut_linear_ops *ops)
{
    ops->zero = 128;
    ops->s8_rows = 64;
    ops->s8_panels = 2;
    ops->gemm_s8 = gemm_s8;
    ops->tiles_begin = ut_tiles_begin;
    ops->tiles_end = ut_tiles_end;
}
