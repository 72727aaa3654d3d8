/* Small vector operations. */
#include <math.h>

#include "compute/vector_ops.h"
#include "tests/checkasm/checkasm.h"

static void check_max(const struct ut_vector_ops *ref, const struct ut_vector_ops *ops, size_t n)
{
    for (int kind = CA_UNIT; kind <= CA_SPECIAL; kind++) {
        ca_begin("n %zu values %d", n, kind);
        float *x = ca_floats(n, (enum ca_values)kind);
        float a = ref->max(x, n), b = ops->max(x, n);
        ca_near_relative(&a, &b, 1, 0, 0);
        ca_end();
    }
}

/* The same argument to an exponential within 2e-7; 0 below e^-87; n roundings of the sum. */
static void check_exp_sum(const struct ut_vector_ops *ref, const struct ut_vector_ops *ops,
                          size_t n)
{
    for (int variant = 0; variant < 6; variant++) {
        float range = variant % 2 ? 8.0f : 200.0f, scale = variant < 3 ? 1.0f : 0.125f;
        ca_begin("n %zu variant %d", n, variant);
        float *x = ca_floats(n, CA_UNIT);
        for (size_t i = 0; i < n; i++)
            x[i] = ca_random() % 16 ? x[i] * range : -INFINITY;
        float *y = ca_block(n, sizeof *y), *z = ca_copy(x, n, sizeof *x);
        float a = ref->exp_sum(y, x, n, range, scale), b;
        if (variant % 3 == 0) {
            b = ops->exp_sum(NULL, x, n, range, scale);
        } else if (variant % 3 == 1) {
            b = ops->exp_sum(z, z, n, range, scale);
            ca_near_relative(y, z, n, 2e-7 + 4 * CA_EPS, 2e-38);
        } else {
            b = ops->exp_sum(z, x, n, range, scale);
            ca_near_relative(y, z, n, 2e-7 + 4 * CA_EPS, 2e-38);
        }
        ca_near_relative(&a, &b, 1, 2e-7 + ((double)n + 8) * CA_EPS, 1e-34);
        ca_end();
    }
}

static void check_scale(const struct ut_vector_ops *ref, const struct ut_vector_ops *ops, size_t n)
{
    ca_begin("n %zu", n);
    float *x = ca_floats(n, CA_SPECIAL), *y = ca_copy(x, n, sizeof *x);
    float factor = ca_value(CA_UNIT);
    ref->scale(x, n, factor);
    ops->scale(y, n, factor);
    ca_near_relative(x, y, n, 0, 0);
    ca_end();
}

static void check_add(const struct ut_vector_ops *ref, const struct ut_vector_ops *ops, size_t n)
{
    ca_begin("n %zu", n);
    float *x = ca_floats(n, CA_SPECIAL), *y = ca_floats(n, CA_SPECIAL);
    float *z = ca_copy(y, n, sizeof *y);
    ref->add(y, x, n);
    ops->add(z, x, n);
    ca_near_relative(y, z, n, 0, 0);
    ca_end();
}

/* The scalar sum is in double; one of n products in f32 errs by n eps of the magnitudes. */
static void check_dot(const struct ut_vector_ops *ref, const struct ut_vector_ops *ops, size_t n)
{
    for (int kind = CA_UNIT; kind <= CA_WIDE; kind++) {
        ca_begin("n %zu values %d", n, kind);
        float *x = ca_floats(n, (enum ca_values)kind), *y = ca_floats(n, (enum ca_values)kind);
        double magnitude = (double)ref->dot(ca_magnitudes(x, n), ca_magnitudes(y, n), n);
        float a = ref->dot(x, y, n), b = ops->dot(x, y, n);
        ca_near_relative(&a, &b, 1, CA_EPS, ((double)n + 2) * CA_EPS * magnitude + 1e-38);
        ca_end();
    }
}

static void check_find_above(const struct ut_vector_ops *ref, const struct ut_vector_ops *ops,
                             size_t n)
{
    for (int i = 0; i < 20; i++) {
        size_t from = i == 0 ? n : ca_between(0, n);
        ca_begin("n %zu from %zu", n, from);
        float *x = ca_floats(n, i % 2 ? CA_SPECIAL : CA_UNIT);
        float limit = i < 3 ? 2e38f : i < 6 ? -2.0f : (float)i / 20;
        size_t a = ref->find_above(x, from, n, limit), b = ops->find_above(x, from, n, limit);
        if (a != b)
            ca_fail("found %zu, should be %zu", b, a);
        ca_end();
    }
}

typedef void check_function(const struct ut_vector_ops *ref, const struct ut_vector_ops *ops,
                            size_t n);

static void check_lengths(const struct ut_vector_ops *ref, const struct ut_vector_ops *ops,
                          check_function *check)
{
    size_t n = 0;

    do {
        check(ref, ops, n);
        check(ref, ops, n);
        n = ca_next_length(n);
    } while (n != 0);
}

void ca_check_vector(unsigned cpu)
{
    struct ut_vector_ops ref, ops;

    ut_vector_ops_init(&ref, 0);
    ut_vector_ops_init(&ops, cpu);
    if (CA_IS_NEW(&ops, &ref, max))
        check_lengths(&ref, &ops, check_max);
    if (CA_IS_NEW(&ops, &ref, exp_sum))
        check_lengths(&ref, &ops, check_exp_sum);
    if (CA_IS_NEW(&ops, &ref, scale))
        check_lengths(&ref, &ops, check_scale);
    if (CA_IS_NEW(&ops, &ref, dot))
        check_lengths(&ref, &ops, check_dot);
    if (CA_IS_NEW(&ops, &ref, add))
        check_lengths(&ref, &ops, check_add);
    if (CA_IS_NEW(&ops, &ref, find_above))
        check_lengths(&ref, &ops, check_find_above);
}
