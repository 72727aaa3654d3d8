#include "audio/marks.h"

bool ut_marks_put(struct ut_marks *m, struct ut_mark mark)
{
    unsigned n = atomic_load_explicit(&m->n_written, memory_order_relaxed);

    if (n - atomic_load_explicit(&m->n_read, memory_order_acquire) == UT_MARKS_MAX)
        return false;
    m->list[n % UT_MARKS_MAX] = mark;
    atomic_store_explicit(&m->n_written, n + 1, memory_order_release);
    return true;
}

bool ut_marks_peek(const struct ut_marks *m, struct ut_mark *out)
{
    unsigned n = atomic_load_explicit(&m->n_read, memory_order_relaxed);

    if (n == atomic_load_explicit(&m->n_written, memory_order_acquire))
        return false;
    *out = m->list[n % UT_MARKS_MAX];
    return true;
}

void ut_marks_drop(struct ut_marks *m)
{
    unsigned n = atomic_load_explicit(&m->n_read, memory_order_relaxed);

    atomic_store_explicit(&m->n_read, n + 1, memory_order_release);
}
