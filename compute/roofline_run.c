/* The operations that are held against the peaks: a table of shapes, and one runner for each kind.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "compute/attention.h"
#include "compute/context.h"
#include "compute/linear.h"
#include "compute/roofline.h"
#include "compute/vector.h"

#define MAX_RUNS 1000
#define N_HEAD 8
#define D_HEAD 64

enum kind { LINEAR, WINDOW, ROWS, NORM, LOGSUMEXP };

/* What the sizes are follows from the kind: see the runners. The last eight are quick. */
struct op {
    const char *name;
    enum kind kind;
    size_t rows;
    size_t n_in;
    size_t n_out;
    enum ut_dtype dtype;
    enum ut_act act;
    bool exact;
};

static const struct op ops[] = {
    { "linear s8 1500x512 -> 1536", LINEAR, 1500, 512, 1536, UT_DTYPE_Q8_0, UT_ACT_NONE, false },
    { "linear s8 1500x512 -> 2048 gelu", LINEAR, 1500, 512, 2048, UT_DTYPE_Q8_0, UT_ACT_GELU,
      false },
    { "linear s8 1500x2048 -> 512", LINEAR, 1500, 2048, 512, UT_DTYPE_Q8_0, UT_ACT_NONE, false },
    { "attention 1500 x 1500 exact", WINDOW, 1500, 1500, 0, UT_DTYPE_F32, UT_ACT_NONE, true },
    { "attention 1500 x 1500", WINDOW, 1500, 1500, 0, UT_DTYPE_F32, UT_ACT_NONE, false },
    { "attention 501 x 1500", WINDOW, 501, 1500, 0, UT_DTYPE_F32, UT_ACT_NONE, false },
    { "linear s8 613x416 -> 511", LINEAR, 613, 416, 511, UT_DTYPE_Q8_0, UT_ACT_NONE, false },
    { "linear s8 1x512 -> 512", LINEAR, 1, 512, 512, UT_DTYPE_Q8_0, UT_ACT_NONE, false },
    { "linear s8 2x512 -> 512", LINEAR, 2, 512, 512, UT_DTYPE_Q8_0, UT_ACT_NONE, false },
    { "linear s8 4x512 -> 512", LINEAR, 4, 512, 512, UT_DTYPE_Q8_0, UT_ACT_NONE, false },
    { "linear s8 16x512 -> 512", LINEAR, 16, 512, 512, UT_DTYPE_Q8_0, UT_ACT_NONE, false },
    { "linear s8 1500x512 -> 512", LINEAR, 1500, 512, 512, UT_DTYPE_Q8_0, UT_ACT_NONE, false },
    { "linear s8 1x512 -> 2048 gelu", LINEAR, 1, 512, 2048, UT_DTYPE_Q8_0, UT_ACT_GELU, false },
    { "linear s8 1x2048 -> 512", LINEAR, 1, 2048, 512, UT_DTYPE_Q8_0, UT_ACT_NONE, false },
    { "linear s8 1x512 -> 51865", LINEAR, 1, 512, 51865, UT_DTYPE_Q8_0, UT_ACT_NONE, false },
    { "linear s8 2x512 -> 51865", LINEAR, 2, 512, 51865, UT_DTYPE_Q8_0, UT_ACT_NONE, false },
    { "linear s8 4x512 -> 51865", LINEAR, 4, 512, 51865, UT_DTYPE_Q8_0, UT_ACT_NONE, false },
    { "linear s8 8x512 -> 51865", LINEAR, 8, 512, 51865, UT_DTYPE_Q8_0, UT_ACT_NONE, false },
    { "linear s8 16x512 -> 51865", LINEAR, 16, 512, 51865, UT_DTYPE_Q8_0, UT_ACT_NONE, false },
    { "linear bf16 1500x1536 -> 512 gelu", LINEAR, 1500, 1536, 512, UT_DTYPE_F16, UT_ACT_GELU,
      false },
    { "linear f16 3000x240 -> 512 gelu", LINEAR, 3000, 240, 512, UT_DTYPE_F16, UT_ACT_GELU, true },
    { "linear f16 1500x1536 -> 512 gelu", LINEAR, 1500, 1536, 512, UT_DTYPE_F16, UT_ACT_GELU,
      true },
    { "linear f32 1500x512 -> 1536", LINEAR, 1500, 512, 1536, UT_DTYPE_F32, UT_ACT_NONE, true },
    { "linear f32 97x419 -> 333", LINEAR, 97, 419, 333, UT_DTYPE_F32, UT_ACT_NONE, true },
    { "linear f32 1x512 -> 2048", LINEAR, 1, 512, 2048, UT_DTYPE_F32, UT_ACT_NONE, true },
    { "attention row 1 x 1500 f16", ROWS, 1, 1500, 0, UT_DTYPE_F16, UT_ACT_NONE, false },
    { "attention row 8 x 1500 f16", ROWS, 8, 1500, 0, UT_DTYPE_F16, UT_ACT_NONE, false },
    { "attention row 1 x 203 f32", ROWS, 1, 203, 0, UT_DTYPE_F32, UT_ACT_NONE, false },
    { "layer norm 1500x512", NORM, 1500, 512, 0, UT_DTYPE_F32, UT_ACT_NONE, false },
    { "logsumexp 51865", LOGSUMEXP, 1, 51865, 0, UT_DTYPE_F32, UT_ACT_NONE, false },
};

/* Everything that one operation works on; a runner uses what it needs. */
struct bench {
    struct ut_compute *c;
    const struct op *op;
    struct ut_linear *linear;
    struct ut_kv *kv;
    float *x, *k, *y;
    float out; /* keeps results of pure functions alive */
};

static void fill(float *x, size_t n)
{
    uint32_t seed = 1;

    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(seed >> 8) / 8388608.0f - 1.0f;
    }
}

static enum ut_status open_linear(struct bench *b)
{
    const struct op *op = b->op;
    size_t n, n_bytes;

    if (!ut_size_mul(op->n_in, op->n_out, &n) || ut_dtype_bytes(&n_bytes, op->dtype, n) != UT_OK)
        return UT_EINVAL;
    float *w = ut_alloc(n, sizeof *w);
    void *stored = ut_alloc(n_bytes, 1);
    enum ut_status status = w && stored ? UT_OK : UT_ENOMEM;
    if (status == UT_OK) {
        fill(w, n);
        status = ut_dtype_write(stored, w, op->dtype, n);
    }
    struct ut_tensor t = { "w", op->dtype, 2, { op->n_out, op->n_in, 1, 1 }, stored, n_bytes };
    struct ut_linear_spec spec = { .n_parts = 1, .weight = { &t }, .rough = !op->exact };
    if (status == UT_OK)
        status = ut_linear_create(&b->linear, b->c, &spec);
    ut_free(w);
    ut_free(stored);
    return status;
}

static void run_linear(struct bench *b)
{
    struct ut_linear_call call = { .x = b->x,
                                   .ldx = b->op->n_in,
                                   .y = b->y,
                                   .ldy = b->op->n_out,
                                   .n_rows = b->op->rows,
                                   .act = b->op->act };

    (void)ut_linear_run(b->c, b->linear, &call);
}

static struct ut_attention_shape make_shape(const struct op *op)
{
    return (struct ut_attention_shape){ N_HEAD, D_HEAD, 0.125f, op->exact };
}

/* rows queries over n_in keys. */
static void run_window(struct bench *b)
{
    struct ut_attention_shape shape = make_shape(b->op);
    size_t ld = (size_t)N_HEAD * D_HEAD;
    struct ut_attention_call call = {
        .q = b->x,
        .ldq = ld,
        .n_q = b->op->rows,
        .y = b->y,
        .ldy = ld,
        .n_spans = 1,
        .spans = { { .k = b->k, .v = b->k, .ld = ld, .n = b->op->n_in } },
    };

    (void)ut_attention_window(b->c, &shape, &call, 1);
}

static enum ut_status open_rows(struct bench *b)
{
    struct ut_kv_spec spec = { 1, b->op->n_in, N_HEAD, D_HEAD, b->op->dtype };
    enum ut_status status = ut_kv_create(&b->kv, b->c, &spec);

    if (status != UT_OK)
        return status;
    return ut_kv_store(b->c, b->kv, 0, NULL, 0, b->k, b->k, (size_t)N_HEAD * D_HEAD, b->op->n_in);
}

static void run_rows(struct bench *b)
{
    struct ut_attention_shape shape = make_shape(b->op);
    struct ut_attention_row rows[8];

    for (size_t i = 0; i < b->op->rows; i++)
        rows[i] = (struct ut_attention_row){ .q = b->x + i * N_HEAD * D_HEAD,
                                             .y = b->y + i * N_HEAD * D_HEAD,
                                             .n_views = 1,
                                             .views = { { .kv = b->kv, .n = b->op->n_in } } };
    (void)ut_attention_rows(b->c, &shape, 0, rows, b->op->rows);
}

static void run_norm(struct bench *b)
{
    struct ut_norm norm = { UT_NORM_LAYER, b->k, b->k, 1e-5f };

    (void)ut_norm_run(b->c, &norm, b->x, b->y, b->op->rows, b->op->n_in);
}

static void run_logsumexp(struct bench *b)
{
    b->out += ut_vector_logsumexp(b->c, b->x, b->op->n_in);
}

/* Operations, and the bytes that have to be read or written once. */
struct work {
    double n_ops, n_bytes;
};

static struct work count_work(const struct bench *b)
{
    const struct op *op = b->op;
    double rows = (double)op->rows, n_in = (double)op->n_in, n_out = (double)op->n_out;
    double width = N_HEAD * D_HEAD;

    switch (op->kind) {
    case LINEAR:
        return (struct work){ 2 * rows * n_in * n_out,
                              (double)ut_linear_bytes(b->linear) + 4 * rows * (n_in + n_out) };
    case WINDOW:
        return (struct work){ 4 * rows * n_in * width, 4 * width * (2 * rows + 2 * n_in) };
    case ROWS:
        return (struct work){ 4 * rows * n_in * width, (double)ut_kv_bytes(b->kv) };
    case NORM:
        return (struct work){ 8 * rows * n_in, 4 * 2 * rows * n_in };
    case LOGSUMEXP:
        break;
    }
    return (struct work){ 16 * n_in, 4 * n_in };
}

static enum ut_status open_bench(struct bench *b)
{
    const struct op *op = b->op;
    size_t width = (size_t)N_HEAD * D_HEAD, in = op->n_in > width ? op->n_in : width;
    size_t out = op->n_out > in ? op->n_out : in;

    b->x = ut_compute_alloc(b->c, op->rows * in, sizeof *b->x);
    b->k = ut_compute_alloc(b->c, op->n_in * width, sizeof *b->k);
    b->y = ut_compute_alloc(b->c, op->rows * out, sizeof *b->y);
    if (!b->x || !b->k || !b->y)
        return UT_ENOMEM;
    fill(b->x, op->rows * in);
    fill(b->k, op->kind == LINEAR ? 0 : op->n_in * width);
    if (op->kind == LINEAR)
        return open_linear(b);
    return op->kind == ROWS ? open_rows(b) : UT_OK;
}

static void close_bench(struct bench *b)
{
    ut_linear_destroy(b->linear);
    ut_kv_destroy(b->kv);
    ut_compute_free(b->c, b->x);
    ut_compute_free(b->c, b->k);
    ut_compute_free(b->c, b->y);
}

static void run_once(struct bench *b)
{
    static void (*const runners[])(struct bench *) = {
        [LINEAR] = run_linear, [WINDOW] = run_window,       [ROWS] = run_rows,
        [NORM] = run_norm,     [LOGSUMEXP] = run_logsumexp,
    };

    runners[b->op->kind](b);
}

static int compare_times(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* Short operations are repeated until a run lasts long enough for the clock. */
static enum ut_status time_runs(struct bench *b, int n_runs, struct ut_roofline_figure *f)
{
    int64_t took[MAX_RUNS], start = ut_clock_now_us();
    int64_t n_repeats = 1;

    run_once(b);
    int64_t first = ut_clock_now_us() - start;
    if (first < 500)
        n_repeats = 500 / (first > 0 ? first : 1) + 1;
    for (int i = 0; i < n_runs; i++) {
        start = ut_clock_now_us();
        for (int64_t k = 0; k < n_repeats; k++)
            run_once(b);
        took[i] = ut_clock_now_us() - start;
    }
    qsort(took, (size_t)n_runs, sizeof took[0], compare_times);
    int64_t min = took[0] > 0 ? took[0] : 1;
    f->min_ms = (double)min * 1e-3 / (double)n_repeats;
    f->median_ms = (double)took[n_runs / 2] * 1e-3 / (double)n_repeats;
    return ut_compute_end(b->c);
}

/* What need not be exact is held against bf16 where there is one; all but int8 against f32. */
static double find_peak(const struct op *op, const struct ut_roofline *peak,
                        const char **arithmetic)
{
    if (op->kind == LINEAR && op->dtype == UT_DTYPE_Q8_0) {
        *arithmetic = "s8";
        return peak->s8_gops;
    }
    if ((op->kind == WINDOW || op->kind == LINEAR) && !op->exact && peak->bf16_gops > 0) {
        *arithmetic = "bf16";
        return peak->bf16_gops;
    }
    *arithmetic = "f32";
    return peak->f32_gops;
}

size_t ut_roofline_n_ops(void)
{
    return sizeof ops / sizeof ops[0];
}

const char *ut_roofline_name(size_t i)
{
    return ops[i].name;
}

enum ut_status ut_roofline_run(struct ut_roofline_figure *out, struct ut_compute *c,
                               const struct ut_roofline *peak, size_t i, int n_runs)
{
    if (!out || !c || !peak || i >= ut_roofline_n_ops() || n_runs < 1 || n_runs > MAX_RUNS)
        return UT_EINVAL;
    struct bench b = { .c = c, .op = &ops[i] };
    struct ut_roofline_figure f = { .op = ops[i].name };
    enum ut_status status = open_bench(&b);
    if (status == UT_OK)
        status = time_runs(&b, n_runs, &f);
    if (status == UT_OK) {
        struct work work = count_work(&b);
        double compute = find_peak(b.op, peak, &f.arithmetic);
        double memory = ut_roofline_read_gbs(peak, work.n_bytes);
        f.gops = work.n_ops / f.min_ms * 1e-6;
        f.gbs = work.n_bytes / f.min_ms * 1e-6;
        compute = compute > 0 ? f.gops / compute : 0;
        memory = memory > 0 ? f.gbs / memory : 0;
        f.share_of_peak = compute > memory ? compute : memory;
        f.bound = compute > memory ? "compute" : "memory";
        *out = f;
    }
    close_bench(&b);
    return status;
}
