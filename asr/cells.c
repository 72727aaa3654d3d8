#include "asr/cells.h"

#include <assert.h>

#include "base/memory.h"

struct ut_asr_cells {
    size_t n;
    size_t n_free;
    int32_t *free;    /* [n_free] a stack */
    uint32_t *n_refs; /* [n] 0 when free */
};

enum ut_status ut_asr_cells_create(struct ut_asr_cells **out, size_t n)
{
    if (n == 0 || n > (size_t)1 << 24)
        return UT_EINVAL;
    struct ut_asr_cells *p = ut_calloc(1, sizeof *p);
    if (!p)
        return UT_ENOMEM;
    p->n = p->n_free = n;
    p->free = ut_alloc(n, sizeof *p->free);
    p->n_refs = ut_calloc(n, sizeof *p->n_refs);
    if (!p->free || !p->n_refs) {
        ut_asr_cells_destroy(p);
        return UT_ENOMEM;
    }
    for (size_t i = 0; i < n; i++)
        p->free[i] = (int32_t)(n - 1 - i);
    *out = p;
    return UT_OK;
}

void ut_asr_cells_destroy(struct ut_asr_cells *p)
{
    if (!p)
        return;
    ut_free(p->free);
    ut_free(p->n_refs);
    ut_free(p);
}

enum ut_status ut_asr_cells_take(struct ut_asr_cells *p, int32_t *cell)
{
    if (p->n_free == 0)
        return UT_ELIMIT;
    *cell = p->free[--p->n_free];
    p->n_refs[*cell] = 1;
    return UT_OK;
}

void ut_asr_cells_ref(struct ut_asr_cells *p, const int32_t *cells, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        assert(cells[i] >= 0 && (size_t)cells[i] < p->n && p->n_refs[cells[i]] > 0);
        p->n_refs[cells[i]]++;
    }
}

void ut_asr_cells_unref(struct ut_asr_cells *p, const int32_t *cells, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        assert(cells[i] >= 0 && (size_t)cells[i] < p->n && p->n_refs[cells[i]] > 0);
        if (--p->n_refs[cells[i]] == 0)
            p->free[p->n_free++] = cells[i];
    }
}

size_t ut_asr_cells_n_free(const struct ut_asr_cells *p)
{
    return p->n_free;
}
