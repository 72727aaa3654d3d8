/*
 * The repetition guard: finds the loop that a decoder has fallen into.
 *
 * Pure, any thread. Whisper's usual failure is to say the last phrase again and again; what follows
 * the first time is not speech.
 */
#ifndef UT_ASR_LOOP_H
#define UT_ASR_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UT_ASR_LOOP_MAX_GRAM 16

/*
 * True when tokens[0..n) ends in so many repeats of one n-gram (1..UT_ASR_LOOP_MAX_GRAM tokens)
 * that no speaker would; *keep is then the count of tokens up to the end of the first of them.
 * People do say one word three times, so short grams need more repeats than long ones.
 */
bool ut_asr_loop_find(const int32_t *tokens, size_t n, size_t *keep);

#endif
