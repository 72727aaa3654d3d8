#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>

#include "audio/ring.h"

static void test_create_of_a_bad_capacity_is_refused(void **state)
{
    static const size_t bad[] = { 0, 3, 1000, ((size_t)1 << 24) + 1, (size_t)1 << 25, SIZE_MAX };
    struct ut_ring *ring = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(ut_ring_create(&ring, bad[i]), UT_EINVAL);
    assert_null(ring);
    ut_ring_destroy(NULL);
}

static void test_write_past_full_drops_the_newest_and_counts(void **state)
{
    struct ut_ring *ring;
    float in[10];
    float out[10] = { 0 };

    (void)state;
    for (int i = 0; i < 10; i++)
        in[i] = (float)i;
    assert_int_equal(ut_ring_create(&ring, 8), UT_OK);
    assert_int_equal(ut_ring_read(ring, out, 10), 0);
    assert_int_equal(ut_ring_write(ring, in, 5), 5);
    assert_int_equal(ut_ring_n_ready(ring), 5);
    assert_int_equal(ut_ring_write(ring, in + 5, 5), 3);
    assert_int_equal(ut_ring_n_dropped(ring), 2);
    assert_int_equal(ut_ring_write(ring, in, 1), 0);
    assert_int_equal(ut_ring_n_dropped(ring), 3);
    assert_int_equal(ut_ring_read(ring, out, 10), 8);
    for (int i = 0; i < 8; i++)
        assert_true(out[i] == (float)i);
    assert_int_equal(ut_ring_n_ready(ring), 0);
    ut_ring_destroy(ring);
}

static void test_pieces_of_any_size_wrap_round_in_order(void **state)
{
    struct ut_ring *ring;
    float piece[16];
    int64_t n_in = 0;
    int64_t n_out = 0;

    (void)state;
    assert_int_equal(ut_ring_create(&ring, 16), UT_OK);
    for (int round = 0; round < 10000; round++) {
        size_t n = (size_t)round * 7 % 17;
        for (size_t i = 0; i < n; i++)
            piece[i] = (float)((n_in + (int64_t)i) % 4099);
        n_in += (int64_t)ut_ring_write(ring, piece, n);
        n = ut_ring_read(ring, piece, (size_t)round * 11 % 17);
        for (size_t i = 0; i < n; i++, n_out++)
            assert_true(piece[i] == (float)(n_out % 4099));
    }
    assert_int_equal(n_in - n_out, ut_ring_n_ready(ring));
    ut_ring_destroy(ring);
}

#define N_SAMPLES 2000000

static void *write_all(void *arg)
{
    struct ut_ring *ring = arg;
    float piece[100];

    for (int64_t n = 0; n < N_SAMPLES;) {
        size_t k = 1 + (size_t)(n % 97);
        k = k < (size_t)(N_SAMPLES - n) ? k : (size_t)(N_SAMPLES - n);
        for (size_t i = 0; i < k; i++)
            piece[i] = (float)((n + (int64_t)i) % 65536);
        size_t fitted = ut_ring_write(ring, piece, k);
        n += (int64_t)fitted;
        if (fitted < k)
            sched_yield();
    }
    return NULL;
}

static void test_two_threads_pass_every_sample_in_order(void **state)
{
    struct ut_ring *ring;
    pthread_t writer;
    float piece[128];

    (void)state;
    assert_int_equal(ut_ring_create(&ring, 1024), UT_OK);
    assert_int_equal(pthread_create(&writer, NULL, write_all, ring), 0);
    for (int64_t n = 0; n < N_SAMPLES;) {
        assert_true(ut_ring_n_ready(ring) <= 1024);
        size_t k = ut_ring_read(ring, piece, 128);
        for (size_t i = 0; i < k; i++, n++)
            assert_true(piece[i] == (float)(n % 65536));
        if (k == 0)
            sched_yield();
    }
    pthread_join(writer, NULL);
    assert_int_equal(ut_ring_n_ready(ring), 0);
    ut_ring_destroy(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create_of_a_bad_capacity_is_refused),
        cmocka_unit_test(test_write_past_full_drops_the_newest_and_counts),
        cmocka_unit_test(test_pieces_of_any_size_wrap_round_in_order),
        cmocka_unit_test(test_two_threads_pass_every_sample_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
