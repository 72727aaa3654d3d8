#include "asr/words.h"

#include <string.h>

#include "asr/fold.h"
#include "base/memory.h"

#define SAMPLES_PER_POSITION 320 /* 20 ms */
#define MAX_MEDIAN 11200         /* 0.7 s */
#define SLACK 8000               /* 0.5 s */

static const char ascii_punctuation[] = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
static const char prepended[] = "\"'\xE2\x80\x9C\xC2\xBF([{-";
static const char appended[] =
    "\"'.\xE3\x80\x82,\xEF\xBC\x8C!\xEF\xBC\x81?\xEF\xBC\x9F:\xEF\xBC\x9A"
    "\xE2\x80\x9D)]}\xE3\x80\x81";
static const char sentence_marks[] = ".\xE3\x80\x82!\xEF\xBC\x81?\xEF\xBC\x9F";

enum ut_status ut_asr_words_init(struct ut_asr_words *w, size_t max_tokens, size_t text_capacity)
{
    *w = (struct ut_asr_words){ .capacity = max_tokens, .text_capacity = text_capacity };
    w->parts = ut_calloc(max_tokens, sizeof *w->parts);
    w->text = ut_alloc(text_capacity, 1);
    w->durations = ut_calloc(max_tokens, sizeof *w->durations);
    if (w->parts && w->text && w->durations)
        return UT_OK;
    ut_asr_words_finish(w);
    return UT_ENOMEM;
}

void ut_asr_words_finish(struct ut_asr_words *w)
{
    ut_free(w->parts);
    ut_free(w->text);
    ut_free(w->durations);
    *w = (struct ut_asr_words){ 0 };
}

/* True when text[0..n) is a substring of `set`, as Python's `in` has it: the empty string is. */
static bool is_in(const char *text, size_t n, const char *set)
{
    return n == 0 || memmem(set, strlen(set), text, n) != NULL;
}

static bool trimmed_is_in(const char *text, size_t n, const char *set)
{
    size_t first = 0;
    ut_asr_fold_trim(text, &first, &n);
    return is_in(text + first, n, set);
}

static const char *part_text(const struct ut_asr_words *w, const struct ut_asr_word_part *part)
{
    return w->text + part->text;
}

bool ut_asr_words_by_character(const char *language_code)
{
    static const char *const codes[] = { "zh", "ja", "th", "lo", "my", "yue" };
    for (size_t i = 0; language_code && i < sizeof codes / sizeof *codes; i++)
        if (strcmp(language_code, codes[i]) == 0)
            return true;
    return false;
}

/* Ends the group of whole characters in `part`: a word of its own, or the end of the last word. */
static void close_group(struct ut_asr_words *w, const struct ut_asr_word_part *part,
                        bool by_character)
{
    const char *text = part_text(w, part);
    bool starts_word = by_character || w->n == 0 || (part->n_text > 0 && text[0] == ' ') ||
                       trimmed_is_in(text, part->n_text, ascii_punctuation);
    if (starts_word) {
        w->parts[w->n++] = *part;
        return;
    }
    struct ut_asr_word_part *last = &w->parts[w->n - 1];
    last->n_tokens += part->n_tokens;
    last->n_text += part->n_text;
}

enum ut_status ut_asr_words_split(struct ut_asr_words *w, const struct ut_gguf_text *texts,
                                  size_t n, bool by_character)
{
    if (n > w->capacity)
        return UT_ELIMIT;
    w->n = 0;
    w->n_text = 0;

    struct ut_asr_word_part group = { 0 };
    for (size_t i = 0; i < n; i++) {
        if (texts[i].n > w->text_capacity - w->n_text)
            return UT_ELIMIT;
        if (texts[i].n)
            memcpy(w->text + w->n_text, texts[i].data, texts[i].n);
        w->n_text += texts[i].n;
        group.n_tokens++;
        group.n_text += texts[i].n;
        if (i + 1 < n && !ut_asr_fold_is_whole(part_text(w, &group), group.n_text))
            continue;
        close_group(w, &group, by_character);
        group = (struct ut_asr_word_part){ .first_token = i + 1, .text = w->n_text };
    }
    return UT_OK;
}

void ut_asr_words_time(struct ut_asr_words *w, const int32_t *starts, const float *probabilities)
{
    for (size_t i = 0; i < w->n; i++) {
        struct ut_asr_word_part *part = &w->parts[i];
        double sum = 0.0;
        part->weakest = 1.0f;
        for (size_t k = 0; k < part->n_tokens; k++) {
            float p = probabilities[part->first_token + k];
            sum += (double)p;
            part->weakest = p < part->weakest ? p : part->weakest;
        }
        part->confidence = part->n_tokens ? (float)(sum / (double)part->n_tokens) : 0.0f;
        part->start = (int64_t)starts[part->first_token] * SAMPLES_PER_POSITION;
        part->end = (int64_t)starts[part->first_token + part->n_tokens] * SAMPLES_PER_POSITION;
    }
}

void ut_asr_words_look(struct ut_asr_words *w, const int32_t *attended)
{
    for (size_t i = 0; i < w->n; i++) {
        struct ut_asr_word_part *part = &w->parts[i];
        int32_t latest = 0;
        for (size_t k = 0; k < part->n_tokens; k++) {
            int32_t at = attended[part->first_token + k];
            latest = at > latest ? at : latest;
        }
        part->attended = (int64_t)latest * SAMPLES_PER_POSITION;
    }
}

/* The median of the words' durations that are not zero, at most 0.7 s; 0 without any. */
static int64_t median_duration(struct ut_asr_words *w)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n; i++) {
        int64_t duration = w->parts[i].end - w->parts[i].start;
        if (duration == 0)
            continue;
        size_t k = n++;
        for (; k > 0 && w->durations[k - 1] > duration; k--)
            w->durations[k] = w->durations[k - 1];
        w->durations[k] = duration;
    }
    if (n == 0)
        return 0;
    int64_t median = (w->durations[(n - 1) / 2] + w->durations[n / 2]) / 2;
    return median < MAX_MEDIAN ? median : MAX_MEDIAN;
}

static bool is_sentence_mark(const struct ut_asr_words *w, size_t i)
{
    return is_in(part_text(w, &w->parts[i]), w->parts[i].n_text, sentence_marks);
}

static void clip_at_sentences(struct ut_asr_words *w, int64_t longest)
{
    for (size_t i = 1; i < w->n; i++) {
        struct ut_asr_word_part *part = &w->parts[i];
        if (part->end - part->start <= longest)
            continue;
        if (is_sentence_mark(w, i))
            part->end = part->start + longest;
        else if (is_sentence_mark(w, i - 1))
            part->start = part->end - longest;
    }
}

static void empty_part(struct ut_asr_word_part *part)
{
    part->n_tokens = 0;
    part->n_text = 0;
}

static void merge_prepended(struct ut_asr_words *w)
{
    if (w->n < 2)
        return;
    for (size_t i = w->n - 1, j = w->n - 1; i-- > 0;) {
        struct ut_asr_word_part *previous = &w->parts[i], *following = &w->parts[j];
        const char *text = part_text(w, previous);
        if (previous->n_text == 0 || text[0] != ' ' ||
            !trimmed_is_in(text, previous->n_text, prepended)) {
            j = i;
            continue;
        }
        following->first_token = previous->first_token;
        following->n_tokens += previous->n_tokens;
        following->text = previous->text;
        following->n_text += previous->n_text;
        empty_part(previous);
    }
}

static void merge_appended(struct ut_asr_words *w)
{
    for (size_t i = 0, j = 1; j < w->n; j++) {
        struct ut_asr_word_part *previous = &w->parts[i], *following = &w->parts[j];
        const char *text = part_text(w, previous);
        bool ends_open = previous->n_text == 0 || text[previous->n_text - 1] != ' ';
        if (!ends_open || !is_in(part_text(w, following), following->n_text, appended)) {
            i = j;
            continue;
        }
        previous->n_tokens += following->n_tokens;
        previous->n_text += following->n_text;
        empty_part(following);
    }
}

struct ut_asr_word_limits ut_asr_words_settle(struct ut_asr_words *w)
{
    struct ut_asr_word_limits limits = { .median = median_duration(w) };
    limits.longest = 2 * limits.median;
    if (limits.median > 0)
        clip_at_sentences(w, limits.longest);
    merge_prepended(w);
    merge_appended(w);
    return limits;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The first words after a pause are no longer than twice the median. */
static void clip_after_pause(struct ut_asr_word_part *first, struct ut_asr_word_part *second,
                             const struct ut_asr_word_limits *limits, int64_t last_speech)
{
    int64_t longest = limits->longest;

    if (first->end - last_speech <= limits->median * 4)
        return;
    if (first->end - first->start <= longest &&
        !(second && second->end - first->start > 2 * longest))
        return;
    if (second && second->end - second->start > longest) {
        int64_t boundary = larger(second->end / 2, second->end - longest);
        first->end = boundary;
        second->start = boundary;
    }
    first->start = larger(0, first->end - longest);
}

/* A segment's own times win when its first or last word reaches more than 0.5 s beyond them. */
static void reconcile(struct ut_asr_word_segment *segment, struct ut_asr_word_part *first,
                      struct ut_asr_word_part *last, int64_t median)
{
    if (segment->start < first->end && segment->start - SLACK > first->start)
        first->start = larger(0, smaller(first->end - median, segment->start));
    else
        segment->start = first->start;

    if (segment->end > last->start && segment->end + SLACK < last->end)
        last->end = larger(last->start + median, segment->end);
    else
        segment->end = last->end;
}

void ut_asr_words_assign(struct ut_asr_words *w, const struct ut_asr_word_limits *limits,
                         size_t *next, int64_t offset, int64_t *last_speech,
                         struct ut_asr_word_segment *segment)
{
    struct ut_asr_word_part *first = NULL, *second = NULL, *last = NULL;
    size_t saved = 0;

    segment->first = *next;
    while (*next < w->n && saved < segment->n_tokens) {
        struct ut_asr_word_part *part = &w->parts[(*next)++];
        saved += part->n_tokens;
        if (part->n_text == 0)
            continue;
        part->start += offset;
        part->end += offset;
        if (!first)
            first = part;
        else if (!second)
            second = part;
        last = part;
    }
    segment->n = *next - segment->first;
    if (!first)
        return;
    clip_after_pause(first, second, limits, *last_speech);
    reconcile(segment, first, last, limits->median);
    *last_speech = segment->end;
}
