#include "clients/word_match.h"

#include <string.h>

#include "base/memory.h"

enum way { WAY_PAIR, WAY_REPLACE, WAY_A, WAY_B };

/* Fills `ways` [n_a + 1, n_b + 1] row by row; `row` [n_b + 1] ends as the costs of all of a. */
static void fill(const char *const *a, size_t n_a, const char *const *b, size_t n_b,
                 unsigned char *ways, unsigned *row)
{
    for (size_t j = 0; j <= n_b; j++) {
        row[j] = (unsigned)j;
        ways[j] = WAY_B;
    }
    for (size_t i = 1; i <= n_a; i++) {
        unsigned char *w = ways + i * (n_b + 1);
        unsigned diagonal = row[0]++;
        w[0] = WAY_A;
        for (size_t j = 1; j <= n_b; j++) {
            bool same = strcmp(a[i - 1], b[j - 1]) == 0;
            unsigned best = diagonal + (same ? 0 : 1);
            w[j] = same ? WAY_PAIR : WAY_REPLACE;
            if (row[j] + 1 < best) {
                best = row[j] + 1;
                w[j] = WAY_A;
            }
            if (row[j - 1] + 1 < best) {
                best = row[j - 1] + 1;
                w[j] = WAY_B;
            }
            diagonal = row[j];
            row[j] = best;
        }
    }
}

static size_t distance(size_t x, size_t y)
{
    return x > y ? x - y : y - x;
}

/* The end in b that costs least; among equals the one nearest to word for word. */
static size_t find_end(const unsigned *row, size_t n_a, size_t n_b)
{
    size_t best = 0;

    for (size_t j = 1; j <= n_b; j++) {
        if (row[j] < row[best] || (row[j] == row[best] && distance(j, n_a) < distance(best, n_a)))
            best = j;
    }
    return best;
}

enum ut_status ut_word_match(const char *const *a, size_t n_a, const char *const *b, size_t n_b,
                             bool open_end, size_t *match, size_t *n_used)
{
    size_t cells;

    if (n_a >= UT_WORD_MATCH_MAX_CELLS || n_b >= UT_WORD_MATCH_MAX_CELLS ||
        !ut_size_mul(n_a + 1, n_b + 1, &cells) || cells > UT_WORD_MATCH_MAX_CELLS)
        return UT_ELIMIT;
    unsigned char *ways = ut_alloc(cells, 1);
    unsigned *row = ut_alloc(n_b + 1, sizeof *row);
    if (!ways || !row) {
        ut_free(ways);
        ut_free(row);
        return UT_ENOMEM;
    }
    fill(a, n_a, b, n_b, ways, row);
    size_t i = n_a;
    size_t j = open_end ? find_end(row, n_a, n_b) : n_b;
    if (n_used)
        *n_used = j;
    for (size_t k = 0; k < n_a; k++)
        match[k] = UT_WORD_MATCH_NONE;
    while (i > 0 || j > 0) {
        enum way way = ways[i * (n_b + 1) + j];
        if (way == WAY_PAIR)
            match[i - 1] = j - 1;
        i -= way != WAY_B;
        j -= way != WAY_A;
    }
    ut_free(ways);
    ut_free(row);
    return UT_OK;
}
