/*
 * Words to expect as tokens, to stand before what is decoded. Cold path, any thread.
 */
#ifndef UT_STREAM_PROMPT_H
#define UT_STREAM_PROMPT_H

#include "asr/tokens.h"

#define UT_PROMPT_MAX_BYTES ((size_t)1 << 16)

/*
 * UT_EINVAL, with the byte in the text, when `prompt` is no UTF-8 or holds a control character
 * other than a tab or a line's end: nothing that anybody says is spelled so.
 */
UT_NODISCARD enum ut_status ut_prompt_check(const char *prompt, struct ut_error *err);

/*
 * Encodes as Whisper saw prompts: trimmed, behind a space. *ids [*n] for ut_free(). However many
 * there are: who uses them says how many fit. Errors: those of ut_prompt_check(), UT_EINVAL (longer
 * than UT_PROMPT_MAX_BYTES), UT_ENOMEM.
 */
UT_NODISCARD enum ut_status ut_prompt_encode(int32_t **ids, size_t *n, const char *prompt,
                                             const struct ut_asr_tokens *t, struct ut_error *err);

#endif
