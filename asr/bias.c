#include "asr/bias.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/memory.h"

#define WAYS 4 /* of writing a term: with a space or not, as given or with a capital */

/*
 * Nodes in breadth-first order: node 0 has the ways with a space as children, node 1 those
 * without; the children of a node follow one another, so that tokens[first_child .. + n_children)
 * are their tokens, ascending. tokens[i] is the token that leads to node i.
 */
struct node {
    uint32_t first_child;
    uint32_t n_children;
    bool complete; /* a term ends here */
};

enum { ROOT_SPACED = 0, ROOT_BARE = 1, N_ROOTS = 2 };

struct ut_asr_bias {
    const struct ut_asr_tokens *tokens;
    struct ut_asr_bias_options options;
    struct node *nodes;
    int32_t *ids;
    size_t n;
};

/* One way to write a term, as tokens. */
struct way {
    uint32_t root;
    uint32_t n;
    int32_t ids[UT_ASR_BIAS_MAX_TOKENS];
};

struct ways {
    struct way *list;
    size_t n;
};

/* ------------------------------------------------------------ terms to tokens */

/* A term for messages: what could harm a terminal is shown as '?', and it is not too long. */
static const char *printable(const char *term, char out[64])
{
    size_t n = 0;

    for (; term[n] && n < 60; n++) {
        unsigned char c = (unsigned char)term[n];
        out[n] = c < 0x20 || c == 0x7f ? '?' : term[n];
    }
    while (n > 0 && term[n] && ((unsigned char)term[n] & 0xC0) == 0x80)
        n--; /* whole characters only */
    memcpy(out + n, term[n] ? "..." : "", term[n] ? 4 : 1);
    return out;
}

static enum ut_status refuse(const char *term, size_t number, const char *why, struct ut_error *err)
{
    char shown[64];

    return ut_error_set(err, UT_EINVAL, "term %zu \"%s\": %s", number + 1, printable(term, shown),
                        why);
}

/* What is no term at all; narrows it by the spaces around it. */
static enum ut_status check_term(const char *term, size_t number, const char **first, size_t *n,
                                 struct ut_error *err)
{
    *first = term + strspn(term, " ");
    *n = strlen(*first);
    while (*n > 0 && (*first)[*n - 1] == ' ')
        (*n)--;
    if (*n == 0)
        return refuse(term, number, "is empty", err);
    if (*n > UT_ASR_BIAS_MAX_BYTES)
        return ut_error_set(err, UT_EINVAL, "term %zu: %zu bytes, at most %d are possible",
                            number + 1, *n, UT_ASR_BIAS_MAX_BYTES);
    for (size_t i = 0; i < *n;) {
        utf8proc_int32_t cp;
        utf8proc_ssize_t step =
            utf8proc_iterate((const utf8proc_uint8_t *)*first + i, (utf8proc_ssize_t)(*n - i), &cp);
        if (step <= 0)
            return refuse("", number, "is not UTF-8", err);
        if (utf8proc_category(cp) == UTF8PROC_CATEGORY_CC)
            return refuse(term, number, "has control characters", err);
        i += (size_t)step;
    }
    return UT_OK;
}

/* The term behind a space, its first letter a capital if `capital`; returns bytes written. */
static size_t write_term(const char *term, size_t n, bool capital, char *out)
{
    utf8proc_int32_t cp = 0;
    utf8proc_uint8_t upper[4];
    size_t used = 0, skip = 0;

    out[used++] = ' ';
    if (capital) {
        skip = (size_t)utf8proc_iterate((const utf8proc_uint8_t *)term, (utf8proc_ssize_t)n, &cp);
        utf8proc_ssize_t n_upper = utf8proc_encode_char(utf8proc_toupper(cp), upper);
        memcpy(out + used, upper, (size_t)n_upper);
        used += (size_t)n_upper;
    }
    memcpy(out + used, term + skip, n - skip);
    return used + n - skip;
}

static bool is_writable(const struct ut_asr_tokens *tokens, const struct way *way)
{
    size_t n_suppressed;
    const int32_t *suppressed = ut_asr_tokens_suppressed(tokens, &n_suppressed);

    for (size_t i = 0; i < way->n; i++)
        for (size_t k = 0; k < n_suppressed; k++)
            if (way->ids[i] == suppressed[k])
                return false;
    return way->n > 0;
}

static enum ut_status add_term(struct ways *ways, const struct ut_asr_tokens *tokens,
                               const char *term, size_t number, struct ut_error *err)
{
    char text[UT_ASR_BIAS_MAX_BYTES + 8];
    const char *first;
    size_t n, before = ways->n;
    enum ut_status st = check_term(term, number, &first, &n, err);

    if (st != UT_OK)
        return st;
    for (unsigned i = 0; i < WAYS; i++) {
        struct way *way = &ways->list[ways->n];
        bool bare = i & 1, capital = i & 2;
        size_t n_ids = 0, n_text = write_term(first, n, capital, text);

        if (capital && n_text == n + 1 && memcmp(text + 1, first, n) == 0)
            continue;
        way->root = bare ? ROOT_BARE : ROOT_SPACED;
        st = ut_asr_tokens_encode(tokens, text + bare, n_text - bare, way->ids,
                                  UT_ASR_BIAS_MAX_TOKENS, &n_ids);
        if (st == UT_ELIMIT)
            return refuse(term, number, "has too many tokens", err);
        if (st != UT_OK)
            return st;
        way->n = (uint32_t)n_ids;
        ways->n += is_writable(tokens, way);
    }
    if (ways->n == before)
        return refuse(term, number, "has signs that are never written", err);
    return UT_OK;
}

/* ------------------------------------------------------------ the tree */

static int compare_ways(const void *a, const void *b)
{
    const struct way *x = a, *y = b;

    if (x->root != y->root)
        return x->root < y->root ? -1 : 1;
    for (uint32_t i = 0; i < x->n && i < y->n; i++)
        if (x->ids[i] != y->ids[i])
            return x->ids[i] < y->ids[i] ? -1 : 1;
    return (x->n > y->n) - (x->n < y->n);
}

/* Ways [first, end) share their first `depth` tokens: those that lead to a node. */
struct span {
    size_t first;
    size_t end;
};

/* Appends the children of node `at`, whose ways are spans[at]. */
static void grow(struct ut_asr_bias *b, struct span *spans, const struct ways *ways, size_t at,
                 uint32_t depth)
{
    size_t i = spans[at].first;

    b->nodes[at].first_child = (uint32_t)b->n;
    for (; i < spans[at].end && ways->list[i].n == depth; i++)
        b->nodes[at].complete = depth > 0;
    while (i < spans[at].end) {
        int32_t id = ways->list[i].ids[depth];
        size_t child = b->n++;
        spans[child].first = i;
        while (i < spans[at].end && ways->list[i].ids[depth] == id)
            i++;
        spans[child].end = i;
        b->ids[child] = id;
        b->nodes[at].n_children++;
    }
}

/* A node for each token of each way, and the roots, are enough. */
static enum ut_status build(struct ut_asr_bias *b, struct ways *ways)
{
    size_t most = N_ROOTS, level_end, at = 0;
    uint32_t depth = 0;

    for (size_t i = 0; i < ways->n; i++)
        most += ways->list[i].n;
    qsort(ways->list, ways->n, sizeof *ways->list, compare_ways);
    struct span *spans = ut_calloc(most, sizeof *spans);
    b->nodes = ut_calloc(most, sizeof *b->nodes);
    b->ids = ut_calloc(most, sizeof *b->ids);
    if (!spans || !b->nodes || !b->ids) {
        ut_free(spans);
        return UT_ENOMEM;
    }
    while (spans[ROOT_SPACED].end < ways->n && ways->list[spans[ROOT_SPACED].end].root == 0)
        spans[ROOT_SPACED].end++;
    spans[ROOT_BARE] = (struct span){ spans[ROOT_SPACED].end, ways->n };
    b->ids[ROOT_SPACED] = b->ids[ROOT_BARE] = -1;
    b->n = N_ROOTS;
    for (level_end = b->n; at < level_end; level_end = b->n, depth++)
        while (at < level_end)
            grow(b, spans, ways, at++, depth);
    ut_free(spans);
    return UT_OK;
}

static bool in_range(float gain)
{
    return gain >= 0.0f && gain <= UT_ASR_BIAS_MAX_GAIN;
}

enum ut_status ut_asr_bias_create(struct ut_asr_bias **out, const struct ut_asr_tokens *tokens,
                                  const char *const *terms, size_t n_terms,
                                  const struct ut_asr_bias_options *options, struct ut_error *err)
{
    static const struct ut_asr_bias_options standard = { UT_ASR_BIAS_BEGIN, UT_ASR_BIAS_GO_ON };
    const struct ut_asr_bias_options o = options ? *options : standard;

    if (!in_range(o.begin) || !in_range(o.go_on))
        return ut_error_set(err, UT_EINVAL, "terms: a gain of %g and %g, 0 to %g is possible",
                            (double)o.begin, (double)o.go_on, (double)UT_ASR_BIAS_MAX_GAIN);
    if (n_terms > UT_ASR_BIAS_MAX_TERMS)
        return ut_error_set(err, UT_EINVAL, "%zu terms, at most %d are possible", n_terms,
                            UT_ASR_BIAS_MAX_TERMS);
    struct ways ways = { .list = ut_calloc(WAYS * n_terms + 1, sizeof *ways.list) };
    struct ut_asr_bias *b = ut_calloc(1, sizeof *b);
    enum ut_status st = ways.list && b ? UT_OK : UT_ENOMEM;
    for (size_t i = 0; i < n_terms && st == UT_OK; i++)
        st = add_term(&ways, tokens, terms[i], i, err);
    if (st == UT_OK) {
        b->tokens = tokens;
        b->options = o;
        st = build(b, &ways);
    }
    if (st == UT_ENOMEM)
        ut_error_set(err, st, "terms: out of memory");
    ut_free(ways.list);
    if (st != UT_OK) {
        ut_asr_bias_destroy(b);
        return st;
    }
    *out = b;
    return UT_OK;
}

void ut_asr_bias_destroy(struct ut_asr_bias *b)
{
    if (!b)
        return;
    ut_free(b->nodes);
    ut_free(b->ids);
    ut_free(b);
}

/* ------------------------------------------------------------ letters */

/* A letter or digit of a script that sets words apart: what stands beside it is the same word. */
static bool joins(utf8proc_int32_t cp)
{
    bool spaceless = (cp >= 0x0E00 && cp < 0x1100) || (cp >= 0x1780 && cp < 0x1800) ||
                     (cp >= 0x2E80 && cp < 0xAC00) || (cp >= 0xF900 && cp < 0xFB00) ||
                     cp >= 0x20000;

    switch (utf8proc_category(cp)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ND:
        return !spaceless;
    default:
        return false;
    }
}

/* Bytes that are no whole character (a token may be part of one) join nothing. */
static bool begins_in_word(struct ut_gguf_text text)
{
    utf8proc_int32_t cp;

    return text.n > 0 &&
           utf8proc_iterate((const utf8proc_uint8_t *)text.data, (utf8proc_ssize_t)text.n, &cp) >
               0 &&
           joins(cp);
}

static bool ends_in_word(struct ut_gguf_text text)
{
    size_t first = text.n;

    while (first > 0 && text.n - first < 4) {
        first--;
        if (((unsigned char)text.data[first] & 0xC0) != 0x80)
            break;
    }
    return begins_in_word((struct ut_gguf_text){ text.data + first, text.n - first });
}

/* ------------------------------------------------------------ walking */

/* The index of `token` in ids[low..high), ascending; `high` when it is not there. */
static size_t find_id(const int32_t *ids, size_t low, size_t high, int32_t token)
{
    size_t none = high;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ids[middle] == token)
            return middle;
        if (ids[middle] < token)
            low = middle + 1;
        else
            high = middle;
    }
    return none;
}

/* The child of `node` by `token`; 0 when there is none. */
static uint32_t find_child(const struct ut_asr_bias *b, uint32_t node, int32_t token)
{
    size_t first = b->nodes[node].first_child, end = first + b->nodes[node].n_children;
    size_t at = find_id(b->ids, first, end, token);

    return at < end ? (uint32_t)at : 0;
}

bool ut_asr_bias_run_has(const struct ut_asr_bias_run *run, int32_t token)
{
    return find_id(run->tokens, 0, run->n, token) < run->n;
}

/* A term without a space before it may not begin inside a word. */
static uint32_t find_begin(const struct ut_asr_bias *b, bool in_word, int32_t token)
{
    uint32_t node = find_child(b, ROOT_SPACED, token);

    return node || in_word ? node : find_child(b, ROOT_BARE, token);
}

struct ut_asr_bias_step ut_asr_bias_step(const struct ut_asr_bias *b,
                                         const struct ut_asr_bias_walk *walk, int32_t token)
{
    struct ut_gguf_text text = ut_asr_tokens_text(b->tokens, token);
    bool same_word = walk->in_word && begins_in_word(text);
    struct ut_asr_bias_step s = { .walk = { .in_word = ends_in_word(text) } };
    struct ut_asr_bias_walk from = *walk;

    if (from.node && b->nodes[from.node].complete && !same_word) {
        s.completed = true;
        from.held = 0.0f;
        from.left = 0.0f;
    }
    uint32_t child = from.node ? find_child(b, from.node, token) : 0;
    if (child) {
        s.gain = b->options.go_on;
        s.walk.node = child;
        s.walk.held = from.held + s.gain;
        s.walk.left = from.left + s.gain;
        return s;
    }
    s.broken = from.node && !s.completed;
    s.gain = -from.held;
    s.walk.node = find_begin(b, walk->in_word, token);
    if (s.walk.node) {
        s.walk.held = b->options.begin;
        s.walk.left = b->options.begin;
        s.gain += b->options.begin;
    }
    return s;
}

static struct ut_asr_bias_run children_of(const struct ut_asr_bias *b, uint32_t node, float gain)
{
    return (struct ut_asr_bias_run){ b->ids + b->nodes[node].first_child, b->nodes[node].n_children,
                                     gain };
}

size_t ut_asr_bias_runs(const struct ut_asr_bias *b, const struct ut_asr_bias_walk *walk,
                        struct ut_asr_bias_run runs[UT_ASR_BIAS_MAX_RUNS])
{
    size_t n = 0;

    if (walk->node)
        runs[n++] = children_of(b, walk->node, b->options.go_on);
    runs[n++] = children_of(b, ROOT_SPACED, b->options.begin);
    if (!walk->in_word)
        runs[n++] = children_of(b, ROOT_BARE, b->options.begin);
    return n;
}

int32_t ut_asr_bias_choose(const struct ut_asr_bias *b, const struct ut_asr_bias_walk *walk,
                           const float *logits, int32_t best)
{
    struct ut_asr_bias_run runs[UT_ASR_BIAS_MAX_RUNS];
    size_t n_runs = ut_asr_bias_runs(b, walk, runs);
    float most = logits[best];
    int32_t chosen = best;

    for (size_t r = 0; r < n_runs; r++) {
        float gain = runs[r].gain + (walk->node && r == 0 ? walk->left : 0.0f);
        for (size_t i = 0; i < runs[r].n; i++) {
            float sum = logits[runs[r].tokens[i]] + gain;
            bool gains = runs[r].tokens[i] == best ? sum >= most : sum > most;
            if (!gains)
                continue;
            most = sum;
            chosen = runs[r].tokens[i];
        }
    }
    return chosen;
}

void ut_asr_bias_spend(struct ut_asr_bias_walk *walk, float nats)
{
    walk->left -= nats;
    if (walk->left < 0.0f)
        walk->left = 0.0f;
}
