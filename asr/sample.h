/*
 * Random choice of a token: a small generator with a seed, so that a run can be repeated.
 */
#ifndef UT_ASR_SAMPLE_H
#define UT_ASR_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "compute/vector.h"

/* State of a SplitMix64 generator. SOURCE: Steele, Lea, Flood 2014. */
struct ut_asr_random {
    uint64_t state;
};

/* The next value in [0, 1). */
double ut_asr_random_next(struct ut_asr_random *random);

/*
 * Draws an index of logits [n] with probability softmax(logits / temperature); temperature > 0.
 * `scratch` [n] is overwritten and may not be `logits`. Never draws one that is -INFINITY as long
 * as another is finite.
 */
size_t ut_asr_sample(const struct ut_compute *c, const float *logits, size_t n, float temperature,
                     struct ut_asr_random *random, float *scratch);

#endif
