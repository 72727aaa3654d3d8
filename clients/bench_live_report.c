/* The figures as JSON, a table and a plot. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "clients/bench_live.h"
#include "clients/plot_svg.h"

#define MAX_PLOT ((size_t)256 << 20)

static double ratio(double a, double b)
{
    return b > 0 ? a / b : (double)NAN;
}

static void put_latency(struct ut_json_writer *j, const char *name, struct ut_bench_latency *l)
{
    static const int percents[] = { 50, 90, 95, 99 };
    char key[64];

    for (size_t i = 0; i < sizeof percents / sizeof percents[0]; i++) {
        snprintf(key, sizeof key, "%s_p%d_s", name, percents[i]);
        ut_json_put_f64(j, key, ut_latency_percentile(&l->aware, percents[i]), 3);
        snprintf(key, sizeof key, "%s_unaware_p%d_s", name, percents[i]);
        ut_json_put_f64(j, key, ut_latency_percentile(&l->unaware, percents[i]), 3);
    }
}

static void put_errors(struct ut_json_writer *j, const char *key, const struct ut_word_errors *e)
{
    ut_json_open_object(j, key);
    ut_json_put_i64(j, "n_words", (int64_t)e->n_words);
    ut_json_put_i64(j, "substituted", (int64_t)e->n_substituted);
    ut_json_put_i64(j, "deleted", (int64_t)e->n_deleted);
    ut_json_put_i64(j, "inserted", (int64_t)e->n_inserted);
    ut_json_close(j);
}

static void put_counts(struct ut_json_writer *j, const struct ut_bench_figures *f)
{
    ut_json_put_i64(j, "n_streams", (int64_t)f->n_streams);
    ut_json_put_i64(j, "n_turns", (int64_t)f->n_turns);
    ut_json_put_i64(j, "n_turns_lost", (int64_t)f->n_turns_lost);
    ut_json_put_i64(j, "n_reference_words", (int64_t)f->n_reference);
    ut_json_put_i64(j, "n_timed_words", (int64_t)f->n_timed);
    ut_json_put_i64(j, "n_matched_words", (int64_t)f->n_matched);
    ut_json_put_i64(j, "n_final_words", (int64_t)f->n_final);
    ut_json_put_i64(j, "n_steps", (int64_t)f->stats.n_steps);
    ut_json_put_i64(j, "n_stretched", (int64_t)f->stats.n_stretched);
    ut_json_put_i64(j, "n_refused", (int64_t)f->stats.n_refused);
    ut_json_put_i64(j, "n_looped", (int64_t)f->stats.n_looped);
    ut_json_put_i64(j, "n_forced_cuts", (int64_t)f->stats.n_forced_cuts);
    ut_json_put_i64(j, "n_splits", (int64_t)f->stats.n_splits);
}

static void put_setup(struct ut_json_writer *j, const struct ut_bench_live *b)
{
    ut_json_put_string(j, "model", b->settings.model);
    ut_json_put_string(j, "offline_model", b->offline_model);
    ut_json_put_string(j, "language", b->settings.language);
    ut_json_put_string(j, "clock", b->real_time ? "real" : b->clock_name);
    ut_json_put_i64(j, "threads", b->settings.n_threads);
    ut_json_put_i64(j, "step_ms", b->session.step * 1000 / UT_BENCH_RATE);
    ut_json_put_string(j, "policy", b->settings.policy);
    ut_json_put_i64(j, "hold_ms", b->session.commit.hold * 1000 / UT_BENCH_RATE);
    ut_json_put_i64(j, "pause_ms", b->session.segmenter.min_silence * 1000 / UT_BENCH_RATE);
    ut_json_put_i64(j, "agree", (int64_t)b->session.commit.n_agree);
    ut_json_put_f64(j, "gap_s", b->gap_s, 3);
}

enum ut_status ut_bench_live_json(struct ut_bench_live *b)
{
    struct ut_bench_figures *f = &b->figures;
    struct ut_buffer out = { .limit = (size_t)1 << 20 };
    struct ut_json_writer j = { .out = &out };
    bool offline = strcmp(b->offline_model, "none") != 0;
    double total_s = f->speech_s + f->nonspeech_s;

    ut_json_open_object(&j, NULL);
    put_latency(&j, "commit", &f->commit);
    put_latency(&j, "first_partial", &f->first_partial);
    put_latency(&j, "ttfs", &f->ttfs);
    ut_json_put_f64(&j, "wer", f->errors.n_words ? ut_word_errors_rate(&f->errors) : (double)NAN,
                    5);
    ut_json_put_f64(&j, "wer_offline_f32",
                    offline && f->offline_errors.n_words ? ut_word_errors_rate(&f->offline_errors)
                                                         : (double)NAN,
                    5);
    ut_json_put_f64(&j, "upwr", ratio((double)f->n_changed, (double)f->n_final), 4);
    ut_json_put_f64(&j, "normalized_erasure", ratio((double)f->n_erased, (double)f->n_final), 4);
    ut_json_put_f64(&j, "rtf",
                    ratio((double)(f->speech_cpu_us + f->nonspeech_cpu_us) / 1e6, total_s), 4);
    ut_json_put_f64(&j, "rtf_speech", ratio((double)f->speech_cpu_us / 1e6, f->speech_s), 4);
    ut_json_put_f64(&j, "rtf_nonspeech", ratio((double)f->nonspeech_cpu_us / 1e6, f->nonspeech_s),
                    4);
    ut_json_put_f64(&j, "rtf_wall",
                    b->real_time ? (double)NAN : ratio((double)f->compute_us / 1e6, total_s), 4);
    ut_json_put_i64(&j, "nonspeech_words", (int64_t)f->n_nonspeech_words);
    ut_json_put_i64(&j, "nonspeech_words_withdrawn", (int64_t)f->n_nonspeech_shown);
    ut_json_put_f64(&j, "nonspeech_minutes", f->nonspeech_s / 60, 3);
    ut_json_put_f64(&j, "speech_minutes", f->speech_s / 60, 3);
    ut_json_put_i64(&j, "peak_rss_kb", f->rss_kb);
    put_errors(&j, "errors", &f->errors);
    if (offline)
        put_errors(&j, "errors_offline_f32", &f->offline_errors);
    put_counts(&j, f);
    put_setup(&j, b);
    ut_json_close(&j);
    enum ut_status st = ut_json_end(&j);
    if (st == UT_OK)
        printf("%s\n", ut_buffer_text(&out));
    ut_buffer_finish(&out);
    return st;
}

static void print_latency(const char *name, struct ut_latency *l)
{
    if (l->n == 0)
        return;
    printf("%-28s %8zu %7.2f %7.2f %7.2f %7.2f\n", name, l->n, ut_latency_percentile(l, 50),
           ut_latency_percentile(l, 90), ut_latency_percentile(l, 95),
           ut_latency_percentile(l, 99));
}

void ut_bench_live_table(struct ut_bench_live *b)
{
    struct ut_bench_figures *f = &b->figures;

    printf("%-28s %8s %7s %7s %7s %7s\n", "latency, s", "n", "p50", "p90", "p95", "p99");
    print_latency("first partial", &f->first_partial.aware);
    print_latency("  without compute time", &f->first_partial.unaware);
    print_latency("commit", &f->commit.aware);
    print_latency("  without compute time", &f->commit.unaware);
    print_latency("end of speech to final", &f->ttfs.aware);
    print_latency("  without compute time", &f->ttfs.unaware);
    if (f->errors.n_words)
        printf("WER %.2f %% of %zu words (%zu substituted, %zu deleted, %zu inserted)\n",
               100 * ut_word_errors_rate(&f->errors), f->errors.n_words, f->errors.n_substituted,
               f->errors.n_deleted, f->errors.n_inserted);
    if (f->offline_errors.n_words)
        printf("WER %.2f %% by %s, whole recordings (%zu substituted, %zu deleted, %zu inserted)\n",
               100 * ut_word_errors_rate(&f->offline_errors), b->offline_model,
               f->offline_errors.n_substituted, f->offline_errors.n_deleted,
               f->offline_errors.n_inserted);
    if (f->n_final)
        printf("UPWR %.2f %%, normalized erasure %.3f, %zu of %zu turns lost\n",
               100 * ratio((double)f->n_changed, (double)f->n_final),
               ratio((double)f->n_erased, (double)f->n_final), f->n_turns_lost, f->n_turns);
    if (f->nonspeech_s > 0)
        printf("%zu words in %.2f minutes where nothing is said (%zu shown and taken back)\n",
               f->n_nonspeech_words, f->nonspeech_s / 60, f->n_nonspeech_shown);
    printf(
        "%.2f minutes of speech, CPU s per audio s %.3f; peak RSS %.0f MiB; %llu steps\n",
        f->speech_s / 60,
        ratio((double)(f->speech_cpu_us + f->nonspeech_cpu_us) / 1e6, f->speech_s + f->nonspeech_s),
        (double)f->rss_kb / 1024, (unsigned long long)f->stats.n_steps);
}

enum ut_status ut_bench_live_plot(struct ut_bench_live *b, struct ut_error *err)
{
    struct ut_bench_figures *f = &b->figures;
    const struct ut_plot_series series[] = {
        { "commit (line: p95)", "#c0392b", f->at_s, f->commit_s, f->n_points,
          ut_latency_percentile(&f->commit.aware, 95) },
        { "first partial (line: p50)", "#2471a3", f->at_s, f->first_s, f->n_points,
          ut_latency_percentile(&f->first_partial.aware, 50) },
    };
    const struct ut_plot plot = { .title = "Latency of each word",
                                  .x_label = "speech, s",
                                  .y_label = "after the word's end, s",
                                  .series = series,
                                  .n_series = 2 };
    struct ut_buffer out = { .limit = MAX_PLOT };

    enum ut_status st = ut_plot_svg(&out, &plot);
    if (st != UT_OK) {
        ut_buffer_finish(&out);
        return ut_error_set(err, st, "%s: %s", b->plot_path, ut_status_name(st));
    }
    FILE *file = fopen(b->plot_path, "w");
    bool written = file && fwrite(ut_buffer_text(&out), 1, out.n, file) == out.n;
    if ((file && fclose(file) != 0) || !written)
        st = ut_error_set(err, UT_EIO, "%s: %s", b->plot_path, strerror(errno));
    ut_buffer_finish(&out);
    return st;
}
