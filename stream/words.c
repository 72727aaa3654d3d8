#include "stream/words.h"

#include <string.h>

void ut_words_clear(struct ut_words *list)
{
    list->n = 0;
    list->n_text = 0;
}

enum ut_status ut_words_append(struct ut_words *list, const struct ut_asr_word *word,
                               int64_t offset)
{
    size_t n = strlen(word->text) + 1;

    if (list->n == UT_QUEUE_MAX_WORDS || n > UT_QUEUE_MAX_TEXT - list->n_text)
        return UT_ELIMIT;

    char *text = list->text + list->n_text;
    memcpy(text, word->text, n);
    list->n_text += n;
    list->words[list->n++] = (struct ut_event_word){
        text,
        offset + word->start,
        offset + word->end,
        word->confidence,
    };
    return UT_OK;
}

static int64_t clamp(int64_t x, int64_t low, int64_t high)
{
    return x < low ? low : x > high ? high : x;
}

int64_t ut_words_order(struct ut_words *list, size_t first, int64_t from, int64_t to)
{
    int64_t edge = from;

    if (to < from)
        to = from;
    for (size_t i = first; i < list->n; i++) {
        struct ut_event_word *w = &list->words[i];

        w->start = clamp(w->start, edge, to);
        w->end = clamp(w->end, w->start, to);
        edge = w->end;
    }
    return edge;
}

const char *ut_words_join(struct ut_words *list, size_t first)
{
    char *to = list->joined;

    for (size_t i = first; i < list->n; i++) {
        size_t n = strlen(list->words[i].text);

        memcpy(to, list->words[i].text, n);
        to += n;
    }
    *to = '\0';
    return list->joined;
}
