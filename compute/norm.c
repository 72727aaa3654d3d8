/* Row normalisation on its own. */
#include "base/memory.h"
#include "compute/context.h"
#include "compute/linear.h"

#define ROWS 16
#define INLINE_ELEMENTS 16384

struct run {
    struct ut_compute *c;
    const struct ut_norm *norm;
    const float *x;
    float *y;
    size_t n_rows, d;
};

static void norm_rows(void *ctx, size_t tile, int worker)
{
    const struct run *run = ctx;
    size_t end = (tile + 1) * ROWS < run->n_rows ? (tile + 1) * ROWS : run->n_rows;

    (void)worker;
    for (size_t r = tile * ROWS; r < end; r++)
        run->c->linear.norm(run->norm, run->x + r * run->d, run->y + r * run->d, run->d);
}

enum ut_status ut_norm_run(struct ut_compute *c, const struct ut_norm *norm, const float *x,
                           float *y, size_t n_rows, size_t d)
{
    struct run run = { .c = c, .norm = norm, .x = x, .y = y, .n_rows = n_rows, .d = d };
    size_t n, n_tiles = n_rows / ROWS + (n_rows % ROWS != 0);

    if (c->failed != UT_OK)
        return c->failed;
    if (n_rows == 0)
        return UT_OK;
    if (!norm || !ut_norm_is_valid(norm) || !x || !y || d == 0 || !ut_size_mul(n_rows, d, &n) ||
        !ut_is_aligned(x) || !ut_is_aligned(y) || !ut_is_aligned(norm->gamma) ||
        !ut_is_aligned(norm->beta))
        return ut_compute_fail(c, UT_EINVAL);
    if (n >= INLINE_ELEMENTS) {
        ut_team_run(c->team, norm_rows, &run, n_tiles);
        return UT_OK;
    }
    for (size_t i = 0; i < n_tiles; i++)
        norm_rows(&run, i, 0);
    return UT_OK;
}
