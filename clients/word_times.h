/*
 * When each word of a reference text is said in a recording: forced alignment by the model's own
 * cross-attention (ut_recognizer_align), ends brought to the end of sound by voice activity and
 * loudness.
 *
 * Recordings longer than a window are cut where both neighbours are recognised as they stand in the
 * text. One engine thread.
 */
#ifndef UT_CLIENTS_WORD_TIMES_H
#define UT_CLIENTS_WORD_TIMES_H

#include <stdbool.h>
#include <stdint.h>

#include "asr/recognizer.h"
#include "clients/spelling.h"
#include "diarize/vad.h"

struct ut_timed_word {
    const char *text; /* as in the reference */
    int64_t start;    /* samples from the recording's first */
    int64_t end;
    bool timed; /* false: no place was found, start and end are 0 */
};

struct ut_word_times { /* a zeroed one is empty */
    struct ut_timed_word *words;
    size_t n;
    char *text;
};

struct ut_word_timer {
    struct ut_recognizer *recognizer;
    struct ut_vad *vad; /* NULL: ends are not brought back. Is reset */
    const struct ut_spelling *spelling;
};

/*
 * Words of `reference` (parted by white space) in pcm[0..n). Errors: those of the recognizer,
 * UT_ENOMEM. *out is written only on success; end with ut_word_times_finish().
 */
UT_NODISCARD enum ut_status ut_word_times_find(struct ut_word_times *out,
                                               const struct ut_word_timer *timer, const float *pcm,
                                               size_t n, int language, const char *reference,
                                               struct ut_error *err);
void ut_word_times_finish(struct ut_word_times *t); /* accepts a zeroed struct */

#endif
