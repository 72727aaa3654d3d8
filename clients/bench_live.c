/* `utter bench live`: latency, stability and errors of live captions over a manifest. */
#include "clients/bench_live.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "asr/tokens.h"
#include "clients/bench.h"
#include "clients/command.h"
#include "clients/interrupt.h"
#include "clients/terminal.h"
#include "stream/catalog.h"

static const struct ut_usage usage = {
    .synopsis = "utter bench live [OPTION...] MANIFEST",
    .about =
        "Plays the recordings of MANIFEST (tab-separated, with the columns file, language,\n"
        "reference, kind and speaker) as live streams: those of one speaker joined with pauses,\n"
        "each one in which nothing is said by itself. Reports how long after its end each word is\n"
        "shown and committed, word errors beside those of whole-file decoding, and how much of\n"
        "what was shown was changed. The clock is simulated and charged with the time that\n"
        "computing takes; the times of words are found by forced alignment. With --export the\n"
        "streams are written and not run: a WAV each, manifest.tsv, which --gap 0 plays as it is,\n"
        "and words.tsv with the times of the reference's words.",
    .examples = "  utter bench live speech/manifest.tsv --json --plot latency.svg\n"
                "  utter bench live speech/manifest.tsv --kind clean --step-ms 300 --each\n"
                "  utter bench live speech/manifest.tsv --real-time --limit 10\n",
};

static void show_progress(const struct ut_bench_live *b, const char *what, size_t i)
{
    char text[300];

    if (!isatty(STDERR_FILENO))
        return;
    snprintf(text, sizeof text, "%s  %zu of %zu  %s", what, i + 1, b->n_streams,
             b->streams[i].name);
    ut_terminal_status(text);
}

static enum ut_status run_streams(struct ut_bench_live *b, struct ut_error *err)
{
    struct rusage used;
    enum ut_status st = UT_OK;

    if (b->real_time)
        ut_bench_live_close(b);
    for (size_t i = 0; i < b->n_streams && st == UT_OK; i++) {
        show_progress(b, "live", i);
        st = ut_bench_live_run(b, &b->streams[i], err);
    }
    ut_terminal_clear_status();
    if (getrusage(RUSAGE_SELF, &used) == 0)
        b->figures.rss_kb = used.ru_maxrss;
    return st;
}

static enum ut_status decode_streams(struct ut_bench_live *b, struct ut_error *err)
{
    struct ut_settings settings = b->settings;
    struct ut_offline offline = { 0 };

    if (strcmp(b->offline_model, "none") == 0 || b->loop_min > 0)
        return UT_OK;
    settings.model = b->offline_model;
    enum ut_status st = ut_offline_open(&offline, &settings, err);
    for (size_t i = 0; i < b->n_streams && st == UT_OK; i++) {
        if (b->streams[i].reference.n == 0)
            continue;
        show_progress(b, "whole file", i);
        st = ut_bench_live_decode(b, &offline, &b->streams[i], err);
    }
    ut_terminal_clear_status();
    ut_offline_close(&offline);
    return st;
}

static int report(struct ut_bench_live *b)
{
    struct ut_error err = { 0 };

    if (b->loop_min > 0)
        return ut_bench_live_soak_report(b) == UT_OK
                   ? UT_EXIT_OK
                   : ut_cmd_fail(UT_EXIT_OTHER, "bench live: out of memory");
    if (b->words_path && !(b->words_file = fopen(b->words_path, "w")))
        return ut_cmd_fail(UT_EXIT_OUTPUT, "%s: %s", b->words_path, strerror(errno));
    for (size_t i = 0; i < b->n_streams; i++) {
        if (ut_bench_live_score(b, &b->streams[i]) != UT_OK)
            return ut_cmd_fail(UT_EXIT_OTHER, "bench live: %s cannot be scored",
                               b->streams[i].name);
    }
    if (!b->json)
        ut_bench_live_table(b);
    else if (ut_bench_live_json(b) != UT_OK)
        return ut_cmd_fail(UT_EXIT_OTHER, "bench live: out of memory");
    if (b->plot_path && ut_bench_live_plot(b, &err) != UT_OK)
        return ut_cmd_fail(UT_EXIT_OUTPUT, "%s", err.text);
    return UT_EXIT_OK;
}

static void open_spelling(struct ut_bench_live *b)
{
    struct ut_buffer path = { .limit = 8192 };
    struct ut_error err = { 0 };

    enum ut_status st = ut_catalog_cache(&path, NULL, &err);
    if (st == UT_OK)
        st = ut_buffer_printf(&path, "/normalizer/english.json");
    if (st == UT_OK)
        st = ut_spelling_open(&b->spelling, ut_buffer_text(&path), &err);
    if (st != UT_OK)
        ut_cmd_warn("%s: British spellings count as errors (scripts/setup fetches the table)",
                    err.text);
    ut_buffer_finish(&path);
}

static int run_bench(struct ut_bench_live *b, const char *manifest)
{
    struct ut_error err = { 0 };

    if (ut_manifest_open(&b->manifest, manifest, &err) != UT_OK)
        return ut_cmd_fail(UT_EXIT_INPUT, "%s", err.text);
    enum ut_status st = ut_bench_live_open(b, &err);
    if (st != UT_OK)
        return ut_cmd_fail(ut_cmd_model_exit(st), "%s", err.text);
    if (b->events_path && !(b->events_file = fopen(b->events_path, "w")))
        return ut_cmd_fail(UT_EXIT_OUTPUT, "%s: %s", b->events_path, strerror(errno));
    open_spelling(b);
    st = ut_bench_live_load(b, &err);
    if (st != UT_OK && st != UT_ECANCELED)
        return ut_cmd_fail(UT_EXIT_INPUT, "%s", err.text);
    if (st == UT_OK && b->export_path)
        return ut_bench_live_export(b, &err) == UT_OK ? UT_EXIT_OK
                                                      : ut_cmd_fail(UT_EXIT_OUTPUT, "%s", err.text);
    if (st == UT_OK)
        st = run_streams(b, &err);
    if (st == UT_OK)
        st = decode_streams(b, &err);
    if (st == UT_ECANCELED)
        return ut_interrupt_exit();
    if (st != UT_OK)
        return ut_cmd_fail(ut_cmd_model_exit(st), "%s", err.text);
    return report(b);
}

static enum ut_status set_clock(struct ut_bench_live *b, struct ut_error *err)
{
    static const char *const names[] = { "wall", "cpu", "none" };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(b->clock_name, names[i]) == 0) {
            b->clock = (enum ut_bench_clock)i;
            return UT_OK;
        }
    }
    return ut_error_set(err, UT_EINVAL, "--clock: '%s' is none of wall, cpu, none", b->clock_name);
}

/* What the options mean for a session. */
static enum ut_status check_options(struct ut_bench_live *b, int n, struct ut_error *err)
{
    if (n != 1)
        return ut_error_set(err, UT_EINVAL, "%d manifests given, one is needed", n);
    enum ut_status st = ut_settings_check(&b->settings, err);
    if (st == UT_OK)
        st = set_clock(b, err);
    if (st != UT_OK)
        return st;
    if (ut_asr_language_find(b->settings.language) < 0)
        return ut_error_set(err, UT_EINVAL, "--language: '%s' is no language",
                            b->settings.language);
    if (b->loop_min > 0 && (b->real_time || b->export_path))
        return ut_error_set(err, UT_EINVAL, "--loop goes with the simulated clock alone");
    if (b->settings.step_ms)
        b->session.step = (int64_t)b->settings.step_ms * UT_BENCH_RATE / 1000;
    if (ut_commit_policy_find(b->settings.policy) == UT_COMMIT_N_POLICIES)
        return ut_error_set(err, UT_EINVAL,
                            "--policy: '%s' is none of evidence, agreement, attention",
                            b->settings.policy);
    b->session.commit = ut_commit_options_default(ut_commit_policy_find(b->settings.policy));
    if (b->pause_ms)
        b->session.segmenter.min_silence = (int64_t)b->pause_ms * UT_BENCH_RATE / 1000;
    if (b->hold_ms >= 0)
        b->session.commit.hold = (int64_t)b->hold_ms * UT_BENCH_RATE / 1000;
    if (b->fresh_ms >= 0)
        b->session.fresh = (int64_t)b->fresh_ms * UT_BENCH_RATE / 1000;
    if (b->n_agree)
        b->session.commit.n_agree = (size_t)b->n_agree;
    return UT_OK;
}

int ut_bench_live(int argc, char **argv)
{
    struct ut_bench_live b = { .settings = ut_settings_default(),
                               .session = ut_session_options_default(),
                               .offline_model = "base-f32",
                               .clock_name = "wall",
                               .gap_s = 0.6,
                               .hold_ms = -1,
                               .fresh_ms = -1 };
    const struct ut_option options[] = {
        { "model", 'm', UT_OPTION_TEXT, &b.settings.model, 0, 0, "MODEL", "name or path" },
        { "vad", 0, UT_OPTION_TEXT, &b.settings.vad, 0, 0, "MODEL", "voice activity model" },
        { "raw", 0, UT_OPTION_FLAG, &b.listening.no_gain, 0, 0, NULL,
          "voice activity hears quiet voices as they are" },
        { "awake", 0, UT_OPTION_FLAG, &b.listening.no_gate, 0, 0, NULL,
          "voice activity listens to empty rooms, too" },
        { "threads", 't', UT_OPTION_INT, &b.settings.n_threads, 0, 64, "N",
          "threads; 0: one per core" },
        { "step-ms", 0, UT_OPTION_INT, &b.settings.step_ms, 0, 2000, "MS",
          "how often the open words are decoded; 0: the engine's choice" },
        { "policy", 0, UT_OPTION_TEXT, &b.settings.policy, 0, 0, "NAME",
          "how words are committed: evidence, agreement, attention" },
        { "hold-ms", 0, UT_OPTION_INT, &b.hold_ms, 0, 10000, "MS",
          "how long the policy holds words back (evidence: doubtful ones; others in proportion)" },
        { "fresh-ms", 0, UT_OPTION_INT, &b.fresh_ms, 0, 30000, "MS",
          "audio that each step encodes anew, older audio once; 0: all of the segment" },
        { "pause-ms", 0, UT_OPTION_INT, &b.pause_ms, 300, 10000, "MS",
          "how long a pause closes a segment" },
        { "agree", 0, UT_OPTION_INT, &b.n_agree, 0, 8, "N",
          "hypotheses that must agree on a word; 0: the engine's choice" },
        { "language", 0, UT_OPTION_TEXT, &b.settings.language, 0, 0, "CODE",
          "only recordings in this language, and those in none: nothing is said there" },
        { "detect", 0, UT_OPTION_FLAG, &b.detect, 0, 0, NULL,
          "let the session find out the language" },
        { "kind", 0, UT_OPTION_TEXT, &b.kind, 0, 0, "KIND", "only recordings of this kind" },
        { "limit", 0, UT_OPTION_INT, &b.limit, 0, 1e9, "N", "the first N of them; 0: all" },
        { "gap", 0, UT_OPTION_NUMBER, &b.gap_s, 0, 60, "S", "pause between recordings" },
        { "loop", 0, UT_OPTION_NUMBER, &b.loop_min, 0, 10000, "MIN",
          "all recordings in one stream, repeated for so long at least: figures of each tenth" },
        { "joined", 0, UT_OPTION_FLAG, &b.joined, 0, 0, NULL,
          "all recordings with speech in one stream" },
        { "clock", 0, UT_OPTION_TEXT, &b.clock_name, 0, 0, "KIND",
          "what computing is charged with: wall, cpu (by the threads), none" },
        { "real-time", 0, UT_OPTION_FLAG, &b.real_time, 0, 0, NULL,
          "play in real time through the engine" },
        { "term", 0, UT_OPTION_LIST, &b.settings.terms, 0, 0, "WORD",
          "a name or word to expect; repeatable" },
        { "terms", 0, UT_OPTION_TEXT, &b.settings.terms_path, 0, 0, "FILE",
          "the same, one a line" },
        { "term-begin", 0, UT_OPTION_NUMBER, &b.settings.term_begin, 0, 20, "NATS",
          "what a token gains that begins a term" },
        { "term-go-on", 0, UT_OPTION_NUMBER, &b.settings.term_go_on, 0, 20, "NATS",
          "what each token gains that goes on with one" },
        { "prompt", 0, UT_OPTION_TEXT, &b.settings.prompt, 0, 0, "TEXT",
          "text before each recording" },
        { "offline-model", 0, UT_OPTION_TEXT, &b.offline_model, 0, 0, "MODEL",
          "decodes the same streams as whole files; none: leave it out" },
        { "beam", 0, UT_OPTION_INT, &b.settings.beam, 1, 16, "N", "beams of it" },
        { "plot", 0, UT_OPTION_TEXT, &b.plot_path, 0, 0, "FILE",
          "draw the latency of each word over time, as SVG" },
        { "words", 0, UT_OPTION_TEXT, &b.words_path, 0, 0, "FILE",
          "write a line for each reference word: times, when shown and committed" },
        { "events", 0, UT_OPTION_TEXT, &b.events_path, 0, 0, "FILE",
          "write a line of JSON for each event" },
        { "export", 0, UT_OPTION_TEXT, &b.export_path, 0, 0, "DIR",
          "write the streams and the times of their words into DIR instead" },
        { "each", 0, UT_OPTION_FLAG, &b.each, 0, 0, NULL, "a line a stream on standard error" },
        { "json", 0, UT_OPTION_FLAG, &b.json, 0, 0, NULL, "figures as JSON" },
    };
    struct ut_error err = { 0 };
    int n = 0;

    b.settings.language = "en";
    enum ut_status st =
        ut_options_parse(&usage, options, sizeof options / sizeof options[0], argc, argv, &n, &err);
    if (st == UT_END)
        return UT_EXIT_OK;
    if (st == UT_OK)
        st = check_options(&b, n, &err);
    if (st != UT_OK)
        return ut_cmd_fail(UT_EXIT_USAGE, "bench live: %s", err.text);
    ut_interrupt_install();
    int code = run_bench(&b, argv[0]);
    if (b.words_file && fclose(b.words_file) != 0)
        code = ut_cmd_fail(UT_EXIT_OUTPUT, "%s: cannot be written", b.words_path);
    if (b.events_file && fclose(b.events_file) != 0)
        code = ut_cmd_fail(UT_EXIT_OUTPUT, "%s: cannot be written", b.events_path);
    ut_bench_live_close(&b);
    ut_bench_live_unload(&b);
    ut_bench_live_figures_finish(&b.figures);
    ut_bench_live_soak_finish(&b.soak);
    ut_spelling_close(b.spelling);
    ut_manifest_close(&b.manifest);
    return code;
}
