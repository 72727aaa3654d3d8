#include "asr/commit.h"

#include <string.h>

#include "asr/commit_words.h"
#include "base/memory.h"

#define MAX_AGREE 8
#define SLACK 8000              /* samples by which a word's time may be wrong: 0.5 s */
#define MAX_EDIT_CELLS 16000000 /* beyond this the committed end is found by time alone */

struct ut_commit {
    struct ut_commit_options options;
    struct ut_commit_words committed;
    struct ut_commit_words work;             /* the newest hypothesis, whole */
    struct ut_commit_words tails[MAX_AGREE]; /* what followed the committed words, newest last */
    size_t n_tails;
    size_t n_before; /* committed words before the last push */
    uint32_t *edit;  /* a row of the edit distance */
};

enum ut_status ut_commit_create(struct ut_commit **out, const struct ut_commit_options *options,
                                size_t max_words)
{
    if (options->policy != UT_COMMIT_LOCAL_AGREEMENT || options->n_agree < 1 ||
        options->n_agree > MAX_AGREE || options->hold_samples < 0)
        return UT_EINVAL;
    struct ut_commit *p = ut_calloc(1, sizeof *p);
    if (!p)
        return UT_ENOMEM;
    p->options = *options;

    enum ut_status st = ut_commit_words_init(&p->committed, max_words);
    if (st == UT_OK)
        st = ut_commit_words_init(&p->work, max_words);
    for (size_t i = 0; st == UT_OK && i < options->n_agree; i++)
        st = ut_commit_words_init(&p->tails[i], max_words);
    if (st == UT_OK && !(p->edit = ut_calloc(p->work.text_capacity + 1, sizeof *p->edit)))
        st = UT_ENOMEM;
    if (st != UT_OK) {
        ut_commit_destroy(p);
        return st;
    }
    *out = p;
    return UT_OK;
}

void ut_commit_destroy(struct ut_commit *p)
{
    if (!p)
        return;
    ut_commit_words_finish(&p->committed);
    ut_commit_words_finish(&p->work);
    for (size_t i = 0; i < MAX_AGREE; i++)
        ut_commit_words_finish(&p->tails[i]);
    ut_free(p->edit);
    ut_free(p);
}

void ut_commit_reset(struct ut_commit *p)
{
    ut_commit_words_drop(&p->committed, p->committed.n);
    for (size_t i = 0; i < MAX_AGREE; i++)
        ut_commit_words_drop(&p->tails[i], p->tails[i].n);
    p->n_tails = 0;
    p->n_before = 0;
}

/* ------------------------------------------------------------ lining up behind the committed */

/* The edit distance between the committed letters and every prefix of the hypothesis's. */
static void edit_distances(const struct ut_commit *p)
{
    size_t n = ut_commit_words_letters(&p->committed, p->committed.n);
    size_t m = ut_commit_words_letters(&p->work, p->work.n);

    for (size_t j = 0; j <= m; j++)
        p->edit[j] = (uint32_t)j;
    for (size_t i = 1; i <= n; i++) {
        uint32_t diagonal = p->edit[0];
        char letter = p->committed.letters[i - 1];
        p->edit[0] = (uint32_t)i;
        for (size_t j = 1; j <= m; j++) {
            uint32_t substituted = diagonal + (p->work.letters[j - 1] != letter);
            uint32_t best = p->edit[j] < p->edit[j - 1] ? p->edit[j] : p->edit[j - 1];
            diagonal = p->edit[j];
            p->edit[j] = substituted < best + 1 ? substituted : best + 1;
        }
    }
}

/* Letters that count against word i of the hypothesis being taken as said (or as new). */
static double time_penalty(const struct ut_commit *p, size_t i, bool said)
{
    const struct ut_asr_word *word = &p->work.words[i];
    int64_t late = (word->start + word->end) / 2 - p->committed.words[p->committed.n - 1].end;
    int64_t wrong = said ? late : -late;
    size_t letters = p->work.ends[i] - ut_commit_words_letters(&p->work, i);

    if (wrong <= 0)
        return 0.0;
    return (double)(letters ? letters : 1) * (wrong < SLACK ? (double)wrong / SLACK : 1.0);
}

/*
 * How many words of the hypothesis say what is committed. Letters decide, times break what letters
 * leave open: a hypothesis may now hear the committed part otherwise, and its rest must still be
 * given once, neither doubled nor lost.
 */
static size_t find_committed_end(const struct ut_commit *p)
{
    size_t n = p->committed.n, n_letters = ut_commit_words_letters(&p->committed, n);
    size_t m = p->work.n, m_letters = ut_commit_words_letters(&p->work, m);

    if (n == 0)
        return 0;
    if (m_letters >= n_letters && memcmp(p->work.letters, p->committed.letters, n_letters) == 0) {
        size_t low = 0, high;
        while (low < m && ut_commit_words_letters(&p->work, low) < n_letters)
            low++;
        for (high = low; high < m && p->work.ends[high] == n_letters; high++)
            continue;
        if (ut_commit_words_letters(&p->work, low) == n_letters)
            return n < low ? low : n > high ? high : n;
    }

    bool by_letters = n_letters * m_letters <= MAX_EDIT_CELLS;
    double penalty = 0.0, best = 0.0;
    size_t best_k = 0;
    if (by_letters)
        edit_distances(p);
    for (size_t i = 0; i < m; i++)
        penalty += time_penalty(p, i, false);
    for (size_t k = 0; k <= m; k++) {
        if (k > 0)
            penalty += time_penalty(p, k - 1, true) - time_penalty(p, k - 1, false);
        double letters = by_letters ? (double)p->edit[ut_commit_words_letters(&p->work, k)] : 0.0;
        if (k == 0 || letters + penalty < best) {
            best = letters + penalty;
            best_k = k;
        }
    }
    return best_k;
}

/* ------------------------------------------------------------ agreement */

static size_t common_letters(const struct ut_commit_words *a, const struct ut_commit_words *b)
{
    size_t n = ut_commit_words_letters(a, a->n), m = ut_commit_words_letters(b, b->n), i = 0;
    while (i < n && i < m && a->letters[i] == b->letters[i])
        i++;
    return i;
}

static bool is_boundary(const struct ut_commit_words *w, size_t letters)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->ends[i] >= letters)
            return w->ends[i] == letters;
    return false;
}

/* Words of the newest tail that every earlier tail kept has too and that are old enough. */
static size_t count_agreed(const struct ut_commit *p, int64_t edge)
{
    const struct ut_commit_words *tail = &p->tails[p->n_tails - 1];
    size_t letters = ut_commit_words_letters(tail, tail->n), agreed = 0;

    if (p->n_tails < p->options.n_agree)
        return 0;
    for (size_t j = 0; j + 1 < p->n_tails; j++) {
        size_t common = common_letters(tail, &p->tails[j]);
        letters = common < letters ? common : letters;
    }
    for (size_t i = 0; i < tail->n && tail->ends[i] <= letters; i++) {
        bool boundary = tail->ends[i] > ut_commit_words_letters(tail, i);
        if (tail->words[i].end > edge - p->options.hold_samples)
            break;
        for (size_t j = 0; boundary && j + 1 < p->n_tails; j++)
            boundary = is_boundary(&p->tails[j], tail->ends[i]);
        if (boundary)
            agreed = i + 1;
    }
    return agreed;
}

/* Takes what lies behind `letters` letters as the new beginning of a tail. */
static void drop_letters(struct ut_commit_words *tail, size_t letters)
{
    size_t n = 0;
    while (n < tail->n && tail->ends[n] <= letters)
        n++;
    ut_commit_words_drop(tail, n);
}

/* The words of the hypothesis from k on become the newest tail, after the committed ones in time.
 */
static enum ut_status push_tail(struct ut_commit *p, size_t k)
{
    if (p->n_tails == p->options.n_agree) {
        struct ut_commit_words oldest = p->tails[0];
        memmove(&p->tails[0], &p->tails[1], (p->n_tails - 1) * sizeof p->tails[0]);
        p->tails[p->n_tails - 1] = oldest;
        p->n_tails--;
    }
    struct ut_commit_words *tail = &p->tails[p->n_tails];
    ut_commit_words_drop(tail, tail->n);
    enum ut_status st = ut_commit_words_append(tail, p->work.words + k, p->work.n - k);
    if (st != UT_OK)
        return st;
    p->n_tails++;

    int64_t from = p->committed.n ? p->committed.words[p->committed.n - 1].end : 0;
    for (size_t i = 0; i < tail->n; i++) {
        struct ut_asr_word *word = &tail->words[i];
        word->start = word->start < from ? from : word->start;
        word->end = word->end < word->start ? word->start : word->end;
        from = word->start;
    }
    return UT_OK;
}

enum ut_status ut_commit_push(struct ut_commit *p, const struct ut_asr_word *words, size_t n_words,
                              int64_t edge, bool last)
{
    ut_commit_words_drop(&p->work, p->work.n);
    enum ut_status st = ut_commit_words_append(&p->work, words, n_words);
    if (st != UT_OK)
        return st;
    size_t k = find_committed_end(p);
    if (p->work.n - k > p->committed.capacity - p->committed.n)
        return UT_ELIMIT;
    st = push_tail(p, k);
    if (st != UT_OK)
        return st;

    struct ut_commit_words *tail = &p->tails[p->n_tails - 1];
    size_t n = last ? tail->n : count_agreed(p, edge);
    size_t before = p->committed.n;
    size_t letters = ut_commit_words_letters(tail, n);
    st = ut_commit_words_append(&p->committed, tail->words, n);
    if (st != UT_OK)
        return st;
    p->n_before = before;
    if (n == 0)
        return UT_OK;
    ut_commit_words_drop(tail, n);
    for (size_t j = 0; j + 1 < p->n_tails; j++)
        drop_letters(&p->tails[j], letters);
    return UT_OK;
}

const struct ut_asr_word *ut_commit_new(const struct ut_commit *p, size_t *n)
{
    *n = p->committed.n - p->n_before;
    return p->committed.words + p->n_before;
}

const struct ut_asr_word *ut_commit_tail(const struct ut_commit *p, size_t *n)
{
    *n = p->n_tails ? p->tails[p->n_tails - 1].n : 0;
    return p->n_tails ? p->tails[p->n_tails - 1].words : p->work.words;
}

size_t ut_commit_n_committed(const struct ut_commit *p)
{
    return p->committed.n;
}
