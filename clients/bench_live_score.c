/* What was shown against what was said. */
#include <string.h>

#include "audio/mel.h"
#include "base/memory.h"
#include "clients/bench_live.h"
#include "clients/interrupt.h"
#include "clients/word_match.h"

#define BLOCK 16000

static double seconds(int64_t samples)
{
    return (double)samples / UT_BENCH_RATE;
}

static enum ut_status add_both(struct ut_bench_latency *l, double aware, double unaware)
{
    enum ut_status st = ut_latency_add(&l->aware, aware);

    return st == UT_OK ? ut_latency_add(&l->unaware, unaware) : st;
}

static enum ut_status add_point(struct ut_bench_figures *f, double at, double commit, double first)
{
    if (f->n_points == f->points_capacity) {
        size_t capacity = 2 * f->points_capacity + 1024;
        double *points = ut_calloc(capacity, 3 * sizeof *points);
        if (!points)
            return UT_ENOMEM;
        for (size_t i = 0; i < f->n_points; i++) {
            points[i] = f->at_s[i];
            points[capacity + i] = f->commit_s[i];
            points[2 * capacity + i] = f->first_s[i];
        }
        ut_free(f->at_s);
        f->at_s = points;
        f->commit_s = points + capacity;
        f->first_s = points + 2 * capacity;
        f->points_capacity = capacity;
    }
    f->at_s[f->n_points] = at;
    f->commit_s[f->n_points] = commit;
    f->first_s[f->n_points++] = first;
    return UT_OK;
}

/* stream, word, its times, when it was shown and committed: empty for what is not known. */
static enum ut_status print_word(FILE *file, const struct ut_bench_stream *s,
                                 const struct ut_bench_word *w, const struct ut_shown_word *shown)
{
    int n = fprintf(file, "%s\t%s\t", s->name, w->text);

    if (n >= 0 && w->timed)
        n = fprintf(file, "%.3f\t%.3f\t", seconds(w->start), seconds(w->end));
    else if (n >= 0)
        n = fprintf(file, "\t\t");
    if (n >= 0 && shown)
        n = fprintf(file, "%.3f\t%.3f\n", shown->shown_s, shown->committed_s);
    else if (n >= 0)
        n = fprintf(file, "\t\n");
    return n < 0 ? UT_EIO : UT_OK;
}

/* Latency of each reference word that was committed as it is. `offset_s`: streams before it. */
static enum ut_status score_words(struct ut_bench_live *b, const struct ut_bench_stream *s,
                                  double offset_s)
{
    struct ut_bench_figures *f = &b->figures;
    const struct ut_shown_list *shown = &s->display.committed;
    const char **texts = ut_calloc(s->n_words + shown->n, sizeof *texts);
    size_t *match = ut_calloc(s->n_words, sizeof *match);
    enum ut_status st = texts && match ? UT_OK : UT_ENOMEM;

    for (size_t i = 0; i < s->n_words && st == UT_OK; i++)
        texts[i] = s->words[i].text;
    for (size_t i = 0; i < shown->n && st == UT_OK; i++)
        texts[s->n_words + i] = shown->words[i].text;
    if (st == UT_OK)
        st = ut_word_match(texts, s->n_words, texts + s->n_words, shown->n, false, match, NULL);
    for (size_t i = 0; i < s->n_words && st == UT_OK; i++) {
        const struct ut_bench_word *w = &s->words[i];
        const struct ut_shown_word *m =
            match[i] == UT_WORD_MATCH_NONE ? NULL : &shown->words[match[i]];
        f->n_timed += w->timed;
        if (b->words_file)
            st = print_word(b->words_file, s, w, m);
        if (st != UT_OK || !w->timed || !m)
            continue;
        double end = seconds(w->end);
        f->n_matched++;
        st = add_both(&f->commit, m->committed_s - end, m->committed_audio_s - end);
        if (st == UT_OK)
            st = add_both(&f->first_partial, m->shown_s - end, m->shown_audio_s - end);
        if (st == UT_OK)
            st = add_point(f, offset_s + end, m->committed_s - end, m->shown_s - end);
    }
    ut_free(texts);
    ut_free(match);
    return st;
}

/* From a turn's last word to the last of the words committed for it. */
static enum ut_status score_turn(struct ut_bench_figures *f, const struct ut_bench_stream *s,
                                 const struct ut_bench_turn *turn)
{
    double aware = (double)-INFINITY, unaware = (double)-INFINITY;

    if (turn->n_words == 0)
        return UT_OK;
    f->n_turns++;
    for (size_t i = 0; i < s->display.committed.n; i++) {
        const struct ut_shown_word *w = &s->display.committed.words[i];
        int64_t middle = w->start + (w->end - w->start) / 2;
        if (middle < turn->start || middle >= turn->end)
            continue;
        aware = fmax(aware, w->committed_s);
        unaware = fmax(unaware, w->committed_audio_s);
    }
    if (isinf(aware)) {
        f->n_turns_lost++;
        return UT_OK;
    }
    const struct ut_bench_word *last = &s->words[turn->first_word + turn->n_words - 1];
    if (!last->timed)
        return UT_OK;
    double end = seconds(last->end);
    return add_both(&f->ttfs, aware - end, isinf(unaware) ? (double)NAN : unaware - end);
}

static enum ut_status add_errors(struct ut_bench_live *b, struct ut_word_errors *errors,
                                 const struct ut_bench_stream *s, const struct ut_buffer *heard)
{
    struct ut_buffer reference = { .limit = UT_BENCH_MAX_TEXT };
    struct ut_buffer text = { .limit = UT_BENCH_MAX_TEXT };
    enum ut_status st =
        ut_bench_live_normalize(b, &reference, ut_buffer_text(&s->reference), s->language);

    if (st == UT_OK)
        st = ut_bench_live_normalize(b, &text, ut_buffer_text(heard), s->language);
    if (st == UT_OK)
        st = ut_word_errors_add(errors, ut_buffer_text(&reference), ut_buffer_text(&text));
    ut_buffer_finish(&reference);
    ut_buffer_finish(&text);
    return st;
}

static void add_stats(struct ut_session_stats *sum, const struct ut_session_stats *one)
{
    sum->n_steps += one->n_steps;
    sum->n_stretched += one->n_stretched;
    sum->n_refused += one->n_refused;
    sum->n_looped += one->n_looped;
    sum->n_forced_cuts += one->n_forced_cuts;
    sum->n_splits += one->n_splits;
    sum->n_coalesced += one->n_coalesced;
}

static void print_each(const struct ut_bench_live *b, const struct ut_bench_stream *s,
                       const struct ut_word_errors *errors)
{
    double length = seconds((int64_t)s->n);

    fprintf(stderr, "%s\t%s\t%.1f s\tWER %.4f\t%zu committed\t%zu changed\trtf %.3f\t%s\n", s->name,
            s->kind, length, ut_word_errors_rate(errors), s->display.committed.n,
            s->display.n_changed, (double)s->cpu_us / 1e6 / length, ut_buffer_text(&s->heard));
    if (strcmp(b->offline_model, "none") != 0 && s->reference.n > 0)
        fprintf(stderr, "%s\twhole file\t%s\n", s->name, ut_buffer_text(&s->offline));
}

enum ut_status ut_bench_live_score(struct ut_bench_live *b, const struct ut_bench_stream *s)
{
    struct ut_bench_figures *f = &b->figures;
    struct ut_word_errors errors = { 0 };
    double offset_s = f->speech_s;
    enum ut_status st = UT_OK;

    f->n_streams++;
    f->compute_us += s->compute_us;
    add_stats(&f->stats, &s->stats);
    if (s->reference.n == 0) {
        f->nonspeech_s += seconds((int64_t)s->n);
        f->nonspeech_cpu_us += s->cpu_us;
        f->n_nonspeech_words += s->display.committed.n;
        f->n_nonspeech_shown += s->display.n_changed;
    } else {
        f->speech_s += seconds((int64_t)s->n);
        f->speech_cpu_us += s->cpu_us;
        f->n_reference += s->n_words;
        f->n_final += s->display.committed.n;
        f->n_changed += s->display.n_changed;
        f->n_erased += s->display.n_erased;
        st = score_words(b, s, offset_s);
        for (size_t i = 0; i < s->n_turns && st == UT_OK; i++)
            st = score_turn(f, s, &s->turns[i]);
        if (st == UT_OK)
            st = add_errors(b, &errors, s, &s->heard);
        f->errors.n_words += errors.n_words;
        f->errors.n_substituted += errors.n_substituted;
        f->errors.n_deleted += errors.n_deleted;
        f->errors.n_inserted += errors.n_inserted;
        if (st == UT_OK && strcmp(b->offline_model, "none") != 0)
            st = add_errors(b, &f->offline_errors, s, &s->offline);
    }
    if (st == UT_OK && b->each)
        print_each(b, s, &errors);
    return st;
}

static void finish_latency(struct ut_bench_latency *l)
{
    ut_latency_finish(&l->aware);
    ut_latency_finish(&l->unaware);
}

void ut_bench_live_figures_finish(struct ut_bench_figures *f)
{
    finish_latency(&f->first_partial);
    finish_latency(&f->commit);
    finish_latency(&f->ttfs);
    ut_free(f->at_s);
    *f = (struct ut_bench_figures){ 0 };
}

/* ------------------------------------------------------------ the whole recording */

struct source {
    const struct ut_bench_stream *stream;
    size_t at;
};

static enum ut_status read_stream(void *ctx, float *pcm, size_t n, size_t *got,
                                  struct ut_error *err)
{
    struct source *source = ctx;
    size_t left = source->stream->n - source->at;

    *got = n < left ? n : left;
    if (ut_interrupt_seen())
        return ut_error_set(err, UT_ECANCELED, "interrupted");
    if (*got == 0)
        return UT_END;
    memcpy(pcm, source->stream->pcm + source->at, *got * sizeof *pcm);
    source->at += *got;
    return UT_OK;
}

static enum ut_status take_segment(void *ctx, const struct ut_asr_segment *segment)
{
    struct ut_bench_stream *s = ctx;

    return ut_buffer_printf(&s->offline, "%s%s", s->offline.n ? " " : "", segment->text);
}

/* The loudest raw log-mel value, by which the original normalises the recording. */
static enum ut_status find_top(size_t n_mels, const struct ut_bench_stream *s, float *top)
{
    struct ut_mel *mel = NULL;
    struct ut_mel_stream *stream = NULL;
    int64_t first = 0;

    enum ut_status st = ut_mel_create(&mel, n_mels);
    if (st == UT_OK)
        st = ut_mel_stream_create(&stream, mel, 2 * BLOCK / UT_MEL_HOP);
    *top = -10;
    for (size_t at = 0; at < s->n && st == UT_OK;) {
        size_t n = s->n - at < BLOCK ? s->n - at : BLOCK;
        ut_mel_stream_feed(stream, s->pcm + at, n);
        at += n;
        /* the newest frames are still computed as if silence followed: they are looked at twice */
        int64_t end = (int64_t)at / UT_MEL_HOP + 1;
        int64_t sure = at < s->n ? end - 4 : end;
        if (sure > first)
            *top = fmaxf(*top, ut_mel_stream_max(stream, first, (size_t)(sure - first)));
        first = sure > first ? sure : first;
    }
    ut_mel_stream_destroy(stream);
    ut_mel_destroy(mel);
    return st;
}

enum ut_status ut_bench_live_decode(struct ut_bench_live *b, struct ut_offline *o,
                                    struct ut_bench_stream *s, struct ut_error *err)
{
    struct ut_asr_options options = ut_offline_options(&b->settings, s->language_index);
    struct source source = { .stream = s };
    float top;

    options.bias = o->bias;
    enum ut_status st = find_top(ut_asr_model_dims(o->model)->n_mels, s, &top);
    if (st != UT_OK)
        return ut_error_set(err, st, "%s: %s", s->name, ut_status_name(st));
    return ut_recognizer_transcribe(o->recognizer, &options, top, read_stream, &source,
                                    take_segment, s, NULL, err);
}
