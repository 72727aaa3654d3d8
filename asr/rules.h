/*
 * Which tokens may come next: the bans that decoding puts on a row of logits.
 *
 * A ut_asr_rules is plain data, immutable once filled, any thread. SOURCE: openai/whisper
 * decoding.py (SuppressBlank, SuppressTokens, ApplyTimestampRules), in that order.
 */
#ifndef UT_ASR_RULES_H
#define UT_ASR_RULES_H

#include "asr/tokens.h"
#include "compute/vector.h"

struct ut_asr_rules {
    const struct ut_compute *compute;
    size_t n_vocab;
    struct ut_asr_specials specials;
    const int32_t *suppressed; /* never sampled */
    size_t n_suppressed;
    int32_t blank;   /* " ", banned with the end as the first token; -1: none */
    bool timestamps; /* else the prompt ends in <|notimestamps|> and no rule is needed */
    bool text_only;  /* without timestamps: nothing past the end token at all (live) */
    int32_t max_first_timestamp; /* in steps of 20 ms; -1: any */
};

/*
 * Sets what may not follow tokens[0..n) (the window's own, without the prompt) to -INFINITY in
 * logits [n_vocab]. At least one token is left, or the row is all -INFINITY when the model gave it
 * so.
 */
void ut_asr_rules_apply(const struct ut_asr_rules *r, const int32_t *tokens, size_t n,
                        float *logits);

#endif
