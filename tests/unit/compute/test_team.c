#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

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
        cmocka_unit_test(test_create_and_destroy_at_once_is_safe),
        cmocka_unit_test(test_create_when_count_is_out_of_range_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
