#include "tests/checkasm/checkasm.h"

#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cpu.h"

#define N_SLOTS 40
#define SLOT_BYTES ((size_t)4 << 20)
#define MARK 0xa5
#define MARK_BYTES 128
#define MAX_SEEN 256

struct slot {
    unsigned char *end; /* a page that faults begins here */
    unsigned char *p;   /* the block in use */
    size_t n_bytes;
};

static struct {
    struct slot slots[N_SLOTS];
    size_t n_used;
    uint64_t random;
    const char *level;
    const char *kernel;
    char what[200];
    ca_function *seen[MAX_SEEN];
    size_t n_seen;
    size_t n_cases;
} ca = { .random = 0x9e3779b97f4a7c15u };

static void make_slots(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    for (size_t i = 0; i < N_SLOTS; i++) {
        unsigned char *map = mmap(NULL, SLOT_BYTES + 2 * page, PROT_NONE,
                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (map == MAP_FAILED || mprotect(map + page, SLOT_BYTES, PROT_READ | PROT_WRITE) != 0) {
            perror("checkasm: mmap");
            exit(1);
        }
        ca.slots[i].end = map + page + SLOT_BYTES;
    }
}

static void print_place(void)
{
    printf("FAILED %s %s: %s\n", ca.level, ca.kernel ? ca.kernel : "", ca.what);
    fflush(stdout);
}

void ca_fail(const char *format, ...)
{
    va_list args;

    print_place();
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    exit(1);
}

/* Past the end of a block, or an instruction that this processor lacks; the process ends here. */
static void on_fault(int number)
{
    print_place();
    printf("signal %d\n", number);
    fflush(stdout);
    _exit(1);
}

bool ca_is_new(const char *name, ca_function *fn, ca_function *scalar)
{
    if (fn == scalar)
        return false;
    for (size_t i = 0; i < ca.n_seen; i++) {
        if (ca.seen[i] == fn)
            return false;
    }
    if (ca.n_seen < MAX_SEEN)
        ca.seen[ca.n_seen++] = fn;
    ca.kernel = name;
    printf("%s %s\n", ca.level, name);
    fflush(stdout);
    return true;
}

void ca_begin(const char *format, ...)
{
    va_list args;

    ca.n_used = 0;
    ca.n_cases++;
    va_start(args, format);
    vsnprintf(ca.what, sizeof ca.what, format, args);
    va_end(args);
}

void ca_end(void)
{
    for (size_t i = 0; i < ca.n_used; i++) {
        const struct slot *s = &ca.slots[i];
        for (const unsigned char *p = s->p - MARK_BYTES; p < s->end; p++) {
            if (p == s->p)
                p += s->n_bytes;
            if (p < s->end && *p != MARK)
                ca_fail("block %zu: byte %td of %zu was written", i, p - s->p, s->n_bytes);
        }
    }
}

void *ca_block(size_t n, size_t size)
{
    size_t shift = ca_random() % 4 == 0 ? size : 0;
    struct slot *s = &ca.slots[ca.n_used++];

    if (ca.n_used > N_SLOTS || n * size + shift + MARK_BYTES > SLOT_BYTES)
        ca_fail("the test asks for too much memory");
    s->n_bytes = n * size;
    s->p = s->end - shift - s->n_bytes;
    memset(s->p - MARK_BYTES, MARK, MARK_BYTES);
    memset(s->p, 0x3c, s->n_bytes);
    memset(s->end - shift, MARK, shift);
    return s->p;
}

void *ca_copy(const void *src, size_t n, size_t size)
{
    return memcpy(ca_block(n, size), src, n * size);
}

uint32_t ca_random(void)
{
    ca.random ^= ca.random << 13;
    ca.random ^= ca.random >> 7;
    ca.random ^= ca.random << 17;
    return (uint32_t)(ca.random >> 32);
}

size_t ca_between(size_t low, size_t high)
{
    return low + ca_random() % (high - low + 1);
}

float ca_value(enum ca_values kind)
{
    static const float special[] = { NAN,     INFINITY, -INFINITY, 0.0f,          -0.0f,    1e-42f,
                                     -1e-42f, 1e-38f,   -1e-31f,   3.4028235e38f, -3.4e38f, 1.0f };
    float unit = (float)(int32_t)ca_random() * 0x1p-31f;

    if (kind == CA_UNIT)
        return unit;
    if (kind == CA_SPECIAL && ca_random() % 8 == 0)
        return special[ca_random() % (sizeof special / sizeof special[0])];
    if (ca_random() % 16 == 0)
        return 0;
    return ldexpf(unit, (int)ca_between(0, 60) - 30);
}

float *ca_floats(size_t n, enum ca_values kind)
{
    float *x = ca_block(n, sizeof *x);

    for (size_t i = 0; i < n; i++)
        x[i] = ca_value(kind);
    return x;
}

float *ca_magnitudes(const float *x, size_t n)
{
    float *y = ca_block(n, sizeof *y);

    for (size_t i = 0; i < n; i++)
        y[i] = fabsf(x[i]);
    return y;
}

void ca_same_bytes(const void *ref, const void *got, size_t n_bytes)
{
    const unsigned char *a = ref, *b = got;

    if (memcmp(a, b, n_bytes) == 0)
        return;
    for (size_t i = 0; i < n_bytes; i++) {
        if (a[i] != b[i])
            ca_fail("byte %zu of %zu: %d, should be %d", i, n_bytes, b[i], a[i]);
    }
}

static void check_near(size_t i, float ref, float got, double bound)
{
    if (isnan(ref) ? isnan(got) : ref == got)
        return;
    double off = fabs((double)ref - (double)got);
    if (!isfinite(ref) || !(off <= bound))
        ca_fail("element %zu: %.9g, should be %.9g: off by %.3g, bound %.3g", i, (double)got,
                (double)ref, off, bound);
}

void ca_near(const float *ref, const float *got, size_t n, const float *bound)
{
    for (size_t i = 0; i < n; i++)
        check_near(i, ref[i], got[i], bound[i]);
}

void ca_near_relative(const float *ref, const float *got, size_t n, double relative,
                      double absolute)
{
    for (size_t i = 0; i < n; i++)
        check_near(i, ref[i], got[i], relative * fabs((double)ref[i]) + absolute);
}

size_t ca_next_rows(size_t rows)
{
    if (rows == 40)
        return 47;
    return rows == 65 ? 0 : rows + 1;
}

size_t ca_next_length(size_t n)
{
    static const size_t large[] = { 70, 127, 255, 257, 511, 1021, 1537, 4099 };

    if (n < 70)
        return n + 1;
    for (size_t i = 0; i + 1 < sizeof large / sizeof large[0]; i++) {
        if (n == large[i])
            return large[i + 1];
    }
    return 0;
}

static void check_level(const char *level, unsigned cpu)
{
    ca.level = level;
    ca_check_linear_s8(cpu);
    ca_check_linear_float(cpu);
    ca_check_pack(cpu);
    ca_check_attention(cpu);
    ca_check_pairs(cpu);
    ca_check_vector(cpu);
}

/* The levels of this machine, lowest first; only the one that UT_CPU names when it is set. */
static size_t find_levels(unsigned *cpu, const char **names)
{
    static const char *const levels[] = { "neon", "avx2", "avxvnni", "avx512", "vnni", "all" };
    unsigned all = ut_cpu_flags();
    size_t n = 0;

    if (all != 0 && getenv("UT_CPU")) {
        cpu[n] = all;
        names[n++] = ut_cpu_level(all);
        return n;
    }
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        unsigned flags = ut_cpu_mask(all, levels[i]);
        if (flags == 0 || (n > 0 && flags == cpu[n - 1]))
            continue;
        cpu[n] = flags;
        names[n++] = ut_cpu_level(flags);
    }
    return n;
}

int main(int argc, char **argv)
{
    unsigned cpu[8];
    const char *names[8];
    size_t n = find_levels(cpu, names);
    struct sigaction act = { .sa_handler = on_fault };

    if (argc > 2 || (argc == 2 && strcmp(argv[1], "--bench") != 0)) {
        fprintf(stderr, "usage: checkasm [--bench]\n");
        return 2;
    }
    if (n == 0) {
        printf("skipped: this processor, under UT_CPU, has scalar kernels only\n");
        return 77;
    }
    if (argc == 2) {
        ca_bench(cpu, names, n);
        return 0;
    }
    sigemptyset(&act.sa_mask);
    sigaction(SIGSEGV, &act, NULL);
    sigaction(SIGBUS, &act, NULL);
    sigaction(SIGILL, &act, NULL);
    make_slots();
    for (size_t i = 0; i < n; i++)
        check_level(names[i], cpu[i]);
    printf("%zu kernels equal their definitions in %zu cases\n", ca.n_seen, ca.n_cases);
    return 0;
}
