#include "clients/offline.h"

#include <math.h>
#include <string.h>

#include "asr/tokens.h"
#include "audio/mel.h"
#include "audio/reader.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/memory.h"
#include "clients/command.h"
#include "clients/interrupt.h"
#include "clients/terms.h"
#include "stream/catalog.h"
#include "stream/prompt.h"

#define BLOCK 16000 /* samples a read of the first pass: one second */

static enum ut_status check_abilities(const struct ut_offline *o, const struct ut_settings *s,
                                      struct ut_error *err)
{
    int language = strcmp(s->language, "auto") == 0 ? -1 : ut_asr_language_find(s->language);

    if (ut_asr_tokens_multilingual(ut_asr_model_tokens(o->model)))
        return UT_OK;
    if (language > 0)
        return ut_error_set(err, UT_EINVAL, "--language %s: model %s knows English only",
                            s->language, s->model);
    if (s->translate)
        return ut_error_set(err, UT_EINVAL, "--translate: model %s knows English only", s->model);
    return UT_OK;
}

/* Greedy at one temperature of 0 needs one row; everything else Whisper's five samples at least. */
static size_t most_beams(const struct ut_settings *s)
{
    size_t best_of = s->temperature == 0 ? 1 : ut_asr_options_default().best_of;

    return (size_t)s->beam > best_of ? (size_t)s->beam : best_of;
}

/* Whisper looks at so many tokens of the text before a window. */
static enum ut_status check_prompt(const struct ut_offline *o, const struct ut_settings *s,
                                   struct ut_error *err)
{
    size_t most = ut_asr_model_dims(o->model)->n_text_ctx / 2 - 1;
    int32_t *ids;
    size_t n;

    if (!s->prompt)
        return UT_OK;
    enum ut_status st = ut_prompt_encode(&ids, &n, s->prompt, ut_asr_model_tokens(o->model), err);
    if (st != UT_OK)
        return st;
    ut_free(ids);
    if (n > most)
        ut_cmd_warn("--prompt: its first %zu tokens are left out: %zu fit in front of a window",
                    n - most, most);
    return UT_OK;
}

enum ut_status ut_offline_open(struct ut_offline *out, const struct ut_settings *s,
                               struct ut_error *err)
{
    struct ut_offline o = { 0 };
    struct ut_buffer path = { .limit = 8192 };
    struct ut_compute_options compute = { .n_threads = s->n_threads,
                                          .float_weights = strcmp(s->arithmetic, "float") == 0 };
    struct ut_recognizer_options recognizer = { .max_batch = 1, .max_beam = most_beams(s) };
    int64_t start = ut_clock_now_us();

    enum ut_status st = ut_catalog_path(&path, NULL, s->model, err);
    if (st == UT_OK)
        st = ut_compute_create(&o.compute, &compute, err);
    if (st == UT_OK)
        st = ut_asr_model_open(&o.model, o.compute, ut_buffer_text(&path), err);
    if (st == UT_OK)
        st = check_abilities(&o, s, err);
    if (st == UT_OK)
        st = check_prompt(&o, s, err);
    if (st == UT_OK)
        st = ut_terms_bias(&o.bias, s, ut_asr_model_tokens(o.model), err);
    if (st == UT_OK) {
        st = ut_recognizer_create(&o.recognizer, o.compute, o.model, &recognizer);
        if (st != UT_OK)
            ut_error_set(err, st, "%s: cannot make a recognizer of %d beams: %s", s->model, s->beam,
                         ut_status_name(st));
    }
    ut_buffer_finish(&path);
    if (st != UT_OK) {
        ut_offline_close(&o);
        return st;
    }
    o.load_us = ut_clock_now_us() - start;
    *out = o;
    return UT_OK;
}

void ut_offline_close(struct ut_offline *o)
{
    ut_recognizer_destroy(o->recognizer);
    ut_asr_bias_destroy(o->bias);
    ut_asr_model_unref(o->model);
    ut_compute_destroy(o->compute);
    *o = (struct ut_offline){ 0 };
}

struct ut_asr_options ut_offline_options(const struct ut_settings *s, int language)
{
    struct ut_asr_options options = ut_asr_options_default();

    options.language = language;
    options.translate = s->translate;
    options.word_times = s->word_times;
    options.timestamps = s->timestamps;
    options.beam = (size_t)s->beam;
    options.condition_on_previous = s->condition;
    options.prompt = s->prompt;
    if (!isnan(s->temperature)) {
        options.temperatures[0] = (float)s->temperature;
        options.n_temperatures = 1;
        if (s->temperature == 0)
            options.best_of = 1;
    }
    return options;
}

/* The loudest raw log-mel value of the recording; NAN when it can be read only once. */
static enum ut_status find_top(struct ut_offline *o, struct ut_reader *reader, float *top,
                               struct ut_error *err)
{
    static const size_t frames = BLOCK / UT_MEL_HOP + 8;
    struct ut_mel *mel = NULL;
    struct ut_mel_stream *stream = NULL;
    float pcm[1600];
    size_t got;
    float loudest = -10;

    enum ut_status st = ut_mel_create(&mel, ut_asr_model_dims(o->model)->n_mels);
    if (st == UT_OK)
        st = ut_mel_stream_create(&stream, mel, frames);
    if (st != UT_OK)
        ut_error_set(err, st, "log-mel: %s", ut_status_name(st));
    int64_t first = 0;
    while (st == UT_OK) {
        st = ut_interrupt_seen() ? ut_error_set(err, UT_ECANCELED, "interrupted")
                                 : ut_reader_read(reader, pcm, 1600, &got, err);
        if (st != UT_OK)
            break;
        ut_mel_stream_feed(stream, pcm, got);
        int64_t end = ut_mel_stream_n_samples(stream) / UT_MEL_HOP + 1;
        if (end - first < BLOCK / UT_MEL_HOP / 2)
            continue;
        loudest = fmaxf(loudest, ut_mel_stream_max(stream, first, (size_t)(end - 4 - first)));
        first = end - 4;
    }
    if (stream && (st == UT_END || st == UT_EFORMAT)) {
        int64_t end = ut_mel_stream_n_samples(stream) / UT_MEL_HOP + 1;
        loudest = fmaxf(loudest, ut_mel_stream_max(stream, first, (size_t)(end - first)));
        *top = loudest;
    }
    ut_mel_stream_destroy(stream);
    ut_mel_destroy(mel);
    /* damage is met again, and reported, where the captions reach it */
    return st == UT_END || st == UT_EFORMAT ? UT_OK : st;
}

struct source {
    struct ut_reader *reader;
    struct ut_offline_job *job;
    int64_t n_read;
    int64_t n_total;
    enum ut_status damage; /* the reader's failure, told when the rest is captioned */
    struct ut_error *err;
};

static enum ut_status read_source(void *ctx, float *pcm, size_t n, size_t *got,
                                  struct ut_error *err)
{
    struct source *s = ctx;

    if (ut_interrupt_seen())
        return ut_error_set(err, UT_ECANCELED, "interrupted");
    if (s->damage != UT_OK) {
        *got = 0;
        return UT_END;
    }
    enum ut_status st = ut_reader_read(s->reader, pcm, n, got, s->err);
    if (st == UT_OK) {
        s->n_read += (int64_t)*got;
        if (s->job->on_progress)
            s->job->on_progress(s->job->ctx, s->n_read, s->n_total);
    } else {
        *got = 0;
        if (st != UT_END) {
            s->damage = st;
            return UT_END;
        }
    }
    return st;
}

static enum ut_status on_segment(void *ctx, const struct ut_asr_segment *segment)
{
    struct source *s = ctx;
    enum ut_status st = s->job->on_segment(s->job->ctx, segment);

    return st == UT_OK && ut_interrupt_seen() ? UT_ECANCELED : st;
}

enum ut_status ut_offline_run(struct ut_offline *o, struct ut_offline_job *job,
                              struct ut_error *err)
{
    struct ut_reader *reader = NULL;
    float top = NAN;

    job->timing = (struct ut_asr_timing){ 0 };
    job->options.bias = o->bias;
    job->input_error = true;
    enum ut_status st = ut_reader_open(&reader, job->path, err);
    if (st != UT_OK)
        return st;
    int64_t start = ut_clock_now_us();
    if (ut_reader_rewind(reader, NULL) == UT_OK) {
        st = find_top(o, reader, &top, err);
        if (st == UT_OK)
            st = ut_reader_rewind(reader, err);
    }
    int64_t first_pass_us = ut_clock_now_us() - start;
    if (st == UT_OK) {
        struct ut_error damage = { 0 };
        struct source source = {
            .reader = reader,
            .job = job,
            .n_total = ut_reader_info(reader).n_samples,
            .err = &damage,
        };
        st = ut_recognizer_transcribe(o->recognizer, &job->options, top, read_source, &source,
                                      on_segment, &source, &job->timing, err);
        job->input_error = st == UT_OK && source.damage != UT_OK;
        if (job->input_error)
            st = ut_error_set(err, source.damage, "%s", damage.text);
    }
    job->timing.mel_us += first_pass_us;
    job->n_bad = ut_reader_n_bad(reader);
    ut_reader_close(reader);
    return st;
}
