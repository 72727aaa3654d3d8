#include "asr/beam.h"

void ut_asr_beam_insert(struct ut_asr_candidate *best, size_t *n, size_t capacity,
                        struct ut_asr_candidate c)
{
    if (*n == capacity) {
        if (capacity == 0 || c.sum <= best[capacity - 1].sum)
            return;
        (*n)--;
    }
    size_t at = (*n)++;
    for (; at > 0 && best[at - 1].sum < c.sum; at--)
        best[at] = best[at - 1];
    best[at] = c;
}

void ut_asr_beam_choose(const struct ut_asr_candidate *best, size_t n, size_t n_beams, int32_t eot,
                        bool last_step, struct ut_asr_beam_step *step)
{
    size_t spare = n_beams;

    step->n_next = 0;
    step->n_finished = 0;
    for (size_t i = 0; i < n && i < n_beams; i++) {
        if (last_step || best[i].token == eot)
            step->finished[step->n_finished++] = best[i];
        if (last_step)
            continue;
        if (best[i].token != eot) {
            step->next[step->n_next++] = best[i];
            continue;
        }
        while (spare < n && best[spare].token == eot)
            spare++;
        if (spare < n)
            step->next[step->n_next++] = best[spare++];
    }
}
