/* A stream that goes on and on: whether anything about it grows. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "clients/bench_live.h"

size_t ut_bench_live_length(const struct ut_bench_live *b, const struct ut_bench_stream *s)
{
    double rounds = s->n ? b->loop_min * 6 * UT_BENCH_RATE / (double)s->n : 0;

    return b->loop_min > 0 ? 10 * (size_t)ceil(rounds) * s->n : s->n;
}

/* Resident memory now, in kB; 0 when it cannot be read. */
static long resident_kb(void)
{
    unsigned long long size = 0;
    unsigned long long resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    if (!f)
        return 0;
    bool read = fscanf(f, "%20llu %20llu", &size, &resident) == 2;
    fclose(f);
    return read ? (long)(resident * (unsigned long long)sysconf(_SC_PAGESIZE) / 1024) : 0;
}

enum ut_status ut_bench_live_soak_event(struct ut_bench_live *b, const struct ut_bench_stream *s,
                                        const struct ut_event *event, double now_s)
{
    struct ut_bench_soak *soak = &b->soak;
    double share = now_s * UT_BENCH_RATE / (double)ut_bench_live_length(b, s);
    struct ut_bench_tenth *tenth = &soak->tenths[share < 0.9999 ? (size_t)(10 * share) : 9];
    long kb = resident_kb();

    soak->backward = soak->backward || now_s < soak->last_s || event->audio < soak->last_audio;
    soak->last_s = now_s;
    soak->last_audio = event->audio;
    tenth->rss_kb = kb > tenth->rss_kb ? kb : tenth->rss_kb;
    tenth->cpu_us = s->cpu_us;
    if (event->type != UT_EVENT_COMMITTED)
        return UT_OK;
    for (size_t i = 0; i < event->n_words; i++) {
        const struct ut_event_word *w = &event->words[i];
        soak->backward = soak->backward || w->start < soak->last_start || w->end < w->start;
        soak->last_start = w->start;
        enum ut_status st = ut_latency_add(&tenth->commit, now_s - (double)w->end / UT_BENCH_RATE);
        if (st != UT_OK)
            return st;
    }
    return UT_OK;
}

static double minutes(const struct ut_bench_live *b)
{
    return (double)ut_bench_live_length(b, &b->streams[0]) / UT_BENCH_RATE / 60;
}

static double tenth_rtf(const struct ut_bench_live *b, size_t i)
{
    int64_t before = i > 0 ? b->soak.tenths[i - 1].cpu_us : 0;

    return (double)(b->soak.tenths[i].cpu_us - before) / 1e6 / (6 * minutes(b));
}

static enum ut_status print_json(struct ut_bench_live *b, const struct ut_session_stats *stats)
{
    struct ut_buffer out = { .limit = (size_t)1 << 16 };
    struct ut_json_writer j = { .out = &out };

    ut_json_open_object(&j, NULL);
    ut_json_put_string(&j, "model", b->settings.model);
    ut_json_put_string(&j, "clock", b->clock_name);
    ut_json_put_f64(&j, "minutes", minutes(b), 3);
    ut_json_put_f64(&j, "recordings_s", (double)b->streams[0].n / UT_BENCH_RATE, 2);
    ut_json_open_array(&j, "tenths");
    for (size_t i = 0; i < 10; i++) {
        struct ut_bench_tenth *t = &b->soak.tenths[i];
        ut_json_open_object(&j, NULL);
        ut_json_put_i64(&j, "n_words", (int64_t)t->commit.n);
        ut_json_put_f64(&j, "commit_p50_s", ut_latency_percentile(&t->commit, 50), 3);
        ut_json_put_f64(&j, "commit_p95_s", ut_latency_percentile(&t->commit, 95), 3);
        ut_json_put_f64(&j, "rtf", tenth_rtf(b, i), 4);
        ut_json_put_i64(&j, "rss_kb", t->rss_kb);
        ut_json_close(&j);
    }
    ut_json_close(&j);
    ut_json_put_bool(&j, "times_went_back", b->soak.backward);
    ut_json_put_i64(&j, "lost_samples",
                    (int64_t)ut_bench_live_length(b, &b->streams[0]) - stats->n_fed +
                        stats->n_waiting);
    ut_json_put_i64(&j, "n_steps", (int64_t)stats->n_steps);
    ut_json_put_i64(&j, "n_stretched", (int64_t)stats->n_stretched);
    ut_json_put_i64(&j, "n_looped", (int64_t)stats->n_looped);
    ut_json_put_i64(&j, "n_forced_cuts", (int64_t)stats->n_forced_cuts);
    ut_json_close(&j);
    enum ut_status st = ut_json_end(&j);
    if (st == UT_OK)
        printf("%s\n", ut_buffer_text(&out));
    ut_buffer_finish(&out);
    return st;
}

enum ut_status ut_bench_live_soak_report(struct ut_bench_live *b)
{
    const struct ut_session_stats *stats = &b->streams[0].stats;

    if (b->json)
        return print_json(b, stats);
    printf("%-6s %8s %7s %7s %7s %9s\n", "tenth", "words", "p50 s", "p95 s", "rtf", "RSS MiB");
    for (size_t i = 0; i < 10; i++) {
        struct ut_bench_tenth *t = &b->soak.tenths[i];
        printf("%-6zu %8zu %7.2f %7.2f %7.3f %9.1f\n", i + 1, t->commit.n,
               ut_latency_percentile(&t->commit, 50), ut_latency_percentile(&t->commit, 95),
               tenth_rtf(b, i), (double)t->rss_kb / 1024);
    }
    printf("%s; %llu steps, %llu stretched, %llu looped\n",
           b->soak.backward ? "times went back" : "times never went back",
           (unsigned long long)stats->n_steps, (unsigned long long)stats->n_stretched,
           (unsigned long long)stats->n_looped);
    return UT_OK;
}

void ut_bench_live_soak_finish(struct ut_bench_soak *soak)
{
    for (size_t i = 0; i < 10; i++)
        ut_latency_finish(&soak->tenths[i].commit);
}
