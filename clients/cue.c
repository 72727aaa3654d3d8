#include "clients/cue.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "clients/unicode.h"

#define MAX_WORDS 512
#define MAX_BYTES 4096
#define PAUSE_S 0.8     /* a silence that ends a cue */
#define MAX_CUE_S 7.0   /* the longest that a cue stands, as broadcasters have it */
#define MIN_CUE_S 0.8   /* shorter ones are held until here when nothing follows at once */
#define LINGER_S 0.4    /* how long a cue may stay after its last word */
#define SHORT_BREAK 0.5 /* a segment end breaks a cue that is filled this far */

struct held {
    size_t at; /* offset of its text */
    size_t n;
    size_t width;
    bool space;
    double start;
    double end;
};

struct ut_cues {
    size_t max_line;
    size_t max_lines;
    ut_cue_fn *fn;
    void *ctx;
    struct held words[MAX_WORDS];
    size_t n_words;
    char text[MAX_BYTES];
    size_t n_text;
    char lines[UT_CUE_MAX_LINES][MAX_BYTES];
};

enum ut_status ut_cues_create(struct ut_cues **out, size_t max_line, size_t max_lines,
                              ut_cue_fn *fn, void *ctx)
{
    if (max_line < 10 || max_line > UT_CUE_MAX_COLUMNS || max_lines < 1 ||
        max_lines > UT_CUE_MAX_LINES)
        return UT_EINVAL;
    struct ut_cues *cues = ut_calloc(1, sizeof *cues);
    if (!cues)
        return UT_ENOMEM;
    cues->max_line = max_line;
    cues->max_lines = max_lines;
    cues->fn = fn;
    cues->ctx = ctx;
    *out = cues;
    return UT_OK;
}

void ut_cues_destroy(struct ut_cues *cues)
{
    ut_free(cues);
}

/* How good a place to stop is after word i: 3 a sentence's end, 2 a clause's, 1 a short pause. */
static int stop_rank(const struct ut_cues *cues, size_t i)
{
    static const char *const sentence[] = { ".", "?", "!", "\u2026", "\u3002", "\uff1f", "\uff01" };
    static const char *const clause[] = { ",", ";", ":", "\u3001", "\uff0c", "\u2014" };
    const struct held *w = &cues->words[i];
    const char *end = cues->text + w->at + w->n;

    while (w->n > 1 && (end[-1] == '"' || end[-1] == ')' || end[-1] == '\''))
        end--;
    for (size_t k = 0; k < sizeof sentence / sizeof sentence[0]; k++) {
        size_t n = strlen(sentence[k]);
        if ((size_t)(end - cues->text) >= w->at + n && memcmp(end - n, sentence[k], n) == 0)
            return 3;
    }
    for (size_t k = 0; k < sizeof clause / sizeof clause[0]; k++) {
        size_t n = strlen(clause[k]);
        if ((size_t)(end - cues->text) >= w->at + n && memcmp(end - n, clause[k], n) == 0)
            return 2;
    }
    return i + 1 < cues->n_words && cues->words[i + 1].start - w->end > 0.25 ? 1 : 0;
}

/* Columns of words [first, end) on one line. */
static size_t line_width(const struct ut_cues *cues, size_t first, size_t end)
{
    size_t width = 0;

    for (size_t i = first; i < end; i++)
        width += cues->words[i].width + (i > first && cues->words[i].space ? 1 : 0);
    return width;
}

/* Words of [first, end) that fit on one line, at least one. */
static size_t line_fill(const struct ut_cues *cues, size_t first, size_t end)
{
    size_t i = first + 1;

    while (i < end && line_width(cues, first, i + 1) <= cues->max_line)
        i++;
    return i;
}

/* Words of [0, n_words) that fit into the lines of one cue, filled line by line. */
static size_t cue_fill(const struct ut_cues *cues)
{
    size_t i = 0;

    for (size_t l = 0; l < cues->max_lines && i < cues->n_words; l++)
        i = line_fill(cues, i, cues->n_words);
    return i;
}

/*
 * Where the line that begins at `first` ends when [first, end) must go onto n_lines lines: the
 * place nearest to an equal share, drawn towards punctuation, from which the rest still fits.
 */
static size_t line_end(const struct ut_cues *cues, size_t first, size_t end, size_t n_lines)
{
    size_t total = line_width(cues, first, end);
    size_t best = line_fill(cues, first, end);
    double best_cost = 1e9;

    if (n_lines == 1 || total <= cues->max_line)
        return best;
    for (size_t i = first + 1; i <= line_fill(cues, first, end); i++) {
        size_t rest = i;
        for (size_t l = 1; l < n_lines && rest < end; l++)
            rest = line_fill(cues, rest, end);
        if (rest < end)
            continue;
        double share = (double)line_width(cues, first, i) / (double)total;
        double off = share - 1.0 / (double)n_lines;
        double cost = (off < 0 ? -off : off) - 0.08 * stop_rank(cues, i - 1);
        if (cost < best_cost) {
            best_cost = cost;
            best = i;
        }
    }
    return best;
}

static void copy_line(struct ut_cues *cues, char *line, size_t first, size_t end)
{
    size_t n = 0;

    for (size_t i = first; i < end; i++) {
        const struct held *w = &cues->words[i];
        if (i > first && w->space)
            line[n++] = ' ';
        memcpy(line + n, cues->text + w->at, w->n);
        n += w->n;
    }
    line[n] = '\0';
}

/*
 * Until when the cue of words [0, end) stands: somewhat after its last word, never into the next
 * one, which begins at `next` (NAN: not known yet, INFINITY: none).
 */
static double stand_until(const struct ut_cues *cues, size_t end, double next)
{
    double said = cues->words[end - 1].end;
    double wanted = said + LINGER_S;

    if (isnan(next))
        return said;
    if (wanted < cues->words[0].start + MIN_CUE_S)
        wanted = cues->words[0].start + MIN_CUE_S;
    return next < wanted ? next : wanted;
}

/* Lays words [0, end) out as one cue, gives it away and keeps the rest; `next` as above. */
static enum ut_status emit(struct ut_cues *cues, size_t end, double next)
{
    struct ut_cue cue = { .start = cues->words[0].start };
    size_t n_lines = 0;

    for (size_t i = 0; i < end && n_lines < cues->max_lines; n_lines++)
        i = line_fill(cues, i, end);
    size_t i = 0;
    while (i < end && cue.n_lines < n_lines) {
        size_t last = line_end(cues, i, end, n_lines - cue.n_lines);
        copy_line(cues, cues->lines[cue.n_lines], i, last);
        cue.lines[cue.n_lines] = cues->lines[cue.n_lines];
        cue.n_lines++;
        i = last;
    }
    cue.end = stand_until(cues, end, end < cues->n_words ? cues->words[end].start : next);

    size_t from = end < cues->n_words ? cues->words[end].at : cues->n_text;
    memmove(cues->text, cues->text + from, cues->n_text - from);
    cues->n_text -= from;
    cues->n_words -= end;
    memmove(cues->words, cues->words + end, cues->n_words * sizeof cues->words[0]);
    for (size_t k = 0; k < cues->n_words; k++)
        cues->words[k].at -= from;
    return cues->fn(cues->ctx, &cue);
}

/* The best place to end a cue when the words held are more than one cue takes. */
static size_t best_stop(const struct ut_cues *cues)
{
    size_t full = cue_fill(cues);
    size_t room = cues->max_line * cues->max_lines;
    size_t best = full;
    double best_score = -1;

    for (size_t i = 1; i <= full; i++) {
        double fill = (double)line_width(cues, 0, i) / (double)room;
        double score = fill + 0.25 * stop_rank(cues, i - 1);
        if (fill >= 0.3 && score > best_score) {
            best_score = score;
            best = i;
        }
    }
    return best;
}

static enum ut_status hold(struct ut_cues *cues, const char *text, size_t n, bool space,
                           double start, double end)
{
    if (cues->n_words == MAX_WORDS || cues->n_text + n > MAX_BYTES / 2) {
        enum ut_status st = emit(cues, best_stop(cues), start);
        if (st != UT_OK)
            return st;
    }
    memcpy(cues->text + cues->n_text, text, n);
    cues->words[cues->n_words++] = (struct held){
        .at = cues->n_text,
        .n = n,
        .width = ut_unicode_width(text, n),
        .space = space,
        .start = start,
        .end = end,
    };
    cues->n_text += n;
    return UT_OK;
}

/* A word wider than a line is cut at its width, its time shared out by bytes. */
static enum ut_status hold_pieces(struct ut_cues *cues, const struct ut_caption_word *word)
{
    size_t n = strlen(word->text);
    double end = word->end > word->start ? word->end : word->start;
    enum ut_status st = UT_OK;

    for (size_t i = 0; i < n && st == UT_OK;) {
        size_t piece = ut_unicode_fit(word->text + i, n - i, cues->max_line);
        if (piece > 512)
            piece = 512; /* zero-width characters have no end by columns */
        if (piece == 0)
            piece = n - i < 4 ? n - i : 4;
        double from = word->start + (end - word->start) * (double)i / (double)n;
        double to = word->start + (end - word->start) * (double)(i + piece) / (double)n;
        st = hold(cues, word->text + i, piece, i == 0 && word->space, from, to);
        i += piece;
    }
    return st;
}

enum ut_status ut_cues_push(struct ut_cues *cues, const struct ut_caption_word *word)
{
    enum ut_status st = UT_OK;

    if (cues->n_words) {
        const struct held *last = &cues->words[cues->n_words - 1];
        size_t room = cues->max_line * cues->max_lines;
        bool sentence = stop_rank(cues, cues->n_words - 1) == 3 &&
                        line_width(cues, 0, cues->n_words) * 2 >= room;
        bool pause = word->start - last->end > PAUSE_S;
        if (pause || sentence || word->end - cues->words[0].start > MAX_CUE_S)
            st = emit(cues, pause || sentence ? cues->n_words : best_stop(cues), word->start);
    }
    if (st == UT_OK)
        st = hold_pieces(cues, word);
    while (st == UT_OK && cue_fill(cues) < cues->n_words)
        st = emit(cues, best_stop(cues), NAN);
    return st;
}

enum ut_status ut_cues_break(struct ut_cues *cues)
{
    if (!cues->n_words)
        return UT_OK;
    double room = (double)(cues->max_line * cues->max_lines);
    double fill = (double)line_width(cues, 0, cues->n_words) / room;
    if (stop_rank(cues, cues->n_words - 1) == 3 || fill > SHORT_BREAK)
        return emit(cues, cues->n_words, NAN);
    return UT_OK;
}

enum ut_status ut_cues_flush(struct ut_cues *cues)
{
    return cues->n_words ? emit(cues, cues->n_words, (double)INFINITY) : UT_OK;
}
