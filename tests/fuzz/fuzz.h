/*
 * A fuzz target is one file with these two functions. tests/fuzz/driver.c gives it a main() that
 * runs mutated seeds for a bounded time; libFuzzer can drive the same file (-fsanitize=fuzzer).
 */
#ifndef UT_TESTS_FUZZ_H
#define UT_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Runs one input; crashes, or calls abort(), when a promise is broken. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Writes seed `i` (at most `capacity` bytes) to `data`, returns its size; 0: there are no more. */
size_t fuzz_seed(unsigned i, uint8_t *data, size_t capacity);

#endif
