/* The peaks; what runs against them is in roofline_run.c. */
#include "compute/roofline.h"

#include <stdint.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "compute/context.h"
#include "compute/pages.h"
#include "compute/peak_ops.h"

#define READ_LEAST ((size_t)256 << 10)
#define READ_TILE ((size_t)64 << 10)
#define READ_ROUND ((size_t)8 << 20) /* or the whole, where that is more */
#define READ_US 60000                /* for each size */
#define READ_MIN_ROUNDS 3
/* Pieces of a measurement, so that no worker ends long before the others. */
#define PIECES 4
/* Many short rounds: on a machine with other work some of them pass undisturbed. */
#define ROUNDS 120
#define ROUND_US 400

struct loop {
    size_t (*run)(size_t n);
    size_t n; /* rounds of the loop per piece */
};

static void run_piece(void *ctx, size_t tile, int worker)
{
    const struct loop *loop = ctx;

    (void)tile;
    (void)worker;
    (void)loop->run(loop->n);
}

/* The best of some rounds: what others do to the machine only slows. */
static double measure_loop(struct ut_compute *c, size_t (*run)(size_t n))
{
    struct loop loop = { .run = run, .n = 1000 };
    size_t n_pieces = (size_t)c->n_threads * PIECES, n_ops = run(1);
    int64_t best = INT64_MAX;

    for (int round = 0; round < ROUNDS;) {
        int64_t start = ut_clock_now_us();
        ut_team_run(c->team, run_piece, &loop, n_pieces);
        int64_t took = ut_clock_now_us() - start;
        if (took < ROUND_US / 2 && round == 0) {
            loop.n *= 2;
            continue;
        }
        /* In proportion, so that rounds of different length compare. */
        best = took < best ? took : best;
        round++;
    }
    return (double)n_ops * (double)loop.n * (double)n_pieces / (double)(best > 0 ? best : 1) * 1e-3;
}

struct reading {
    void (*read)(const unsigned char *p, size_t n);
    const unsigned char *data;
    size_t n_tiles; /* of READ_TILE in `data`; a round walks over them more than once */
};

static void read_tile(void *ctx, size_t tile, int worker)
{
    const struct reading *r = ctx;

    (void)worker;
    r->read(r->data + tile % r->n_tiles * READ_TILE, READ_TILE);
}

static double time_reading(struct ut_compute *c, struct reading *r)
{
    size_t n = r->n_tiles > READ_ROUND / READ_TILE ? r->n_tiles : READ_ROUND / READ_TILE;
    int64_t best = INT64_MAX, end = ut_clock_now_us() + READ_US;

    for (int round = 0; round < READ_MIN_ROUNDS || ut_clock_now_us() < end; round++) {
        int64_t start = ut_clock_now_us();
        ut_team_run(c->team, read_tile, r, n);
        int64_t took = ut_clock_now_us() - start;
        best = took < best ? took : best;
    }
    return (double)(n * READ_TILE) / (double)(best > 0 ? best : 1) * 1e-3;
}

static enum ut_status measure_reads(struct ut_roofline *peak, struct ut_compute *c,
                                    const struct ut_peak_ops *ops)
{
    size_t n_bytes = READ_LEAST << 2 * (UT_ROOFLINE_READS - 1);
    unsigned char *data = ut_pages_alloc(n_bytes, 1, true); /* as weights are */

    if (!data)
        return UT_ENOMEM;
    memset(data, 1, n_bytes); /* pages of its own, not the one zero page */
    n_bytes = READ_LEAST;
    for (int i = 0; i < UT_ROOFLINE_READS; i++, n_bytes *= 4) {
        struct reading r = { ops->read, data, n_bytes / READ_TILE };
        peak->reads[i] = (struct ut_roofline_read){ n_bytes, time_reading(c, &r) };
        peak->read_gbs = peak->reads[i].gbs;
    }
    ut_pages_free(data);
    return UT_OK;
}

double ut_roofline_read_gbs(const struct ut_roofline *peak, double n_bytes)
{
    int i = 0;

    while (i < UT_ROOFLINE_READS - 1 && (double)peak->reads[i + 1].n_bytes <= n_bytes)
        i++;
    return peak->reads[i].gbs;
}

enum ut_status ut_roofline_measure(struct ut_roofline *out, struct ut_compute *c)
{
    struct ut_roofline peak = { 0 };
    struct ut_peak_ops ops;

    ut_peak_ops_init(&ops, c->cpu);
    enum ut_status status = measure_reads(&peak, c, &ops);
    if (status != UT_OK)
        return status;
    peak.s8_gops = measure_loop(c, ops.s8);
    peak.f32_gops = measure_loop(c, ops.f32);
    if (ops.bf16)
        peak.bf16_gops = measure_loop(c, ops.bf16);
    *out = peak;
    return UT_OK;
}
