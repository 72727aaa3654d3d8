/*
 * Decoding one window: greedy, beam search, or samples at a temperature.
 *
 * The prompt runs once (begin) and may then be searched from several times (the fallback over
 * temperatures). Beams and samples are rows of one decoder batch and share cells by reference. All
 * memory is taken when the search is made. One engine thread.
 * SOURCE: docs/MODEL.md, "Decoding".
 */
#ifndef UT_ASR_SEARCH_H
#define UT_ASR_SEARCH_H

#include "asr/beam.h"
#include "asr/parts.h"
#include "asr/rules.h"
#include "asr/sample.h"

struct ut_asr_search;

/* max_beam in 1..UT_ASR_MAX_BEAM. Errors: UT_EINVAL, UT_ENOMEM. The parts must outlive it. */
UT_NODISCARD enum ut_status ut_asr_search_create(struct ut_asr_search **out,
                                                 struct ut_asr_parts *parts, size_t max_beam);
void ut_asr_search_destroy(struct ut_asr_search *s);

/* Cells of the decoder that a search may hold at once. */
size_t ut_asr_search_n_cells(const struct ut_asr_dims *dims, size_t max_beam);

/*
 * Runs prompt[0..n) (n >= 1, at most n_text_ctx / 2 + 4) over the audio. `sot` is the index of
 * <|startoftranscript|> in it, where the no-speech probability is read. Errors: UT_EINVAL, those of
 * the decoder.
 */
UT_NODISCARD enum ut_status ut_asr_search_begin(struct ut_asr_search *s,
                                                const struct ut_asr_audio *audio,
                                                const int32_t *prompt, size_t n, size_t sot);
float ut_asr_search_no_speech(const struct ut_asr_search *s);

struct ut_asr_search_options {
    const struct ut_asr_rules *rules;
    const struct ut_asr_bias *bias; /* terms to expect, or NULL */
    size_t beam;                    /* at temperature 0; 1: greedy */
    size_t best_of;                 /* at a temperature above 0 */
    float temperature;
    float patience;
    float length_penalty;
    size_t max_tokens; /* 0: what the context allows */
    struct ut_asr_random *random;
};

/* Tokens without the end; valid until the next run. */
struct ut_asr_hypothesis {
    const int32_t *tokens;
    const float *logprobs;
    size_t n;
    float sum_logprob; /* the end's among it */
    float avg_logprob; /* sum_logprob / (n + 1) */
};

/* Searches from the prompt of begin. Errors: UT_EINVAL (options), those of the decoder. */
UT_NODISCARD enum ut_status ut_asr_search_run(struct ut_asr_search *s,
                                              const struct ut_asr_search_options *options,
                                              struct ut_asr_hypothesis *out);

/* Gives the prompt's cells back; harmless when nothing was begun. */
void ut_asr_search_end(struct ut_asr_search *s);

#endif
