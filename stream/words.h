/*
 * A bounded list of words with their texts, in fixed memory: a hypothesis, or what a segment has
 * committed so far. One thread at a time.
 */
#ifndef UT_STREAM_WORDS_H
#define UT_STREAM_WORDS_H

#include "asr/recognizer.h"
#include "stream/event.h"
#include "stream/queue.h"

struct ut_words {
    struct ut_event_word words[UT_QUEUE_MAX_WORDS];
    size_t n;
    char text[UT_QUEUE_MAX_TEXT]; /* each word with its NUL */
    size_t n_text;
    char joined[UT_QUEUE_MAX_TEXT]; /* by ut_words_join() */
};

void ut_words_clear(struct ut_words *list);

/* Copies one word; times are shifted by `offset` samples. UT_ELIMIT when it does not fit. */
UT_NODISCARD enum ut_status ut_words_append(struct ut_words *list, const struct ut_asr_word *word,
                                            int64_t offset);

/* Moves times into [from, to] and makes them go forwards; returns the last end, `from` if none. */
int64_t ut_words_order(struct ut_words *list, size_t first, int64_t from, int64_t to);

/* The text of words[first..n); valid until the next call or change. */
const char *ut_words_join(struct ut_words *list, size_t first);

#endif
