/*
 * A growing list of seconds, and its percentiles. One thread.
 */
#ifndef UT_CLIENTS_LATENCY_H
#define UT_CLIENTS_LATENCY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

struct ut_latency { /* a zeroed one is empty */
    double *values;
    size_t n;
    size_t capacity;
    bool sorted;
};

/* Not-a-number is left out. Errors: UT_ENOMEM. */
UT_NODISCARD enum ut_status ut_latency_add(struct ut_latency *l, double seconds);

/*
 * The value below which `percent` of them lie, between neighbours in proportion (as numpy does by
 * default); NAN of an empty list. Sorts the list.
 */
double ut_latency_percentile(struct ut_latency *l, double percent);

void ut_latency_finish(struct ut_latency *l); /* accepts a zeroed struct */

#endif
