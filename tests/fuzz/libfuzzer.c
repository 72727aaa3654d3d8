/*
 * For clang: lets libFuzzer begin from a target's seeds, which are code and not files.
 */
#include <stddef.h>
#include <stdint.h>

#include "tests/fuzz/fuzz.h"

/* libFuzzer's names. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t n, size_t capacity);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t capacity, unsigned seed);

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t capacity, unsigned seed)
{
    unsigned n_seeds = 0;

    if (n < 4 || seed % 64 == 0) {
        while (fuzz_seed(n_seeds, data, capacity) > 0)
            n_seeds++;
        n = n_seeds ? fuzz_seed(seed / 64 % n_seeds, data, capacity) : 0;
    }
    return LLVMFuzzerMutate(data, n, capacity);
}
