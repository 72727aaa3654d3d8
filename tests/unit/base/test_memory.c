#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"

static void test_size_mul_when_it_overflows_fails(void **state)
{
    size_t r = 7;

    (void)state;
    assert_false(ut_size_mul(SIZE_MAX, 2, &r));
    assert_int_equal(r, 7);
    assert_true(ut_size_mul(6, 7, &r));
    assert_int_equal(r, 42);
}

static void test_calloc_is_zeroed_and_aligned(void **state)
{
    (void)state;
    for (size_t n = 0; n < 300; n += 37) {
        unsigned char *p = ut_calloc(n, 1);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % UT_CACHE_LINE, 0);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(p[i], 0);
        ut_free(p);
    }
    assert_null(ut_calloc(SIZE_MAX / 2, 4));
}

static void test_arena_take_when_spent_returns_null(void **state)
{
    struct ut_arena arena = { 0 };

    (void)state;
    assert_int_equal(ut_arena_init(&arena, 0), UT_EINVAL);
    assert_int_equal(ut_arena_init(&arena, 256), UT_OK);
    unsigned char *a = ut_arena_take(&arena, 1, 1);
    size_t mark = ut_arena_mark(&arena);
    unsigned char *b = ut_arena_take(&arena, 128, 1);
    assert_non_null(a);
    assert_int_equal(b - a, 64);
    assert_null(ut_arena_take(&arena, 65, 1));
    assert_null(ut_arena_take(&arena, SIZE_MAX, 8));
    assert_non_null(ut_arena_take(&arena, 64, 1));
    ut_arena_reset(&arena, mark);
    assert_ptr_equal(ut_arena_take(&arena, 1, 1), b);
    assert_int_equal(arena.peak, 256);
    ut_arena_finish(&arena);
    ut_arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_size_mul_when_it_overflows_fails),
        cmocka_unit_test(test_calloc_is_zeroed_and_aligned),
        cmocka_unit_test(test_arena_take_when_spent_returns_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
