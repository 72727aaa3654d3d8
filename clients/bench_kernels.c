/* `utter bench kernels`: each operation against the peaks of this machine. */
#include <stdio.h>
#include <string.h>

#include "base/cpu.h"
#include "base/json.h"
#include "clients/bench.h"
#include "clients/command.h"
#include "clients/options.h"
#include "compute/roofline.h"

#define MAX_OPS 64
#define BAR 20 /* characters of a share of 1 */

static const struct ut_usage usage = {
    .synopsis = "utter bench kernels [OPTION...]",
    .about =
        "Measures what this machine can do (int8, bf16 and f32 products, reading memory) and how\n"
        "near each operation comes to it, at the shapes of Whisper base and at odd ones. The "
        "share\n"
        "is that of the peak which ends first: arithmetic, or reading what the operation reads.",
    .examples = "  utter bench kernels --threads 2\n  utter bench kernels --level vnni --json\n",
};

struct bench {
    const char *level;
    const char *only;
    int n_threads;
    int n_runs;
    bool json;
    struct ut_compute *compute;
    struct ut_roofline peak;
    struct ut_roofline_figure figures[MAX_OPS];
    size_t n_figures;
};

static enum ut_status measure(struct bench *b)
{
    enum ut_status st = ut_roofline_measure(&b->peak, b->compute);

    for (size_t i = 0; i < ut_roofline_n_ops() && i < MAX_OPS && st == UT_OK; i++) {
        if (b->only && !strstr(ut_roofline_name(i), b->only))
            continue;
        st = ut_roofline_run(&b->figures[b->n_figures++], b->compute, &b->peak, i, b->n_runs);
    }
    return st;
}

static void print_figure(const struct ut_roofline_figure *f)
{
    char bar[BAR + 1] = { 0 };
    int n = (int)(f->share_of_peak * BAR + 0.5);

    n = n < 0 ? 0 : n > BAR ? BAR : n;
    memset(bar, '#', (size_t)n);
    memset(bar + n, '.', (size_t)(BAR - n));
    printf("%-34s %9.4f %9.4f %9.1f %8.1f  %-7s %s %3.0f%%\n", f->op, f->min_ms, f->median_ms,
           f->gops, f->gbs, f->bound[0] == 'm' ? "reading" : f->arithmetic, bar,
           100 * f->share_of_peak);
}

static void print_table(const struct bench *b, const char *level)
{
    printf("%d threads, %s kernels; peaks: int8 %.0f, bf16 %.0f, f32 %.0f Gop/s\nreading",
           ut_compute_n_threads(b->compute), level, b->peak.s8_gops, b->peak.bf16_gops,
           b->peak.f32_gops);
    for (int i = 0; i < UT_ROOFLINE_READS; i++)
        printf("%s %.0f GB/s of %zu KB", i ? "," : "", b->peak.reads[i].gbs,
               b->peak.reads[i].n_bytes >> 10);
    printf("\n\n%-34s %9s %9s %9s %8s  %s\n", "operation", "min ms", "median", "Gop/s", "GB/s",
           "share of peak");
    for (size_t i = 0; i < b->n_figures; i++)
        print_figure(&b->figures[i]);
}

static void put_peak(struct ut_json_writer *j, const struct ut_roofline *peak)
{
    ut_json_open_object(j, "peak");
    ut_json_put_f64(j, "s8_gops", peak->s8_gops, 1);
    ut_json_put_f64(j, "bf16_gops", peak->bf16_gops, 1);
    ut_json_put_f64(j, "f32_gops", peak->f32_gops, 1);
    ut_json_put_f64(j, "read_gbs", peak->read_gbs, 2);
    ut_json_open_array(j, "reads");
    for (int i = 0; i < UT_ROOFLINE_READS; i++) {
        ut_json_open_object(j, NULL);
        ut_json_put_i64(j, "bytes", (int64_t)peak->reads[i].n_bytes);
        ut_json_put_f64(j, "gbs", peak->reads[i].gbs, 2);
        ut_json_close(j);
    }
    ut_json_close(j);
    ut_json_close(j);
}

static enum ut_status print_json(const struct bench *b, const char *level)
{
    struct ut_buffer out = { .limit = 1 << 16 };
    struct ut_json_writer j = { .out = &out };

    ut_json_open_object(&j, NULL);
    put_peak(&j, &b->peak);
    ut_json_open_array(&j, "ops");
    for (size_t i = 0; i < b->n_figures; i++) {
        const struct ut_roofline_figure *f = &b->figures[i];
        ut_json_open_object(&j, NULL);
        ut_json_put_string(&j, "op", f->op);
        ut_json_put_string(&j, "isa", level);
        ut_json_put_string(&j, "arithmetic", f->arithmetic);
        ut_json_put_f64(&j, "min_ms", f->min_ms, 5);
        ut_json_put_f64(&j, "median_ms", f->median_ms, 5);
        ut_json_put_f64(&j, "gops", f->gops, 2);
        ut_json_put_f64(&j, "gbs", f->gbs, 2);
        ut_json_put_f64(&j, "share_of_peak", f->share_of_peak, 4);
        ut_json_put_string(&j, "bound", f->bound);
        ut_json_close(&j);
    }
    ut_json_close(&j);
    ut_json_put_i64(&j, "threads", ut_compute_n_threads(b->compute));
    ut_json_put_i64(&j, "n", b->n_runs);
    ut_json_close(&j);
    enum ut_status st = ut_json_end(&j);
    if (st == UT_OK)
        printf("%s\n", ut_buffer_text(&out));
    ut_buffer_finish(&out);
    return st;
}

static int run_bench(struct bench *b)
{
    struct ut_compute_options options = { .n_threads = b->n_threads, .level = b->level };
    struct ut_error err = { 0 };

    if (ut_compute_create(&b->compute, &options, &err) != UT_OK)
        return ut_cmd_fail(UT_EXIT_OTHER, "bench kernels: %s", err.text);
    const char *level = ut_cpu_level(ut_compute_cpu(b->compute));
    enum ut_status st = measure(b);
    if (st == UT_OK && b->json)
        st = print_json(b, level);
    else if (st == UT_OK)
        print_table(b, level);
    ut_compute_destroy(b->compute);
    if (st != UT_OK)
        return ut_cmd_fail(UT_EXIT_OTHER, "bench kernels: %s", ut_status_name(st));
    return UT_EXIT_OK;
}

static bool level_is_known(const char *level)
{
    static const char *const names[] = { "scalar", "avx2", "avxvnni", "avx512",
                                         "vnni",   "amx",  "neon",    "dotprod" };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(level, names[i]) == 0)
            return true;
    }
    return false;
}

int ut_bench_kernels(int argc, char **argv)
{
    struct bench b = { .n_runs = 9 };
    const struct ut_option options[] = {
        { "level", 'l', UT_OPTION_TEXT, &b.level, 0, 0, "LEVEL",
          "the highest kernels to use: scalar, avx2, avxvnni, avx512, vnni, amx or neon" },
        { "isa", 0, UT_OPTION_TEXT, &b.level, 0, 0, "LEVEL", "another name of --level" },
        { "threads", 't', UT_OPTION_INT, &b.n_threads, 0, 64, "N", "threads; 0: one per core" },
        { "runs", 'n', UT_OPTION_INT, &b.n_runs, 1, 1000, "N", "runs of each" },
        { "only", 0, UT_OPTION_TEXT, &b.only, 0, 0, "TEXT", "operations with this in their name" },
        { "json", 0, UT_OPTION_FLAG, &b.json, 0, 0, NULL, "figures as JSON" },
    };
    struct ut_error err = { 0 };
    int n = 0;

    enum ut_status st =
        ut_options_parse(&usage, options, sizeof options / sizeof options[0], argc, argv, &n, &err);
    if (st == UT_END)
        return UT_EXIT_OK;
    if (st == UT_OK && n)
        st = ut_error_set(&err, UT_EINVAL, "'%s' is no option", argv[0]);
    if (st == UT_OK && b.level && !level_is_known(b.level))
        st = ut_error_set(&err, UT_EINVAL, "--level: '%s' is no level of kernels", b.level);
    if (st != UT_OK)
        return ut_cmd_fail(UT_EXIT_USAGE, "bench kernels: %s", err.text);
    return run_bench(&b);
}
