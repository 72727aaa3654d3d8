/*
 * One live segment while it is decoded: its tokens, guesses, cells and alignment weights.
 *
 * A slot asks for rows, and takes their results, pass by pass, so that several sessions share each
 * decoder pass. All memory is taken when it is made. One engine thread.
 */
#ifndef UT_ASR_SLOT_H
#define UT_ASR_SLOT_H

#include "asr/align.h"
#include "asr/bias.h"
#include "asr/draft.h"
#include "asr/parts.h"
#include "asr/recognizer.h"
#include "asr/rules.h"
#include "asr/settled.h"

/* Where the first unlikely token of the open term was taken, to go back to. */
struct ut_asr_detour {
    bool open;
    size_t position;              /* whose row it was */
    int32_t token;                /* the likeliest one there */
    float logprob;                /* of it */
    size_t next;                  /* of the draft */
    struct ut_asr_bias_walk walk; /* before it */
};

struct ut_asr_slot {
    struct ut_asr_parts *parts;
    struct ut_kv *cross; /* of the window; the caller's */
    struct ut_asr_audio audio;
    size_t n_audio;    /* positions of the window itself */
    size_t max_tokens; /* n_text_ctx / 2 */
    int32_t *ids;      /* [n_text_ctx] prompt, sot sequence, text, guesses */
    int32_t *cells;    /* [n_text_ctx] */
    size_t n_cells;
    float *logprobs; /* [max_tokens] of the text */
    float *weights;  /* [max_tokens + 4, n_heads, positions] from `aligned` on */
    struct ut_asr_draft draft;
    const struct ut_asr_bias *bias; /* of the step; NULL: none */
    struct ut_asr_bias_walk walk;   /* behind the settled tokens */
    struct ut_asr_detour detour;
    size_t sot;       /* position of <|startoftranscript|> */
    size_t n_prefix;  /* prompt and sot sequence */
    size_t n_settled; /* tokens of the text that were settled by earlier steps */
    size_t aligned;   /* position of the first row of weights: sot, or the last settled token */
    size_t n_fed;     /* positions that have run */
    size_t n_known;   /* positions whose token is settled */
    size_t n_guess;   /* positions that have a token, settled or guessed */
    size_t n_rows;    /* asked for in this pass */
    size_t limit;     /* text tokens at most */
    float sum_logprob;
    float no_speech_prob;
    bool done;
    bool looped;
};

/* Errors: UT_ENOMEM. */
UT_NODISCARD enum ut_status ut_asr_slot_init(struct ut_asr_slot *s, struct ut_asr_parts *parts,
                                             struct ut_kv *cross);
void ut_asr_slot_finish(struct ut_asr_slot *s); /* accepts a zeroed one */

/*
 * Takes over the step's prompt, draft and language; s->audio and s->n_audio are set already.
 * Errors: UT_ELIMIT (cells).
 */
UT_NODISCARD enum ut_status ut_asr_slot_begin(struct ut_asr_slot *s, const struct ut_asr_step *step,
                                              int language);
/* Copies the draft alone: before any other slot of the step begins. */
void ut_asr_slot_set_draft(struct ut_asr_slot *s, const int32_t *draft, size_t n);

/*
 * Writes the rows that the slot wants run next, at most `max_rows`, and at most `max_logits` of
 * them with logits, which go to the parts' scratch from *logit on; both are at least 2. Moves
 * *logit on and returns how many rows.
 */
size_t ut_asr_slot_ask(struct ut_asr_slot *s, struct ut_asr_decode_row *rows, size_t max_rows,
                       size_t max_logits, size_t *logit);

/* Takes the results of the rows that it asked for. */
void ut_asr_slot_take(struct ut_asr_slot *s, const struct ut_asr_rules *rules,
                      const struct ut_asr_decode_row *rows);

/* Gives the cells back. */
void ut_asr_slot_end(struct ut_asr_slot *s);

const int32_t *ut_asr_slot_tokens(const struct ut_asr_slot *s, size_t *n);

#endif
