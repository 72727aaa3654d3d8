/*
 * Where in a hypothesis the words that are not committed yet begin.
 *
 * Letters decide, times break what letters leave open: a hypothesis may now hear the committed part
 * otherwise, and its rest must still be given once, neither doubled nor lost. Pure; one thread.
 */
#ifndef UT_ASR_COMMIT_LINE_H
#define UT_ASR_COMMIT_LINE_H

#include "asr/commit_words.h"

/* How many words of `work` say what is `committed`. `row` [letters of work + 1] is scratch. */
size_t ut_commit_line_up(const struct ut_commit_words *committed,
                         const struct ut_commit_words *work, uint32_t *row);

#endif
