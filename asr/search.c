#include "asr/search.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

#define BROKEN_LOGPROB (-100.0f) /* of a sequence whose logits are not finite */

/* One beam or sample. `cells` are those of the prompt and of each token fed so far. */
struct sequence {
    int32_t *cells;
    size_t n_cells;
    int32_t *tokens;
    float *logprobs;
    size_t n;
    float sum;
    float gain; /* by terms, above the sum */
    struct ut_asr_bias_walk walk;
    struct detour {
        bool open;     /* the term that is open began with an unlikely token, or has one */
        size_t n;      /* index of the first of them */
        int32_t token; /* the likeliest one there */
        float logprob;
        struct ut_asr_bias_walk walk; /* before it */
    } detour;                         /* greedy */
    bool active;                      /* samples: not ended yet */
};

struct ut_asr_search {
    struct ut_asr_parts *parts;
    size_t max_beam;
    size_t max_tokens;
    size_t max_prompt;
    struct ut_asr_audio audio;
    int32_t *prompt_cells;
    size_t n_prompt;
    float no_speech;
    float *first;   /* [n_vocab] logits behind the prompt */
    float *scratch; /* [n_vocab] */
    struct sequence generations[2][UT_ASR_MAX_BEAM];
    struct sequence best;
    float best_score;
    struct ut_asr_decode_row *rows;
    size_t top[2 * UT_ASR_MAX_BEAM];
};

size_t ut_asr_search_n_cells(const struct ut_asr_dims *dims, size_t max_beam)
{
    size_t half = dims->n_text_ctx / 2;
    return half + 4 + max_beam * half;
}

static bool init_sequence(struct sequence *q, size_t n_cells, size_t n_tokens)
{
    q->cells = ut_calloc(n_cells, sizeof *q->cells);
    q->tokens = ut_calloc(n_tokens, sizeof *q->tokens);
    q->logprobs = ut_calloc(n_tokens, sizeof *q->logprobs);
    return q->cells && q->tokens && q->logprobs;
}

static void finish_sequence(struct sequence *q)
{
    ut_free(q->cells);
    ut_free(q->tokens);
    ut_free(q->logprobs);
}

enum ut_status ut_asr_search_create(struct ut_asr_search **out, struct ut_asr_parts *parts,
                                    size_t max_beam)
{
    size_t ctx = parts->dims->n_text_ctx, n_vocab = parts->dims->n_vocab;

    if (max_beam < 1 || max_beam > UT_ASR_MAX_BEAM || parts->n_logit_rows < max_beam)
        return UT_EINVAL;
    struct ut_asr_search *s = ut_calloc(1, sizeof *s);
    if (!s)
        return UT_ENOMEM;
    s->parts = parts;
    s->max_beam = max_beam;
    s->max_tokens = ctx / 2;
    s->max_prompt = ctx / 2 + 4;
    s->prompt_cells = ut_calloc(s->max_prompt, sizeof *s->prompt_cells);
    s->first = ut_calloc(n_vocab, sizeof *s->first);
    s->scratch = ut_calloc(n_vocab, sizeof *s->scratch);
    s->rows = ut_calloc(s->max_prompt > max_beam ? s->max_prompt : max_beam, sizeof *s->rows);
    bool whole = s->prompt_cells && s->first && s->scratch && s->rows;
    whole = init_sequence(&s->best, 1, s->max_tokens) && whole;
    for (size_t g = 0; g < 2; g++)
        for (size_t i = 0; i < max_beam; i++)
            whole = init_sequence(&s->generations[g][i], s->max_prompt + s->max_tokens,
                                  s->max_tokens) &&
                    whole;
    if (!whole) {
        ut_asr_search_destroy(s);
        return UT_ENOMEM;
    }
    *out = s;
    return UT_OK;
}

void ut_asr_search_destroy(struct ut_asr_search *s)
{
    if (!s)
        return;
    ut_asr_search_end(s);
    for (size_t g = 0; g < 2; g++)
        for (size_t i = 0; i < UT_ASR_MAX_BEAM; i++)
            finish_sequence(&s->generations[g][i]);
    finish_sequence(&s->best);
    ut_free(s->prompt_cells);
    ut_free(s->first);
    ut_free(s->scratch);
    ut_free(s->rows);
    ut_free(s);
}

enum ut_status ut_asr_search_begin(struct ut_asr_search *s, const struct ut_asr_audio *audio,
                                   const int32_t *prompt, size_t n, size_t sot)
{
    struct ut_asr_parts *parts = s->parts;

    ut_asr_search_end(s);
    if (n < 1 || n > s->max_prompt || sot >= n)
        return UT_EINVAL;
    enum ut_status st = ut_asr_parts_take_cells(parts, s->prompt_cells, n);
    if (st != UT_OK)
        return st;
    s->n_prompt = n;
    s->audio = *audio;

    for (size_t i = 0; i < n; i++)
        s->rows[i] = ut_asr_parts_row(&s->audio, prompt[i], i, s->prompt_cells);
    float *sot_logits = sot + 1 == n ? s->first : ut_asr_parts_logits(parts, 0);
    s->rows[sot].logits = sot_logits;
    s->rows[n - 1].logits = s->first;
    for (size_t i = 0; st == UT_OK && i < n; i += parts->max_rows)
        st =
            ut_asr_parts_run(parts, s->rows + i, n - i < parts->max_rows ? n - i : parts->max_rows);
    if (st != UT_OK) {
        ut_asr_search_end(s);
        return st;
    }
    s->no_speech = ut_asr_parts_no_speech(parts, sot_logits);
    return UT_OK;
}

float ut_asr_search_no_speech(const struct ut_asr_search *s)
{
    return s->no_speech;
}

void ut_asr_search_end(struct ut_asr_search *s)
{
    if (s->n_prompt)
        ut_asr_decoder_unref_cells(s->parts->decoder, s->prompt_cells, s->n_prompt);
    s->n_prompt = 0;
}

/* ------------------------------------------------------------ sequences */

static void drop_sequence(struct ut_asr_search *s, struct sequence *q)
{
    if (q->n_cells)
        ut_asr_decoder_unref_cells(s->parts->decoder, q->cells, q->n_cells);
    q->n_cells = 0;
    q->n = 0;
    q->active = false;
}

static void start_sequence(struct ut_asr_search *s, struct sequence *q)
{
    memcpy(q->cells, s->prompt_cells, s->n_prompt * sizeof *q->cells);
    q->n_cells = s->n_prompt;
    ut_asr_decoder_ref_cells(s->parts->decoder, q->cells, q->n_cells);
    q->n = 0;
    q->sum = 0.0f;
    q->gain = 0.0f;
    q->walk = (struct ut_asr_bias_walk){ 0 };
    q->detour.open = false;
    q->active = true;
}

static void fork_sequence(struct ut_asr_search *s, struct sequence *to, const struct sequence *from)
{
    memcpy(to->cells, from->cells, from->n_cells * sizeof *to->cells);
    memcpy(to->tokens, from->tokens, from->n * sizeof *to->tokens);
    memcpy(to->logprobs, from->logprobs, from->n * sizeof *to->logprobs);
    to->n_cells = from->n_cells;
    to->n = from->n;
    to->sum = from->sum;
    to->gain = from->gain;
    to->active = true;
    ut_asr_decoder_ref_cells(s->parts->decoder, to->cells, to->n_cells);
}

static void append_token(struct sequence *q, int32_t token, float logprob)
{
    q->tokens[q->n] = token;
    q->logprobs[q->n] = logprob;
    q->n++;
    q->sum += logprob;
}

/* Feeds the last token of each active sequence; the logits of sequence i go to scratch row i. */
static enum ut_status feed(struct ut_asr_search *s, struct sequence *sequences, size_t n)
{
    struct ut_asr_parts *parts = s->parts;
    size_t n_rows = 0;

    for (size_t i = 0; i < n; i++) {
        struct sequence *q = &sequences[i];
        if (!q->active)
            continue;
        enum ut_status st = ut_asr_decoder_take_cell(parts->decoder, &q->cells[q->n_cells]);
        if (st != UT_OK)
            return st;
        struct ut_asr_decode_row row =
            ut_asr_parts_row(&s->audio, q->tokens[q->n - 1], q->n_cells, q->cells);
        q->n_cells++;
        row.logits = ut_asr_parts_logits(parts, i);
        s->rows[n_rows++] = row;
    }
    return n_rows ? ut_asr_parts_run(parts, s->rows, n_rows) : UT_OK;
}

/* Sequence `q` ends with `sum` in all, and a gain; keeps it when it beats the best so far. */
static void finish_hypothesis(struct ut_asr_search *s, const struct sequence *q, float sum,
                              float gain, float length_penalty)
{
    float score = (sum + gain) / powf(q->n ? (float)q->n : 1.0f, length_penalty);

    if (!(score > s->best_score) && s->best.active)
        return;
    memcpy(s->best.tokens, q->tokens, q->n * sizeof *q->tokens);
    memcpy(s->best.logprobs, q->logprobs, q->n * sizeof *q->logprobs);
    s->best.n = q->n;
    s->best.sum = sum;
    s->best.active = true;
    s->best_score = score;
}

/* ------------------------------------------------------------ greedy and samples */

/* Puts the token behind `q`; the sequence ends with the end token. */
static void put_next(struct ut_asr_search *s, struct sequence *q, int32_t token, float logprob)
{
    if (!isfinite(logprob)) { /* a broken row: nothing can follow */
        q->sum += BROKEN_LOGPROB;
        q->active = false;
    } else if (token == s->parts->specials->eot) {
        q->sum += logprob;
        q->active = false;
    } else {
        append_token(q, token, logprob);
    }
}

/* A term was begun that is not said: from there on the text is the likeliest one. */
static void go_back(struct ut_asr_search *s, const struct ut_asr_bias *bias, struct sequence *q)
{
    const struct detour d = q->detour;
    size_t n_cells = s->n_prompt + d.n;

    ut_asr_decoder_unref_cells(s->parts->decoder, q->cells + n_cells, q->n_cells - n_cells);
    q->n_cells = n_cells;
    while (q->n > d.n)
        q->sum -= q->logprobs[--q->n];
    q->walk = ut_asr_bias_step(bias, &d.walk, d.token).walk;
    q->detour.open = false;
    put_next(s, q, d.token, d.logprob);
}

/* Greedy with terms: the likeliest token, or one of a term that is near enough. */
static void choose_greedy(struct ut_asr_search *s, const struct ut_asr_bias *bias,
                          struct sequence *q, const float *logits, float total, int32_t likeliest)
{
    int32_t token = ut_asr_bias_choose(bias, &q->walk, logits, likeliest);
    struct ut_asr_bias_step step = ut_asr_bias_step(bias, &q->walk, token);

    if (step.broken && q->detour.open) {
        go_back(s, bias, q);
        return;
    }
    if (step.broken || step.completed || !q->walk.node)
        q->detour.open = false;
    if (token != likeliest) {
        if (!q->detour.open)
            q->detour =
                (struct detour){ true, q->n, likeliest, logits[likeliest] - total, q->walk };
        ut_asr_bias_spend(&step.walk, logits[likeliest] - logits[token]);
    }
    q->walk = step.walk;
    put_next(s, q, token, logits[token] - total);
}

/* Chooses the next token of `q` from its row. */
static void choose_next(struct ut_asr_search *s, const struct ut_asr_search_options *o,
                        struct sequence *q, float *logits)
{
    const struct ut_asr_parts *parts = s->parts;
    size_t n_vocab = parts->dims->n_vocab;

    ut_asr_rules_apply(o->rules, q->tokens, q->n, logits);
    float total = ut_vector_logsumexp(parts->compute, logits, n_vocab);
    size_t token = o->temperature > 0.0f ? ut_asr_sample(parts->compute, logits, n_vocab,
                                                         o->temperature, o->random, s->scratch)
                                         : ut_vector_argmax(parts->compute, logits, n_vocab);
    if (o->bias && o->temperature <= 0.0f && isfinite(logits[token] - total))
        choose_greedy(s, o->bias, q, logits, total, (int32_t)token);
    else
        put_next(s, q, (int32_t)token, logits[token] - total);
}

static enum ut_status run_samples(struct ut_asr_search *s, const struct ut_asr_search_options *o,
                                  size_t n, size_t max_tokens)
{
    struct sequence *samples = s->generations[0];
    size_t n_vocab = s->parts->dims->n_vocab;
    enum ut_status st = UT_OK;
    bool more = max_tokens > 0;

    for (size_t i = 0; i < n; i++) {
        start_sequence(s, &samples[i]);
        memcpy(ut_asr_parts_logits(s->parts, i), s->first, n_vocab * sizeof *s->first);
    }
    while (st == UT_OK && more) {
        more = false;
        for (size_t i = 0; i < n; i++) {
            if (!samples[i].active)
                continue;
            choose_next(s, o, &samples[i], ut_asr_parts_logits(s->parts, i));
            if (samples[i].n == max_tokens)
                samples[i].active = false;
            more = more || samples[i].active;
        }
        if (more)
            st = feed(s, samples, n);
    }
    for (size_t i = 0; i < n; i++)
        finish_hypothesis(s, &samples[i], samples[i].sum, 0.0f, o->length_penalty);
    return st;
}

/* ------------------------------------------------------------ beam search */

/* The candidates of one step. */
struct candidates {
    struct ut_asr_candidate *best;
    size_t n;
    size_t capacity;
};

static void consider(struct candidates *c, const struct ut_asr_search_options *o,
                     const struct sequence *beams, size_t b, size_t token, float logprob)
{
    const struct sequence *q = &beams[b];
    struct ut_asr_candidate one = {
        .beam = b, .token = (int32_t)token, .logprob = logprob, .sum = q->sum + q->gain + logprob
    };

    if (!isfinite(logprob))
        return;
    if (o->bias) {
        struct ut_asr_bias_step step = ut_asr_bias_step(o->bias, &q->walk, one.token);
        one.sum += step.gain;
        one.walk = step.walk;
    }
    ut_asr_beam_insert(c->best, &c->n, c->capacity, one);
}

/* Tokens of terms that gain enough to be among the best; those at s->top[0..n_top) are there. */
static void consider_terms(const struct ut_asr_search *s, struct candidates *c,
                           const struct ut_asr_search_options *o, const struct sequence *beams,
                           size_t b, const float *logits, float total, size_t n_top)
{
    struct ut_asr_bias_run runs[UT_ASR_BIAS_MAX_RUNS];
    size_t n_runs = ut_asr_bias_runs(o->bias, &beams[b].walk, runs);
    float worst = c->n == c->capacity ? c->best[c->n - 1].sum : -INFINITY;
    /* a token in two runs is considered in the first */
    float needed = worst - beams[b].sum - beams[b].gain + total;

    for (size_t r = 0; r < n_runs; r++)
        for (size_t i = 0; i < runs[r].n; i++) {
            size_t token = (size_t)runs[r].tokens[i], k = 0;
            if (!(logits[token] + runs[r].gain > needed))
                continue;
            while (k < n_top && s->top[k] != token)
                k++;
            for (size_t e = 0; e < r && k == n_top; e++)
                k += ut_asr_bias_run_has(&runs[e], (int32_t)token);
            if (k == n_top)
                consider(c, o, beams, b, token, logits[token] - total);
        }
}

/* The best 2 * n_beams continuations of all beams. */
static size_t collect(struct ut_asr_search *s, const struct ut_asr_search_options *o,
                      const struct sequence *beams, size_t n, struct ut_asr_candidate *best)
{
    const struct ut_asr_parts *parts = s->parts;
    struct candidates c = { .best = best, .capacity = 2 * o->beam };
    size_t n_vocab = parts->dims->n_vocab, k = 2 * o->beam;

    if (k > n_vocab)
        k = n_vocab;
    for (size_t b = 0; b < n; b++) {
        float *logits = ut_asr_parts_logits(parts, b);
        ut_asr_rules_apply(o->rules, beams[b].tokens, beams[b].n, logits);
        float total = ut_vector_logsumexp(parts->compute, logits, n_vocab);
        ut_vector_top_k(parts->compute, logits, n_vocab, k, s->top);
        for (size_t i = 0; i < k; i++)
            consider(&c, o, beams, b, s->top[i], logits[s->top[i]] - total);
        if (o->bias)
            consider_terms(s, &c, o, beams, b, logits, total, k);
    }
    return c.n;
}

static void register_finished(struct ut_asr_search *s, const struct ut_asr_search_options *o,
                              struct sequence *beams, const struct ut_asr_beam_step *step)
{
    for (size_t i = 0; i < step->n_finished; i++) {
        const struct ut_asr_candidate *c = &step->finished[i];
        struct sequence *q = &beams[c->beam];
        bool ended = c->token == s->parts->specials->eot;
        float before = q->sum, sum = q->sum + c->logprob;
        if (!ended)
            append_token(q, c->token, c->logprob);
        finish_hypothesis(s, q, sum, c->sum - sum, o->length_penalty);
        if (!ended) {
            q->n--;
            q->sum = before;
        }
    }
}

static enum ut_status run_beams(struct ut_asr_search *s, const struct ut_asr_search_options *o,
                                size_t max_tokens)
{
    size_t wanted = (size_t)lroundf((float)o->beam * o->patience), n_finished = 0, n = 1;
    struct sequence *beams = s->generations[0], *next = s->generations[1];
    enum ut_status st = UT_OK;

    start_sequence(s, &beams[0]);
    memcpy(ut_asr_parts_logits(s->parts, 0), s->first, s->parts->dims->n_vocab * sizeof *s->first);
    for (size_t i = 0; st == UT_OK && i < max_tokens; i++) {
        struct ut_asr_candidate best[2 * UT_ASR_MAX_BEAM];
        struct ut_asr_beam_step step;
        size_t n_best = collect(s, o, beams, n, best);

        ut_asr_beam_choose(best, n_best, o->beam, s->parts->specials->eot, i + 1 == max_tokens,
                           &step);
        register_finished(s, o, beams, &step);
        n_finished += step.n_finished;
        if (n_finished >= wanted || step.n_next == 0)
            break;
        for (size_t k = 0; k < step.n_next; k++) {
            fork_sequence(s, &next[k], &beams[step.next[k].beam]);
            append_token(&next[k], step.next[k].token, step.next[k].logprob);
            next[k].gain = step.next[k].sum - next[k].sum;
            next[k].walk = step.next[k].walk;
        }
        for (size_t k = 0; k < n; k++)
            drop_sequence(s, &beams[k]);
        struct sequence *swap = beams;
        beams = next;
        next = swap;
        n = step.n_next;
        st = feed(s, beams, n);
    }
    return st;
}

static bool options_valid(const struct ut_asr_search *s, const struct ut_asr_search_options *o)
{
    return o->beam >= 1 && o->beam <= s->max_beam && o->best_of >= 1 && o->best_of <= s->max_beam &&
           o->temperature >= 0.0f && o->temperature <= 10.0f && o->patience > 0.0f &&
           o->patience <= 100.0f && o->length_penalty >= -10.0f && o->length_penalty <= 10.0f &&
           s->n_prompt > 0;
}

enum ut_status ut_asr_search_run(struct ut_asr_search *s, const struct ut_asr_search_options *o,
                                 struct ut_asr_hypothesis *out)
{
    if (!options_valid(s, o))
        return UT_EINVAL;
    size_t max_tokens = s->max_tokens, room = s->parts->dims->n_text_ctx - (s->n_prompt - 1);
    if (room < max_tokens)
        max_tokens = room;
    if (o->max_tokens && o->max_tokens < max_tokens)
        max_tokens = o->max_tokens;

    s->best.active = false;
    s->best.n = 0;
    s->best.sum = BROKEN_LOGPROB;
    enum ut_status st = o->temperature > 0.0f ? run_samples(s, o, o->best_of, max_tokens)
                        : o->beam == 1        ? run_samples(s, o, 1, max_tokens)
                                              : run_beams(s, o, max_tokens);
    for (size_t g = 0; g < 2; g++)
        for (size_t i = 0; i < s->max_beam; i++)
            drop_sequence(s, &s->generations[g][i]);
    if (st != UT_OK)
        return st;
    *out = (struct ut_asr_hypothesis){ .tokens = s->best.tokens,
                                       .logprobs = s->best.logprobs,
                                       .n = s->best.n,
                                       .sum_logprob = s->best.sum,
                                       .avg_logprob = s->best.sum / (float)(s->best.n + 1) };
    return UT_OK;
}
