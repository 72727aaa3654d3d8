/* Linear layers at work: quantise or normalise the rows, then products by tiles. */
#include "compute/linear.h"

#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "compute/context.h"

/* Rows of one tile of work; more weights than this per tile only where rows are few. */
#define TILE_ROWS 256
/* Weights of one tile, so that they stay in the second-level cache while the rows pass. */
#define TILE_BYTES ((size_t)256 << 10)
/* Few rows: a tile is a stretch of weights read once; this much is worth a claim. */
#define THIN_ROWS 16
#define THIN_BYTES ((size_t)48 << 10)
#define THIN_PANELS 16
/* Rows quantised or normalised per claim. */
#define PREPARE_ROWS 16
/* Element count below which waking another worker costs more than it gives. */
#define INLINE_ELEMENTS 8192

struct run {
    struct ut_compute *c;
    const struct ut_linear *w;
    const struct ut_linear_call *call;
    const void *a; /* what the product reads: quantised rows, normalised rows or call->x */
    size_t lda;
    float *row_scale;
    size_t tile_rows, tile_panels, n_panel_tiles;
    bool tiles; /* products run between tiles_begin() and tiles_end() */
};

/* A row as the product reads it, to row r of run->a; y is where normalised floats may stand. */
static void prepare_row(struct run *run, size_t r, const float *x, float *y)
{
    const struct ut_linear_ops *ops = &run->c->linear;
    const struct ut_linear *w = run->w;

    if (run->call->norm) {
        ops->norm(run->call->norm, x, y, w->n_in);
        x = y;
    }
    if (w->kind == UT_LINEAR_S8) {
        ops->quantise((uint8_t *)run->a + r * run->lda, &run->row_scale[r], x, w->n_in, w->k,
                      ops->zero);
    } else if (w->kind == UT_LINEAR_PAIRS) {
        uint16_t *to = (uint16_t *)run->a + r * run->lda;
        run->c->attention.to_bf16(to, x, w->n_in);
        memset(to + w->n_in, 0, (w->k - w->n_in) * sizeof *to);
    }
}

static void prepare_rows(void *ctx, size_t tile, int worker)
{
    struct run *run = ctx;
    const struct ut_linear_call *call = run->call;
    size_t end = (tile + 1) * PREPARE_ROWS;
    bool floats = ut_linear_input_bytes(run->w->kind) == sizeof(float);

    end = end < call->n_rows ? end : call->n_rows;
    for (size_t r = tile * PREPARE_ROWS; r < end; r++) {
        float *y = floats ? (float *)run->a + r * run->lda : ut_compute_worker(run->c, worker);
        prepare_row(run, r, call->x + r * call->ldx, y);
    }
}

/* Takes scratch for what the product reads and fills it. */
static enum ut_status prepare(struct run *run)
{
    const struct ut_linear_call *call = run->call;
    size_t element = ut_linear_input_bytes(run->w->kind), line = UT_CACHE_LINE / element;
    size_t a_bytes, scale_bytes, n_bytes;

    if (element == sizeof(float) && !call->norm) {
        run->a = call->x;
        run->lda = call->ldx;
        return UT_OK;
    }
    /* An odd number of cache lines, so that rows do not fall on the same cache sets. */
    run->lda = ut_round_up(run->w->k, line);
    if (run->lda / line % 2 == 0)
        run->lda += line;
    if (!ut_size_mul(call->n_rows, run->lda * element, &a_bytes) || a_bytes > SIZE_MAX / 2)
        return UT_EINVAL;
    scale_bytes = ut_round_up(call->n_rows * sizeof(float), UT_CACHE_LINE); /* less than a_bytes */
    if (!ut_size_add(scale_bytes, a_bytes, &n_bytes))
        return UT_EINVAL;
    unsigned char *scratch = ut_compute_scratch(run->c, n_bytes);
    if (!scratch)
        return UT_ENOMEM;
    run->row_scale = (float *)(void *)scratch;
    run->a = scratch + scale_bytes;
    size_t n_tiles = (call->n_rows + PREPARE_ROWS - 1) / PREPARE_ROWS;
    if (call->n_rows * run->w->n_in < INLINE_ELEMENTS) {
        for (size_t i = 0; i < n_tiles; i++)
            prepare_rows(run, i, 0);
    } else {
        ut_team_run(run->c->team, prepare_rows, run, n_tiles);
    }
    return UT_OK;
}

static void multiply(const struct run *run, size_t row, size_t n_rows, size_t panel,
                     size_t n_panels, void *acc)
{
    const struct ut_linear *w = run->w;
    const struct ut_linear_ops *ops = &run->c->linear;

    if (w->kind == UT_LINEAR_S8) {
        struct ut_gemm_s8 g = {
            .a = (const uint8_t *)run->a + row * run->lda,
            .lda = run->lda,
            .w = (const int8_t *)w->data + panel * w->k * UT_PANEL,
            .k = w->k,
            .n_rows = n_rows,
            .n_panels = n_panels,
            .c = acc,
            .ldc = n_panels * UT_PANEL,
            .tiles = run->tiles,
        };
        ops->gemm_s8(&g);
        return;
    }
    if (w->kind == UT_LINEAR_PAIRS) {
        struct ut_gemm_pairs g = {
            .a = (const uint16_t *)run->a + row * run->lda,
            .lda = run->lda,
            .w = (const uint16_t *)w->data + panel * w->k * UT_PANEL,
            .panel = w->k * UT_PANEL,
            .k = w->k,
            .n_rows = n_rows,
            .n_panels = n_panels,
            .c = acc,
            .ldc = n_panels * UT_PANEL,
            .tiles = run->tiles,
        };
        run->c->attention.gemm_pairs(&g);
        return;
    }
    struct ut_gemm_float g = {
        .a = (const float *)run->a + row * run->lda,
        .lda = run->lda,
        .w = (const unsigned char *)w->data +
             panel * w->k * UT_PANEL * ut_linear_weight_bytes(w->kind),
        .panel = w->k * UT_PANEL,
        .k = w->k,
        .n_rows = n_rows,
        .n_panels = n_panels,
        .c = acc,
        .ldc = n_panels * UT_PANEL,
    };
    if (w->kind == UT_LINEAR_F32)
        ops->gemm_f32(&g);
    else if (w->kind == UT_LINEAR_F16)
        ops->gemm_f16(&g);
    else
        ops->gemm_bf16(&g);
}

/* Where the result of a row begins at a column; NULL when rows stand anywhere. */
static float *place(const struct ut_linear_call *call, size_t row, size_t column)
{
    if (call->host_rows)
        return NULL;
    if (call->split > 0 && column >= call->split)
        return call->y2 + row * call->ldy2 + (column - call->split);
    return call->y + row * call->ldy + column;
}

static void finish_block(const struct run *run, size_t row, size_t n_rows, size_t panel,
                         size_t n_panels, const void *acc)
{
    const struct ut_linear *w = run->w;
    const struct ut_linear_call *call = run->call;
    size_t column = panel * UT_PANEL, n_cols = n_panels * UT_PANEL;
    bool s8 = w->kind == UT_LINEAR_S8, second = call->split > 0 && column >= call->split;

    struct ut_epilogue e = {
        .acc = acc,
        .ld_acc = n_cols,
        .row_scale = s8 ? run->row_scale + row : NULL,
        .scale = s8 ? w->scale + column : NULL,
        .sum = s8 ? w->sum + column : NULL,
        .bias = w->bias + column,
        .zero = run->c->linear.zero,
        .act = call->act,
        .residual = call->residual ? call->residual + row * call->ld_residual + column : NULL,
        .ld_residual = call->ld_residual,
        .y = place(call, row, column),
        .ldy = second ? call->ldy2 : call->ldy,
        .n_rows = n_rows,
        .n_cols = column + n_cols > w->n_out ? w->n_out - column : n_cols,
    };
    if (!call->host_rows) {
        run->c->linear.epilogue(&e);
        return;
    }
    e.n_rows = 1;
    for (size_t r = 0; r < n_rows; r++) {
        e.acc = (const unsigned char *)acc + r * n_cols * sizeof(float);
        e.row_scale = s8 ? run->row_scale + row + r : NULL;
        e.residual =
            call->residual ? call->residual + (row + r) * call->ld_residual + column : NULL;
        e.y = call->host_rows[row + r] + column;
        run->c->linear.epilogue(&e);
    }
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* One tile of rows x panels: panels outside, so that they stay near while the rows pass. */
static void run_tile(void *ctx, size_t tile, int worker)
{
    const struct run *run = ctx;
    const struct ut_linear_ops *ops = &run->c->linear;
    void *acc = ut_compute_worker(run->c, worker);
    size_t row0 = tile / run->n_panel_tiles * run->tile_rows;
    size_t panel0 = tile % run->n_panel_tiles * run->tile_panels;
    size_t row_end = smaller(row0 + run->tile_rows, run->call->n_rows);
    size_t panel_end = smaller(panel0 + run->tile_panels, run->w->n_panels);
    bool floats = ut_linear_input_bytes(run->w->kind) == sizeof(float);
    size_t row_step = floats ? ops->float_rows : ops->s8_rows;
    size_t panel_step = run->call->n_rows <= THIN_ROWS ? THIN_PANELS : ops->s8_panels;

    if (run->tiles)
        ops->tiles_begin();
    for (size_t p = panel0, n_panels; p < panel_end; p += n_panels) {
        size_t split = run->call->split / UT_PANEL;
        n_panels = smaller(panel_step, (p < split && split < panel_end ? split : panel_end) - p);
        for (size_t r = row0; r < row_end; r += row_step) {
            size_t n_rows = smaller(row_step, row_end - r);
            multiply(run, r, n_rows, p, n_panels, acc);
            finish_block(run, r, n_rows, p, n_panels, acc);
        }
    }
    if (run->tiles)
        ops->tiles_end();
}

static void plan_tiles(struct run *run)
{
    size_t panel_bytes = run->w->k * UT_PANEL * ut_linear_weight_bytes(run->w->kind);
    bool thin = run->call->n_rows <= THIN_ROWS;
    size_t bytes = thin ? THIN_BYTES : TILE_BYTES;

    run->tile_rows = thin ? THIN_ROWS : TILE_ROWS;
    run->tile_panels = (bytes + panel_bytes - 1) / panel_bytes;
    run->tiles = run->c->linear.tiles_begin && !thin && run->w->kind >= UT_LINEAR_S8;
    run->n_panel_tiles = (run->w->n_panels + run->tile_panels - 1) / run->tile_panels;
}

static bool host_rows_are_valid(const struct ut_linear_call *call)
{
    if (call->y || call->split)
        return false;
    for (size_t r = 0; r < call->n_rows; r++) {
        if (!call->host_rows[r] || !ut_is_aligned(call->host_rows[r]))
            return false;
    }
    return true;
}

static bool buffers_are_aligned(const struct ut_linear_call *call)
{
    const struct ut_norm *norm = call->norm;

    return ut_is_aligned(call->x) && ut_is_aligned(call->y) && ut_is_aligned(call->y2) &&
           ut_is_aligned(call->residual) &&
           (!norm || (ut_is_aligned(norm->gamma) && ut_is_aligned(norm->beta)));
}

static bool call_is_valid(const struct ut_linear *w, const struct ut_linear_call *call)
{
    size_t split = call->split;

    if (!w || !call->x || !buffers_are_aligned(call))
        return false;
    if (call->host_rows ? !host_rows_are_valid(call)
                        : !call->y || call->ldy < (split ? split : w->n_out))
        return false;
    if (split &&
        (split % UT_PANEL || split >= w->n_out || !call->y2 || call->ldy2 < w->n_out - split))
        return false;
    if (call->residual && call->ld_residual < w->n_out)
        return false;
    if (call->act < UT_ACT_NONE || call->act > UT_ACT_SILU)
        return false;
    return !call->norm || ut_norm_is_valid(call->norm);
}

enum ut_status ut_linear_run(struct ut_compute *c, const struct ut_linear *w,
                             const struct ut_linear_call *call)
{
    if (c->failed != UT_OK)
        return c->failed;
    if (!call || (call->n_rows > 0 && !call_is_valid(w, call)))
        return ut_compute_fail(c, UT_EINVAL);
    if (call->n_rows == 0)
        return UT_OK;
    struct run run = { .c = c, .w = w, .call = call };
    enum ut_status status = prepare(&run);
    if (status != UT_OK)
        return ut_compute_fail(c, status);
    plan_tiles(&run);
    size_t n_row_tiles = (call->n_rows + run.tile_rows - 1) / run.tile_rows;
    ut_team_run(c->team, run_tile, &run, n_row_tiles * run.n_panel_tiles);
    return UT_OK;
}
