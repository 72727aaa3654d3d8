/*
 * Numbers of K/V cells, reference counted: who shares which positions of the decoder's past.
 *
 * One thread. No allocation after create.
 */
#ifndef UT_ASR_CELLS_H
#define UT_ASR_CELLS_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct ut_asr_cells;

/* n cells, all free. Errors: UT_EINVAL (0 or over 2^24), UT_ENOMEM. */
UT_NODISCARD enum ut_status ut_asr_cells_create(struct ut_asr_cells **out, size_t n);
void ut_asr_cells_destroy(struct ut_asr_cells *p); /* accepts NULL */

/* A free cell with one reference. Errors: UT_ELIMIT. */
UT_NODISCARD enum ut_status ut_asr_cells_take(struct ut_asr_cells *p, int32_t *cell);

/* Cells that are held; each is free again when its last reference goes. */
void ut_asr_cells_ref(struct ut_asr_cells *p, const int32_t *cells, size_t n);
void ut_asr_cells_unref(struct ut_asr_cells *p, const int32_t *cells, size_t n);

size_t ut_asr_cells_n_free(const struct ut_asr_cells *p);

#endif
