#include "diarize/segmenter.h"

#include <string.h>

enum { RATE_HZ = 16000, QUIET_SAMPLES = 8 * UT_VAD_CHUNK };

struct ut_segmenter_options ut_segmenter_options_default(void)
{
    return (struct ut_segmenter_options){
        .onset = 0.5f,
        .offset = 0.35f,
        .min_speech = 2 * UT_VAD_CHUNK,
        .pre_roll = RATE_HZ * 4 / 10,
        .post_roll = RATE_HZ * 3 / 10,
        .min_silence = 2 * RATE_HZ,
        .short_silence = RATE_HZ * 3 / 10,
        .stretch_from = 18 * RATE_HZ,
        .max_length = UT_SEGMENTER_MAX_LENGTH,
    };
}

enum ut_status ut_segmenter_init(struct ut_segmenter *s, const struct ut_segmenter_options *o)
{
    /* Written so that a NaN fails. */
    bool levels = o->onset > 0.0f && o->onset <= 1.0f && o->offset >= 0.0f && o->offset <= o->onset;
    bool times = o->min_speech >= UT_VAD_CHUNK && o->pre_roll >= 0 && o->post_roll >= 0 &&
                 o->post_roll <= o->short_silence && o->short_silence >= UT_VAD_CHUNK &&
                 o->short_silence <= o->min_silence && o->stretch_from >= 0 &&
                 o->stretch_from < o->max_length && o->max_length <= UT_SEGMENTER_MAX_LENGTH &&
                 o->min_silence < o->max_length &&
                 o->max_length > o->pre_roll + o->min_speech + QUIET_SAMPLES;

    if (!levels || !times)
        return UT_EINVAL;
    memset(s, 0, sizeof *s);
    s->options = *o;
    s->onset_at = -1;
    return UT_OK;
}

static float remembered(const struct ut_segmenter *s, int64_t chunk)
{
    return s->history[chunk % UT_SEGMENTER_HISTORY];
}

static int64_t last_chunk(const struct ut_segmenter *s)
{
    return s->n_samples / UT_VAD_CHUNK - 1;
}

/* How long a pause must be to close the open segment at its present length. */
static int64_t closing_silence(const struct ut_segmenter *s)
{
    const struct ut_segmenter_options *o = &s->options;
    int64_t over = s->n_samples - s->start - o->stretch_from;

    if (over <= 0)
        return o->min_silence;
    return o->min_silence -
           (o->min_silence - o->short_silence) * over / (o->max_length - o->stretch_from);
}

/* Speech in the chunk that ends at sample `end`. */
static void count_speech(struct ut_segmenter *s, float probability, int64_t end)
{
    s->n_speech += UT_VAD_CHUNK;
    s->sum += (double)probability;
    s->evidence = (float)(s->sum * UT_VAD_CHUNK / (double)s->n_speech);
    s->speech_end = end;
}

/* Counts again what the chunks in [from, now) say: the speech of a segment that begins there. */
static void recount(struct ut_segmenter *s, int64_t from)
{
    s->n_speech = 0;
    s->sum = 0.0;
    s->evidence = 0.0f;
    s->speech_end = from;
    for (int64_t chunk = from / UT_VAD_CHUNK; chunk <= last_chunk(s); chunk++) {
        if (remembered(s, chunk) >= s->options.offset)
            count_speech(s, remembered(s, chunk), (chunk + 1) * UT_VAD_CHUNK);
    }
}

static void open_segment(struct ut_segmenter *s)
{
    int64_t start = s->onset_at - s->options.pre_roll;

    s->open = true;
    s->start = start > s->end ? start : s->end;
    recount(s, s->onset_at);
    s->onset_at = -1;
}

static void close_segment(struct ut_segmenter *s)
{
    int64_t end = s->speech_end + s->options.post_roll;

    s->open = false;
    s->end = end < s->n_samples ? end : s->n_samples;
    s->onset_at = -1;
}

static enum ut_segmenter_event push_closed(struct ut_segmenter *s)
{
    if (!s->in_speech) {
        s->onset_at = -1;
        return UT_SEGMENTER_NONE;
    }
    if (s->onset_at < 0)
        s->onset_at = s->n_samples - UT_VAD_CHUNK;
    if (s->n_samples - s->onset_at < s->options.min_speech)
        return UT_SEGMENTER_NONE;
    open_segment(s);
    return UT_SEGMENTER_OPENED;
}

static enum ut_segmenter_event push_open(struct ut_segmenter *s, float probability)
{
    if (s->in_speech)
        count_speech(s, probability, s->n_samples);
    if (s->n_samples - s->speech_end >= closing_silence(s)) {
        close_segment(s);
        return UT_SEGMENTER_CLOSED;
    }
    if (s->n_samples - s->start + UT_VAD_CHUNK <= s->options.max_length)
        return UT_SEGMENTER_NONE;

    /* The later two thirds only: the rest of the segment needs room to grow again. */
    int64_t from = s->start + s->options.max_length / 3;
    enum ut_status status = ut_segmenter_cut(s, ut_segmenter_quietest(s, from, s->n_samples));
    (void)status; /* inside by construction */
    return UT_SEGMENTER_CUT;
}

enum ut_segmenter_event ut_segmenter_push(struct ut_segmenter *s, float probability)
{
    float p = probability >= 0.0f && probability <= 1.0f ? probability : 0.0f;

    s->history[s->n_samples / UT_VAD_CHUNK % UT_SEGMENTER_HISTORY] = p;
    s->n_samples += UT_VAD_CHUNK;
    s->in_speech = p >= (s->in_speech ? s->options.offset : s->options.onset);
    return s->open ? push_open(s, p) : push_closed(s);
}

void ut_segmenter_skip(struct ut_segmenter *s, int64_t n)
{
    s->n_samples += n;
    s->onset_at = -1;
    s->in_speech = false;
}

int64_t ut_segmenter_silence(const struct ut_segmenter *s)
{
    return s->open ? s->n_samples - s->speech_end : 0;
}

bool ut_segmenter_flush(struct ut_segmenter *s)
{
    if (!s->open && s->onset_at >= 0)
        open_segment(s);
    if (!s->open)
        return false;
    close_segment(s);
    s->in_speech = false;
    return true;
}

float ut_segmenter_level(const struct ut_segmenter *s, int64_t from, int64_t to)
{
    int64_t oldest = last_chunk(s) - UT_SEGMENTER_HISTORY + 1;
    int64_t first = from / UT_VAD_CHUNK;
    int64_t n = 0;
    double sum = 0.0;

    if (first < oldest)
        first = oldest;
    if (first < 0)
        first = 0;
    for (int64_t chunk = first; chunk <= last_chunk(s) && chunk * UT_VAD_CHUNK < to; chunk++, n++)
        sum += (double)remembered(s, chunk);
    return n > 0 ? (float)(sum / (double)n) : 0.0f;
}

int64_t ut_segmenter_quietest(const struct ut_segmenter *s, int64_t from, int64_t to)
{
    int64_t best = from + (to - from) / 2;
    float best_level = 2.0f;

    for (int64_t at = from; at + QUIET_SAMPLES <= to; at += UT_VAD_CHUNK) {
        float level = ut_segmenter_level(s, at, at + QUIET_SAMPLES);

        if (level > best_level)
            continue;
        best_level = level;
        best = at + QUIET_SAMPLES / 2;
    }
    return best;
}

enum ut_status ut_segmenter_cut(struct ut_segmenter *s, int64_t at)
{
    if (!s->open || at <= s->start || at >= s->n_samples)
        return UT_EINVAL;
    s->end = at;
    s->start = at;
    recount(s, at);
    return UT_OK;
}
