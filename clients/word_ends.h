/*
 * Where words before a pause end, by loudness.
 *
 * Attention leaves a word before it is over, and voice activity falls while its last sounds die
 * away; a pause is plain to see in the recording itself. Measured against another aligner:
 * docs/decisions/009-word-times.md. Pure; memory for one float per 10 ms.
 */
#ifndef UT_CLIENTS_WORD_ENDS_H
#define UT_CLIENTS_WORD_ENDS_H

#include "clients/word_times.h"

/*
 * Moves the end of each timed word that has a pause behind it to where the sound in pcm[0..n)
 * ends. `aligned` [n_words]: the ends as they were aligned, near which the pause must be.
 * Errors: UT_ENOMEM.
 */
UT_NODISCARD enum ut_status ut_word_ends_find(struct ut_timed_word *words, size_t n_words,
                                              const int64_t *aligned, const float *pcm, size_t n);

#endif
