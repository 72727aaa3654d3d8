/*
 * Words copied for the commit policy, with their folded letters beside them.
 *
 * Sized when made, bounded, one thread at a time. The letters of all words run together, so that
 * "every one" and "everyone" compare by what was said and not by how it was written.
 */
#ifndef UT_ASR_COMMIT_WORDS_H
#define UT_ASR_COMMIT_WORDS_H

#include "asr/recognizer.h"

struct ut_commit_words {
    struct ut_asr_word *words; /* texts are in `text` */
    size_t n;
    size_t capacity;
    char *text; /* NUL-terminated words one after the other */
    size_t n_text;
    size_t text_capacity;
    char *letters; /* folded words without gaps */
    size_t *ends;  /* where the letters of word i end */
};

/* Errors: UT_ENOMEM, UT_EINVAL (0 or absurdly many words). */
UT_NODISCARD enum ut_status ut_commit_words_init(struct ut_commit_words *w, size_t max_words);
/* Accepts a zeroed list. */
void ut_commit_words_finish(struct ut_commit_words *w);

/* Appends copies. Errors: UT_ELIMIT; the list then holds what it held. */
UT_NODISCARD enum ut_status ut_commit_words_append(struct ut_commit_words *w,
                                                   const struct ut_asr_word *words, size_t n);

/* Letters of words [0, i). */
size_t ut_commit_words_letters(const struct ut_commit_words *w, size_t i);

/* Drops the first n words. */
void ut_commit_words_drop(struct ut_commit_words *w, size_t n);

#endif
