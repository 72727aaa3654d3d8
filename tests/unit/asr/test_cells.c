#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "asr/cells.h"

static void test_cells_are_free_again_after_the_last_reference(void **state)
{
    struct ut_asr_cells *p = NULL;
    int32_t cells[4];
    int32_t more;

    (void)state;
    assert_int_equal(ut_asr_cells_create(&p, 4), UT_OK);
    for (int i = 0; i < 4; i++)
        assert_int_equal(ut_asr_cells_take(p, &cells[i]), UT_OK);
    for (int i = 0; i < 4; i++) {
        assert_in_range(cells[i], 0, 3);
        for (int j = 0; j < i; j++)
            assert_int_not_equal(cells[i], cells[j]);
    }
    assert_int_equal(ut_asr_cells_take(p, &more), UT_ELIMIT);
    ut_asr_cells_ref(p, cells, 3);
    ut_asr_cells_unref(p, cells, 4);
    assert_int_equal(ut_asr_cells_n_free(p), 1);
    assert_int_equal(ut_asr_cells_take(p, &more), UT_OK);
    assert_int_equal(more, cells[3]);
    ut_asr_cells_unref(p, cells, 3);
    ut_asr_cells_unref(p, &more, 1);
    assert_int_equal(ut_asr_cells_n_free(p), 4);
    ut_asr_cells_destroy(p);
}

static void test_create_of_no_cells_or_too_many_is_refused(void **state)
{
    struct ut_asr_cells *p = NULL;

    (void)state;
    assert_int_equal(ut_asr_cells_create(&p, 0), UT_EINVAL);
    assert_int_equal(ut_asr_cells_create(&p, SIZE_MAX), UT_EINVAL);
    assert_null(p);
    ut_asr_cells_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cells_are_free_again_after_the_last_reference),
        cmocka_unit_test(test_create_of_no_cells_or_too_many_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
