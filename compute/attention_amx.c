#include "compute/attention_avx512.h"
#include "compute/tiles_amx.h"

static void gemm_pairs(const struct ut_gemm_pairs *g)
{
    const struct ut_tiles_gemm tiles = {
        .bf16 = true,
        .a = (const unsigned char *)g->a,
        .lda = g->lda * sizeof *g->a,
        .w = (const unsigned char *)g->w,
        .panel = g->panel * sizeof *g->w,
        .k = g->k * sizeof *g->a,
        .n_rows = g->n_rows,
        .n_panels = g->n_panels,
        .c = g->c,
        .ldc = g->ldc,
        .add = g->add,
        .tiles = g->tiles,
    };

    ut_tiles_multiply(&tiles);
}

void ut_attention_ops_init_amx(struct ut_attention_ops *ops)
{
    ops->pairs = true;
    ops->gemm_pairs = gemm_pairs;
}
