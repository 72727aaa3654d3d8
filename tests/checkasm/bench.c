/* checkasm --bench: every kernel at every level, in shapes of Whisper base. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "compute/attention_ops.h"
#include "compute/linear_ops.h"
#include "compute/vector_ops.h"
#include "tests/checkasm/checkasm.h"

#define K 512
#define ROWS 48
#define PANELS 8
#define N 4096
#define D 64
#define KEYS 256

struct bench {
    struct ut_linear_ops linear;
    struct ut_attention_ops attention;
    struct ut_vector_ops vector;
    float *x, *y, *z;     /* N * 64 floats each */
    uint16_t *h, *halves; /* the same many */
    int32_t *sums;
    float m[32], l[32];
};

typedef void bench_function(struct bench *b);

static void quantise(struct bench *b)
{
    b->linear.quantise((uint8_t *)b->halves, b->m, b->x, K, K, b->linear.zero);
}

static void gemm_s8_rows(struct bench *b, size_t n_rows)
{
    struct ut_gemm_s8 g = { b->h,   K + 64,  (const int8_t *)b->halves, K,    n_rows,
                            PANELS, b->sums, PANELS * UT_PANEL,         false };
    b->linear.gemm_s8(&g);
}

static void gemm_s8(struct bench *b)
{
    gemm_s8_rows(b, ROWS);
}

static void gemm_s8_1(struct bench *b)
{
    gemm_s8_rows(b, 1);
}

static struct ut_gemm_float float_gemm(struct bench *b, const void *w)
{
    return (struct ut_gemm_float){ b->x, K + 16, w,    K * UT_PANEL,      K,
                                   ROWS, PANELS, b->z, PANELS * UT_PANEL, false };
}

static void gemm_f32(struct bench *b)
{
    struct ut_gemm_float g = float_gemm(b, b->y);
    b->linear.gemm_f32(&g);
}

static void gemm_f16(struct bench *b)
{
    struct ut_gemm_float g = float_gemm(b, b->h);
    b->linear.gemm_f16(&g);
}

static void gemm_bf16(struct bench *b)
{
    struct ut_gemm_float g = float_gemm(b, b->halves);
    b->linear.gemm_bf16(&g);
}

static void run_epilogue(struct bench *b, enum ut_act act)
{
    struct ut_epilogue e = { .acc = b->sums,
                             .ld_acc = 128,
                             .row_scale = b->x,
                             .scale = b->x,
                             .sum = b->sums,
                             .bias = b->x,
                             .zero = b->linear.zero,
                             .act = act,
                             .residual = act == UT_ACT_NONE ? b->y : NULL,
                             .ld_residual = 128,
                             .y = b->z,
                             .ldy = 128,
                             .n_rows = ROWS,
                             .n_cols = 128 };
    b->linear.epilogue(&e);
}

static void epilogue_gelu(struct bench *b)
{
    run_epilogue(b, UT_ACT_GELU);
}

static void epilogue_add(struct bench *b)
{
    run_epilogue(b, UT_ACT_NONE);
}

static void norm(struct bench *b)
{
    struct ut_norm n = { UT_NORM_LAYER, b->y, b->y, 1e-5f };
    b->linear.norm(&n, b->x, b->z, K);
}

static void read_q8_0(struct bench *b)
{
    b->linear.read_q8_0(b->z, b->h, K);
}

static void read_f16(struct bench *b)
{
    b->linear.read_f16(b->z, b->h, K);
}

static void pack_s8(struct bench *b)
{
    b->m[0] = b->linear.pack_s8((int8_t *)b->halves, b->sums, b->x, K);
}

static void pack_f16(struct bench *b)
{
    b->linear.pack_f16(b->halves, b->x, K);
}

static void pack_k(struct bench *b)
{
    b->attention.pack_k(b->z, b->x, K, KEYS, D);
}

static void pack_v(struct bench *b)
{
    b->attention.pack_v(b->z, b->x, K, KEYS, D);
}

static struct ut_softmax_step softmax(struct bench *b)
{
    memcpy(b->z, b->x, sizeof *b->z * 32 * KEYS);
    return (struct ut_softmax_step){ b->z, 32, KEYS, 0.125f, b->m, b->l, b->y, 128, D };
}

static void softmax_step(struct bench *b)
{
    struct ut_softmax_step s = softmax(b);
    b->attention.softmax_step(&s);
}

static void to_f16(struct bench *b)
{
    b->attention.to_f16(b->h, b->x, N);
}

static void to_bf16(struct bench *b)
{
    b->attention.to_bf16(b->halves, b->x, N);
}

static struct ut_cells cells(const void *base)
{
    return (struct ut_cells){ .base = base, .n = KEYS, .d = D };
}

static void scores_f16(struct bench *b)
{
    struct ut_cells c = cells(b->h);
    b->attention.scores_f16(&b->z, (const float *const *)&b->x, 1, &c);
}

static void scores_f32(struct bench *b)
{
    struct ut_cells c = cells(b->y);
    b->attention.scores_f32(b->z, b->x, &c);
}

static void mix_f16(struct bench *b)
{
    struct ut_cells c = cells(b->h);
    b->attention.mix_f16(&b->z, (const float *const *)&b->x, 1, &c);
}

static void mix_f32(struct bench *b)
{
    struct ut_cells c = cells(b->y);
    b->attention.mix_f32(b->z, b->x, &c);
}

static void pack_k_pairs(struct bench *b)
{
    b->attention.pack_k_pairs((uint16_t *)(void *)b->z, b->x, K, KEYS, D);
}

static void pack_v_pairs(struct bench *b)
{
    b->attention.pack_v_pairs((uint16_t *)(void *)b->z, b->x, K, KEYS, D);
}

static void softmax_pairs(struct bench *b)
{
    struct ut_softmax_step s = softmax(b);
    b->attention.softmax_pairs(&s, b->halves);
}

static void gemm_pairs(struct bench *b)
{
    struct ut_gemm_pairs g = { b->h,      D,    b->halves, D * 16, D,    32,
                               KEYS / 16, b->z, KEYS,      false,  false };
    b->attention.gemm_pairs(&g);
}

static void vector_max(struct bench *b)
{
    b->z[0] = b->vector.max(b->x, N);
}

static void exp_sum(struct bench *b)
{
    b->z[0] = b->vector.exp_sum(b->y, b->x, N, 1.0f, 1.0f);
}

static void scale(struct bench *b)
{
    b->vector.scale(b->y, N, 1.0f);
}

static void dot(struct bench *b)
{
    b->z[0] = b->vector.dot(b->x, b->x, N);
}

static void add(struct bench *b)
{
    b->vector.add(b->z, b->x, N);
}

static void find_above(struct bench *b)
{
    b->sums[0] = (int32_t)b->vector.find_above(b->x, 0, N, 2.0f);
}

static const struct {
    const char *name;
    bench_function *run;
} kernels[] = {
    { "quantise [512]", quantise },
    { "gemm_s8 [48,512]x[512,128]", gemm_s8 },
    { "gemm_s8 [1,512]x[512,128]", gemm_s8_1 },
    { "gemm_f32 [48,512]x[512,128]", gemm_f32 },
    { "gemm_f16 [48,512]x[512,128]", gemm_f16 },
    { "gemm_bf16 [48,512]x[512,128]", gemm_bf16 },
    { "epilogue gelu [48,128]", epilogue_gelu },
    { "epilogue residual [48,128]", epilogue_add },
    { "norm [512]", norm },
    { "read_q8_0 [512]", read_q8_0 },
    { "read_f16 [512]", read_f16 },
    { "pack_s8 [512]", pack_s8 },
    { "pack_f16 [512]", pack_f16 },
    { "pack_k [256,64]", pack_k },
    { "pack_v [256,64]", pack_v },
    { "softmax_step [32,256]", softmax_step },
    { "to_f16 [4096]", to_f16 },
    { "scores_f32 [256,64]", scores_f32 },
    { "scores_f16 [256,64]", scores_f16 },
    { "mix_f32 [256,64]", mix_f32 },
    { "mix_f16 [256,64]", mix_f16 },
    { "pack_k_pairs [256,64]", pack_k_pairs },
    { "pack_v_pairs [256,64]", pack_v_pairs },
    { "to_bf16 [4096]", to_bf16 },
    { "softmax_pairs [32,256]", softmax_pairs },
    { "gemm_pairs [32,64]x[64,256]", gemm_pairs },
    { "max [4096]", vector_max },
    { "exp_sum [4096]", exp_sum },
    { "scale [4096]", scale },
    { "dot [4096]", dot },
    { "add [4096]", add },
    { "find_above [4096]", find_above },
};

static double now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* The best of five runs of about a millisecond: what others do to the machine only slows. */
static double time_kernel(bench_function *run, struct bench *b)
{
    double best = 1e30;
    size_t n = 1;

    for (int round = 0; round < 5; round++) {
        double took = 0;
        for (;; n *= 2) {
            double start = now_ns();
            for (size_t i = 0; i < n; i++)
                run(b);
            took = now_ns() - start;
            if (took > 5e5)
                break;
        }
        best = took / (double)n < best ? took / (double)n : best;
    }
    return best;
}

static bool take_memory(struct bench *b)
{
    size_t n = (size_t)N * 64;

    b->x = ut_calloc(n, sizeof *b->x);
    b->y = ut_calloc(n, sizeof *b->y);
    b->z = ut_calloc(n, sizeof *b->z);
    b->h = ut_calloc(n, sizeof *b->h);
    b->halves = ut_calloc(n, sizeof *b->halves);
    b->sums = ut_calloc(n, sizeof *b->sums);
    if (!b->x || !b->y || !b->z || !b->h || !b->halves || !b->sums)
        return false;
    for (size_t i = 0; i < n; i++) {
        b->x[i] = ca_value(CA_UNIT);
        b->y[i] = ca_value(CA_UNIT);
        b->h[i] = ut_f32_to_f16(ca_value(CA_UNIT));
        b->halves[i] = ut_f32_to_bf16(ca_value(CA_UNIT));
    }
    return true;
}

static void set_level(struct bench *b, unsigned cpu)
{
    ut_linear_ops_init(&b->linear, cpu);
    ut_attention_ops_init(&b->attention, cpu);
    ut_vector_ops_init(&b->vector, cpu);
}

void ca_bench(const unsigned *cpu, const char *const *names, size_t n)
{
    struct bench *b = ut_calloc(1, sizeof *b);

    if (!b || !take_memory(b)) {
        fprintf(stderr, "checkasm: out of memory\n");
        exit(1);
    }
    printf("%-30s %10s", "ns a call (times scalar)", "scalar");
    for (size_t i = 0; i < n; i++)
        printf(" %16s", names[i]);
    printf("\n");
    for (size_t k = 0; k < sizeof kernels / sizeof kernels[0]; k++) {
        set_level(b, 0);
        double scalar = time_kernel(kernels[k].run, b);
        printf("%-30s %10.0f", kernels[k].name, scalar);
        for (size_t i = 0; i < n; i++) {
            set_level(b, cpu[i]);
            double ns = time_kernel(kernels[k].run, b);
            printf(" %8.0f (%5.1f)", ns, scalar / ns);
        }
        printf("\n");
        fflush(stdout);
    }
    void *blocks[] = { b->x, b->y, b->z, b->h, b->halves, b->sums, b };
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
        ut_free(blocks[i]);
}
