#include "clients/latency.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define FIRST_CAPACITY 256

static enum ut_status grow(struct ut_latency *l)
{
    size_t capacity = l->capacity ? 2 * l->capacity : FIRST_CAPACITY;
    double *values = ut_calloc(capacity, sizeof *values);

    if (!values)
        return UT_ENOMEM;
    if (l->n)
        memcpy(values, l->values, l->n * sizeof *values);
    ut_free(l->values);
    l->values = values;
    l->capacity = capacity;
    return UT_OK;
}

enum ut_status ut_latency_add(struct ut_latency *l, double seconds)
{
    if (isnan(seconds))
        return UT_OK;
    if (l->n == l->capacity) {
        enum ut_status st = grow(l);
        if (st != UT_OK)
            return st;
    }
    l->values[l->n++] = seconds;
    l->sorted = false;
    return UT_OK;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

double ut_latency_percentile(struct ut_latency *l, double percent)
{
    if (l->n == 0)
        return (double)NAN;
    if (!l->sorted)
        qsort(l->values, l->n, sizeof *l->values, compare);
    l->sorted = true;
    double at = fmin(fmax(percent, 0), 100) / 100 * (double)(l->n - 1);
    size_t below = (size_t)at;
    size_t above = below + 1 < l->n ? below + 1 : below;
    return l->values[below] + (at - (double)below) * (l->values[above] - l->values[below]);
}

void ut_latency_finish(struct ut_latency *l)
{
    ut_free(l->values);
    *l = (struct ut_latency){ 0 };
}
