/*
 * Steps of live segments: several sessions' windows through the encoder and decoder together.
 *
 * A window is as long as its audio; the rest of the trained 30 s comes from a cached run on
 * silence. All memory is taken when it is made; a step takes none but what a session's cache asks
 * for, once, when a segment grows long. One engine thread.
 * SOURCE: docs/MODEL.md, "Live".
 */
#ifndef UT_ASR_LIVE_H
#define UT_ASR_LIVE_H

#include "asr/parts.h"
#include "asr/recognizer.h"

struct ut_asr_live;

/* Runs the encoder on silence once. `cross` [max_batch] stay the caller's. Errors: UT_ENOMEM. */
UT_NODISCARD enum ut_status ut_asr_live_create(struct ut_asr_live **out, struct ut_asr_parts *parts,
                                               struct ut_kv **cross, size_t max_batch);
void ut_asr_live_destroy(struct ut_asr_live *l);

/* As ut_recognizer_step(). */
UT_NODISCARD enum ut_status ut_asr_live_step(struct ut_asr_live *l, struct ut_asr_step *steps,
                                             size_t n_steps);

#endif
