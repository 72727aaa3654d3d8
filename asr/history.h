/*
 * What was said before the window, and the prompt that tells the decoder so.
 *
 * Keeps only as many tokens as a prompt takes. One thread at a time. SOURCE: openai/whisper
 * decoding.py, _get_initial_tokens.
 */
#ifndef UT_ASR_HISTORY_H
#define UT_ASR_HISTORY_H

#include "asr/parts.h"

struct ut_asr_history {
    const struct ut_asr_parts *parts;
    int32_t *tokens; /* the last ones, at most n_max */
    size_t n;
    size_t n_max; /* n_text_ctx / 2 - 1 */
    int32_t *prompt;
};

/* Errors: UT_ENOMEM. */
UT_NODISCARD enum ut_status ut_asr_history_init(struct ut_asr_history *h,
                                                const struct ut_asr_parts *parts);
void ut_asr_history_finish(struct ut_asr_history *h); /* accepts a zeroed one */

void ut_asr_history_clear(struct ut_asr_history *h);
void ut_asr_history_append(struct ut_asr_history *h, const int32_t *tokens, size_t n);

/* Appends words of the user, as if said before; the last ones when there are too many. Errors:
 * UT_ENOMEM. */
UT_NODISCARD enum ut_status ut_asr_history_say(struct ut_asr_history *h, const char *text);

/*
 * [<|startofprev|>, the tokens,] <|startoftranscript|> ...: *n tokens, *sot the index of the
 * latter. Valid until the next call.
 */
const int32_t *ut_asr_history_prompt(struct ut_asr_history *h, int language, bool translate,
                                     bool timestamps, size_t *n, size_t *sot);

#endif
