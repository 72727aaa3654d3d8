/*
 * The previous hypothesis of a growing segment as a guess of what the decoder will say next.
 *
 * Pure, bounded, one thread at a time. A guess is verified in one pass; where the decoder differs,
 * the rest of the old text is lined up again behind the new token, so that one changed word costs
 * one more pass and not the whole segment. SOURCE: speculative decoding, Leviathan et al. 2023.
 */
#ifndef UT_ASR_DRAFT_H
#define UT_ASR_DRAFT_H

#include <stddef.h>
#include <stdint.h>

struct ut_asr_draft {
    int32_t *tokens; /* the caller's memory */
    size_t n;
    size_t next; /* the one expected next */
};

/* Copies up to `max` expected tokens to out and returns how many there are. */
size_t ut_asr_draft_guess(const struct ut_asr_draft *d, int32_t *out, size_t max);

/*
 * The decoder said `token`: moves on behind it. When another was expected, the same token is looked
 * for a little further on (words were dropped); else one token counts as replaced.
 */
void ut_asr_draft_follow(struct ut_asr_draft *d, int32_t token);

#endif
