/*
 * One step of beam search: which continuations of the beams live on and which are finished.
 *
 * Pure over candidates, any thread. SOURCE: the rule of CTranslate2's beam search, which
 * faster-whisper decodes Whisper by; docs/MODEL.md, "Decoding".
 */
#ifndef UT_ASR_BEAM_H
#define UT_ASR_BEAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "asr/bias.h"

#define UT_ASR_MAX_BEAM 16

/* A beam with one more token. */
struct ut_asr_candidate {
    size_t beam;
    int32_t token;
    float logprob; /* of the token */
    float sum;     /* of the sequence with it, and what it gains by terms */
    struct ut_asr_bias_walk walk;
};

struct ut_asr_beam_step {
    struct ut_asr_candidate next[UT_ASR_MAX_BEAM]; /* the beams that live on, best first */
    size_t n_next;
    struct ut_asr_candidate finished[UT_ASR_MAX_BEAM]; /* the token is the end, except at the last
                                                          step */
    size_t n_finished;
};

/* Puts `c` into best[0..*n), kept sorted with the greatest sum first, at most `capacity` long; an
 * equal one goes behind. */
void ut_asr_beam_insert(struct ut_asr_candidate *best, size_t *n, size_t capacity,
                        struct ut_asr_candidate c);

/*
 * Sorts the 2 * n_beams (or fewer) best candidates, best first, into a step. An end token among the
 * first n_beams finishes its sequence and the next candidate that does not end takes the place; one
 * behind them is dropped. At the last step all of the first n_beams are finished as they are.
 */
void ut_asr_beam_choose(const struct ut_asr_candidate *best, size_t n, size_t n_beams, int32_t eot,
                        bool last_step, struct ut_asr_beam_step *step);

#endif
