#include "compute/team.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

/* Long enough to bridge the serial glue between two ops, short enough to leave a busy core alone.
 */
#define SPIN_US 30
/* Looks at the shared words between two looks at the clock. */
#define SPIN_ROUND 32
/*
 * How long a worker runs before it offers its core, between two tiles. Shorter than any slice of
 * the scheduler: who shares the core then takes it here, and not inside of a tile, for which the
 * caller would wait until the next slice. docs/decisions/005.
 */
#define TURN_US 500

/* Words written by different threads live on different cache lines. */
struct ut_team {
    ut_team_fn *fn; /* these three: written by the caller before `left`, read after a claim */
    void *ctx;
    size_t n_tiles;
    int n_threads;
    int n_started;
    pthread_t threads[UT_TEAM_MAX_THREADS];

    _Alignas(UT_CACHE_LINE) _Atomic size_t left;      /* tiles nobody has claimed */
    _Alignas(UT_CACHE_LINE) _Atomic uint32_t pending; /* tiles not finished */
    _Atomic uint32_t caller_sleeps;
    _Alignas(UT_CACHE_LINE) _Atomic uint32_t epoch; /* changes with each run and at the end */
    _Atomic uint32_t n_sleeping;
    _Atomic bool stop;
};

struct worker {
    struct ut_team *team;
    int index;
};

static void futex_wait(_Atomic uint32_t *word, uint32_t value)
{
    (void)syscall(SYS_futex, (void *)word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word, int n)
{
    (void)syscall(SYS_futex, (void *)word, FUTEX_WAKE_PRIVATE, n, NULL, NULL, 0);
}

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void give_way(int64_t *turn_end)
{
    if (ut_clock_now_us() < *turn_end)
        return;
    (void)sched_yield();
    *turn_end = ut_clock_now_us() + TURN_US;
}

/*
 * Claims and runs tiles until none is left; a worker, not the caller, gives way at turn_end. A
 * claim is one successful decrement of `left`: it is then certain that the run is not over before
 * this tile is, so fn, ctx and n_tiles hold. A worker that comes late finds nothing to claim and
 * touches nothing.
 */
static void run_tiles(struct ut_team *team, int worker, int64_t *turn_end)
{
    size_t left = atomic_load_explicit(&team->left, memory_order_relaxed);

    while (left > 0) {
        if (!atomic_compare_exchange_weak_explicit(&team->left, &left, left - 1,
                                                   memory_order_acquire, memory_order_relaxed))
            continue;
        team->fn(team->ctx, team->n_tiles - left, worker);
        if (atomic_fetch_sub(&team->pending, 1) == 1 && atomic_load(&team->caller_sleeps))
            futex_wake(&team->pending, 1);
        if (turn_end)
            give_way(turn_end);
        left = atomic_load_explicit(&team->left, memory_order_relaxed);
    }
}

/* True as soon as there is work, false when SPIN_US have passed without. */
static bool spin_for_work(struct ut_team *team)
{
    int64_t end = ut_clock_now_us() + SPIN_US;

    do {
        for (int i = 0; i < SPIN_ROUND; i++) {
            if (atomic_load_explicit(&team->left, memory_order_relaxed) > 0)
                return true;
            relax();
        }
    } while (ut_clock_now_us() < end && !atomic_load(&team->stop));
    return false;
}

static void work(struct ut_team *team, int index)
{
    int64_t turn_end = 0;

    while (!atomic_load(&team->stop)) {
        run_tiles(team, index, &turn_end);
        if (spin_for_work(team))
            continue;
        uint32_t epoch = atomic_load(&team->epoch);
        if (atomic_load(&team->left) > 0 || atomic_load(&team->stop))
            continue;
        atomic_fetch_add(&team->n_sleeping, 1);
        futex_wait(&team->epoch, epoch);
        atomic_fetch_sub(&team->n_sleeping, 1);
        turn_end = ut_clock_now_us() + TURN_US;
    }
}

static void *worker_main(void *arg)
{
    struct worker w = *(struct worker *)arg;
    char name[16];

    ut_free(arg);
    (void)snprintf(name, sizeof name, "ut-team-%d", w.index);
    (void)pthread_setname_np(pthread_self(), name);
    work(w.team, w.index);
    return NULL;
}

static enum ut_status start_worker(struct ut_team *team, int index)
{
    struct worker *w = ut_alloc(1, sizeof *w);

    if (!w)
        return UT_ENOMEM;
    *w = (struct worker){ .team = team, .index = index };
    if (pthread_create(&team->threads[index], NULL, worker_main, w) != 0) {
        ut_free(w);
        return UT_EIO;
    }
    team->n_started = index;
    return UT_OK;
}

enum ut_status ut_team_create(struct ut_team **out, int n_threads)
{
    sigset_t all, old;
    enum ut_status status = UT_OK;

    if (!out || n_threads < 1 || n_threads > UT_TEAM_MAX_THREADS)
        return UT_EINVAL;
    struct ut_team *team = ut_calloc(1, sizeof *team);
    if (!team)
        return UT_ENOMEM;
    team->n_threads = n_threads;
    /* Signals are for the threads of the program, not for workers. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    for (int i = 1; i < n_threads && status == UT_OK; i++)
        status = start_worker(team, i);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (status != UT_OK) {
        ut_team_destroy(team);
        return status;
    }
    *out = team;
    return UT_OK;
}

void ut_team_destroy(struct ut_team *team)
{
    if (!team)
        return;
    atomic_store(&team->stop, true);
    atomic_fetch_add(&team->epoch, 1);
    futex_wake(&team->epoch, INT_MAX);
    for (int i = 1; i <= team->n_started; i++)
        pthread_join(team->threads[i], NULL);
    ut_free(team);
}

int ut_team_n_threads(const struct ut_team *team)
{
    return team->n_threads;
}

/* Waits for the tiles that other workers have claimed. */
static void wait_for_others(struct ut_team *team)
{
    int64_t end = 0;

    for (int i = 0; atomic_load_explicit(&team->pending, memory_order_acquire) > 0; i++) {
        relax();
        if (i % SPIN_ROUND != 0)
            continue;
        int64_t now = ut_clock_now_us();
        if (end == 0)
            end = now + SPIN_US;
        if (now < end)
            continue;
        atomic_store(&team->caller_sleeps, 1);
        for (uint32_t n = atomic_load(&team->pending); n > 0; n = atomic_load(&team->pending))
            futex_wait(&team->pending, n);
        atomic_store(&team->caller_sleeps, 0);
    }
}

static void run_shared(struct ut_team *team, ut_team_fn *fn, void *ctx, uint32_t n_tiles)
{
    team->fn = fn;
    team->ctx = ctx;
    team->n_tiles = n_tiles;
    atomic_store(&team->pending, n_tiles);
    atomic_store(&team->left, n_tiles);
    atomic_fetch_add(&team->epoch, 1);
    if (atomic_load(&team->n_sleeping) > 0)
        futex_wake(&team->epoch, INT_MAX);
    run_tiles(team, 0, NULL);
    wait_for_others(team);
}

void ut_team_run(struct ut_team *team, ut_team_fn *fn, void *ctx, size_t n_tiles)
{
    if (team->n_started == 0 || n_tiles <= 1 || n_tiles > UINT32_MAX) {
        for (size_t i = 0; i < n_tiles; i++)
            fn(ctx, i, 0);
        return;
    }
    run_shared(team, fn, ctx, (uint32_t)n_tiles);
}
