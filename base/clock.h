/*
 * Time: monotonic microseconds for latencies, audio time in samples elsewhere. Any thread.
 */
#ifndef UT_BASE_CLOCK_H
#define UT_BASE_CLOCK_H

#include <stdint.h>

/* Microseconds of CLOCK_MONOTONIC. */
int64_t ut_clock_now_us(void);

/* Microseconds of CPU time that this process has used, all threads. */
int64_t ut_clock_cpu_us(void);

/* Sleeps until the monotonic time `us`; returns at once when it has passed. For pacing only. */
void ut_clock_sleep_until(int64_t us);

#endif
