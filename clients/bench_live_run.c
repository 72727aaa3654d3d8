/* A stream through a session on a simulated clock, or through the engine in real time. */
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "clients/bench_live.h"
#include "clients/interrupt.h"
#include "clients/terms.h"
#include "stream/catalog.h"
#include "stream/prompt.h"

#define CHUNK 320 /* samples fed at a time: 20 ms, as a sound card gives them */
#define ADVANCE 64
#define MAX_EVENT_WORDS 2048

enum ut_status ut_bench_live_open(struct ut_bench_live *b, struct ut_error *err)
{
    const struct ut_compute_options one_thread = { .n_threads = 1 };
    struct ut_buffer path = { .limit = 8192 };

    enum ut_status st = ut_offline_open(&b->live, &b->settings, err);
    if (st == UT_OK)
        st = ut_catalog_path(&path, NULL, b->settings.vad, err);
    if (st == UT_OK)
        st = ut_compute_create(&b->vad_compute, &one_thread, err);
    if (st == UT_OK)
        st = ut_vad_model_open(&b->vad_model, b->vad_compute, ut_buffer_text(&path), err);
    ut_buffer_finish(&path);
    if (st == UT_OK && b->settings.prompt) {
        st = ut_prompt_encode(&b->prompt, &b->session.n_prompt, b->settings.prompt,
                              ut_asr_model_tokens(b->live.model), err);
        b->session.prompt = b->prompt;
    }
    if (st != UT_OK)
        return st;
    size_t n_mels = ut_asr_model_dims(b->live.model)->n_mels;
    st = ut_vad_create(&b->vad, b->vad_model);
    if (st == UT_OK)
        st = ut_activity_create(&b->activity, b->vad_model, &b->listening);
    if (st == UT_OK)
        st = ut_mel_create(&b->mel, n_mels);
    if (st == UT_OK) {
        b->window = ut_alloc(UT_SESSION_WINDOW_FRAMES, n_mels * sizeof *b->window);
        st = b->window ? UT_OK : UT_ENOMEM;
    }
    return st == UT_OK ? st : ut_error_set(err, st, "no room to run: %s", ut_status_name(st));
}

void ut_bench_live_close(struct ut_bench_live *b)
{
    ut_asr_bias_destroy(b->engine_bias);
    ut_engine_destroy(b->engine);
    ut_offline_close(&b->live);
    ut_vad_destroy(b->vad);
    ut_activity_destroy(b->activity);
    ut_vad_model_close(b->vad_model);
    ut_compute_destroy(b->vad_compute);
    ut_mel_destroy(b->mel);
    ut_free(b->window);
    ut_free(b->prompt);
    b->prompt = NULL;
    b->session.prompt = NULL;
    b->session.n_prompt = 0;
    b->engine = NULL;
    b->engine_bias = NULL;
    b->vad = NULL;
    b->activity = NULL;
    b->vad_model = NULL;
    b->vad_compute = NULL;
    b->mel = NULL;
    b->window = NULL;
}

/* ------------------------------------------------------------ events */

/* The event's words as normalised ones; `texts` holds them. */
static enum ut_status make_words(const struct ut_bench_live *b, const struct ut_bench_stream *s,
                                 const struct ut_event *event, struct ut_buffer *texts,
                                 struct ut_display_word *words, size_t *n)
{
    enum ut_status st = UT_OK;

    *n = 0;
    for (size_t i = 0; i < event->n_words && st == UT_OK; i++) {
        size_t at = texts->n;
        st = ut_bench_live_normalize(b, texts, event->words[i].text, s->language);
        if (st == UT_OK)
            st = ut_buffer_append(texts, "\n", 1);
        for (char *p = texts->data + at; st == UT_OK && *p != '\n' && *n < MAX_EVENT_WORDS;) {
            size_t length = strcspn(p, " \n");
            if (length > 0)
                words[(*n)++] =
                    (struct ut_display_word){ p, event->words[i].start, event->words[i].end };
            p += length + (p[length] == ' ');
        }
    }
    for (size_t i = 0; i < texts->n; i++) {
        if (texts->data[i] == ' ' || texts->data[i] == '\n')
            texts->data[i] = '\0';
    }
    return st;
}

static enum ut_status take_event(struct ut_bench_live *b, struct ut_bench_stream *s,
                                 const struct ut_event *event, double now_s, double audio_s)
{
    struct ut_buffer texts = { .limit = (size_t)1 << 20 };
    struct ut_display_word words[MAX_EVENT_WORDS];
    size_t n = 0;

    if (b->loop_min > 0)
        return ut_bench_live_soak_event(b, s, event, now_s);
    enum ut_status st = ut_bench_live_put_event(b, s, event, now_s, audio_s);
    if (st == UT_OK && event->type == UT_EVENT_FINAL)
        return ut_display_tail(&s->display, NULL, 0, now_s, audio_s);
    /* reserved, so that the words' texts stay where they are */
    if (st == UT_OK)
        st = ut_buffer_reserve(&texts, texts.limit / 4);
    if (st == UT_OK)
        st = make_words(b, s, event, &texts, words, &n);
    if (st == UT_OK && event->type == UT_EVENT_COMMITTED) {
        st = ut_buffer_printf(&s->heard, "%s", event->text);
        if (st == UT_OK)
            st = ut_display_commit(&s->display, words, n, now_s, audio_s);
    } else if (st == UT_OK) {
        st = ut_display_tail(&s->display, words, n, now_s, audio_s);
    }
    ut_buffer_finish(&texts);
    return st;
}

/* ------------------------------------------------------------ the simulated clock */

struct simulation {
    struct ut_bench_live *bench;
    struct ut_bench_stream *stream;
    struct ut_session *session;
    size_t n_given;
    int64_t now_us; /* of the simulation */
    int64_t wall_us;
    int64_t cpu_us; /* when the piece of work began */
};

static float push_activity(void *ctx, const float *pcm)
{
    return ut_activity_push(ctx, pcm);
}

static void begin_work(struct simulation *sim)
{
    sim->cpu_us = ut_clock_cpu_us();
    sim->wall_us = ut_clock_now_us();
}

/* Charges the work to the stream, and to the clock as the options say. */
static void end_work(struct simulation *sim)
{
    int64_t wall = ut_clock_now_us() - sim->wall_us;
    int64_t cpu = ut_clock_cpu_us() - sim->cpu_us;

    sim->stream->cpu_us += cpu;
    sim->stream->compute_us += wall;
    if (sim->bench->clock == UT_BENCH_CLOCK_WALL)
        sim->now_us += wall;
    else if (sim->bench->clock == UT_BENCH_CLOCK_CPU)
        sim->now_us += cpu / ut_compute_n_threads(sim->bench->live.compute);
}

static int64_t arrival_us(size_t n_samples)
{
    return (int64_t)n_samples * 1000000 / UT_BENCH_RATE;
}

/* Audio looked at so far: when this would have happened if computing took no time. */
static double audio_s(const struct simulation *sim)
{
    struct ut_session_stats stats = ut_session_stats(sim->session);

    return (double)(stats.n_fed - stats.n_waiting) / UT_BENCH_RATE;
}

static size_t next_chunk(const struct simulation *sim)
{
    size_t left = ut_bench_live_length(sim->bench, sim->stream) - sim->n_given;

    if (sim->stream->n == 0)
        return 0;
    size_t round = sim->stream->n - sim->n_given % sim->stream->n; /* of a repeated stream */

    left = left < round ? left : round;
    return left < CHUNK ? left : CHUNK;
}

static enum ut_status feed_arrived(struct simulation *sim)
{
    enum ut_status st = UT_OK;

    for (size_t n = next_chunk(sim); n > 0 && arrival_us(sim->n_given + n) <= sim->now_us;
         n = next_chunk(sim)) {
        st = ut_session_feed(sim->session, sim->stream->pcm + sim->n_given % sim->stream->n, n,
                             sim->now_us);
        if (st == UT_ELIMIT)
            return UT_OK; /* too far behind: it comes when there is room */
        if (st != UT_OK)
            break;
        sim->n_given += n;
    }
    return st;
}

static enum ut_status read_events(struct simulation *sim)
{
    struct ut_event event;
    enum ut_status st = UT_OK;

    while (st == UT_OK) {
        st = ut_session_get(sim->session, &event);
        if (st == UT_OK)
            st = take_event(sim->bench, sim->stream, &event, (double)sim->now_us / 1e6,
                            audio_s(sim));
    }
    return st == UT_AGAIN ? UT_OK : st;
}

static enum ut_status run_step(struct simulation *sim)
{
    struct ut_asr_step step;

    begin_work(sim);
    ut_session_prepare(sim->session, &step, sim->bench->window);
    enum ut_status st = ut_recognizer_step(sim->bench->live.recognizer, &step, 1);
    end_work(sim);
    ut_session_finish(sim->session, &step, st, sim->now_us);
    return read_events(sim);
}

static enum ut_status run_simulation(struct simulation *sim)
{
    enum ut_status st = UT_OK;
    bool flushed = false;

    while (st == UT_OK) {
        int64_t deadline_us;
        if (ut_interrupt_seen())
            return UT_ECANCELED;
        st = feed_arrived(sim);
        begin_work(sim);
        bool more = ut_session_advance(sim->session, ADVANCE, sim->now_us);
        end_work(sim);
        if (st == UT_OK)
            st = read_events(sim);
        if (st != UT_OK)
            break;
        if (ut_session_due(sim->session, &deadline_us)) {
            st = run_step(sim);
            continue;
        }
        size_t n = next_chunk(sim);
        if (n > 0 && !more && arrival_us(sim->n_given + n) > sim->now_us) {
            sim->now_us = arrival_us(sim->n_given + n);
        } else if (n == 0 && !flushed) {
            ut_session_flush(sim->session);
            flushed = true;
        }
    }
    return st == UT_END ? UT_OK : st;
}

static enum ut_status simulate(struct ut_bench_live *b, struct ut_bench_stream *s)
{
    struct ut_session_parts parts = { b->mel, push_activity, b->activity, NULL };
    struct simulation sim = { .bench = b, .stream = s };

    ut_activity_reset(b->activity);
    enum ut_status st = ut_recognizer_new_cache(b->live.recognizer, &parts.cache);
    if (st == UT_OK)
        st = ut_session_create(&sim.session, &parts, &b->session, 0);
    if (st == UT_OK) {
        st = run_simulation(&sim);
        s->stats = ut_session_stats(sim.session);
    }
    ut_session_destroy(sim.session);
    ut_asr_cache_destroy(parts.cache);
    return st;
}

/* ------------------------------------------------------------ real time */

static enum ut_status open_engine(struct ut_bench_live *b, struct ut_error *err)
{
    const struct ut_engine_options options = { .model = b->settings.model,
                                               .vad = b->settings.vad,
                                               .n_threads = b->settings.n_threads };

    if (b->engine)
        return UT_OK;
    enum ut_status st = ut_engine_create(&b->engine, &options, err);
    if (st == UT_OK)
        st = ut_terms_bias(&b->engine_bias, &b->settings,
                           ut_asr_model_tokens(ut_engine_model(b->engine)), err);
    return st;
}

/* Reads events until `until_us`, or the stream's end (UT_END). */
static enum ut_status poll_events(struct ut_bench_live *b, struct ut_bench_stream *s,
                                  struct ut_stream *stream, int64_t begin_us, int64_t until_us)
{
    enum ut_status st = UT_OK;

    while (st == UT_OK) {
        struct ut_event event;
        int64_t left_us = until_us - ut_clock_now_us();
        st = ut_stream_get(stream, &event, left_us > 0 ? (int)((left_us + 999) / 1000) : 0);
        if (st == UT_OK)
            st =
                take_event(b, s, &event, (double)(ut_clock_now_us() - begin_us) / 1e6, (double)NAN);
        else if (st == UT_AGAIN && left_us <= 0)
            return UT_OK;
        else if (st == UT_AGAIN)
            st = UT_OK;
    }
    return st;
}

static enum ut_status play(struct ut_bench_live *b, struct ut_bench_stream *s, struct ut_error *err)
{
    struct ut_stream *stream;
    int64_t cpu_us = ut_clock_cpu_us();

    enum ut_status st = open_engine(b, err);
    b->session.bias = b->engine_bias;
    if (st == UT_OK)
        st = ut_stream_open(b->engine, &stream, &b->session, b->settings.prompt, err);
    if (st != UT_OK)
        return st;
    int64_t begin_us = ut_clock_now_us();
    for (size_t at = 0; at < s->n && st == UT_OK;) {
        size_t n = s->n - at < CHUNK ? s->n - at : CHUNK;
        st = ut_interrupt_seen()
                 ? UT_ECANCELED
                 : poll_events(b, s, stream, begin_us, begin_us + arrival_us(at + n));
        if (st == UT_OK)
            st = ut_stream_feed(stream, s->pcm + at, n);
        at += n;
    }
    ut_stream_flush(stream);
    while (st == UT_OK)
        st = poll_events(b, s, stream, begin_us, ut_clock_now_us() + 100000);
    s->stats = ut_stream_stats(stream);
    ut_stream_close(stream);
    s->cpu_us = ut_clock_cpu_us() - cpu_us;
    return st == UT_END ? UT_OK : st;
}

enum ut_status ut_bench_live_run(struct ut_bench_live *b, struct ut_bench_stream *s,
                                 struct ut_error *err)
{
    struct ut_error why = { 0 };

    b->session.language = b->detect ? -1 : s->language_index;
    b->session.bias = b->live.bias; /* in real time the engine's */
    enum ut_status st = b->real_time ? play(b, s, &why) : simulate(b, s);
    if (st != UT_OK)
        ut_error_set(err, st, "%s: %s", s->name, why.text[0] ? why.text : ut_status_name(st));
    return st;
}
