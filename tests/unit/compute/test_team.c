#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "compute/team.h"

#define MAX_TILES 1000

struct tally {
    atomic_int n[MAX_TILES];
    atomic_int wrong_worker;
    int n_threads;
};

static void count_tile(void *ctx, size_t tile, int worker)
{
    struct tally *t = ctx;

    atomic_fetch_add(&t->n[tile], 1);
    if (worker < 0 || worker >= t->n_threads)
        atomic_fetch_add(&t->wrong_worker, 1);
}

static void test_run_visits_each_tile_once(void **state)
{
    static const size_t sizes[] = { 0, 1, 2, 3, 7, 64, 999 };
    static struct tally tally;

    (void)state;
    for (int n_threads = 1; n_threads <= 5; n_threads++) {
        struct ut_team *team = NULL;
        assert_int_equal(ut_team_create(&team, n_threads), UT_OK);
        assert_int_equal(ut_team_n_threads(team), n_threads);
        for (size_t round = 0; round < 200; round++) {
            size_t n = sizes[round % 7];
            memset(&tally, 0, sizeof tally);
            tally.n_threads = n_threads;
            ut_team_run(team, count_tile, &tally, n);
            for (size_t i = 0; i < MAX_TILES; i++)
                assert_int_equal(atomic_load(&tally.n[i]), i < n);
            assert_int_equal(atomic_load(&tally.wrong_worker), 0);
        }
        ut_team_destroy(team);
    }
}

struct plain {
    int64_t value[MAX_TILES]; /* not atomic: the run orders it */
};

static void add_one(void *ctx, size_t tile, int worker)
{
    (void)worker;
    ((struct plain *)ctx)->value[tile]++;
}

static void test_runs_follow_each_other_without_races(void **state)
{
    static struct plain plain;
    struct ut_team *team = NULL;

    (void)state;
    assert_int_equal(ut_team_create(&team, 3), UT_OK);
    for (int i = 0; i < 5000; i++)
        ut_team_run(team, add_one, &plain, 1 + (size_t)i % 17);
    int64_t sum = 0;
    for (size_t i = 0; i < MAX_TILES; i++)
        sum += plain.value[i];
    int64_t expected = 0;
    for (int i = 0; i < 5000; i++)
        expected += 1 + i % 17;
    assert_int_equal(sum, expected);
    ut_team_destroy(team);
}

#define LONG_US 10000000 /* a failure, not a wait that is expected */

struct hang {
    atomic_int n_done;   /* tiles of the caller */
    atomic_int n_inside; /* other workers inside of a tile */
    atomic_int n_late;   /* waits that ended by the clock */
    int n_tiles;
};

/* Until *value is `wanted`; sleeps, so that the other thread has the core if there is but one. */
static void wait_for(struct hang *h, atomic_int *value, int wanted)
{
    int64_t end = ut_clock_now_us() + LONG_US;

    while (atomic_load(value) < wanted) {
        if (ut_clock_now_us() > end) {
            atomic_fetch_add(&h->n_late, 1);
            return;
        }
        ut_clock_sleep_until(ut_clock_now_us() + 50);
    }
}

/* The caller begins once the other worker has a tile; that one is held until all else is done. */
static void hang_in_one_tile(void *ctx, size_t tile, int worker)
{
    struct hang *h = ctx;

    (void)tile;
    if (worker == 0) {
        wait_for(h, &h->n_inside, 1);
        atomic_fetch_add(&h->n_done, 1);
        return;
    }
    atomic_fetch_add(&h->n_inside, 1);
    wait_for(h, &h->n_done, h->n_tiles - 1);
}

static void test_run_when_a_worker_is_held_the_caller_does_the_rest(void **state)
{
    struct ut_team *team = NULL;

    (void)state;
    assert_int_equal(ut_team_create(&team, 2), UT_OK);
    for (int i = 0; i < 20; i++) {
        struct hang h = { .n_tiles = 40 };
        ut_team_run(team, hang_in_one_tile, &h, 40);
        assert_int_equal(atomic_load(&h.n_late), 0);
        assert_int_equal(atomic_load(&h.n_inside), 1);
        assert_int_equal(atomic_load(&h.n_done), 39);
    }
    ut_team_destroy(team);
}

#define HELD_US 200000

/* Holds every worker but the caller for HELD_US. */
static void hold_others(void *ctx, size_t tile, int worker)
{
    struct hang *h = ctx;

    (void)tile;
    if (worker == 0) {
        wait_for(h, &h->n_inside, 1);
        return;
    }
    atomic_fetch_add(&h->n_inside, 1);
    ut_clock_sleep_until(ut_clock_now_us() + HELD_US);
}

static void test_run_when_others_take_long_the_caller_sleeps(void **state)
{
    struct ut_team *team = NULL;
    struct hang h = { .n_tiles = 2 };

    (void)state;
    assert_int_equal(ut_team_create(&team, 2), UT_OK);
    int64_t start = ut_clock_now_us(), cpu = ut_clock_cpu_us();
    ut_team_run(team, hold_others, &h, 2);
    cpu = ut_clock_cpu_us() - cpu;
    assert_true(ut_clock_now_us() - start >= HELD_US);
    assert_int_equal(atomic_load(&h.n_late), 0);
    assert_true(cpu < HELD_US / 2); /* a caller that spins takes all of it */
    ut_team_destroy(team);
}

static void test_team_when_idle_takes_no_time(void **state)
{
    static struct plain plain;
    struct ut_team *team = NULL;

    (void)state;
    assert_int_equal(ut_team_create(&team, 4), UT_OK);
    ut_team_run(team, add_one, &plain, 100);
    int64_t cpu = ut_clock_cpu_us();
    ut_clock_sleep_until(ut_clock_now_us() + HELD_US);
    cpu = ut_clock_cpu_us() - cpu;
    assert_true(cpu < HELD_US / 4);
    /* And those that went to sleep still work. */
    for (int i = 0; i < 50; i++) {
        ut_team_run(team, add_one, &plain, 100);
        ut_clock_sleep_until(ut_clock_now_us() + 200);
    }
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(plain.value[i], 51);
    ut_team_destroy(team);
}

static void test_create_and_destroy_at_once_is_safe(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        struct ut_team *team = NULL;
        assert_int_equal(ut_team_create(&team, 1 + i % 8), UT_OK);
        ut_team_destroy(team);
    }
    ut_team_destroy(NULL);
}

static void test_create_when_count_is_out_of_range_fails(void **state)
{
    struct ut_team *team = NULL;

    (void)state;
    assert_int_equal(ut_team_create(&team, 0), UT_EINVAL);
    assert_int_equal(ut_team_create(&team, -3), UT_EINVAL);
    assert_int_equal(ut_team_create(&team, UT_TEAM_MAX_THREADS + 1), UT_EINVAL);
    assert_null(team);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_visits_each_tile_once),
        cmocka_unit_test(test_runs_follow_each_other_without_races),
        cmocka_unit_test(test_run_when_a_worker_is_held_the_caller_does_the_rest),
        cmocka_unit_test(test_run_when_others_take_long_the_caller_sleeps),
        cmocka_unit_test(test_team_when_idle_takes_no_time),
        cmocka_unit_test(test_create_and_destroy_at_once_is_safe),
        cmocka_unit_test(test_create_when_count_is_out_of_range_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
