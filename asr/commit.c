#include "asr/commit.h"

#include <string.h>

#include "asr/commit_line.h"
#include "asr/commit_words.h"
#include "base/memory.h"

#define MAX_AGREE 64
#define MS(ms) ((ms)*16)
#define DEFAULT_HOLD MS(750)
#define MAX_HOLD MS(60000)

/* What hypothesis after hypothesis said of a word. */
struct support {
    int64_t since; /* edge of the first of the hypotheses that agree on it without a break */
    size_t n;      /* how many do */
};

/* What a hypothesis has behind the committed words. */
struct tail {
    struct ut_commit_words words;
    struct support *support; /* [capacity] */
};

struct ut_commit {
    struct ut_commit_options options;
    struct ut_commit_words committed;
    struct ut_commit_words work; /* the newest hypothesis, whole */
    struct tail newest;
    struct tail before;
    size_t n_before; /* committed words before the last push */
    size_t n_shown;  /* words of the newest tail */
    uint32_t *row;   /* of the edit distance */
};

static const char *const names[UT_COMMIT_N_POLICIES] = { "evidence", "agreement", "attention" };

const char *ut_commit_policy_name(enum ut_commit_policy policy)
{
    return policy < UT_COMMIT_N_POLICIES ? names[policy] : NULL;
}

enum ut_commit_policy ut_commit_policy_find(const char *name)
{
    size_t i = 0;

    while (i < UT_COMMIT_N_POLICIES && strcmp(names[i], name) != 0)
        i++;
    return (enum ut_commit_policy)i;
}

struct ut_commit_options ut_commit_options_default(enum ut_commit_policy policy)
{
    struct ut_commit_options o = { .policy = policy,
                                   .hold = DEFAULT_HOLD,
                                   .n_agree = 2,
                                   .show = { .span = MS(300), .age = MS(100), .weakest = 0.8f } };
    if (policy == UT_COMMIT_LOCAL_AGREEMENT)
        o.hold = MS(500);
    return o;
}

static bool options_are_sound(const struct ut_commit_options *o)
{
    /* Written so that a NaN fails. */
    bool show = o->show.span >= 0 && o->show.weakest >= 0.0f && o->show.weakest <= 2.0f;

    return o->policy < UT_COMMIT_N_POLICIES && o->n_agree >= 1 && o->n_agree <= MAX_AGREE &&
           o->hold >= 0 && o->hold <= MAX_HOLD && show;
}

static enum ut_status init_tail(struct tail *t, size_t max_words)
{
    enum ut_status st = ut_commit_words_init(&t->words, max_words);

    if (st == UT_OK && !(t->support = ut_calloc(max_words, sizeof *t->support)))
        st = UT_ENOMEM;
    return st;
}

static void finish_tail(struct tail *t)
{
    ut_commit_words_finish(&t->words);
    ut_free(t->support);
}

enum ut_status ut_commit_create(struct ut_commit **out, const struct ut_commit_options *options,
                                size_t max_words)
{
    if (!options_are_sound(options))
        return UT_EINVAL;
    struct ut_commit *p = ut_calloc(1, sizeof *p);
    if (!p)
        return UT_ENOMEM;
    p->options = *options;

    enum ut_status st = ut_commit_words_init(&p->committed, max_words);
    if (st == UT_OK)
        st = ut_commit_words_init(&p->work, max_words);
    if (st == UT_OK)
        st = init_tail(&p->newest, max_words);
    if (st == UT_OK)
        st = init_tail(&p->before, max_words);
    if (st == UT_OK && !(p->row = ut_calloc(p->work.text_capacity + 1, sizeof *p->row)))
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
    finish_tail(&p->newest);
    finish_tail(&p->before);
    ut_free(p->row);
    ut_free(p);
}

void ut_commit_reset(struct ut_commit *p)
{
    ut_commit_words_drop(&p->committed, p->committed.n);
    ut_commit_words_drop(&p->newest.words, p->newest.words.n);
    ut_commit_words_drop(&p->before.words, p->before.words.n);
    p->n_before = 0;
    p->n_shown = 0;
}

enum ut_status ut_commit_resume(struct ut_commit *p, const struct ut_asr_word *words, size_t n)
{
    ut_commit_reset(p);
    enum ut_status st = ut_commit_words_append(&p->committed, words, n);
    p->n_before = p->committed.n;
    return st;
}

/* ------------------------------------------------------------ agreement of hypotheses */

static size_t common_letters(const struct ut_commit_words *a, const struct ut_commit_words *b)
{
    size_t n = ut_commit_words_letters(a, a->n), m = ut_commit_words_letters(b, b->n), i = 0;
    while (i < n && i < m && a->letters[i] == b->letters[i])
        i++;
    return i;
}

static bool has_letters(const struct ut_commit_words *w, size_t i)
{
    return w->ends[i] > ut_commit_words_letters(w, i);
}

/*
 * A word whose letters end where a word of the tail before ends, behind nothing that differs, has
 * that word's support and one more. A lone dash goes with the word behind it.
 */
static void find_support(const struct tail *newest, const struct tail *before, int64_t edge)
{
    const struct ut_commit_words *words = &newest->words, *old = &before->words;
    size_t common = common_letters(words, old), j = 0;

    for (size_t i = 0; i < words->n; i++) {
        newest->support[i] = (struct support){ .since = edge, .n = 1 };
        while (j < old->n && (old->ends[j] < words->ends[i] || !has_letters(old, j)))
            j++;
        if (words->ends[i] <= common && j < old->n && old->ends[j] == words->ends[i])
            newest->support[i] =
                (struct support){ before->support[j].since, before->support[j].n + 1 };
    }
    for (size_t i = words->n; i-- > 1;) {
        if (!has_letters(words, i - 1))
            newest->support[i - 1] = newest->support[i];
    }
}

static void drop_words(struct tail *t, size_t n)
{
    ut_commit_words_drop(&t->words, n);
    memmove(t->support, t->support + n, t->words.n * sizeof *t->support);
}

/* ------------------------------------------------------------ policies */

/* How much of each kind of evidence is enough at the default hold; spans and ages grow with it.
 * Tried: docs/decisions/013-commit-policy.md. */
struct level {
    int64_t span;    /* hypotheses have agreed so long */
    int64_t age;     /* it ends so far behind the edge */
    int64_t silence; /* nobody has spoken for so long */
    float weakest;   /* the least probability of its tokens */
};

static const struct level levels[] = {
    { .span = MS(80), .age = MS(100), .weakest = 0.9f },
    { .span = MS(280), .age = MS(400), .weakest = 0.5f },
    { .span = MS(580), .age = MS(750) },
    { .silence = MS(60), .age = MS(50), .weakest = 0.5f },
    { .silence = MS(120) },
};

static bool reaches(const struct level *level, int64_t hold, const struct ut_asr_word *word,
                    int64_t span, const struct ut_commit_edge *edge)
{
    return span >= level->span * hold / DEFAULT_HOLD &&
           edge->at - word->end >= level->age * hold / DEFAULT_HOLD &&
           edge->silence >= level->silence && word->weakest >= level->weakest;
}

static bool has_evidence(const struct ut_commit *p, size_t i, const struct ut_commit_edge *edge)
{
    const struct ut_asr_word *word = &p->newest.words.words[i];
    int64_t span = edge->at - p->newest.support[i].since;

    for (size_t k = 0; k < sizeof levels / sizeof *levels; k++) {
        if (reaches(&levels[k], p->options.hold, word, span, edge))
            return true;
    }
    return false;
}

static bool is_settled(const struct ut_commit *p, size_t i, const struct ut_commit_edge *edge)
{
    const struct ut_asr_word *word = &p->newest.words.words[i];

    switch (p->options.policy) {
    case UT_COMMIT_LOCAL_AGREEMENT:
        return p->newest.support[i].n >= p->options.n_agree &&
               word->end <= edge->at - p->options.hold;
    case UT_COMMIT_ATTENTION:
        return word->attended <= edge->at - p->options.hold;
    case UT_COMMIT_EVIDENCE:
    case UT_COMMIT_N_POLICIES:
        break;
    }
    return has_evidence(p, i, edge);
}

static size_t count_settled(const struct ut_commit *p, const struct ut_commit_edge *edge)
{
    size_t i = 0;

    if (edge->last)
        return p->newest.words.n;
    while (i < p->newest.words.n && is_settled(p, i, edge))
        i++;
    return i;
}

static size_t count_shown(const struct ut_commit *p, const struct ut_commit_edge *edge)
{
    const struct ut_commit_show *show = &p->options.show;
    size_t i = 0;

    for (; i < p->newest.words.n; i++) {
        const struct ut_asr_word *word = &p->newest.words.words[i];
        bool agreed = edge->at - p->newest.support[i].since >= show->span;
        if (!agreed && (word->weakest < show->weakest || edge->at - word->end < show->age))
            break;
    }
    return i;
}

/* ------------------------------------------------------------ a hypothesis */

/* The words of the hypothesis from k on become the newest tail, after the committed ones in time.
 */
static enum ut_status push_tail(struct ut_commit *p, size_t k, int64_t edge)
{
    struct tail oldest = p->before;

    p->before = p->newest;
    p->newest = oldest;
    struct ut_commit_words *tail = &p->newest.words;
    ut_commit_words_drop(tail, tail->n);
    enum ut_status st = ut_commit_words_append(tail, p->work.words + k, p->work.n - k);
    if (st != UT_OK)
        return st;

    int64_t from = p->committed.n ? p->committed.words[p->committed.n - 1].end : 0;
    for (size_t i = 0; i < tail->n; i++) {
        struct ut_asr_word *word = &tail->words[i];
        word->start = word->start < from ? from : word->start;
        word->end = word->end < word->start ? word->start : word->end;
        from = word->start;
    }
    find_support(&p->newest, &p->before, edge);
    return UT_OK;
}

enum ut_status ut_commit_push(struct ut_commit *p, const struct ut_asr_word *words, size_t n_words,
                              const struct ut_commit_edge *edge)
{
    ut_commit_words_drop(&p->work, p->work.n);
    enum ut_status st = ut_commit_words_append(&p->work, words, n_words);
    if (st != UT_OK)
        return st;
    size_t k = ut_commit_line_up(&p->committed, &p->work, p->row);
    if (p->work.n - k > p->committed.capacity - p->committed.n)
        return UT_ELIMIT;
    st = push_tail(p, k, edge->at);
    if (st != UT_OK)
        return st;

    size_t n = count_settled(p, edge), before = p->committed.n;
    st = ut_commit_words_append(&p->committed, p->newest.words.words, n);
    if (st != UT_OK)
        return st;
    p->n_before = before;
    drop_words(&p->newest, n);
    p->n_shown = count_shown(p, edge);
    return UT_OK;
}

const struct ut_asr_word *ut_commit_new(const struct ut_commit *p, size_t *n)
{
    *n = p->committed.n - p->n_before;
    return p->committed.words + p->n_before;
}

const struct ut_asr_word *ut_commit_tail(const struct ut_commit *p, size_t *n)
{
    *n = p->n_shown;
    return p->newest.words.words;
}

size_t ut_commit_n_committed(const struct ut_commit *p)
{
    return p->committed.n;
}

size_t ut_commit_n_open(const struct ut_commit *p)
{
    return p->newest.words.n;
}
