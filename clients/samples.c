#include "clients/samples.h"

#include <stdlib.h>

void ut_samples_add(struct ut_samples *s, int64_t us)
{
    if (s->n < UT_SAMPLES_MAX)
        s->us[s->n++] = us;
}

double ut_samples_min_ms(const struct ut_samples *s)
{
    int64_t least = s->n ? s->us[0] : 0;

    for (size_t i = 1; i < s->n; i++)
        least = s->us[i] < least ? s->us[i] : least;
    return (double)least / 1e3;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

double ut_samples_median_ms(struct ut_samples *s)
{
    if (s->n == 0)
        return 0;
    qsort(s->us, s->n, sizeof s->us[0], compare);
    size_t half = s->n / 2;
    return s->n % 2 ? (double)s->us[half] / 1e3 : (double)(s->us[half - 1] + s->us[half]) / 2e3;
}
