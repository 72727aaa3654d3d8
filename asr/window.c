#include "asr/window.h"

#include <math.h>
#include <string.h>

#include "asr/compression.h"
#include "asr/fold.h"
#include "base/memory.h"

#define TEXT_PER_TOKEN 256
#define TIMESTAMPS_PER_S 50

struct ut_asr_window {
    struct ut_asr_parts *parts;
    struct ut_asr_search *search;
    struct ut_asr_compressor *compressor;
    struct ut_buffer text;
    int32_t *tokens; /* of the best failure so far */
    float *logprobs;
};

enum ut_status ut_asr_window_create(struct ut_asr_window **out, struct ut_asr_parts *parts,
                                    size_t max_beam)
{
    size_t n_text_ctx = parts->dims->n_text_ctx;
    struct ut_asr_window *w = ut_calloc(1, sizeof *w);
    if (!w)
        return UT_ENOMEM;
    w->parts = parts;
    w->text.limit = n_text_ctx * TEXT_PER_TOKEN;
    w->tokens = ut_calloc(n_text_ctx, sizeof *w->tokens);
    w->logprobs = ut_calloc(n_text_ctx, sizeof *w->logprobs);
    enum ut_status st = w->tokens && w->logprobs ? UT_OK : UT_ENOMEM;
    if (st == UT_OK)
        st = ut_buffer_reserve(&w->text, w->text.limit);
    if (st == UT_OK)
        st = ut_asr_compressor_create(&w->compressor);
    if (st == UT_OK)
        st = ut_asr_search_create(&w->search, parts, max_beam);
    if (st != UT_OK) {
        ut_asr_window_destroy(w);
        return st;
    }
    *out = w;
    return UT_OK;
}

void ut_asr_window_destroy(struct ut_asr_window *w)
{
    if (!w)
        return;
    ut_asr_search_destroy(w->search);
    ut_asr_compressor_destroy(w->compressor);
    ut_buffer_finish(&w->text);
    ut_free(w->tokens);
    ut_free(w->logprobs);
    ut_free(w);
}

struct ut_asr_rules ut_asr_window_rules(const struct ut_asr_parts *parts,
                                        const struct ut_asr_options *options)
{
    struct ut_asr_rules rules = {
        .compute = parts->compute,
        .n_vocab = parts->dims->n_vocab,
        .specials = *parts->specials,
        .blank = ut_asr_parts_blank(parts),
        .timestamps = options->timestamps,
        .max_first_timestamp =
            options->max_initial_timestamp < 0.0f
                ? -1
                : (int32_t)lroundf(options->max_initial_timestamp * TIMESTAMPS_PER_S),
    };
    rules.suppressed = ut_asr_tokens_suppressed(parts->tokens, &rules.n_suppressed);
    return rules;
}

/* The compression ratio of the text, trimmed. */
static enum ut_status measure(struct ut_asr_window *w, const struct ut_asr_hypothesis *h,
                              float *ratio)
{
    ut_buffer_clear(&w->text);
    enum ut_status st = ut_asr_tokens_decode(w->parts->tokens, h->tokens, h->n, &w->text);
    if (st != UT_OK)
        return st;
    size_t first = 0, n = w->text.n;
    const char *text = ut_buffer_text(&w->text);
    ut_asr_fold_trim(text, &first, &n);
    *ratio = ut_asr_compressor_ratio(w->compressor, text + first, n);
    return UT_OK;
}

static bool needs_fallback(const struct ut_asr_window_result *r,
                           const struct ut_asr_options *options)
{
    if (r->no_speech_prob > options->max_no_speech && r->avg_logprob < options->min_avg_logprob)
        return false; /* silence: trying again would only make words up */
    return r->compression_ratio > options->max_compression_ratio ||
           r->avg_logprob < options->min_avg_logprob;
}

/* Among failures one that is not repetitive beats one that is, then the likelier one. */
static bool is_better(const struct ut_asr_window_result *a, const struct ut_asr_window_result *b,
                      float max_ratio)
{
    bool a_plain = a->compression_ratio <= max_ratio, b_plain = b->compression_ratio <= max_ratio;
    return a_plain != b_plain ? a_plain : a->avg_logprob > b->avg_logprob;
}

static void keep(struct ut_asr_window *w, struct ut_asr_window_result *kept,
                 const struct ut_asr_window_result *r)
{
    memcpy(w->tokens, r->tokens, r->n * sizeof *w->tokens);
    memcpy(w->logprobs, r->logprobs, r->n * sizeof *w->logprobs);
    *kept = *r;
    kept->tokens = w->tokens;
    kept->logprobs = w->logprobs;
}

/* Decodes at each temperature until a result passes; otherwise the best of the failures. */
static enum ut_status climb(struct ut_asr_window *w, const struct ut_asr_options *options,
                            struct ut_asr_search_options *search, struct ut_asr_window_result *out)
{
    struct ut_asr_window_result kept = { 0 };

    for (size_t i = 0; i < options->n_temperatures; i++) {
        struct ut_asr_hypothesis h;
        search->temperature = options->temperatures[i];
        enum ut_status st = ut_asr_search_run(w->search, search, &h);
        if (st != UT_OK)
            return st;
        struct ut_asr_window_result r = { .tokens = h.tokens,
                                          .logprobs = h.logprobs,
                                          .n = h.n,
                                          .avg_logprob = h.avg_logprob,
                                          .no_speech_prob = ut_asr_search_no_speech(w->search),
                                          .temperature = search->temperature };
        st = measure(w, &h, &r.compression_ratio);
        if (st != UT_OK)
            return st;
        if (!needs_fallback(&r, options)) {
            *out = r;
            return UT_OK;
        }
        if (i == 0 || is_better(&r, &kept, options->max_compression_ratio))
            keep(w, &kept, &r);
    }
    kept.temperature = search->temperature;
    *out = kept;
    return UT_OK;
}

enum ut_status ut_asr_window_run(struct ut_asr_window *w, const struct ut_asr_audio *audio,
                                 const int32_t *prompt, size_t n, size_t sot,
                                 const struct ut_asr_options *options, struct ut_asr_random *random,
                                 struct ut_asr_window_result *out)
{
    struct ut_asr_rules rules = ut_asr_window_rules(w->parts, options);
    struct ut_asr_search_options search = { .rules = &rules,
                                            .bias = options->bias,
                                            .beam = options->beam,
                                            .best_of = options->best_of,
                                            .patience = options->patience,
                                            .length_penalty = options->length_penalty,
                                            .random = random };

    enum ut_status st = ut_asr_search_begin(w->search, audio, prompt, n, sot);
    if (st == UT_OK)
        st = climb(w, options, &search, out);
    ut_asr_search_end(w->search);
    return st;
}

bool ut_asr_window_is_silence(const struct ut_asr_window_result *result,
                              const struct ut_asr_options *options)
{
    return result->no_speech_prob > options->max_no_speech &&
           !(result->avg_logprob > options->min_avg_logprob);
}
