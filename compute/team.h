/*
 * The thread team: one per engine, sized to the cores, work shared by tiles.
 *
 * The calling thread is worker 0 and works too. Idle workers spin for at most some tens of
 * microseconds and then sleep on a futex, and offer their core between tiles, so that a foreign
 * load on the same cores costs its own share and no more. One caller at a time.
 */
#ifndef UT_COMPUTE_TEAM_H
#define UT_COMPUTE_TEAM_H

#include <stddef.h>

#include "base/status.h"

#define UT_TEAM_MAX_THREADS 64

struct ut_team;

/* One tile of work; `worker` is in [0, n_threads) and names per-worker scratch. */
typedef void ut_team_fn(void *ctx, size_t tile, int worker);

/*
 * `n_threads` in [1, UT_TEAM_MAX_THREADS] counts the caller. Errors: UT_EINVAL, UT_ENOMEM,
 * UT_EIO (a thread could not be made).
 */
UT_NODISCARD enum ut_status ut_team_create(struct ut_team **out, int n_threads);
void ut_team_destroy(struct ut_team *team);

int ut_team_n_threads(const struct ut_team *team);

/* Calls fn once for each tile in [0, n_tiles), in any order on any worker; returns when all ended.
 */
void ut_team_run(struct ut_team *team, ut_team_fn *fn, void *ctx, size_t n_tiles);

#endif
