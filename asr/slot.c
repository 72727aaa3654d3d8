#include "asr/slot.h"

#include <math.h>
#include <string.h>

#include "asr/cache.h"
#include "asr/loop.h"
#include "base/memory.h"

#define POSITIONS_PER_S 50
#define TOKENS_PER_S 20 /* more than any speaker of any language needs */
#define TOKENS_EXTRA 16
#define REDRAFT 8 /* tokens guessed at a time once the draft was wrong */
#define SOT_SEQUENCE 4

enum ut_status ut_asr_slot_init(struct ut_asr_slot *s, struct ut_asr_parts *parts,
                                struct ut_kv *cross)
{
    size_t n = parts->dims->n_text_ctx, weights;

    *s = (struct ut_asr_slot){ .parts = parts, .cross = cross, .max_tokens = n / 2 };
    if (!ut_size_mul(s->max_tokens + SOT_SEQUENCE, parts->n_align_heads, &weights) ||
        !ut_size_mul(weights, parts->dims->n_audio_ctx, &weights))
        return UT_ENOMEM;
    s->ids = ut_calloc(n, sizeof *s->ids);
    s->cells = ut_calloc(n, sizeof *s->cells);
    s->logprobs = ut_calloc(s->max_tokens, sizeof *s->logprobs);
    s->weights = ut_alloc(weights, sizeof *s->weights); /* touched as far as a text goes */
    s->draft.tokens = ut_calloc(s->max_tokens, sizeof *s->draft.tokens);
    if (s->ids && s->cells && s->logprobs && s->weights && s->draft.tokens)
        return UT_OK;
    ut_asr_slot_finish(s);
    return UT_ENOMEM;
}

void ut_asr_slot_finish(struct ut_asr_slot *s)
{
    if (s->parts)
        ut_asr_slot_end(s);
    ut_free(s->ids);
    ut_free(s->cells);
    ut_free(s->logprobs);
    ut_free(s->weights);
    ut_free(s->draft.tokens);
    *s = (struct ut_asr_slot){ 0 };
}

void ut_asr_slot_set_draft(struct ut_asr_slot *s, const int32_t *draft, size_t n)
{
    s->draft.n = 0;
    s->draft.next = 0;
    for (size_t i = 0; draft && i < n && s->draft.n < s->max_tokens; i++)
        if (draft[i] >= 0 && draft[i] < s->parts->specials->eot)
            s->draft.tokens[s->draft.n++] = draft[i];
}

/* Puts the expected tokens behind the settled ones, at most `max`. */
static void guess(struct ut_asr_slot *s, size_t max)
{
    size_t room = s->n_prefix + s->limit - s->n_known;
    s->n_guess =
        s->n_known + ut_asr_draft_guess(&s->draft, s->ids + s->n_known, max < room ? max : room);
}

/* Begins behind the settled words; their keys and values go to the slot's cells. */
static enum ut_status take_settled(struct ut_asr_slot *s, const struct ut_asr_settled *settled)
{
    size_t n = ut_asr_settled_match(settled, s->ids, s->n_prefix, &s->draft);

    if (n == 0 || n >= s->limit)
        return UT_OK;
    memcpy(s->ids + s->n_prefix, settled->ids + s->n_prefix, n * sizeof *s->ids);
    memcpy(s->logprobs, settled->logprobs, n * sizeof *s->logprobs);
    for (size_t i = 0; i < n; i++) {
        s->sum_logprob += s->logprobs[i];
        if (s->bias)
            s->walk = ut_asr_bias_step(s->bias, &s->walk, s->ids[s->n_prefix + i]).walk;
    }
    s->no_speech_prob = settled->no_speech_prob;
    s->n_settled = n;
    s->n_known = s->n_prefix + n;
    s->n_fed = s->n_known - 1;
    s->aligned = s->n_fed;
    s->draft.next = n;
    return ut_asr_decoder_write_cells(s->parts->decoder, s->cells, s->n_fed, settled->past, 0);
}

enum ut_status ut_asr_slot_begin(struct ut_asr_slot *s, const struct ut_asr_step *step,
                                 int language)
{
    struct ut_asr_parts *parts = s->parts;
    size_t n_text_ctx = parts->dims->n_text_ctx, max_prompt = s->max_tokens - 1, n = 0;
    size_t n_prompt = step->prompt ? step->n_prompt : 0;

    if (n_prompt > 0 && parts->specials->sot_prev >= 0) {
        size_t from = n_prompt > max_prompt ? n_prompt - max_prompt : 0;
        s->ids[n++] = parts->specials->sot_prev;
        memcpy(s->ids + n, step->prompt + from, (n_prompt - from) * sizeof *s->ids);
        n += n_prompt - from;
    }
    s->sot = n;
    n += ut_asr_parts_sot(parts, language, step->translate, false, s->ids + n);
    s->n_prefix = n;
    s->limit = TOKENS_EXTRA + s->n_audio * TOKENS_PER_S / POSITIONS_PER_S;
    if (s->limit > s->max_tokens)
        s->limit = s->max_tokens;
    if (s->limit > n_text_ctx - n)
        s->limit = n_text_ctx - n;
    s->n_fed = 0;
    s->n_known = n;
    s->sum_logprob = 0.0f;
    s->no_speech_prob = 0.0f;
    s->n_settled = 0;
    s->aligned = s->sot;
    s->done = false;
    s->looped = false;
    s->bias = step->bias;
    s->walk = (struct ut_asr_bias_walk){ 0 };
    s->detour.open = false;
    ut_asr_slot_end(s);
    enum ut_status st = ut_asr_parts_take_cells(parts, s->cells, n + s->limit);
    if (st == UT_OK)
        s->n_cells = n + s->limit;
    if (st == UT_OK && step->cache)
        st = take_settled(s, &step->cache->settled);
    guess(s, s->limit);
    return st;
}

void ut_asr_slot_end(struct ut_asr_slot *s)
{
    if (s->n_cells)
        ut_asr_decoder_unref_cells(s->parts->decoder, s->cells, s->n_cells);
    s->n_cells = 0;
}

size_t ut_asr_slot_ask(struct ut_asr_slot *s, struct ut_asr_decode_row *rows, size_t max_rows,
                       size_t max_logits, size_t *logit)
{
    size_t n_logits = 0, stride = ut_asr_audio_n_positions(&s->audio) * s->parts->n_align_heads;

    s->n_rows = 0;
    for (size_t p = s->n_fed; p < s->n_guess && s->n_rows < max_rows; p++) {
        bool wanted = p == s->sot || p + 1 >= s->n_prefix;
        if (wanted && n_logits == max_logits)
            break;
        struct ut_asr_decode_row *row = &rows[s->n_rows++];
        *row = ut_asr_parts_row(&s->audio, s->ids[p], p, s->cells);
        if (p >= s->aligned && stride > 0)
            row->align = s->weights + (p - s->aligned) * stride;
        if (wanted) {
            row->logits = ut_asr_parts_logits(s->parts, (*logit)++);
            n_logits++;
        }
    }
    return s->n_rows;
}

/* What may follow a position: the likeliest token, and the one that is taken. */
struct choice {
    int32_t token;
    float logprob;
    int32_t likeliest;
    float greatest; /* its log p */
};

/* The token that follows position p, by the row's logits. */
static struct choice choose(const struct ut_asr_slot *s, const struct ut_asr_rules *rules, size_t p,
                            float *logits)
{
    size_t n_vocab = s->parts->dims->n_vocab;

    ut_asr_rules_apply(rules, s->ids + s->n_prefix, p + 1 - s->n_prefix, logits);
    float total = ut_vector_logsumexp(s->parts->compute, logits, n_vocab);
    size_t best = ut_vector_argmax(s->parts->compute, logits, n_vocab);
    struct choice c = { .likeliest = (int32_t)best, .greatest = logits[best] - total };
    c.token = s->bias && isfinite(c.greatest)
                  ? ut_asr_bias_choose(s->bias, &s->walk, logits, c.likeliest)
                  : c.likeliest;
    c.logprob = logits[c.token] - total;
    return c;
}

static void stop_at_loop(struct ut_asr_slot *s)
{
    size_t keep;
    if (!ut_asr_loop_find(s->ids + s->n_prefix, s->n_known - s->n_prefix, &keep))
        return;
    for (size_t i = keep; i < s->n_known - s->n_prefix; i++)
        s->sum_logprob -= s->logprobs[i];
    s->n_known = s->n_prefix + keep;
    s->looped = true;
    s->done = true;
}

/* Puts the token behind position p; false when it ends the text. */
static bool put(struct ut_asr_slot *s, size_t p, int32_t token, float logprob)
{
    size_t n_text = p + 1 - s->n_prefix;

    if (!isfinite(logprob) || token == s->parts->specials->eot) {
        s->sum_logprob += isfinite(logprob) ? logprob : -100.0f;
        s->done = true;
        return false;
    }
    if (n_text == s->limit) { /* nobody speaks that fast */
        s->looped = true;
        s->done = true;
        return false;
    }
    s->ids[p + 1] = token;
    s->logprobs[n_text] = logprob;
    s->sum_logprob += logprob;
    s->n_known = p + 2;
    ut_asr_draft_follow(&s->draft, token);
    stop_at_loop(s);
    return !s->done;
}

/* A term was begun that is not said: from there on the text is the likeliest one. */
static void go_back(struct ut_asr_slot *s)
{
    const struct ut_asr_detour d = s->detour;

    for (size_t p = d.position + 1; p < s->n_known; p++)
        s->sum_logprob -= s->logprobs[p - s->n_prefix];
    s->n_known = d.position + 1;
    s->n_fed = d.position + 1;
    s->draft.next = d.next;
    s->walk = ut_asr_bias_step(s->bias, &d.walk, d.token).walk;
    s->detour.open = false;
    s->n_guess = s->n_known;
    if (put(s, d.position, d.token, d.logprob))
        guess(s, s->limit);
}

/* Follows the choice through the terms; false when it leads back. */
static bool follow_terms(struct ut_asr_slot *s, size_t p, const struct choice *c)
{
    struct ut_asr_bias_step step = ut_asr_bias_step(s->bias, &s->walk, c->token);

    if (step.broken && s->detour.open) {
        go_back(s);
        return false;
    }
    if (step.broken || step.completed || !s->walk.node)
        s->detour.open = false;
    if (c->token != c->likeliest) {
        if (!s->detour.open)
            s->detour = (struct ut_asr_detour){ .open = true,
                                                .position = p,
                                                .token = c->likeliest,
                                                .logprob = c->greatest,
                                                .next = s->draft.next,
                                                .walk = s->walk };
        ut_asr_bias_spend(&step.walk, c->greatest - c->logprob);
    }
    s->walk = step.walk;
    return true;
}

/*
 * Settles the token behind position p. True when the next row of the pass was run on the right
 * token, so that its logits count too.
 */
static bool settle(struct ut_asr_slot *s, const struct ut_asr_rules *rules, size_t p, float *logits)
{
    const struct choice c = choose(s, rules, p, logits);
    bool guessed = p + 1 < s->n_guess && s->ids[p + 1] == c.token;

    if (s->bias && isfinite(c.greatest) && !follow_terms(s, p, &c))
        return false;
    if (!put(s, p, c.token, c.logprob))
        return false;
    if (!guessed)
        guess(s, REDRAFT);
    return guessed;
}

void ut_asr_slot_take(struct ut_asr_slot *s, const struct ut_asr_rules *rules,
                      const struct ut_asr_decode_row *rows)
{
    size_t first = s->n_fed;

    for (size_t k = 0; k < s->n_rows; k++) {
        size_t p = first + k;
        s->n_fed = p + 1;
        if (p == s->sot)
            s->no_speech_prob = ut_asr_parts_no_speech(s->parts, rows[k].logits);
        if (p + 1 >= s->n_prefix && !settle(s, rules, p, rows[k].logits))
            return;
    }
}

const int32_t *ut_asr_slot_tokens(const struct ut_asr_slot *s, size_t *n)
{
    *n = s->n_known - s->n_prefix;
    return s->ids + s->n_prefix;
}
