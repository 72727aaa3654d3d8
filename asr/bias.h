/*
 * Key terms: names and words that decoding is to expect, as a prefix tree of their tokens.
 *
 * A token that begins a term gains some nats over its log probability, one that goes on with it
 * some more; what a text has gained is taken back unless it completes the term, up to the end of
 * the word. Beams carry the gain in their score. Greedy decoding has one text only: it spends the
 * gain where a term's token is not the likeliest, and goes back to the likeliest one when the term
 * is not completed (the caller does, see ut_asr_bias_step). Log probabilities that are reported
 * are the model's own.
 *
 * A bias is immutable; any thread. A walk is plain data. SOURCE: shallow fusion with a prefix tree
 * and back-off: Zhao et al. 2019, "Shallow-Fusion End-to-End Contextual Biasing".
 */
#ifndef UT_ASR_BIAS_H
#define UT_ASR_BIAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "asr/tokens.h"

#define UT_ASR_BIAS_MAX_TERMS 1000
#define UT_ASR_BIAS_MAX_BYTES 100 /* of a term */
#define UT_ASR_BIAS_MAX_TOKENS 48 /* of one way to write it */
#define UT_ASR_BIAS_MAX_GAIN 20.0f

/* docs/decisions/012-bias.md */
#define UT_ASR_BIAS_BEGIN 2.0f
#define UT_ASR_BIAS_GO_ON 1.0f

struct ut_asr_bias;

struct ut_asr_bias_options {
    float begin; /* nats for a token that begins a term; 0..UT_ASR_BIAS_MAX_GAIN */
    float go_on; /* and for each that goes on with it */
};

/*
 * Terms are UTF-8, written as they should appear; each is also expected with a capital and without
 * the space before it. Spaces around it do not count. `options` NULL: the defaults. `tokens` must
 * outlive the bias. Errors: UT_EINVAL, naming the term and what is wrong (empty, control
 * characters, no UTF-8, signs that Whisper never writes, more bytes or tokens than above), and for
 * more terms or options out of range; UT_ENOMEM.
 */
UT_NODISCARD enum ut_status ut_asr_bias_create(struct ut_asr_bias **out,
                                               const struct ut_asr_tokens *tokens,
                                               const char *const *terms, size_t n_terms,
                                               const struct ut_asr_bias_options *options,
                                               struct ut_error *err);
void ut_asr_bias_destroy(struct ut_asr_bias *b); /* accepts NULL */

/* Where a text stands in the tree. The beginning of a text is a zeroed one. */
struct ut_asr_bias_walk {
    uint32_t node; /* 0: in no term */
    float held;    /* gained by the term so far */
    float left;    /* greedy: of that, not spent yet */
    bool in_word;  /* the text ends in a letter that the next one may be joined to */
};

/* What one more token means. */
struct ut_asr_bias_step {
    struct ut_asr_bias_walk walk; /* behind it */
    float gain;                   /* what the score changes by; negative when a term is broken */
    bool broken;                  /* a term was left before it was complete */
    bool completed;               /* one was completed by the token before */
};

/* `token` may be any of the vocabulary. */
struct ut_asr_bias_step ut_asr_bias_step(const struct ut_asr_bias *b,
                                         const struct ut_asr_bias_walk *walk, int32_t token);

/* Tokens, ascending, that gain the same where the walk stands. */
struct ut_asr_bias_run {
    const int32_t *tokens;
    size_t n;
    float gain;
};
#define UT_ASR_BIAS_MAX_RUNS 3

/* Returns how many runs; a token may be in more than one. */
size_t ut_asr_bias_runs(const struct ut_asr_bias *b, const struct ut_asr_bias_walk *walk,
                        struct ut_asr_bias_run runs[UT_ASR_BIAS_MAX_RUNS]);

bool ut_asr_bias_run_has(const struct ut_asr_bias_run *run, int32_t token);

/*
 * Greedy choice from logits: `best` is the likeliest token; returns it, or the token of a term that
 * is within what the walk may spend of it (of several the one with the greatest sum). The walk
 * behind the token: ut_asr_bias_step(), and ut_asr_bias_spend() when the choice was not `best`.
 */
int32_t ut_asr_bias_choose(const struct ut_asr_bias *b, const struct ut_asr_bias_walk *walk,
                           const float *logits, int32_t best);
void ut_asr_bias_spend(struct ut_asr_bias_walk *walk, float nats);

#endif
