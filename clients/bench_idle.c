/* `utter bench idle`: what streams in which nobody speaks cost. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"
#include "clients/bench.h"
#include "clients/command.h"
#include "clients/interrupt.h"
#include "clients/settings.h"
#include "stream/engine.h"

#define RATE 16000
#define POLL_TICKS 10 /* a program waits for events, it does not ask at every chunk */
#define SETTLE_S 3.0  /* until every stream's voice activity knows its room */

static const struct ut_usage usage = {
    .synopsis = "utter bench idle [OPTION...]",
    .about =
        "Opens many streams at once and feeds each in real time what a microphone gives in an\n"
        "empty room. Reports the CPU that the whole process needs for it, in percent of one "
        "core.\n",
    .examples = "  utter bench idle --sessions 500 --json\n"
                "  utter bench idle --sessions 500 --level -200    digital silence\n",
};

struct bench {
    struct ut_settings settings;
    int n_sessions;
    int chunk_ms;
    double seconds;
    double level_db;
    bool json;
    struct ut_engine *engine;
    struct ut_stream **streams;
    float *room; /* a second of noise */
    /* what came of it */
    double cpu_s;
    double wall_s;
    double listen_s;
    uint64_t n_steps;
    uint64_t n_lost; /* chunks that found a stream full */
    size_t n_words;
};

static void make_room(struct bench *b)
{
    double peak = b->level_db <= -200 ? 0 : pow(10, b->level_db / 20) * sqrt(3.0);
    uint32_t x = 1;

    for (size_t i = 0; i < 2 * RATE; i++) {
        x = x * 1664525u + 1013904223u;
        b->room[i] = (float)(peak * ((double)(x >> 8) / 8388608 - 1));
    }
}

static enum ut_status open_all(struct bench *b, struct ut_error *err)
{
    const struct ut_engine_options options = { .model = b->settings.model,
                                               .vad = b->settings.vad,
                                               .n_threads = b->settings.n_threads };
    struct ut_session_options session = ut_session_options_default();

    session.max_waiting = 5 * RATE;
    b->room = ut_alloc(2 * RATE, sizeof *b->room);
    b->streams = ut_calloc((size_t)b->n_sessions, sizeof(struct ut_stream *));
    if (!b->room || !b->streams)
        return ut_error_set(err, UT_ENOMEM, "no memory for %d streams", b->n_sessions);
    make_room(b);
    enum ut_status st = ut_engine_create(&b->engine, &options, err);
    for (int i = 0; i < b->n_sessions && st == UT_OK; i++)
        st = ut_stream_open(b->engine, &b->streams[i], &session, NULL, err);
    return st;
}

static void close_all(struct bench *b)
{
    for (int i = 0; i < b->n_sessions && b->streams; i++)
        ut_stream_close(b->streams[i]);
    ut_engine_destroy(b->engine);
    ut_free(b->streams);
    ut_free(b->room);
}

/* One chunk to each stream, from another place of the room's noise; words that come of it. */
static void feed_all(struct bench *b, size_t tick, size_t n)
{
    for (int i = 0; i < b->n_sessions; i++) {
        size_t at = (tick * n + (size_t)i * 977) % RATE;
        struct ut_event event;

        b->n_lost += ut_stream_feed(b->streams[i], b->room + at, n) != UT_OK;
        if ((tick + (size_t)i) % POLL_TICKS)
            continue;
        while (ut_stream_get(b->streams[i], &event, 0) == UT_OK)
            b->n_words += event.n_words;
    }
}

static enum ut_status run(struct bench *b)
{
    size_t n = (size_t)b->chunk_ms * RATE / 1000;
    int64_t begin_us = ut_clock_now_us();
    int64_t measured_us = 0;
    int64_t cpu_us = 0;
    struct ut_engine_stats before = { 0 };

    for (size_t tick = 0;; tick++) {
        int64_t due_us = begin_us + (int64_t)tick * b->chunk_ms * 1000;
        ut_clock_sleep_until(due_us);
        if (ut_interrupt_seen())
            return UT_ECANCELED;
        double passed_s = (double)(due_us - begin_us) / 1e6;
        if (measured_us == 0 && passed_s >= SETTLE_S) {
            measured_us = ut_clock_now_us();
            cpu_us = ut_clock_cpu_us();
            before = ut_engine_stats(b->engine);
        }
        if (passed_s >= SETTLE_S + b->seconds)
            break;
        feed_all(b, tick, n);
    }
    struct ut_engine_stats after = ut_engine_stats(b->engine);
    b->cpu_s = (double)(ut_clock_cpu_us() - cpu_us) / 1e6;
    b->wall_s = (double)(ut_clock_now_us() - measured_us) / 1e6;
    b->listen_s = (double)(after.listen_us - before.listen_us) / 1e6;
    b->n_steps = after.n_steps - before.n_steps;
    return UT_OK;
}

static enum ut_status print(const struct bench *b)
{
    struct ut_buffer out = { .limit = 4096 };
    struct ut_json_writer j = { .out = &out };
    struct rusage used = { 0 };
    double percent = 100 * b->cpu_s / b->wall_s;

    getrusage(RUSAGE_SELF, &used);
    if (!b->json) {
        printf("%d idle streams: %.1f %% of one core (%.1f us of CPU a stream and second), of it "
               "listening %.1f %%; %llu steps, %zu words, %llu chunks refused; peak RSS %.0f MiB\n",
               b->n_sessions, percent, percent * 1e4 / b->n_sessions, 100 * b->listen_s / b->wall_s,
               (unsigned long long)b->n_steps, b->n_words, (unsigned long long)b->n_lost,
               (double)used.ru_maxrss / 1024);
        return UT_OK;
    }
    ut_json_open_object(&j, NULL);
    ut_json_put_i64(&j, "sessions", b->n_sessions);
    ut_json_put_f64(&j, "level_db", b->level_db, 1);
    ut_json_put_i64(&j, "chunk_ms", b->chunk_ms);
    ut_json_put_f64(&j, "core_percent", percent, 2);
    ut_json_put_f64(&j, "listening_core_percent", 100 * b->listen_s / b->wall_s, 2);
    ut_json_put_f64(&j, "seconds", b->wall_s, 2);
    ut_json_put_i64(&j, "n_steps", (int64_t)b->n_steps);
    ut_json_put_i64(&j, "n_words", (int64_t)b->n_words);
    ut_json_put_i64(&j, "n_refused_chunks", (int64_t)b->n_lost);
    ut_json_put_i64(&j, "peak_rss_kb", used.ru_maxrss);
    ut_json_put_string(&j, "model", b->settings.model);
    ut_json_close(&j);
    enum ut_status st = ut_json_end(&j);
    if (st == UT_OK)
        printf("%s\n", ut_buffer_text(&out));
    ut_buffer_finish(&out);
    return st;
}

int ut_bench_idle(int argc, char **argv)
{
    struct bench b = { .settings = ut_settings_default(),
                       .n_sessions = 500,
                       .chunk_ms = 20,
                       .seconds = 10,
                       .level_db = -70 };
    const struct ut_option options[] = {
        { "sessions", 'n', UT_OPTION_INT, &b.n_sessions, 1, UT_ENGINE_MAX_STREAMS, "N", "streams" },
        { "seconds", 0, UT_OPTION_NUMBER, &b.seconds, 0.5, 3600, "S", "how long is measured" },
        { "level", 0, UT_OPTION_NUMBER, &b.level_db, -200, -20, "DB",
          "the room's noise, dB of full scale; -200: digital silence" },
        { "chunk-ms", 0, UT_OPTION_INT, &b.chunk_ms, 1, 1000, "MS", "audio a feed" },
        { "model", 'm', UT_OPTION_TEXT, &b.settings.model, 0, 0, "MODEL", "name or path" },
        { "vad", 0, UT_OPTION_TEXT, &b.settings.vad, 0, 0, "MODEL", "voice activity model" },
        { "threads", 't', UT_OPTION_INT, &b.settings.n_threads, 0, 64, "N",
          "threads; 0: one per core" },
        { "json", 0, UT_OPTION_FLAG, &b.json, 0, 0, NULL, "figures as JSON" },
    };
    struct ut_error err = { 0 };
    int n = 0;

    enum ut_status st =
        ut_options_parse(&usage, options, sizeof options / sizeof options[0], argc, argv, &n, &err);
    if (st == UT_END)
        return UT_EXIT_OK;
    if (st == UT_OK && n != 0)
        st = ut_error_set(&err, UT_EINVAL, "'%s' is no option", argv[0]);
    if (st != UT_OK)
        return ut_cmd_fail(UT_EXIT_USAGE, "bench idle: %s", err.text);
    ut_interrupt_install();
    st = open_all(&b, &err);
    int code = st == UT_OK ? UT_EXIT_OK : ut_cmd_fail(ut_cmd_model_exit(st), "%s", err.text);
    if (st == UT_OK && run(&b) == UT_ECANCELED)
        code = ut_interrupt_exit();
    else if (st == UT_OK && print(&b) != UT_OK)
        code = ut_cmd_fail(UT_EXIT_OTHER, "bench idle: out of memory");
    close_all(&b);
    return code;
}
