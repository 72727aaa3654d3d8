/*
 * From attention weights to token times: the alignment matrix and the path through it.
 *
 * Pure, any thread, memory from the caller. SOURCE: openai/whisper timing.py, find_alignment and
 * dtw_cpu; docs/MODEL.md, "Word times".
 */
#ifndef UT_ASR_ALIGN_H
#define UT_ASR_ALIGN_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define UT_ASR_ALIGN_MEDIAN 7 /* width of the median filter, in audio positions */

/* Softmax weights of the alignment heads for each token of a decoder pass. */
struct ut_asr_align_weights {
    float *data; /* [n_tokens, n_heads, n_stride]; changed in place */
    size_t n_tokens;
    size_t n_heads;
    size_t n_stride;
    size_t n_audio; /* positions of real audio, 1 .. n_stride; what lies behind them is ignored */
};

/*
 * Brings each weight row back to a softmax over the audio, standardises each (head, position) over
 * the tokens, filters along time, and writes the mean over heads of tokens [first, first + n) to
 * matrix [n, n_audio].
 */
void ut_asr_align_matrix(const struct ut_asr_align_weights *w, size_t first, size_t n,
                         float *matrix);

/* The position that each of rows [first, first + n) looks at most, over all heads; before the
 * matrix, which changes the weights. */
void ut_asr_align_attended(const struct ut_asr_align_weights *w, size_t first, size_t n,
                           int32_t *positions);

/* Bytes of scratch that a path through an [n, n_audio] matrix needs; 0 when it overflows. */
size_t ut_asr_align_scratch(size_t n, size_t n_audio);

/*
 * The monotonic path of greatest sum through matrix [n, n_audio]; n, n_audio >= 1. Writes the first
 * position of each row to starts [n] (20 ms each); starts[0] is 0.
 */
void ut_asr_align_path(const float *matrix, size_t n, size_t n_audio, void *scratch,
                       int32_t *starts);

#endif
