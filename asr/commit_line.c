#include "asr/commit_line.h"

#include <string.h>

#define SLACK 8000              /* samples by which a word's time may be wrong: 0.5 s */
#define MAX_EDIT_CELLS 16000000 /* beyond this the committed end is found by time alone */

/* The edit distance between the committed letters and every prefix of the hypothesis's. */
static void edit_distances(const struct ut_commit_words *committed,
                           const struct ut_commit_words *work, uint32_t *row)
{
    size_t n = ut_commit_words_letters(committed, committed->n);
    size_t m = ut_commit_words_letters(work, work->n);

    for (size_t j = 0; j <= m; j++)
        row[j] = (uint32_t)j;
    for (size_t i = 1; i <= n; i++) {
        uint32_t diagonal = row[0];
        char letter = committed->letters[i - 1];
        row[0] = (uint32_t)i;
        for (size_t j = 1; j <= m; j++) {
            uint32_t substituted = diagonal + (work->letters[j - 1] != letter);
            uint32_t best = row[j] < row[j - 1] ? row[j] : row[j - 1];
            diagonal = row[j];
            row[j] = substituted < best + 1 ? substituted : best + 1;
        }
    }
}

/* Letters that count against word i of the hypothesis being taken as said (or as new). */
static double time_penalty(const struct ut_commit_words *committed,
                           const struct ut_commit_words *work, size_t i, bool said)
{
    const struct ut_asr_word *word = &work->words[i];
    int64_t late = (word->start + word->end) / 2 - committed->words[committed->n - 1].end;
    int64_t wrong = said ? late : -late;
    size_t letters = work->ends[i] - ut_commit_words_letters(work, i);

    if (wrong <= 0)
        return 0.0;
    return (double)(letters ? letters : 1) * (wrong < SLACK ? (double)wrong / SLACK : 1.0);
}

size_t ut_commit_line_up(const struct ut_commit_words *committed,
                         const struct ut_commit_words *work, uint32_t *row)
{
    size_t n = committed->n, n_letters = ut_commit_words_letters(committed, n);
    size_t m = work->n, m_letters = ut_commit_words_letters(work, m);

    if (n == 0)
        return 0;
    if (m_letters >= n_letters && memcmp(work->letters, committed->letters, n_letters) == 0) {
        size_t low = 0, high;
        while (low < m && ut_commit_words_letters(work, low) < n_letters)
            low++;
        for (high = low; high < m && work->ends[high] == n_letters; high++)
            continue;
        if (ut_commit_words_letters(work, low) == n_letters)
            return n < low ? low : n > high ? high : n;
    }

    bool by_letters = n_letters * m_letters <= MAX_EDIT_CELLS;
    double penalty = 0.0, best = 0.0;
    size_t best_k = 0;
    if (by_letters)
        edit_distances(committed, work, row);
    for (size_t i = 0; i < m; i++)
        penalty += time_penalty(committed, work, i, false);
    for (size_t k = 0; k <= m; k++) {
        if (k > 0)
            penalty += time_penalty(committed, work, k - 1, true) -
                       time_penalty(committed, work, k - 1, false);
        double letters = by_letters ? (double)row[ut_commit_words_letters(work, k)] : 0.0;
        if (k == 0 || letters + penalty < best) {
            best = letters + penalty;
            best_k = k;
        }
    }
    return best_k;
}
