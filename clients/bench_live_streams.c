/* Recordings of a manifest joined to continuous streams. */
#include <string.h>

#include "asr/tokens.h"
#include "audio/reader.h"
#include "base/memory.h"
#include "clients/bench_live.h"
#include "clients/interrupt.h"
#include "clients/normalizer.h"

#define MAX_STREAM_SAMPLES ((size_t)4 * 3600 * UT_BENCH_RATE)
#define BLOCK 16000
#define NOISE 1e-4f /* of the pauses: -80 dB, what a quiet room's microphone gives */

static bool is_spaceless(const char *language)
{
    static const char *const list[] = { "zh", "ja", "ko", "yue", "th", "lo", "my", "km" };

    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        if (strcmp(language, list[i]) == 0)
            return true;
    }
    return false;
}

enum ut_status ut_bench_live_normalize(const struct ut_bench_live *b, struct ut_buffer *out,
                                       const char *text, const char *language)
{
    if (strcmp(language, "en") == 0)
        return ut_normalize_english(out, text, b->spelling);
    return ut_normalize_basic(out, text, is_spaceless(language));
}

static bool is_chosen(const struct ut_bench_live *b, const struct ut_manifest_entry *e)
{
    if (b->kind && strcmp(b->kind, e->kind) != 0)
        return false;
    /* without a reference: one in some language is speech that nobody wrote down */
    if (!e->reference[0])
        return !e->language[0] || strcmp(e->language, "-") == 0;
    return strcmp(e->language, b->settings.language) == 0;
}

/* Recordings in which nothing is said are streams of their own. */
static struct ut_bench_stream *find_stream(struct ut_bench_live *b,
                                           const struct ut_manifest_entry *e)
{
    struct ut_bench_stream *s;
    const char *name = b->loop_min > 0    ? "all"
                       : !e->reference[0] ? e->file
                       : b->joined        ? "all"
                       : e->speaker[0]    ? e->speaker
                                          : e->file;

    for (size_t i = 0; i < b->n_streams; i++) {
        s = &b->streams[i];
        if (strcmp(s->name, name) == 0 &&
            (b->loop_min > 0 || (s->reference.n > 0) == (e->reference[0] != '\0')))
            return s;
    }
    s = &b->streams[b->n_streams++];
    *s = (struct ut_bench_stream){
        .name = name,
        .language = e->reference[0] ? e->language : b->settings.language,
        .kind = e->kind,
        .reference = { .limit = UT_BENCH_MAX_TEXT },
        .word_lines = { .limit = 8 * UT_BENCH_MAX_TEXT },
        .heard = { .limit = UT_BENCH_MAX_TEXT },
        .offline = { .limit = UT_BENCH_MAX_TEXT },
    };
    s->language_index = ut_asr_language_find(s->language);
    return s;
}

static enum ut_status reserve(struct ut_bench_stream *s, size_t n)
{
    if (n <= s->capacity - s->n)
        return UT_OK;
    if (n > MAX_STREAM_SAMPLES - s->n)
        return UT_ELIMIT;
    size_t capacity = 2 * (s->n + n);
    float *pcm = ut_alloc(capacity, sizeof *pcm);
    if (!pcm)
        return UT_ENOMEM;
    if (s->n)
        memcpy(pcm, s->pcm, s->n * sizeof *pcm);
    ut_free(s->pcm);
    s->pcm = pcm;
    s->capacity = capacity;
    return UT_OK;
}

static enum ut_status add_pause(struct ut_bench_stream *s, double seconds)
{
    size_t n = (size_t)(seconds * UT_BENCH_RATE);
    uint32_t state = (uint32_t)s->n + 1;
    enum ut_status st = reserve(s, n);

    for (size_t i = 0; i < n && st == UT_OK; i++) {
        state = state * 1664525u + 1013904223u;
        s->pcm[s->n++] = NOISE * ((float)(state >> 8) / 8388608.0f - 1.0f);
    }
    return st;
}

static enum ut_status add_file(struct ut_bench_stream *s, const char *path, struct ut_error *err)
{
    struct ut_reader *reader;
    size_t got;
    enum ut_status st = ut_reader_open(&reader, path, err);

    if (st != UT_OK)
        return st;
    while (st == UT_OK) {
        st = reserve(s, BLOCK);
        if (st != UT_OK) {
            ut_error_set(err, st, "%s: no room for it in a stream: %s", path, ut_status_name(st));
            break;
        }
        st = ut_reader_read(reader, s->pcm + s->n, BLOCK, &got, err);
        if (st == UT_OK)
            s->n += got;
    }
    ut_reader_close(reader);
    return st == UT_END ? UT_OK : st;
}

/* Adds the normalised words of one word of the reference. */
static enum ut_status add_word(const struct ut_bench_live *b, struct ut_bench_stream *s,
                               const struct ut_timed_word *word, int64_t offset)
{
    struct ut_buffer text = { .limit = UT_BENCH_MAX_TEXT };
    enum ut_status st = ut_bench_live_normalize(b, &text, word->text, s->language);
    char *rest = text.data;

    while (st == UT_OK && rest && *rest) {
        size_t n = strcspn(rest, " ");
        bool more = rest[n] != '\0';
        rest[n] = '\0';
        if (s->n_words == s->words_capacity) {
            size_t capacity = 2 * s->words_capacity + 64;
            struct ut_bench_word *words = ut_calloc(capacity, sizeof *words);
            if (words && s->n_words)
                memcpy(words, s->words, s->n_words * sizeof *words);
            if (words) {
                ut_free(s->words);
                s->words = words;
                s->words_capacity = capacity;
            }
            st = words ? UT_OK : UT_ENOMEM;
        }
        if (st == UT_OK && n > 0) {
            char *copy = ut_strdup(rest);
            st = copy ? UT_OK : UT_ENOMEM;
            if (copy)
                s->words[s->n_words++] = (struct ut_bench_word){ copy, word->start + offset,
                                                                 word->end + offset, word->timed };
        }
        rest += n + more;
    }
    ut_buffer_finish(&text);
    return st;
}

static enum ut_status time_turn(const struct ut_bench_live *b, struct ut_bench_stream *s,
                                struct ut_bench_turn *turn, struct ut_error *err)
{
    const struct ut_word_timer timer = { b->live.recognizer, b->vad, b->spelling };
    struct ut_word_times times = { 0 };

    enum ut_status st =
        ut_word_times_find(&times, &timer, s->pcm + turn->start, (size_t)(turn->end - turn->start),
                           s->language_index, turn->entry->reference, err);
    if (st != UT_OK)
        return st;
    turn->first_word = s->n_words;
    for (size_t i = 0; i < times.n && st == UT_OK; i++) {
        st = add_word(b, s, &times.words[i], turn->start);
        if (st == UT_OK && b->export_path)
            st = ut_bench_live_note_word(s, turn, &times.words[i]);
    }
    turn->n_words = s->n_words - turn->first_word;
    ut_word_times_finish(&times);
    return st;
}

static enum ut_status add_entry(struct ut_bench_live *b, const struct ut_manifest_entry *e,
                                struct ut_error *err)
{
    struct ut_bench_stream *s = find_stream(b, e);
    bool first = s->n_turns == 0;

    if (first)
        s->turns = ut_calloc(b->manifest.n, sizeof *s->turns);
    if (!s->turns)
        return UT_ENOMEM;
    enum ut_status st =
        e->reference[0] ? ut_buffer_printf(&s->reference, "%s%s", first ? "" : " ", e->reference)
                        : UT_OK;
    if (st == UT_OK && first)
        st = add_pause(s, b->gap_s);
    struct ut_bench_turn *turn = &s->turns[s->n_turns++];
    *turn = (struct ut_bench_turn){ .entry = e, .start = (int64_t)s->n };
    if (st == UT_OK)
        st = add_file(s, e->path, err);
    turn->end = (int64_t)s->n;
    if (st == UT_OK && e->reference[0] && b->loop_min <= 0)
        st = time_turn(b, s, turn, err);
    if (st == UT_OK)
        st = add_pause(s, b->gap_s);
    return st;
}

enum ut_status ut_bench_live_load(struct ut_bench_live *b, struct ut_error *err)
{
    enum ut_status st = UT_OK;
    int n = 0;

    b->streams = ut_calloc(b->manifest.n + 1, sizeof *b->streams);
    if (!b->streams)
        return ut_error_set(err, UT_ENOMEM, "no memory for streams");
    for (size_t i = 0; i < b->manifest.n && st == UT_OK; i++) {
        const struct ut_manifest_entry *e = &b->manifest.entries[i];
        struct ut_error why = { 0 };
        if (!is_chosen(b, e))
            continue;
        if (b->limit && n++ == b->limit)
            break;
        st = ut_interrupt_seen() ? UT_ECANCELED : add_entry(b, e, &why);
        if (st != UT_OK)
            ut_error_set(err, st, "%s: %s", e->file, why.text[0] ? why.text : ut_status_name(st));
    }
    if (st == UT_OK && b->n_streams == 0)
        st = ut_error_set(err, UT_EINVAL, "no recording of the manifest was chosen");
    return st;
}

void ut_bench_live_unload(struct ut_bench_live *b)
{
    for (size_t i = 0; i < b->n_streams; i++) {
        struct ut_bench_stream *s = &b->streams[i];
        for (size_t w = 0; w < s->n_words; w++)
            ut_free(s->words[w].text);
        ut_free(s->words);
        ut_free(s->turns);
        ut_free(s->pcm);
        ut_buffer_finish(&s->reference);
        ut_buffer_finish(&s->word_lines);
        ut_buffer_finish(&s->heard);
        ut_buffer_finish(&s->offline);
        ut_display_finish(&s->display);
    }
    ut_free(b->streams);
    b->streams = NULL;
    b->n_streams = 0;
}
