#include "asr/transcriber.h"

#include <math.h>
#include <string.h>

#include "asr/aligner.h"
#include "asr/fold.h"
#include "asr/history.h"
#include "asr/segments.h"
#include "asr/window.h"
#include "audio/mel.h"
#include "base/clock.h"
#include "base/memory.h"

#define CHUNK 16000 /* samples read at a time */
#define EDGE 400    /* samples behind a window that its last frames look at, and more */
#define TEXT_PER_TOKEN 256
#define RESET_TEMPERATURE 0.5f /* above it the text is too unsure to go on from */

struct ut_asr_transcriber {
    struct ut_asr_parts *parts;
    struct ut_kv *cross;
    struct ut_asr_window *window;
    struct ut_asr_aligner *aligner;
    struct ut_mel *mel;
    struct ut_mel_stream *stream;
    float *frames; /* [n_window, n_mels] */
    float *pcm;    /* [CHUNK] */
    size_t n_window;
    struct ut_asr_history history;
    struct ut_asr_token_span *spans;
    struct ut_asr_word_segment *segments;
    int32_t *text_tokens;
    struct ut_asr_word *words;
    struct ut_buffer text; /* of the segment, decoded */
    struct ut_buffer pool; /* texts handed out */
};

/* One recording on its way through. Times in frames of 10 ms where not said otherwise. */
struct run {
    const struct ut_asr_options *options;
    float mel_top;
    ut_asr_read_fn *read;
    void *read_ctx;
    ut_asr_segment_fn *on_segment;
    void *segment_ctx;
    struct ut_asr_timing timing;
    struct ut_error *err;
    struct ut_asr_random random;
    bool ended;
    int64_t seek;
    int64_t n_frames; /* of audio in the window */
    int language;
    float language_probability;
    int64_t last_speech; /* samples */
};

static bool allocate(struct ut_asr_transcriber *t)
{
    const struct ut_asr_dims *dims = t->parts->dims;
    size_t n = dims->n_text_ctx;

    t->frames = ut_alloc(t->n_window, dims->n_mels * sizeof *t->frames);
    t->pcm = ut_alloc(CHUNK, sizeof *t->pcm);
    t->spans = ut_calloc(n, sizeof *t->spans);
    t->segments = ut_calloc(n, sizeof *t->segments);
    t->text_tokens = ut_calloc(n, sizeof *t->text_tokens);
    t->words = ut_calloc(n, sizeof *t->words);
    t->text.limit = n * TEXT_PER_TOKEN;
    t->pool.limit = 6 * t->text.limit; /* text and words, each perhaps three times as long */
    return t->frames && t->pcm && t->spans && t->segments && t->text_tokens && t->words &&
           ut_buffer_reserve(&t->text, t->text.limit) == UT_OK &&
           ut_buffer_reserve(&t->pool, t->pool.limit) == UT_OK;
}

enum ut_status ut_asr_transcriber_create(struct ut_asr_transcriber **out,
                                         struct ut_asr_parts *parts, struct ut_kv *cross,
                                         size_t max_beam)
{
    struct ut_asr_transcriber *t = ut_calloc(1, sizeof *t);
    if (!t)
        return UT_ENOMEM;
    t->parts = parts;
    t->cross = cross;
    t->n_window = 2 * parts->dims->n_audio_ctx;
    enum ut_status st = allocate(t) ? UT_OK : UT_ENOMEM;
    if (st == UT_OK)
        st = ut_asr_history_init(&t->history, parts);
    if (st == UT_OK)
        st = ut_asr_window_create(&t->window, parts, max_beam);
    if (st == UT_OK)
        st = ut_mel_create(&t->mel, parts->dims->n_mels);
    if (st == UT_OK)
        st =
            ut_mel_stream_create(&t->stream, t->mel, t->n_window + (CHUNK + EDGE) / UT_MEL_HOP + 2);
    if (st != UT_OK) {
        ut_asr_transcriber_destroy(t);
        return st;
    }
    *out = t;
    return UT_OK;
}

void ut_asr_transcriber_destroy(struct ut_asr_transcriber *t)
{
    if (!t)
        return;
    ut_asr_window_destroy(t->window);
    ut_asr_aligner_destroy(t->aligner);
    ut_mel_stream_destroy(t->stream);
    ut_mel_destroy(t->mel);
    ut_asr_history_finish(&t->history);
    ut_free(t->frames);
    ut_free(t->pcm);
    ut_free(t->spans);
    ut_free(t->segments);
    ut_free(t->text_tokens);
    ut_free(t->words);
    ut_buffer_finish(&t->text);
    ut_buffer_finish(&t->pool);
    ut_free(t);
}

/* ------------------------------------------------------------ audio of the window */

/* Reads until the window at seek is whole or the recording ends. */
static enum ut_status fill(struct ut_asr_transcriber *t, struct run *run)
{
    int64_t need = (run->seek + (int64_t)t->n_window) * UT_MEL_HOP + EDGE;

    while (!run->ended && ut_mel_stream_n_samples(t->stream) < need) {
        size_t got = 0;
        enum ut_status st = run->read(run->read_ctx, t->pcm, CHUNK, &got, run->err);
        if (st == UT_END)
            run->ended = true;
        else if (st != UT_OK)
            return st;
        if (got > CHUNK)
            return ut_error_set(run->err, UT_EINVAL, "a read gave %zu samples of %d", got, CHUNK);
        int64_t begin = ut_clock_now_us();
        ut_mel_stream_feed(t->stream, t->pcm, got);
        run->timing.mel_us += ut_clock_now_us() - begin;
    }
    int64_t n_samples = ut_mel_stream_n_samples(t->stream);
    int64_t left = n_samples / UT_MEL_HOP - run->seek;
    run->timing.n_samples = n_samples;
    run->n_frames = left < (int64_t)t->n_window ? left : (int64_t)t->n_window;
    return UT_OK;
}

static enum ut_status encode(struct ut_asr_transcriber *t, struct run *run)
{
    int64_t begin = ut_clock_now_us();
    float top =
        isnan(run->mel_top) ? ut_mel_stream_max(t->stream, run->seek, t->n_window) : run->mel_top;
    enum ut_status st =
        ut_mel_stream_window(t->stream, run->seek, t->n_window, top, 0.0f, t->frames);
    int64_t middle = ut_clock_now_us();
    run->timing.mel_us += middle - begin;
    if (st != UT_OK)
        return st;
    const struct ut_asr_encode_call call = { .mel = t->frames,
                                             .n_frames = t->n_window,
                                             .cross = t->cross };
    st = ut_asr_encoder_run(t->parts->encoder, &call, 1);
    run->timing.encode_us += ut_clock_now_us() - middle;
    run->timing.n_windows++;
    return st;
}

static struct ut_asr_audio audio_of(const struct ut_asr_transcriber *t)
{
    return (struct ut_asr_audio){
        .n_views = 1, .views = { { .kv = t->cross, .n = t->parts->dims->n_audio_ctx } }
    };
}

/* ------------------------------------------------------------ segments of the window */

/* Copies text[0..n) as valid UTF-8 to the pool; NULL when it does not fit. */
static const char *keep_text(struct ut_buffer *pool, const char *text, size_t n)
{
    size_t room = pool->capacity - pool->n;
    if (room < 3 * n + 1)
        return NULL;
    char *copy = pool->data + pool->n;
    size_t bytes = ut_asr_fold_valid(text, n, copy, room - 1);
    copy[bytes] = '\0';
    pool->n += bytes + 1;
    return copy;
}

/* Hands one segment to the caller and adds it to the text that later windows go on from. */
static enum ut_status give_segment(struct ut_asr_transcriber *t, struct run *run,
                                   const struct ut_asr_window_result *r,
                                   const struct ut_asr_token_span *span,
                                   const struct ut_asr_word_segment *words)
{
    struct ut_asr_segment segment = { .start = words->start,
                                      .end = words->end,
                                      .tokens = r->tokens + span->first,
                                      .logprobs = r->logprobs + span->first,
                                      .n_tokens = span->n,
                                      .words = t->words,
                                      .language = run->language,
                                      .language_probability = run->language_probability,
                                      .avg_logprob = r->avg_logprob,
                                      .compression_ratio = r->compression_ratio,
                                      .no_speech_prob = r->no_speech_prob,
                                      .temperature = r->temperature };

    ut_buffer_clear(&t->text);
    ut_buffer_clear(&t->pool);
    enum ut_status st =
        ut_asr_tokens_decode(t->parts->tokens, segment.tokens, segment.n_tokens, &t->text);
    if (st != UT_OK)
        return st;
    size_t first = 0, n = t->text.n;
    ut_asr_fold_trim(ut_buffer_text(&t->text), &first, &n);
    if (segment.start == segment.end || n == 0)
        return UT_OK;
    segment.text = keep_text(&t->pool, ut_buffer_text(&t->text) + first, n);
    if (!segment.text)
        return UT_ELIMIT;
    if (run->options->word_times)
        segment.n_words = ut_asr_words_emit(ut_asr_aligner_words(t->aligner), words->first,
                                            words->n, t->words, &t->pool, &st);
    if (st != UT_OK)
        return st;
    ut_asr_history_append(&t->history, segment.tokens, segment.n_tokens);
    return run->on_segment(run->segment_ctx, &segment);
}

/* The end of the last word in samples, or of the last segment when there are no words. */
static int64_t last_word_end(const struct ut_asr_transcriber *t, size_t n_spans)
{
    const struct ut_asr_words *words = ut_asr_aligner_words(t->aligner);

    for (size_t i = n_spans; i-- > 0;) {
        const struct ut_asr_word_segment *s = &t->segments[i];
        for (size_t k = s->n; k-- > 0;)
            if (words->parts[s->first + k].n_text)
                return words->parts[s->first + k].end;
    }
    return t->segments[n_spans - 1].end;
}

/*
 * Word times of the window's segments, which replace the segments' own. Returns in *seek where the
 * next window begins: behind the last word, unless the window ended in silence.
 */
static enum ut_status time_words(struct ut_asr_transcriber *t, struct run *run,
                                 const struct ut_asr_window_result *r,
                                 const struct ut_asr_split *split, int64_t *seek)
{
    const struct ut_asr_audio audio = audio_of(t);
    int64_t begin = ut_clock_now_us(), speech = run->last_speech;
    struct ut_asr_word_limits limits = { 0 };
    struct ut_asr_words *words = ut_asr_aligner_words(t->aligner);
    size_t n_text = 0, next = 0;

    for (size_t i = 0; i < split->n_spans; i++)
        for (size_t k = 0; k < t->spans[i].n; k++) {
            int32_t token = r->tokens[t->spans[i].first + k];
            if (token >= t->parts->specials->eot)
                continue;
            t->text_tokens[n_text++] = token;
            t->segments[i].n_tokens++;
        }
    words->n = 0;
    if (n_text > 0 && run->n_frames >= 2) {
        enum ut_status st =
            ut_asr_aligner_run(t->aligner, &audio, (size_t)run->n_frames / 2, run->language,
                               run->options->translate, t->text_tokens, n_text, &limits);
        if (st != UT_OK)
            return st;
    }
    for (size_t i = 0; i < split->n_spans; i++)
        ut_asr_words_assign(words, &limits, &next, run->seek * UT_MEL_HOP, &speech,
                            &t->segments[i]);
    int64_t end = last_word_end(t, split->n_spans);
    if (!split->single_ending && end > run->seek * UT_MEL_HOP)
        *seek = (end + UT_MEL_HOP / 2) / UT_MEL_HOP;
    run->last_speech = end;
    run->timing.align_us += ut_clock_now_us() - begin;
    return UT_OK;
}

static enum ut_status give_window(struct ut_asr_transcriber *t, struct run *run,
                                  const struct ut_asr_window_result *r)
{
    const struct ut_asr_split split = ut_asr_segments_split(
        r->tokens, r->n, t->parts->specials->timestamp0, run->n_frames, t->spans);
    int64_t seek = run->seek + split.seek;
    enum ut_status st = UT_OK;

    for (size_t i = 0; i < split.n_spans; i++)
        t->segments[i] =
            (struct ut_asr_word_segment){ .start = (run->seek + t->spans[i].start) * UT_MEL_HOP,
                                          .end = (run->seek + t->spans[i].end) * UT_MEL_HOP };
    if (run->options->word_times)
        st = time_words(t, run, r, &split, &seek);
    for (size_t i = 0; st == UT_OK && i < split.n_spans; i++)
        st = give_segment(t, run, r, &t->spans[i], &t->segments[i]);
    if (!run->options->condition_on_previous || r->temperature > RESET_TEMPERATURE)
        ut_asr_history_clear(&t->history);
    run->seek = seek;
    return st;
}

/* ------------------------------------------------------------ the run */

static enum ut_status run_window(struct ut_asr_transcriber *t, struct run *run)
{
    const struct ut_asr_audio audio = audio_of(t);
    struct ut_asr_window_result result;
    size_t n_prompt = 0, sot = 0;

    enum ut_status st = encode(t, run);
    int64_t begin = ut_clock_now_us();
    if (st == UT_OK && run->language < 0)
        st = ut_asr_parts_detect(t->parts, &audio, &run->language, &run->language_probability);
    if (st != UT_OK)
        return st;
    const int32_t *prompt =
        ut_asr_history_prompt(&t->history, run->language, run->options->translate,
                              run->options->timestamps, &n_prompt, &sot);
    st = ut_asr_window_run(t->window, &audio, prompt, n_prompt, sot, run->options, &run->random,
                           &result);
    run->timing.decode_us += ut_clock_now_us() - begin;
    if (st != UT_OK)
        return st;
    if (ut_asr_window_is_silence(&result, run->options)) {
        run->seek += run->n_frames;
        return UT_OK;
    }
    return give_window(t, run, &result);
}

static enum ut_status prepare(struct ut_asr_transcriber *t, struct run *run)
{
    enum ut_status st = UT_OK;

    ut_mel_stream_reset(t->stream);
    ut_asr_history_clear(&t->history);
    if (run->options->prompt)
        st = ut_asr_history_say(&t->history, run->options->prompt);
    if (st == UT_OK && run->options->word_times && !t->aligner)
        st = ut_asr_aligner_create(&t->aligner, t->parts);
    run->language = run->options->language;
    run->language_probability = 1.0f;
    run->random.state = run->options->seed;
    return st;
}

enum ut_status ut_asr_transcriber_run(struct ut_asr_transcriber *t,
                                      const struct ut_asr_options *options, float mel_top,
                                      ut_asr_read_fn *read, void *read_ctx,
                                      ut_asr_segment_fn *on_segment, void *segment_ctx,
                                      struct ut_asr_timing *timing, struct ut_error *err)
{
    struct run run = { .options = options,
                       .mel_top = mel_top,
                       .read = read,
                       .read_ctx = read_ctx,
                       .on_segment = on_segment,
                       .segment_ctx = segment_ctx,
                       .err = err };
    size_t passes = t->parts->n_passes;

    if (err)
        err->code = UT_OK;
    enum ut_status st = prepare(t, &run);
    while (st == UT_OK) {
        st = fill(t, &run);
        if (st != UT_OK || run.n_frames <= 0)
            break;
        st = run_window(t, &run);
    }
    run.timing.n_decode_passes = t->parts->n_passes - passes;
    if (timing)
        *timing = run.timing;
    if (st != UT_OK && err && err->code != st)
        ut_error_set(err, st, "transcription stopped at %.2f s: %s", (double)run.seek / 100.0,
                     ut_status_name(st));
    return st;
}
