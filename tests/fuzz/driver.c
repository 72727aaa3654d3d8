/*
 * Runs a fuzz target: with file names, each once; without, seeds and their mutations for
 * UT_FUZZ_SECONDS (3) from the random seed UT_FUZZ_SEED (1). A crash is reproduced by the same
 * seed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tests/fuzz/fuzz.h"

#define MAX_INPUT ((size_t)1 << 16)

static uint64_t random_state;

static uint32_t random_below(uint32_t n)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % n);
}

static int run_file(const char *path)
{
    static uint8_t data[MAX_INPUT];
    FILE *f = fopen(path, "rbe");

    if (!f) {
        perror(path);
        return 1;
    }
    size_t n = fread(data, 1, sizeof data, f);
    fclose(f);
    return LLVMFuzzerTestOneInput(data, n);
}

static size_t take_seed(uint8_t *data)
{
    unsigned n_seeds = 0;

    while (fuzz_seed(n_seeds, data, MAX_INPUT) > 0)
        n_seeds++;
    return n_seeds ? fuzz_seed(random_below(n_seeds), data, MAX_INPUT) : 0;
}

static size_t mutate(uint8_t *data, size_t n)
{
    static const uint8_t special[] = { 0x00, 0x01, 0x20, 0x7f, 0x80, 0xc2, 0xe2, 0xff };
    size_t at = n ? random_below((uint32_t)n) : 0;
    size_t run = 1 + random_below(16);

    switch (random_below(7)) {
    case 0:
        if (n)
            data[at] ^= (uint8_t)(1u << random_below(8));
        return n;
    case 1:
        if (n)
            data[at] = special[random_below(sizeof special)];
        return n;
    case 2: /* cut off */
        return at;
    case 3: /* take out */
        run = run < n - at ? run : n - at;
        memmove(data + at, data + at + run, n - at - run);
        return n - run;
    case 4: /* put in */
        if (n + run > MAX_INPUT)
            return n;
        memmove(data + at + run, data + at, n - at);
        for (size_t i = 0; i < run; i++)
            data[at + i] = (uint8_t)random_below(256);
        return n + run;
    case 5: /* repeat what is there */
        run = run < n - at ? run : n - at;
        if (n + run > MAX_INPUT)
            return n;
        memmove(data + at + run, data + at, n - at);
        return n + run;
    default: /* a little-endian number of 4 bytes */
        for (size_t i = 0; i < 4 && at + i < n; i++)
            data[at + i] = special[random_below(sizeof special)];
        return n;
    }
}

int main(int argc, char **argv)
{
    static uint8_t input[MAX_INPUT];
    const char *seconds = getenv("UT_FUZZ_SECONDS");
    const char *seed = getenv("UT_FUZZ_SEED");
    size_t n_runs = 0;

    for (int i = 1; i < argc; i++) {
        if (run_file(argv[i]) != 0)
            return 1;
    }
    if (argc > 1)
        return 0;
    random_state = seed ? strtoull(seed, NULL, 10) : 1;
    int64_t end = ut_clock_now_us() + 1000000 * (seconds ? strtoll(seconds, NULL, 10) : 3);
    for (unsigned i = 0; fuzz_seed(i, input, MAX_INPUT) > 0; i++)
        LLVMFuzzerTestOneInput(input, fuzz_seed(i, input, MAX_INPUT));
    while (ut_clock_now_us() < end) {
        size_t n = take_seed(input);
        for (uint32_t k = 1 + random_below(12); k > 0; k--)
            n = mutate(input, n);
        /* exactly as long as the input, so that a sanitizer sees the byte behind it */
        uint8_t *exact = malloc(n ? n : 1);
        if (!exact)
            return 1;
        memcpy(exact, input, n);
        LLVMFuzzerTestOneInput(exact, n);
        free(exact);
        n_runs++;
    }
    printf("%zu runs\n", n_runs);
    return 0;
}
