/*
 * Numbers for tests: the same in every run.
 */
#ifndef UT_TEST_RANDOM_H
#define UT_TEST_RANDOM_H

#include <stddef.h>
#include <stdint.h>

static inline uint32_t random_bits(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 32);
}

/* In [-1, 1). */
static inline float random_float(uint64_t *state)
{
    return (float)(int32_t)random_bits(state) * (1.0f / 2147483648.0f);
}

static inline void random_fill(uint64_t *state, float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = random_float(state);
}

#endif
