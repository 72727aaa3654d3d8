/*
 * Timings of one figure: minimum and median. Values only.
 */
#ifndef UT_CLIENTS_SAMPLES_H
#define UT_CLIENTS_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

#define UT_SAMPLES_MAX 1000

struct ut_samples {
    int64_t us[UT_SAMPLES_MAX];
    size_t n;
};

/* Those past UT_SAMPLES_MAX are not kept. */
void ut_samples_add(struct ut_samples *s, int64_t us);

/* 0 when there are none. */
double ut_samples_min_ms(const struct ut_samples *s);
double ut_samples_median_ms(struct ut_samples *s); /* sorts */

#endif
