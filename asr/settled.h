/*
 * The first words of an open segment that live steps no longer decode: their tokens, times, log p,
 * and the decoder's keys and values of them.
 *
 * A step whose prompt and draft begin as they did runs its first row behind them. Memory as in
 * asr/cache.h, which owns one. One thread at a time. SOURCE: docs/MODEL.md, "Live".
 */
#ifndef UT_ASR_SETTLED_H
#define UT_ASR_SETTLED_H

#include "asr/draft.h"
#include "asr/parts.h"

struct ut_asr_settled {
    size_t n;           /* tokens; 0: none */
    size_t n_prefix;    /* prompt and sot sequence before them */
    int32_t *ids;       /* [n_text_ctx] prompt, sot sequence, tokens */
    float *logprobs;    /* [n_text_ctx] of the tokens */
    int32_t *attended;  /* [n_text_ctx] audio positions that the tokens look at most */
    int32_t *starts;    /* [n_text_ctx] audio positions of the tokens; starts[n]: where they end */
    struct ut_kv *past; /* cells of positions [0, n_prefix + n - 1): the last token's row is run */
    float no_speech_prob;
};

/* Errors: UT_ENOMEM. */
UT_NODISCARD enum ut_status ut_asr_settled_init(struct ut_asr_settled *s,
                                                const struct ut_asr_parts *parts);
/* Accepts a zeroed one. */
void ut_asr_settled_finish(struct ut_asr_settled *s);

/* Forgets them and gives the keys and values back. */
void ut_asr_settled_clear(struct ut_asr_settled *s);

/* Memory that the keys and values use. */
size_t ut_asr_settled_bytes(const struct ut_asr_settled *s, const struct ut_asr_parts *parts);

/*
 * How many settled tokens a text may begin with that stands behind ids[0 .. n_prefix) and is
 * expected to be as the draft says: all or 0.
 */
size_t ut_asr_settled_match(const struct ut_asr_settled *s, const int32_t *ids, size_t n_prefix,
                            const struct ut_asr_draft *draft);

/* A text that has been decoded. */
struct ut_asr_settled_text {
    const int32_t *ids;   /* prompt, sot sequence, tokens */
    const int32_t *cells; /* of their positions in the decoder's pool */
    size_t n_prefix;
    size_t n; /* tokens that are settled, at least as many as before */
    const float *logprobs;
    const int32_t *starts;   /* [n + 1] */
    const int32_t *attended; /* [n] */
    float no_speech_prob;
};

/* Takes over the first text->n tokens. Errors: UT_ENOMEM; they are then as they were. */
UT_NODISCARD enum ut_status ut_asr_settled_keep(struct ut_asr_settled *s,
                                                const struct ut_asr_parts *parts,
                                                const struct ut_asr_settled_text *text);

#endif
