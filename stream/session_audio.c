/* Samples -> voice activity -> segments -> the step that is due. */
#include <string.h>

#include "stream/session_state.h"

/* How far before the segmenter's own bound a segment is cut between words. */
enum { FORCED_CUT_MARGIN = 2 * UT_MEL_RATE_HZ };

static const float *samples_at(const struct ut_session *s, int64_t sample)
{
    return s->data + (sample - s->origin);
}

static bool heard_to_the_end(const struct ut_session *s)
{
    return s->heard_edge >= s->segmenter.speech_end + UT_SESSION_HEARD;
}

static void want(struct ut_session *s, enum ut_session_want what, int64_t edge)
{
    s->want = what;
    s->want_edge = edge < s->stats.n_fed ? edge : s->stats.n_fed;
}

/* The segment starts on the mel stream's grid; its audio so far goes into the stream. */
static void open_segment(struct ut_session *s)
{
    int64_t start = s->segmenter.start - s->segmenter.start % UT_SESSION_HOP;

    ut_mel_stream_reset(s->mel);
    s->mel_origin = start;
    ut_mel_stream_feed(s->mel, samples_at(s, start), (size_t)(s->cursor - start));
    ut_commit_reset(s->commit);
    ut_session_begin_segment(s, start);
    s->next_step = s->segmenter.speech_end - s->segmenter.n_speech + s->options.first_step;
}

/*
 * The segment ends at the segmenter's .end. When the last hypothesis heard the speech to its end
 * and the pause behind it, decoding again would hear nothing new.
 */
static void close_segment(struct ut_session *s, bool goes_on, int64_t now_us)
{
    s->goes_on = goes_on;
    if (!goes_on && heard_to_the_end(s)) {
        s->want_edge = s->segmenter.end < s->stats.n_fed ? s->segmenter.end : s->stats.n_fed;
        ut_session_end_segment(s, now_us);
        return;
    }
    want(s, UT_SESSION_WANT_FINAL, s->segmenter.end);
}

/* How much speech would be hurt by a cut between two words: lower is better. */
static float cut_level(const struct ut_session *s, int64_t at)
{
    return ut_segmenter_level(&s->segmenter, at - UT_VAD_CHUNK, at + UT_VAD_CHUNK);
}

/*
 * Where to cut a segment that has no pause: between two words of the last hypothesis, where voice
 * activity is lowest, in its middle third and in front of the last committed word: what lies behind
 * is heard again, as context of the words to come. -1: nothing is committed there.
 */
static int64_t choose_cut(const struct ut_session *s)
{
    int64_t from = s->start + s->options.segmenter.max_length / 3;
    int64_t to = s->start + 2 * s->options.segmenter.max_length / 3;
    float best_level = 2.0f;
    int64_t best = -1;

    if (to > s->last_end)
        to = s->last_end;
    for (size_t i = 0; i + 1 < s->heard.n; i++) {
        int64_t end = s->start + s->heard.words[i].end;
        int64_t at = end + (s->start + s->heard.words[i + 1].start - end) / 2;
        float level = cut_level(s, at);

        at -= (at - s->mel_origin) % UT_SESSION_HOP;
        if (at < from || at >= to || level > best_level)
            continue;
        best_level = level;
        best = at;
    }
    return best;
}

static void force_cut(struct ut_session *s, int64_t now_us)
{
    int64_t at = choose_cut(s);
    bool resumes = at >= 0;

    if (!resumes) { /* hardly a word in it: the quietest place will do */
        int64_t from = s->start + s->options.segmenter.max_length / 3;
        at = ut_segmenter_quietest(&s->segmenter, from > s->last_end ? from : s->last_end,
                                   s->cursor);
        at -= (at - s->mel_origin) % UT_SESSION_HOP;
    }
    if (ut_segmenter_cut(&s->segmenter, at))
        return; /* nowhere inside: the segmenter's own bound will do it */
    s->stats.n_forced_cuts++;
    if (resumes)
        ut_session_resume_segment(s, at, now_us);
    else
        close_segment(s, true, now_us);
}

/*
 * In a pause the last words are waited for: steps are close together until all are committed, and
 * once more when the pause has been heard, in case a word came out of it late.
 */
static bool wants_quiet_step(const struct ut_session *s)
{
    int64_t silence = ut_segmenter_silence(&s->segmenter);
    int64_t tried = s->tried_edge - s->segmenter.speech_end;

    if (silence / s->options.quiet_step <= (tried > 0 ? tried : 0) / s->options.quiet_step)
        return false;
    if (silence >= UT_SESSION_HEARD)
        return !heard_to_the_end(s);
    return s->heard_edge < s->segmenter.speech_end || ut_commit_n_open(s->commit) > 0;
}

/* Decides for an open segment whether the chunk just seen is where it is decoded again. */
static void consider_step(struct ut_session *s, int64_t now_us)
{
    if (s->cursor - s->start >= s->options.segmenter.max_length - FORCED_CUT_MARGIN) {
        force_cut(s, now_us);
    } else if (ut_segmenter_silence(&s->segmenter) > 0) {
        if (wants_quiet_step(s))
            want(s, UT_SESSION_WANT_PARTIAL, s->cursor);
    } else if (s->cursor >= s->next_step) {
        want(s, UT_SESSION_WANT_PARTIAL, s->cursor);
    }
}

static void take_chunk(struct ut_session *s, const float *pcm, int64_t now_us)
{
    float probability = s->parts.activity(s->parts.activity_ctx, pcm);
    enum ut_segmenter_event event = ut_segmenter_push(&s->segmenter, probability);

    if (s->open)
        ut_mel_stream_feed(s->mel, pcm, UT_VAD_CHUNK);
    s->cursor += UT_VAD_CHUNK;
    switch (event) {
    case UT_SEGMENTER_OPENED:
        open_segment(s);
        break;
    case UT_SEGMENTER_CLOSED:
        close_segment(s, false, now_us);
        break;
    case UT_SEGMENTER_CUT:
        s->stats.n_forced_cuts++;
        close_segment(s, true, now_us);
        break;
    case UT_SEGMENTER_NONE:
        if (s->open)
            consider_step(s, now_us);
        break;
    }
}

/* Ends what is open; false when nothing was. */
static bool end_open(struct ut_session *s, int64_t now_us)
{
    if (!ut_segmenter_flush(&s->segmenter))
        return false;
    if (!s->open)
        open_segment(s);
    close_segment(s, false, now_us);
    return true;
}

/* After a flush: the part of a chunk that is left, filled up with silence, then the last segment.
 */
static void take_rest(struct ut_session *s, int64_t now_us)
{
    if (s->cursor < s->stats.n_fed) {
        float chunk[UT_VAD_CHUNK] = { 0 };
        size_t n = (size_t)(s->stats.n_fed - s->cursor);

        memcpy(chunk, samples_at(s, s->cursor), n * sizeof *chunk);
        /* The history must hold the whole chunk for a segment that opens in it. */
        memset(s->data + s->n, 0, (UT_VAD_CHUNK - n) * sizeof *s->data);
        s->n += UT_VAD_CHUNK - n;
        take_chunk(s, chunk, now_us);
        return;
    }
    if (!end_open(s, now_us))
        s->ended = true;
}

bool ut_session_advance(struct ut_session *s, size_t n_chunks, int64_t now_us)
{
    for (size_t i = 0; i < n_chunks; i++) {
        if (s->want || s->ended || s->failure || ut_session_full(s))
            return false;
        if (ut_session_at_jump(s)) {
            if (!end_open(s, now_us))
                ut_session_jump(s);
        } else if (s->stats.n_fed - s->cursor >= UT_VAD_CHUNK)
            take_chunk(s, samples_at(s, s->cursor), now_us);
        else if (s->flushed)
            take_rest(s, now_us);
        else
            return false;
    }
    return true;
}

bool ut_session_due(const struct ut_session *s, int64_t *deadline_us)
{
    if (!s->want || s->failure)
        return false;

    /* When the audio of the step came, as if it had come evenly, and one step more. */
    int64_t late = (s->stats.n_fed - s->want_edge) * 1000000 / UT_MEL_RATE_HZ;
    int64_t slack = s->want == UT_SESSION_WANT_FINAL ? s->options.step / 2 : s->options.step;
    *deadline_us = s->fed_us - late + slack * 1000000 / UT_MEL_RATE_HZ;
    return true;
}
