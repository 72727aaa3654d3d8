/*
 * Segments of a window's tokens, cut where two timestamps meet, and how far to seek.
 *
 * Pure, any thread. SOURCE: openai/whisper transcribe.py, the loop over consecutive timestamps.
 */
#ifndef UT_ASR_SEGMENTS_H
#define UT_ASR_SEGMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Tokens [first, first + n) with times in frames of 10 ms from the window's start. */
struct ut_asr_token_span {
    size_t first;
    size_t n;
    int64_t start;
    int64_t end;
};

struct ut_asr_split {
    size_t n_spans;
    int64_t seek;       /* frames to move on by, at least 1 when the window has any */
    bool single_ending; /* ends in one timestamp: nothing was said after it */
};

/*
 * Splits tokens[0..n) of a window of `n_frames` frames; writes at most n spans (1 when n is 0).
 * Text behind the last pair of timestamps is left for the next window.
 */
struct ut_asr_split ut_asr_segments_split(const int32_t *tokens, size_t n, int32_t timestamp0,
                                          int64_t n_frames, struct ut_asr_token_span *spans);

#endif
