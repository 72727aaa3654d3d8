/*
 * Word times of decoded text, from the alignment heads of the decoder.
 *
 * Two ways in: a pass of its own over the text (recordings), or the weights that decoding gave
 * anyway (live). All memory is taken when it is made. One engine thread.
 * SOURCE: docs/MODEL.md, "Word times".
 */
#ifndef UT_ASR_ALIGNER_H
#define UT_ASR_ALIGNER_H

#include "asr/align.h"
#include "asr/parts.h"
#include "asr/recognizer.h"
#include "asr/words.h"

struct ut_asr_aligner;

/* Errors: UT_ENOMEM, UT_ELIMIT (sizes overflow). The parts must outlive it. */
UT_NODISCARD enum ut_status ut_asr_aligner_create(struct ut_asr_aligner **out,
                                                  struct ut_asr_parts *parts);
void ut_asr_aligner_destroy(struct ut_asr_aligner *a);

/*
 * Words of tokens[0..n) (text only, n >= 1) that were heard in the first `n_audio` positions of
 * `audio`: runs the decoder over them and leaves timed, settled words in ut_asr_aligner_words().
 * Errors: UT_ELIMIT (tokens), those of the decoder.
 */
UT_NODISCARD enum ut_status ut_asr_aligner_run(struct ut_asr_aligner *a,
                                               const struct ut_asr_audio *audio, size_t n_audio,
                                               int language, bool translate, const int32_t *tokens,
                                               size_t n, struct ut_asr_word_limits *limits);

/* Tokens whose times are known already, as positions of the audio. */
struct ut_asr_known {
    size_t n;
    const int32_t *starts;   /* [n + 1], the last where they end */
    const int32_t *attended; /* [n] that each looks at most; not used here */
};

/*
 * The same from weights that are there: row `first` of `weights` predicted tokens[known.n], as many
 * rows behind it as there are further tokens, the last of them that of the last token; their
 * position 0 is known.starts[known.n]. known.n 0: weights of all tokens over all the audio.
 * probabilities [n]. The weights are changed. Errors: UT_ELIMIT.
 */
UT_NODISCARD enum ut_status
ut_asr_aligner_use(struct ut_asr_aligner *a, const struct ut_asr_align_weights *weights,
                   size_t first, int language, const int32_t *tokens, const float *probabilities,
                   size_t n, struct ut_asr_known known, struct ut_asr_word_limits *limits);

struct ut_asr_words *ut_asr_aligner_words(struct ut_asr_aligner *a);
/* [n + 1] positions where the tokens begin, and where the last one ends. */
const int32_t *ut_asr_aligner_starts(const struct ut_asr_aligner *a);

/*
 * Writes the words [first, first + n) that are not empty to out [at most n] with texts appended to
 * `pool` (which must not have to grow: reserved by the caller). Returns how many; UT_ELIMIT in *st
 * when the pool is full.
 */
size_t ut_asr_words_emit(const struct ut_asr_words *w, size_t first, size_t n,
                         struct ut_asr_word *out, struct ut_buffer *pool, enum ut_status *st);

#endif
