#include "base/clock.h"

#include <errno.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t ut_clock_now_us(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t ut_clock_cpu_us(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

void ut_clock_sleep_until(int64_t us)
{
    struct timespec ts = { .tv_sec = us / 1000000, .tv_nsec = (us % 1000000) * 1000 };

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
        continue;
}
