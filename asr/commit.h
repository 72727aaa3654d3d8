/*
 * Commit policies: which words of a growing segment's hypotheses will never change.
 *
 * One interface, several policies; pure state, no model. One thread per object. Text given as
 * committed is never revised: the policy remembers it and lines later hypotheses up behind it.
 * SOURCE: LocalAgreement: Liu et al. 2020; Machacek et al. 2023, section 2.
 */
#ifndef UT_ASR_COMMIT_H
#define UT_ASR_COMMIT_H

#include "asr/recognizer.h"

enum ut_commit_policy { UT_COMMIT_LOCAL_AGREEMENT = 0 };

struct ut_commit_options {
    enum ut_commit_policy policy;
    size_t n_agree;       /* hypotheses that must agree; 2 */
    int64_t hold_samples; /* words that end later than this before the live edge are held */
};

struct ut_commit;

/* Bounded: at most max_words words a segment. Errors: UT_EINVAL, UT_ENOMEM. */
UT_NODISCARD enum ut_status
ut_commit_create(struct ut_commit **out, const struct ut_commit_options *options, size_t max_words);
void ut_commit_destroy(struct ut_commit *p);

/* A new segment begins: forgets everything. */
void ut_commit_reset(struct ut_commit *p);

/*
 * Takes the newest hypothesis of the open segment (all its words, times from the segment's start;
 * `edge` = samples of audio in it). Afterwards ut_commit_new() are the words that became committed
 * by it and ut_commit_tail() the unstable rest. With `last` everything becomes committed.
 * Words are copied. Errors: UT_ELIMIT.
 */
UT_NODISCARD enum ut_status ut_commit_push(struct ut_commit *p, const struct ut_asr_word *words,
                                           size_t n_words, int64_t edge, bool last);

const struct ut_asr_word *ut_commit_new(const struct ut_commit *p, size_t *n);
const struct ut_asr_word *ut_commit_tail(const struct ut_commit *p, size_t *n);
size_t ut_commit_n_committed(const struct ut_commit *p);

#endif
