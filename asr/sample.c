#include "asr/sample.h"

double ut_asr_random_next(struct ut_asr_random *random)
{
    uint64_t z = (random->state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    z ^= z >> 31;
    return (double)(z >> 11) * 0x1.0p-53;
}

size_t ut_asr_sample(const struct ut_compute *c, const float *logits, size_t n, float temperature,
                     struct ut_asr_random *random, float *scratch)
{
    float inverse = 1.0f / temperature;
    for (size_t i = 0; i < n; i++)
        scratch[i] = logits[i] * inverse;
    ut_vector_softmax(c, scratch, n);

    double left = ut_asr_random_next(random);
    size_t chosen = n;
    for (size_t i = 0; i < n; i++) {
        if (!(scratch[i] > 0.0f))
            continue;
        chosen = i;
        left -= (double)scratch[i];
        if (left < 0.0)
            break;
    }
    return chosen < n ? chosen : ut_vector_argmax(c, logits, n);
}
