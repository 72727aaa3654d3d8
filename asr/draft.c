#include "asr/draft.h"

#include <string.h>

#define LOOK_AHEAD 8

size_t ut_asr_draft_guess(const struct ut_asr_draft *d, int32_t *out, size_t max)
{
    size_t left = d->next < d->n ? d->n - d->next : 0;
    size_t n = left < max ? left : max;

    if (n)
        memcpy(out, d->tokens + d->next, n * sizeof *out);
    return n;
}

void ut_asr_draft_follow(struct ut_asr_draft *d, int32_t token)
{
    for (size_t i = d->next; i < d->n && i < d->next + LOOK_AHEAD; i++)
        if (d->tokens[i] == token) {
            d->next = i + 1;
            return;
        }
    if (d->next < d->n)
        d->next++;
}
