#include "clients/word_errors.h"

#include <stdbool.h>
#include <string.h>

#include "base/memory.h"

#define MAX_WORDS ((size_t)1 << 20)
#define SPACES " \t\n\r\v\f"

struct word {
    const char *text;
    size_t n;
};

/* Edits so far along the best way to a cell. */
struct cell {
    unsigned total;
    unsigned substituted;
    unsigned deleted;
    unsigned inserted;
};

static size_t count_words(const char *text)
{
    size_t n = 0;

    for (text += strspn(text, SPACES); *text; text += strspn(text, SPACES)) {
        text += strcspn(text, SPACES);
        n++;
    }
    return n;
}

static void split_words(const char *text, struct word *words)
{
    for (text += strspn(text, SPACES); *text; text += strspn(text, SPACES)) {
        size_t n = strcspn(text, SPACES);
        *words++ = (struct word){ text, n };
        text += n;
    }
}

static bool same(struct word a, struct word b)
{
    return a.n == b.n && memcmp(a.text, b.text, a.n) == 0;
}

static struct cell best_of(struct cell diagonal, bool match, struct cell up, struct cell left)
{
    if (match)
        return diagonal;
    diagonal.total++;
    diagonal.substituted++;
    up.total++;
    up.deleted++;
    left.total++;
    left.inserted++;
    struct cell best = diagonal;
    if (up.total < best.total)
        best = up;
    if (left.total < best.total)
        best = left;
    return best;
}

/* Levenshtein by rows; row[h] is the way to the reference so far and h words heard. */
static void align(struct cell *row, const struct word *reference, size_t n_reference,
                  const struct word *heard, size_t n_heard)
{
    for (size_t h = 0; h <= n_heard; h++)
        row[h] = (struct cell){ .total = (unsigned)h, .inserted = (unsigned)h };
    for (size_t r = 0; r < n_reference; r++) {
        struct cell diagonal = row[0];
        row[0].total++;
        row[0].deleted++;
        for (size_t h = 1; h <= n_heard; h++) {
            struct cell up = row[h];
            row[h] = best_of(diagonal, same(reference[r], heard[h - 1]), up, row[h - 1]);
            diagonal = up;
        }
    }
}

enum ut_status ut_word_errors_add(struct ut_word_errors *sum, const char *reference,
                                  const char *heard)
{
    size_t n_reference = count_words(reference);
    size_t n_heard = count_words(heard);

    if (n_reference > MAX_WORDS || n_heard > MAX_WORDS)
        return UT_ELIMIT;
    struct word *words = ut_calloc(n_reference + n_heard, sizeof *words);
    struct cell *row = ut_calloc(n_heard + 1, sizeof *row);
    enum ut_status st = words && row ? UT_OK : UT_ENOMEM;
    if (st == UT_OK) {
        split_words(reference, words);
        split_words(heard, words + n_reference);
        align(row, words, n_reference, words + n_reference, n_heard);
        sum->n_words += n_reference;
        sum->n_substituted += row[n_heard].substituted;
        sum->n_deleted += row[n_heard].deleted;
        sum->n_inserted += row[n_heard].inserted;
    }
    ut_free(words);
    ut_free(row);
    return st;
}

double ut_word_errors_rate(const struct ut_word_errors *e)
{
    size_t n = e->n_substituted + e->n_deleted + e->n_inserted;

    return e->n_words ? (double)n / (double)e->n_words : 0;
}
