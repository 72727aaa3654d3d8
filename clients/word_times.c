#include "clients/word_times.h"

#include <math.h>
#include <string.h>

#include "asr/tokens.h"
#include "base/buffer.h"
#include "base/memory.h"
#include "clients/normalizer.h"
#include "clients/word_ends.h"
#include "clients/word_match.h"

#define RATE 16000
#define MAX_PIECE (28 * RATE)
#define SPACES " \t\n\r\v\f"
#define MAX_WORDS ((size_t)1 << 16)
#define SPEECH 0.4f          /* less activity than this behind a word is no part of it */
#define SHORTEST (RATE / 20) /* a word is not brought back to less */

/* Words heard by ordinary decoding: where a long recording may be cut. */
struct heard {
    char **texts; /* normalised */
    int64_t *starts;
    int64_t *ends;
    size_t n;
    size_t capacity;
    enum ut_status status;
    const struct ut_spelling *spelling;
};

struct source {
    const float *pcm;
    size_t n;
    size_t at;
};

static size_t split(char *text, struct ut_timed_word *words)
{
    size_t n = 0;

    for (text += strspn(text, SPACES); *text; text += strspn(text, SPACES)) {
        size_t length = strcspn(text, SPACES);
        if (words)
            words[n].text = text;
        n++;
        text += length;
        if (words && *text)
            *text++ = '\0';
    }
    return n;
}

static enum ut_status normalize(char **out, const char *text, const struct ut_spelling *spelling)
{
    struct ut_buffer b = { .limit = 4096 };
    enum ut_status st = ut_normalize_english(&b, text, spelling);

    *out = st == UT_OK ? ut_strdup(ut_buffer_text(&b)) : NULL;
    ut_buffer_finish(&b);
    return *out ? UT_OK : st == UT_OK ? UT_ENOMEM : st;
}

/* ------------------------------------------------------------ one piece */

/* The words' times in pcm [from, to); those of a text that is too long stay untimed. */
static enum ut_status align_piece(const struct ut_word_timer *timer, const float *pcm, int64_t from,
                                  int64_t to, int language, struct ut_timed_word *words, size_t n)
{
    struct ut_buffer text = { .limit = (size_t)1 << 20 };
    const struct ut_asr_word *said = NULL;
    size_t n_said = 0, w = 0;
    enum ut_status st = UT_OK;

    for (size_t i = 0; i < n && st == UT_OK; i++)
        st = ut_buffer_printf(&text, " %s", words[i].text);
    if (st == UT_OK && n > 0)
        st = ut_recognizer_align(timer->recognizer, pcm + from, (size_t)(to - from), language,
                                 ut_buffer_text(&text), &said, &n_said);
    ut_buffer_finish(&text);
    if (st != UT_OK)
        return st == UT_ELIMIT ? UT_OK : st;
    /* a word of the text may be several of the model's: it begins where one has a space */
    for (size_t i = 0; i < n_said && w <= n; i++) {
        if (said[i].text[0] == ' ' || i == 0) {
            if (w == n)
                break;
            words[w].start = from + said[i].start;
            words[w++].timed = true;
        }
        words[w - 1].end = from + said[i].end;
    }
    return UT_OK;
}

/* ------------------------------------------------------------ cuts of long recordings */

static enum ut_status read_source(void *ctx, float *pcm, size_t n, size_t *got,
                                  struct ut_error *err)
{
    struct source *s = ctx;

    (void)err;
    *got = n < s->n - s->at ? n : s->n - s->at;
    if (*got == 0)
        return UT_END;
    memcpy(pcm, s->pcm + s->at, *got * sizeof *pcm);
    s->at += *got;
    return UT_OK;
}

static enum ut_status take_heard(void *ctx, const struct ut_asr_segment *segment)
{
    struct heard *h = ctx;

    for (size_t i = 0; i < segment->n_words; i++) {
        if (h->n == h->capacity)
            return UT_ELIMIT;
        enum ut_status st = normalize(&h->texts[h->n], segment->words[i].text, h->spelling);
        if (st != UT_OK)
            return st;
        h->starts[h->n] = segment->words[i].start;
        h->ends[h->n++] = segment->words[i].end;
    }
    return UT_OK;
}

static void finish_heard(struct heard *h)
{
    for (size_t i = 0; i < h->n; i++)
        ut_free(h->texts[i]);
    ut_free(h->texts);
    ut_free(h->starts);
    ut_free(h->ends);
}

/* cuts[i]: a sample between words i and i + 1, or -1 where that is not sure. */
static enum ut_status find_cuts(const struct heard *h, const struct ut_timed_word *words, size_t n,
                                const struct ut_spelling *spelling, int64_t *cuts)
{
    char **texts = ut_calloc(n, sizeof *texts);
    size_t *match = ut_calloc(n, sizeof *match);
    enum ut_status st = texts && match ? UT_OK : UT_ENOMEM;

    for (size_t i = 0; i < n && st == UT_OK; i++)
        st = normalize(&texts[i], words[i].text, spelling);
    if (st == UT_OK)
        st = ut_word_match((const char *const *)texts, n, (const char *const *)h->texts, h->n,
                           false, match, NULL);
    for (size_t i = 0; i < n && st == UT_OK; i++) {
        cuts[i] = -1;
        if (i + 1 < n && match[i] != UT_WORD_MATCH_NONE && match[i + 1] == match[i] + 1)
            cuts[i] = (h->ends[match[i]] + h->starts[match[i + 1]]) / 2;
    }
    for (size_t i = 0; texts && i < n; i++)
        ut_free(texts[i]);
    ut_free(texts);
    ut_free(match);
    return st;
}

/*
 * Where the piece that begins with word `first` at `from` ends: returns the word behind it, *to the
 * sample. *sure is false when no cut comes in time: its words then stay untimed.
 */
static size_t end_piece(const int64_t *cuts, size_t first, size_t n_words, int64_t from,
                        int64_t *to, bool *sure)
{
    size_t last = n_words;

    *sure = *to - from <= MAX_PIECE;
    if (*sure)
        return n_words;
    for (size_t i = first; i < n_words; i++) {
        bool late = cuts[i] - from > MAX_PIECE;
        if (cuts[i] <= from + RATE)
            continue;
        if (late && *sure)
            break;
        last = i + 1;
        *to = cuts[i];
        *sure = !late;
        if (late)
            break;
    }
    return last;
}

static enum ut_status align_pieces(const struct ut_word_timer *timer, const float *pcm, size_t n,
                                   int language, struct ut_word_times *t, const int64_t *cuts)
{
    int64_t from = 0;
    enum ut_status st = UT_OK;

    for (size_t first = 0; st == UT_OK && first < t->n;) {
        int64_t to = (int64_t)n;
        bool sure;
        size_t last = end_piece(cuts, first, t->n, from, &to, &sure);
        if (sure)
            st = align_piece(timer, pcm, from, to, language, t->words + first, last - first);
        first = last;
        from = to;
    }
    return st;
}

static enum ut_status align_long(const struct ut_word_timer *timer, const float *pcm, size_t n,
                                 int language, struct ut_word_times *t, struct ut_error *err)
{
    struct source source = { .pcm = pcm, .n = n };
    struct ut_asr_options options = ut_asr_options_default();
    struct heard h = { .capacity = MAX_WORDS, .spelling = timer->spelling };
    int64_t *cuts = ut_calloc(t->n + 1, sizeof *cuts);

    options.language = language;
    options.word_times = true;
    options.beam = options.best_of = 1;
    h.texts = ut_calloc(h.capacity, sizeof *h.texts);
    h.starts = ut_calloc(h.capacity, sizeof *h.starts);
    h.ends = ut_calloc(h.capacity, sizeof *h.ends);
    enum ut_status st = h.texts && h.starts && h.ends && cuts ? UT_OK : UT_ENOMEM;
    if (st == UT_OK)
        st = ut_recognizer_transcribe(timer->recognizer, &options, NAN, read_source, &source,
                                      take_heard, &h, NULL, err);
    if (st == UT_OK)
        st = find_cuts(&h, t->words, t->n, timer->spelling, cuts);
    if (st == UT_OK)
        st = align_pieces(timer, pcm, n, language, t, cuts);
    finish_heard(&h);
    ut_free(cuts);
    return st;
}

/* ------------------------------------------------------------ ends */

/* The last activity in a word ends it. */
static enum ut_status trim_ends(struct ut_vad *vad, const float *pcm, size_t n,
                                struct ut_word_times *t)
{
    size_t n_chunks = n / UT_VAD_CHUNK;
    float *activity = ut_calloc(n_chunks + 1, sizeof *activity);

    if (!activity)
        return UT_ENOMEM;
    ut_vad_reset(vad);
    for (size_t i = 0; i < n_chunks; i++)
        activity[i] = ut_vad_push(vad, pcm + i * UT_VAD_CHUNK);
    for (size_t w = 0; w < t->n; w++) {
        struct ut_timed_word *word = &t->words[w];
        int64_t end = word->end;
        while (word->timed && end - UT_VAD_CHUNK > word->start + SHORTEST) {
            size_t chunk = (size_t)(end - 1) / UT_VAD_CHUNK;
            if (chunk < n_chunks && activity[chunk] >= SPEECH)
                break;
            end = (int64_t)chunk * UT_VAD_CHUNK;
        }
        /* silence from end to end is the activity's error, not the alignment's */
        if (end - UT_VAD_CHUNK > word->start + SHORTEST)
            word->end = end;
    }
    ut_free(activity);
    return UT_OK;
}

/*
 * The alignment gives the pause behind a word to it or to the next word as it likes; a word ends
 * with the last activity in it, or where the recording falls quiet.
 */
static enum ut_status settle_ends(struct ut_vad *vad, const float *pcm, size_t n,
                                  struct ut_word_times *t)
{
    int64_t *aligned = ut_calloc(t->n + 1, sizeof *aligned);

    if (!aligned)
        return UT_ENOMEM;
    for (size_t i = 0; i < t->n; i++)
        aligned[i] = t->words[i].end;
    enum ut_status st = trim_ends(vad, pcm, n, t);
    if (st == UT_OK)
        st = ut_word_ends_find(t->words, t->n, aligned, pcm, n);
    ut_free(aligned);
    return st;
}

enum ut_status ut_word_times_find(struct ut_word_times *out, const struct ut_word_timer *timer,
                                  const float *pcm, size_t n, int language, const char *reference,
                                  struct ut_error *err)
{
    struct ut_word_times t = { .text = ut_strdup(reference) };
    enum ut_status st = t.text ? UT_OK : UT_ENOMEM;

    if (st == UT_OK) {
        t.n = split(t.text, NULL);
        t.words = ut_calloc(t.n, sizeof *t.words);
        st = !t.words ? UT_ENOMEM : t.n > MAX_WORDS ? UT_ELIMIT : UT_OK;
    }
    if (st == UT_OK) {
        split(t.text, t.words);
        st = n > MAX_PIECE ? align_long(timer, pcm, n, language, &t, err)
                           : align_piece(timer, pcm, 0, (int64_t)n, language, t.words, t.n);
    }
    if (st == UT_OK && timer->vad)
        st = settle_ends(timer->vad, pcm, n, &t);
    if (st != UT_OK) {
        ut_word_times_finish(&t);
        return ut_error_set(err, st, "word times: %s", ut_status_name(st));
    }
    *out = t;
    return UT_OK;
}

void ut_word_times_finish(struct ut_word_times *t)
{
    ut_free(t->words);
    ut_free(t->text);
    *t = (struct ut_word_times){ 0 };
}
