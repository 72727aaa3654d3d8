/* The inputs of a step, and what becomes of the words that come out of it. */
#include <math.h>
#include <string.h>

#include "stream/session_state.h"

/* Less speech than this, or a lower mean probability of it, is weak evidence of speech. */
#define WEAK_SPEECH (UT_MEL_RATE_HZ / 4)
#define WEAK_EVIDENCE 0.7f
/* Log10 units (6 dB) that the level of a window may be off before what was kept is computed anew.
 */
#define LEVEL_RANGE 0.6f
/* Normalised mel value of silence in a live window. */
#define SILENCE ((UT_ASR_LIVE_TOP - UT_MEL_RANGE + 4.0f) / 4.0f)

enum {
    PADDING_FRAMES = UT_MEL_FRAMES_PER_S / 2,
    LANGUAGE_SAMPLES = 2 * UT_MEL_RATE_HZ,
    SPLIT_PROGRESS = UT_MEL_RATE_HZ, /* a split leaves at least this much behind */
    PATIENCE = UT_MEL_RATE_HZ,     /* so long hypotheses may be broken: mostly one is, by chance */
    LOST_SAMPLES = UT_MEL_RATE_HZ, /* a hypothesis that ends so far before committed words */
};

void ut_session_begin_segment(struct ut_session *s, int64_t start)
{
    ut_asr_cache_clear(s->parts.cache);
    s->open = true;
    s->start = start;
    s->heard_edge = start;
    s->tried_edge = start;
    s->broken_edge = -1;
    s->n_hypothesis = 0;
    ut_commit_words_drop(&s->heard, s->heard.n);
    ut_words_clear(&s->committed);
    ut_words_clear(&s->tail);
    if (s->options.context_pause < 0 || start - s->context_end > s->options.context_pause)
        s->n_context = 0;
}

static size_t build_prompt(struct ut_session *s)
{
    size_t n = s->options.n_prompt;

    memcpy(s->prompt, s->initial_prompt, n * sizeof *s->prompt);
    memcpy(s->prompt + n, s->context, s->n_context * sizeof *s->prompt);
    return n + s->n_context;
}

/*
 * The level that a window whose loudest value is `top` is brought from. What is kept of earlier
 * steps stays as it is, so the level does too, until the two are too far apart.
 */
static float choose_level(struct ut_session *s, float top)
{
    if (ut_asr_cache_bytes(s->parts.cache) > 0 && fabsf(top - s->level) > LEVEL_RANGE)
        ut_asr_cache_clear(s->parts.cache);
    if (ut_asr_cache_bytes(s->parts.cache) == 0)
        s->level = top;
    return s->level;
}

/* Mel frames of [start, want_edge) and the silence behind; returns how many. */
static size_t fill_window(struct ut_session *s, float *window, size_t *n_fresh)
{
    size_t n_mels = ut_mel_n_mels(s->parts.mel);
    int64_t first = (s->start - s->mel_origin) / UT_SESSION_HOP;
    size_t n_audio = (size_t)((s->want_edge - s->start) / UT_SESSION_HOP);
    size_t n = n_audio + PADDING_FRAMES;

    n += n % 2;
    if (n > UT_SESSION_WINDOW_FRAMES)
        n = UT_SESSION_WINDOW_FRAMES;
    *n_fresh = n - n_audio + (size_t)s->options.fresh / UT_SESSION_HOP;
    float top = choose_level(s, ut_mel_stream_max(s->mel, first, n_audio));
    if (ut_mel_stream_window(s->mel, first, n_audio, top, UT_ASR_LIVE_TOP - top, window))
        n_audio = 0; /* cannot be: a segment is shorter than the stream's memory */
    for (size_t i = n_audio * n_mels; i < n * n_mels; i++)
        window[i] = SILENCE;
    return n;
}

void ut_session_prepare(struct ut_session *s, struct ut_asr_step *step, float *window)
{
    size_t n_fresh, n_frames = fill_window(s, window, &n_fresh);

    *step = (struct ut_asr_step){
        .mel = window,
        .n_frames = n_frames,
        .language = s->language,
        .translate = s->options.translate,
        .prompt = s->prompt,
        .n_prompt = build_prompt(s),
        .draft = s->hypothesis,
        .n_draft = s->n_hypothesis,
        .cache = s->parts.cache,
        .n_fresh = n_fresh,
        .bias = s->options.bias,
    };
}

static struct ut_event make_event(const struct ut_session *s, enum ut_event_type type,
                                  int64_t now_us)
{
    return (struct ut_event){
        .type = type,
        .session = s->options.id,
        .segment = s->number,
        .wall_us = now_us - s->begin_us,
        .audio = s->stats.n_fed,
        .start = s->start,
        .end = s->start,
        .language = s->language,
        .text = "",
    };
}

static void put_words(struct ut_session *s, struct ut_event event, struct ut_words *list,
                      size_t first)
{
    event.words = list->words + first;
    event.n_words = list->n - first;
    event.text = ut_words_join(list, first);
    if (event.type != UT_EVENT_FINAL && event.n_words > 0)
        event.end = list->words[list->n - 1].end;
    /* Cannot be: ut_session_full() is asked before audio is looked at. */
    if (ut_queue_put(s->queue, &event) && !s->failure)
        s->failure = UT_ELIMIT;
}

/* Appends what the policy has just committed to the segment's words and tells the reader. */
static void put_committed(struct ut_session *s, int64_t now_us)
{
    size_t n_new;
    const struct ut_asr_word *words = ut_commit_new(s->commit, &n_new);
    size_t first = s->committed.n;

    for (size_t i = 0; i < n_new; i++) {
        if (ut_words_append(&s->committed, &words[i], s->start))
            break; /* a segment of more words than 28 s can hold: a loop that no guard saw */
    }
    if (s->committed.n == first)
        return;
    s->last_end = ut_words_order(&s->committed, first, s->last_end, s->want_edge);
    put_words(s, make_event(s, UT_EVENT_COMMITTED, now_us), &s->committed, first);
    s->shows_tail = false;
}

/* Replaces the unstable tail; says nothing when there is none and none is shown. */
static void put_tail(struct ut_session *s, const struct ut_asr_word *words, size_t n,
                     int64_t now_us)
{
    ut_words_clear(&s->tail);
    for (size_t i = 0; i < n; i++) {
        if (ut_words_append(&s->tail, &words[i], s->start))
            break;
    }
    if (s->tail.n == 0 && !s->shows_tail)
        return;
    ut_words_order(&s->tail, 0, s->last_end, s->want_edge);
    put_words(s, make_event(s, UT_EVENT_UNSTABLE, now_us), &s->tail, 0);
    s->shows_tail = s->tail.n > 0;
}

/* The last tokens of the segment that ends are the context of the next. */
static void keep_context(struct ut_session *s)
{
    size_t n = s->n_hypothesis < UT_SESSION_MAX_PROMPT ? s->n_hypothesis : UT_SESSION_MAX_PROMPT;

    memcpy(s->context, s->hypothesis + (s->n_hypothesis - n), n * sizeof *s->context);
    s->n_context = n;
    s->context_end = s->want_edge;
}

/* The segment's committed words once more, as a whole. */
static void put_final(struct ut_session *s, int64_t end, int64_t now_us)
{
    struct ut_event final = make_event(s, UT_EVENT_FINAL, now_us);

    final.end = end > s->last_end ? end : s->last_end;
    put_words(s, final, &s->committed, 0);
    s->shows_tail = false;
    s->number++;
}

void ut_session_end_segment(struct ut_session *s, int64_t now_us)
{
    const struct ut_commit_edge edge = { .at = s->want_edge - s->start, .last = true };

    if (ut_commit_push(s->commit, s->heard.words, s->heard.n, &edge) == UT_OK)
        put_committed(s, now_us);
    if (s->committed.n > 0) {
        put_final(s, s->want_edge, now_us);
        keep_context(s);
    } else {
        put_tail(s, NULL, 0, now_us);
    }
    s->open = false;
    s->want = UT_SESSION_WANT_NOTHING;
    ut_asr_cache_clear(s->parts.cache);
    if (!s->goes_on)
        return;
    s->goes_on = false;
    ut_commit_reset(s->commit);
    ut_session_begin_segment(s, s->want_edge);
    s->next_step = s->cursor;
}

void ut_session_resume_segment(struct ut_session *s, int64_t at, int64_t now_us)
{
    struct ut_asr_word words[UT_QUEUE_MAX_WORDS];
    size_t n = 0;

    for (size_t i = 0; i < s->committed.n; i++) {
        const struct ut_event_word *w = &s->committed.words[i];
        if ((w->start + w->end) / 2 < at)
            continue;
        words[n++] = (struct ut_asr_word){
            .text = w->text,
            .start = w->start > at ? w->start - at : 0,
            .end = w->end - at,
            .confidence = w->confidence,
        };
    }
    /* Cannot be: they were all in there before. */
    if (ut_commit_resume(s->commit, words, n) && !s->failure)
        s->failure = UT_ELIMIT;
    if (s->committed.n > 0) {
        put_final(s, s->last_end, now_us);
        keep_context(s);
    }
    ut_session_begin_segment(s, at);
    s->next_step = s->cursor;
}

/* Behind the last committed word, before the next that was heard; -1 when that is no progress. */
static int64_t split_point(const struct ut_session *s)
{
    int64_t at = s->last_end;

    for (size_t i = 0; i < s->heard.n; i++) {
        int64_t next = s->start + s->heard.words[i].start;

        if (next < s->last_end)
            continue;
        at += (next - s->last_end) / 2;
        break;
    }
    at -= (at - s->mel_origin) % UT_SESSION_HOP;
    bool progress = ut_commit_n_committed(s->commit) > 0 && at >= s->start + SPLIT_PROGRESS;
    return progress && at < s->want_edge - UT_SESSION_HOP ? at : -1;
}

/*
 * A hypothesis that turned in a loop, or lost words that are committed long since, says nothing of
 * the audio behind those. When this stays so, or the segment is over, the segment ends with what is
 * committed and the step is run again on the rest, without the start that the recogniser stumbles
 * over.
 */
static bool split_segment(struct ut_session *s, int64_t now_us)
{
    int64_t at = split_point(s);

    if (at < 0)
        return false;
    if (s->committed.n > 0)
        put_final(s, at, now_us);
    s->n_hypothesis = 0;
    keep_context(s);
    if (s->segmenter.open)
        (void)!ut_segmenter_cut(&s->segmenter, at); /* beside it nothing changes */
    ut_commit_reset(s->commit);
    ut_session_begin_segment(s, at);
    s->stats.n_splits++;
    return true;
}

static bool is_broken(const struct ut_session *s, const struct ut_asr_step *step)
{
    size_t n_committed = ut_commit_n_committed(s->commit);
    int64_t reach = s->start + (step->n_words > 0 ? step->words[step->n_words - 1].end : 0);

    if (step->looped && (s->want == UT_SESSION_WANT_FINAL || n_committed == 0))
        return true;
    return n_committed > 0 && reach < s->last_end - (step->looped ? 0 : LOST_SAMPLES);
}

/*
 * Guards against words on what is no speech. Whisper's own rule stands alone; half of it is
 * enough where voice activity was weak too.
 */
static bool is_speech(const struct ut_session *s, const struct ut_asr_step *step)
{
    bool unsure = step->no_speech_prob > 0.3f || step->avg_logprob < -1.0f;
    bool refused = step->no_speech_prob > 0.6f && step->avg_logprob < -1.0f;
    bool weak = s->segmenter.n_speech < WEAK_SPEECH || s->segmenter.evidence < WEAK_EVIDENCE;

    return !refused && !(unsure && weak);
}

static void learn_language(struct ut_session *s, const struct ut_asr_step *step)
{
    if (s->language < 0 && s->want_edge - s->start >= LANGUAGE_SAMPLES)
        s->language = step->detected_language;
}

/* Keeps the hypothesis; an empty one when the guards refuse it. */
static void hear(struct ut_session *s, const struct ut_asr_step *step)
{
    ut_commit_words_drop(&s->heard, s->heard.n);
    s->n_hypothesis = 0;
    s->heard_edge = s->want_edge;
    if (!is_speech(s, step)) {
        s->stats.n_refused += step->n_words > 0;
        return;
    }
    learn_language(s, step);
    if (step->n_tokens > 0 && step->n_tokens <= UT_SESSION_MAX_TOKENS) {
        memcpy(s->hypothesis, step->tokens, step->n_tokens * sizeof *s->hypothesis);
        s->n_hypothesis = step->n_tokens;
    }
    for (size_t i = 0; i < step->n_words; i++) {
        if (ut_commit_words_append(&s->heard, &step->words[i], 1))
            break; /* more words than anybody says in a segment */
    }
}

/* The next step is one hop away, further when audio waits: an overloaded engine decodes less often,
 * never later and later. */
static void plan_next(struct ut_session *s)
{
    int64_t waiting = s->stats.n_fed - s->cursor;
    int64_t hop = s->options.step;

    if (s->options.stretch_after > 0 && waiting > s->options.stretch_after && !s->flushed) {
        hop = waiting < s->options.max_step ? waiting : s->options.max_step;
        if (hop < s->options.step)
            hop = s->options.step;
        s->stats.n_stretched += hop > s->options.step;
    }
    s->next_step = s->want_edge + hop;
}

static void finish_partial(struct ut_session *s, const struct ut_asr_step *step, int64_t now_us)
{
    int64_t silence = s->want_edge - s->segmenter.speech_end;
    const struct ut_commit_edge edge = { .at = s->want_edge - s->start,
                                         .silence = silence > 0 ? silence : 0 };
    size_t n_tail = 0;

    hear(s, step);
    if (s->heard.n > 0 && ut_commit_push(s->commit, s->heard.words, s->heard.n, &edge) == UT_OK) {
        put_committed(s, now_us);
        const struct ut_asr_word *tail = ut_commit_tail(s->commit, &n_tail);
        put_tail(s, tail, n_tail, now_us);
    } else {
        put_tail(s, NULL, 0, now_us);
    }
    plan_next(s);
    s->want = UT_SESSION_WANT_NOTHING;
}

void ut_session_finish(struct ut_session *s, const struct ut_asr_step *step, enum ut_status status,
                       int64_t now_us)
{
    if (status) {
        s->failure = status;
        return;
    }
    bool broken = is_broken(s, step);
    bool partial = s->want == UT_SESSION_WANT_PARTIAL;

    s->stats.n_steps++;
    s->stats.n_looped += step->looped;
    s->tried_edge = s->want_edge;
    if (!broken)
        s->broken_edge = -1;
    else if (s->broken_edge < 0)
        s->broken_edge = s->want_edge;
    bool hopeless = broken && (!partial || s->want_edge - s->broken_edge >= PATIENCE);
    if (hopeless && split_segment(s, now_us))
        return; /* the step is still due, on less audio */
    if (partial && broken && ut_commit_n_committed(s->commit) > 0) {
        plan_next(s); /* what was heard before is better than this */
        s->want = UT_SESSION_WANT_NOTHING;
        return;
    }
    if (partial) {
        finish_partial(s, step, now_us);
        return;
    }
    if (!broken || s->heard.n == 0)
        hear(s, step);
    ut_session_end_segment(s, now_us);
}
