/*
 * Commit policies: which words of a growing segment's hypotheses will never change, and which of
 * the others are steady enough to be shown.
 *
 * One interface, several policies; pure state, no model. One thread per object. Text given as
 * committed is never revised: the policy remembers it and lines later hypotheses up behind it.
 * Times are samples. SOURCE: docs/decisions/013-commit-policy.md; LocalAgreement: Liu et al. 2020,
 * Machacek et al. 2023, section 2; attention: Papi et al. 2023 (AlignAtt), section 3.
 */
#ifndef UT_ASR_COMMIT_H
#define UT_ASR_COMMIT_H

#include "asr/recognizer.h"

enum ut_commit_policy {
    /* How long hypotheses have agreed on a word, how sure the model is of it and how far behind the
     * live edge it ends decide together: sure words at once, doubtful ones after `hold`, to which
     * all other spans are in proportion. */
    UT_COMMIT_EVIDENCE = 0,
    /* `n_agree` hypotheses have the word, and it ends `hold` before the live edge. */
    UT_COMMIT_LOCAL_AGREEMENT,
    /* The word looks at nothing later than `hold` before the live edge; one hypothesis is enough.
     */
    UT_COMMIT_ATTENTION,
    UT_COMMIT_N_POLICIES
};

/* "evidence", "agreement", "attention"; NULL for none. */
const char *ut_commit_policy_name(enum ut_commit_policy policy);
/* UT_COMMIT_N_POLICIES when there is none of that name. */
enum ut_commit_policy ut_commit_policy_find(const char *name);

/* A word that is not committed is shown when hypotheses have agreed on it for `span`, or when its
 * least token probability is at least `weakest` and it ends `age` before the live edge. */
struct ut_commit_show {
    int64_t span;
    int64_t age;
    float weakest;
};

struct ut_commit_options {
    enum ut_commit_policy policy;
    int64_t hold;
    size_t n_agree; /* of LocalAgreement, at least 1 */
    struct ut_commit_show show;
};
/* The defaults of `policy`, as they were measured. */
struct ut_commit_options ut_commit_options_default(enum ut_commit_policy policy);

/* Where in the audio a hypothesis was made. */
struct ut_commit_edge {
    int64_t at;      /* samples of the segment that it heard */
    int64_t silence; /* of these, behind the last speech; 0 while somebody speaks */
    bool last;       /* the segment is over: everything becomes committed */
};

struct ut_commit;

/* Bounded: at most max_words words a segment. Errors: UT_EINVAL, UT_ENOMEM. */
UT_NODISCARD enum ut_status
ut_commit_create(struct ut_commit **out, const struct ut_commit_options *options, size_t max_words);
void ut_commit_destroy(struct ut_commit *p);

/* A new segment begins: forgets everything. */
void ut_commit_reset(struct ut_commit *p);

/*
 * The same, for a segment that begins inside the last one: words[0..n) are said in it and were
 * committed before; they are not given again. Copied. Errors: UT_ELIMIT.
 */
UT_NODISCARD enum ut_status ut_commit_resume(struct ut_commit *p, const struct ut_asr_word *words,
                                             size_t n);

/*
 * Takes the newest hypothesis of the open segment (all its words, times from the segment's start).
 * Afterwards ut_commit_new() are the words that became committed by it, ut_commit_tail() those of
 * the rest that are worth showing. Words are copied. Errors: UT_ELIMIT.
 */
UT_NODISCARD enum ut_status ut_commit_push(struct ut_commit *p, const struct ut_asr_word *words,
                                           size_t n_words, const struct ut_commit_edge *edge);

const struct ut_asr_word *ut_commit_new(const struct ut_commit *p, size_t *n);
const struct ut_asr_word *ut_commit_tail(const struct ut_commit *p, size_t *n);
/* Words of the segment that are committed, those it was resumed with among them. */
size_t ut_commit_n_committed(const struct ut_commit *p);
/* Words of the newest hypothesis that are not committed, shown or not. */
size_t ut_commit_n_open(const struct ut_commit *p);

#endif
