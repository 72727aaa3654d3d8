/* The peaks; what runs against them is in roofline_run.c. */
#include "compute/roofline.h"

#include <stdint.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "compute/context.h"
#include "compute/pages.h"
#include "compute/peak_ops.h"

#define READ_BYTES ((size_t)32 << 20)
#define READ_TILE ((size_t)128 << 10)
#define READ_PART ((size_t)8 << 20) /* of a round; the rounds walk over all of it */
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
    const uint64_t *data;
    uint64_t sums[UT_TEAM_MAX_THREADS * UT_CACHE_LINE / sizeof(uint64_t)];
};

static void read_tile(void *ctx, size_t tile, int worker)
{
    struct reading *r = ctx;
    const uint64_t *p = r->data + tile * (READ_TILE / sizeof *p);
    uint64_t sum[8] = { 0 };

    for (size_t i = 0; i < READ_TILE / sizeof *p; i += 8) {
        for (size_t j = 0; j < 8; j++)
            sum[j] += p[i + j];
    }
    uint64_t *out = &r->sums[(size_t)worker * UT_CACHE_LINE / sizeof(uint64_t)];
    for (int j = 0; j < 8; j++)
        *out += sum[j];
}

static enum ut_status measure_read(double *gbs, struct ut_compute *c)
{
    uint64_t *data = ut_pages_alloc(READ_BYTES, 1, true); /* as weights are */
    struct reading *r = ut_compute_alloc(c, 1, sizeof *r);
    int64_t best = INT64_MAX;

    if (!data || !r) {
        ut_pages_free(data);
        ut_compute_free(c, r);
        return UT_ENOMEM;
    }
    memset(data, 1, READ_BYTES); /* pages of its own, not the one zero page */
    for (size_t round = 0; round < ROUNDS; round++) {
        r->data = data + round * READ_PART % READ_BYTES / sizeof *data;
        int64_t start = ut_clock_now_us();
        ut_team_run(c->team, read_tile, r, READ_PART / READ_TILE);
        int64_t took = ut_clock_now_us() - start;
        best = took < best ? took : best;
    }
    *gbs = (double)READ_PART / (double)(best > 0 ? best : 1) * 1e-3;
    ut_pages_free(data);
    ut_compute_free(c, r);
    return UT_OK;
}

enum ut_status ut_roofline_measure(struct ut_roofline *out, struct ut_compute *c)
{
    struct ut_roofline peak = { 0 };
    struct ut_peak_ops ops;

    ut_peak_ops_init(&ops, c->cpu);
    enum ut_status status = measure_read(&peak.read_gbs, c);
    if (status != UT_OK)
        return status;
    peak.s8_gops = measure_loop(c, ops.s8);
    peak.f32_gops = measure_loop(c, ops.f32);
    if (ops.bf16)
        peak.bf16_gops = measure_loop(c, ops.bf16);
    *out = peak;
    return UT_OK;
}
