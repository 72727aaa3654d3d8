/*
 * One window with Whisper's fallback: decoded at rising temperatures until it is believable.
 *
 * One engine thread. SOURCE: openai/whisper transcribe.py, decode_with_fallback; the choice among
 * failures is faster-whisper's.
 */
#ifndef UT_ASR_WINDOW_H
#define UT_ASR_WINDOW_H

#include "asr/recognizer.h"
#include "asr/search.h"

struct ut_asr_window;

/* Errors: UT_EINVAL, UT_ENOMEM. The parts must outlive it. */
UT_NODISCARD enum ut_status ut_asr_window_create(struct ut_asr_window **out,
                                                 struct ut_asr_parts *parts, size_t max_beam);
void ut_asr_window_destroy(struct ut_asr_window *w);

/* Valid until the next run. */
struct ut_asr_window_result {
    const int32_t *tokens; /* without the end */
    const float *logprobs;
    size_t n;
    float avg_logprob;
    float compression_ratio;
    float no_speech_prob;
    float temperature; /* the last one tried */
};

/*
 * Decodes the audio behind prompt[0..n), whose <|startoftranscript|> is at index `sot`. Reads the
 * search and fallback fields of `options`. Errors: those of ut_asr_search_begin() and _run().
 */
UT_NODISCARD enum ut_status
ut_asr_window_run(struct ut_asr_window *w, const struct ut_asr_audio *audio, const int32_t *prompt,
                  size_t n, size_t sot, const struct ut_asr_options *options,
                  struct ut_asr_random *random, struct ut_asr_window_result *out);

/* The rule by which a window is taken as silence. */
bool ut_asr_window_is_silence(const struct ut_asr_window_result *result,
                              const struct ut_asr_options *options);

/* The rules of a window's tokens for `options`. */
struct ut_asr_rules ut_asr_window_rules(const struct ut_asr_parts *parts,
                                        const struct ut_asr_options *options);

#endif
