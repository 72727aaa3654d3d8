#include "clients/display.h"

#include <string.h>

#include "base/memory.h"
#include "clients/word_match.h"

static void clear(struct ut_shown_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        ut_free(l->words[i].text);
    l->n = 0;
}

/* Room for n more words. */
static enum ut_status reserve(struct ut_shown_list *l, size_t n)
{
    if (n <= l->capacity - l->n)
        return UT_OK;
    size_t capacity = 2 * (l->n + n) + 16;
    struct ut_shown_word *words = ut_calloc(capacity, sizeof *words);
    if (!words)
        return UT_ENOMEM;
    if (l->n)
        memcpy(words, l->words, l->n * sizeof *words);
    ut_free(l->words);
    l->words = words;
    l->capacity = capacity;
    return UT_OK;
}

/* The words as shown from now on, or since before where `match` has them in the tail. */
static enum ut_status append(struct ut_shown_list *l, const struct ut_display *d,
                             const struct ut_display_word *words, size_t n, const size_t *match,
                             double now_s, double audio_s)
{
    enum ut_status st = reserve(l, n);

    for (size_t i = 0; i < n && st == UT_OK; i++) {
        struct ut_shown_word w = { .text = ut_strdup(words[i].text),
                                   .start = words[i].start,
                                   .end = words[i].end,
                                   .shown_s = now_s,
                                   .committed_s = now_s,
                                   .shown_audio_s = audio_s,
                                   .committed_audio_s = audio_s };
        if (!w.text)
            return UT_ENOMEM;
        if (match[i] != UT_WORD_MATCH_NONE) {
            w.shown_s = d->tail.words[match[i]].shown_s;
            w.shown_audio_s = d->tail.words[match[i]].shown_audio_s;
        }
        l->words[l->n++] = w;
    }
    return st;
}

static size_t count_matched(const size_t *match, size_t n)
{
    size_t matched = 0;

    for (size_t i = 0; i < n; i++)
        matched += match[i] != UT_WORD_MATCH_NONE;
    return matched;
}

/* Words that both begin with. */
static size_t common_start(const struct ut_shown_list *tail, const struct ut_display_word *words,
                           size_t n)
{
    size_t i = 0;

    while (i < n && i < tail->n && strcmp(tail->words[i].text, words[i].text) == 0)
        i++;
    return i;
}

/* Lines the words up with the tail; match [n] and the texts are the caller's to free. */
static enum ut_status line_up(const struct ut_display *d, const struct ut_display_word *words,
                              size_t n, bool open_end, size_t **match, size_t *n_used)
{
    const char **texts = ut_calloc(n + d->tail.n, sizeof *texts);
    size_t *m = ut_calloc(n, sizeof *m);
    enum ut_status st = texts && m ? UT_OK : UT_ENOMEM;

    if (st == UT_OK) {
        for (size_t i = 0; i < n; i++)
            texts[i] = words[i].text;
        for (size_t i = 0; i < d->tail.n; i++)
            texts[n + i] = d->tail.words[i].text;
        st = ut_word_match(texts, n, texts + n, d->tail.n, open_end, m, n_used);
    }
    ut_free(texts);
    if (st != UT_OK) {
        ut_free(m);
        return st;
    }
    *match = m;
    return UT_OK;
}

enum ut_status ut_display_tail(struct ut_display *d, const struct ut_display_word *words, size_t n,
                               double now_s, double audio_s)
{
    struct ut_shown_list next = { 0 };
    size_t *match;
    size_t n_used;

    enum ut_status st = line_up(d, words, n, false, &match, &n_used);
    if (st != UT_OK)
        return st;
    st = append(&next, d, words, n, match, now_s, audio_s);
    d->n_changed += d->tail.n - count_matched(match, n);
    size_t n_behind = d->tail.n - common_start(&d->tail, words, n);
    if (n_behind > d->n_tail_erased)
        d->n_erased += n_behind - d->n_tail_erased;
    d->n_tail_erased = 0;
    ut_free(match);
    clear(&d->tail);
    ut_free(d->tail.words);
    d->tail = next;
    return st;
}

enum ut_status ut_display_commit(struct ut_display *d, const struct ut_display_word *words,
                                 size_t n, double now_s, double audio_s)
{
    size_t *match;
    size_t n_used;

    enum ut_status st = line_up(d, words, n, true, &match, &n_used);
    if (st != UT_OK)
        return st;
    st = append(&d->committed, d, words, n, match, now_s, audio_s);
    d->n_changed += n_used - count_matched(match, n);
    /* Behind a word that differs, the whole rest of the tail was erased and perhaps written anew.
     */
    size_t same = common_start(&d->tail, words, n);
    bool erased = same < n && same < d->tail.n;
    if (erased)
        d->n_erased +=
            d->tail.n - same > d->n_tail_erased ? d->tail.n - same - d->n_tail_erased : 0;
    ut_free(match);
    for (size_t i = 0; i < n_used; i++)
        ut_free(d->tail.words[i].text);
    if (n_used)
        memmove(d->tail.words, d->tail.words + n_used,
                (d->tail.n - n_used) * sizeof *d->tail.words);
    d->tail.n -= n_used;
    if (erased || d->n_tail_erased > d->tail.n)
        d->n_tail_erased = d->tail.n;
    return st;
}

void ut_display_finish(struct ut_display *d)
{
    clear(&d->committed);
    clear(&d->tail);
    ut_free(d->committed.words);
    ut_free(d->tail.words);
    *d = (struct ut_display){ 0 };
}
