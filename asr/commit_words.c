#include "asr/commit_words.h"

#include <string.h>

#include "asr/fold.h"
#include "base/memory.h"

#define TEXT_PER_WORD 48
#define TEXT_EXTRA 4096
#define MAX_WORDS 100000

enum ut_status ut_commit_words_init(struct ut_commit_words *w, size_t max_words)
{
    if (max_words == 0 || max_words > MAX_WORDS)
        return UT_EINVAL;
    *w = (struct ut_commit_words){ .capacity = max_words,
                                   .text_capacity = max_words * TEXT_PER_WORD + TEXT_EXTRA };
    w->words = ut_calloc(max_words, sizeof *w->words);
    w->text = ut_alloc(w->text_capacity, 1);
    w->letters = ut_alloc(w->text_capacity, 1);
    w->ends = ut_calloc(max_words, sizeof *w->ends);
    if (w->words && w->text && w->letters && w->ends)
        return UT_OK;
    ut_commit_words_finish(w);
    return UT_ENOMEM;
}

void ut_commit_words_finish(struct ut_commit_words *w)
{
    ut_free(w->words);
    ut_free(w->text);
    ut_free(w->letters);
    ut_free(w->ends);
    *w = (struct ut_commit_words){ 0 };
}

enum ut_status ut_commit_words_append(struct ut_commit_words *w, const struct ut_asr_word *words,
                                      size_t n)
{
    size_t total = w->n_text;
    if (n > w->capacity - w->n)
        return UT_ELIMIT;
    for (size_t i = 0; i < n; i++) {
        size_t bytes = strlen(words[i].text) + 1;
        if (bytes > w->text_capacity - total)
            return UT_ELIMIT;
        total += bytes;
    }

    for (size_t i = 0; i < n; i++) {
        size_t bytes = strlen(words[i].text) + 1;
        size_t begin = ut_commit_words_letters(w, w->n);
        struct ut_asr_word *copy = &w->words[w->n];
        *copy = words[i];
        copy->text = memcpy(w->text + w->n_text, words[i].text, bytes);
        w->n_text += bytes;
        w->ends[w->n] = begin + ut_asr_fold(copy->text, bytes - 1, w->letters + begin,
                                            w->text_capacity - begin);
        w->n++;
    }
    return UT_OK;
}

size_t ut_commit_words_letters(const struct ut_commit_words *w, size_t i)
{
    return i ? w->ends[i - 1] : 0;
}

void ut_commit_words_drop(struct ut_commit_words *w, size_t n)
{
    if (n == 0)
        return;
    if (n >= w->n) {
        w->n = 0;
        w->n_text = 0;
        return;
    }
    size_t letters = w->ends[n - 1], n_letters = w->ends[w->n - 1] - letters;
    size_t text = (size_t)(w->words[n].text - w->text);

    memmove(w->letters, w->letters + letters, n_letters);
    memmove(w->text, w->text + text, w->n_text - text);
    w->n_text -= text;
    w->n -= n;
    for (size_t i = 0; i < w->n; i++) {
        w->words[i] = w->words[i + n];
        w->words[i].text -= text;
        w->ends[i] = w->ends[i + n] - letters;
    }
}
