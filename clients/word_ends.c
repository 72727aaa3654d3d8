#include "clients/word_ends.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum {
    FRAME = 160,            /* 10 ms */
    PAUSE_FRAMES = 12,      /* less is the closure of a stop */
    AFTER = 20 * FRAME,     /* how far behind the aligned end a pause may begin */
    AFTER_LAST = 2 * AFTER, /* behind the last word nothing else can be meant */
    BEFORE = 5 * FRAME,     /* how far before it the pause may be over */
    SHORTEST = 5 * FRAME,   /* a word is not brought back to less */
};
#define OVER_FLOOR 10.0f /* dB: louder than the quietest tenth by so much is sound */
#define UNDER_PEAK 35.0f /* so is what is less than this below the loudest twentieth */

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

static void measure(const float *pcm, size_t n_frames, float *level)
{
    for (size_t i = 0; i < n_frames; i++) {
        float sum = 0.0f;
        for (size_t k = 0; k < FRAME; k++)
            sum += pcm[i * FRAME + k] * pcm[i * FRAME + k];
        level[i] = 10.0f * log10f(sum / FRAME + 1e-12f);
    }
}

/* The level below which a frame is quiet. `sorted` [n_frames] is scratch. */
static float find_threshold(const float *level, size_t n_frames, float *sorted)
{
    memcpy(sorted, level, n_frames * sizeof *sorted);
    qsort(sorted, n_frames, sizeof *sorted, compare);
    return fmaxf(sorted[n_frames / 10] + OVER_FLOOR,
                 sorted[n_frames - 1 - n_frames / 20] - UNDER_PEAK);
}

/* Where the longest pause begins that lies at the boundary `at`; -1 when there is none. */
static int64_t find_pause(const float *level, size_t n_frames, float threshold, int64_t from,
                          int64_t at, int64_t after)
{
    size_t longest = PAUSE_FRAMES - 1;
    int64_t begin = -1;

    for (size_t i = (size_t)(from / FRAME); i < n_frames && (int64_t)i * FRAME <= at + after;) {
        size_t end = i;
        while (end < n_frames && level[end] < threshold)
            end++;
        bool sound_before = i > (size_t)(from / FRAME);
        if (sound_before && end - i > longest && (int64_t)end * FRAME >= at - BEFORE) {
            longest = end - i;
            begin = (int64_t)i * FRAME;
        }
        i = end + 1;
    }
    return begin;
}

enum ut_status ut_word_ends_find(struct ut_timed_word *words, size_t n_words,
                                 const int64_t *aligned, const float *pcm, size_t n)
{
    size_t n_frames = n / FRAME;

    if (n_frames == 0)
        return UT_OK;
    float *level = ut_calloc(n_frames, 2 * sizeof *level);
    if (!level)
        return UT_ENOMEM;
    measure(pcm, n_frames, level);
    float threshold = find_threshold(level, n_frames, level + n_frames);
    for (size_t w = 0; w < n_words; w++) {
        struct ut_timed_word *word = &words[w];
        bool last = w + 1 == n_words;
        if (!word->timed)
            continue;
        int64_t pause = find_pause(level, n_frames, threshold, word->start + SHORTEST, aligned[w],
                                   last ? AFTER_LAST : AFTER);
        bool overlaps = !last && words[w + 1].timed && pause >= words[w + 1].end;
        if (pause >= 0 && !overlaps)
            word->end = pause;
    }
    ut_free(level);
    return UT_OK;
}
