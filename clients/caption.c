/* `utter caption`: recordings to captions, whole or as live streams. */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "asr/tokens.h"
#include "base/clock.h"
#include "base/memory.h"
#include "clients/command.h"
#include "clients/health.h"
#include "clients/interrupt.h"
#include "clients/live.h"
#include "clients/offline.h"
#include "clients/outputs.h"
#include "clients/progress.h"

static const struct ut_usage usage = {
    .synopsis = "utter caption [OPTION...] FILE...",
    .about =
        "Turns speech in audio files into captions. FILE is anything that libsndfile reads, MP3 "
        "or\n"
        "Ogg Opus, at any rate and channel count; - is standard input. Several files are "
        "captioned\n"
        "in turn; a bad one does not stop the others, and the exit status is the first failure's.",
    .examples =
        "  utter caption talk.mp3                          text to the terminal\n"
        "  utter caption --format srt talk.mp3 > talk.srt  subtitles\n"
        "  utter caption --live -o talk.vtt talk.wav       as a live stream, and kept as WebVTT\n"
        "  utter caption --live --speed 4 -f jsonl talk.wav | jq .\n"
        "  utter caption -f vtt -o subtitles/ *.flac       one file each, in a directory\n"
        "  utter caption --translate --language de rede.ogg\n",
};

struct task {
    struct ut_settings *settings;
    const char *path;
    bool several;
    struct ut_offline offline;
    utter_engine *engine;
    struct ut_outputs outputs;
    bool opened;        /* outputs are open: the recording could be read */
    bool output_failed; /* the failure is an output's */
    bool warned;        /* about a prompt that is too long */
    struct ut_caption_word *words;
    size_t n_capacity;
    struct ut_progress progress;
    struct ut_error output_error;
};

/* What a failure means for the exit status. */
static int exit_of(const struct task *t, enum ut_status st, bool input_error)
{
    if (st == UT_ECANCELED)
        return ut_interrupt_exit();
    if (t->output_failed)
        return UT_EXIT_OUTPUT;
    if (input_error)
        return UT_EXIT_INPUT;
    return UT_EXIT_OTHER;
}

/* Outputs open with the first thing to write, so that a bad recording leaves old files alone. */
static enum ut_status need_outputs(struct task *t)
{
    if (t->opened)
        return UT_OK;
    enum ut_status st =
        ut_outputs_open(&t->outputs, t->settings, t->path, t->several, &t->output_error);
    t->opened = st == UT_OK;
    t->output_failed = st != UT_OK;
    return st;
}

static enum ut_status grow(struct task *t, size_t n)
{
    if (n <= t->n_capacity)
        return UT_OK;
    ut_free(t->words);
    t->n_capacity = 0;
    t->words = ut_calloc(n + 64, sizeof *t->words);
    if (!t->words)
        return UT_ENOMEM;
    t->n_capacity = n + 64;
    return UT_OK;
}

static enum ut_status take_segment(void *ctx, const struct ut_asr_segment *segment)
{
    struct task *t = ctx;
    enum ut_status st = need_outputs(t);

    if (st == UT_OK)
        st = grow(t, segment->n_words);
    if (st != UT_OK)
        return st;
    for (size_t i = 0; i < segment->n_words; i++) {
        const struct ut_asr_word *w = &segment->words[i];
        bool space = w->text[0] == ' ';
        t->words[i] = (struct ut_caption_word){
            .text = w->text + space,
            .space = space,
            .start = (double)w->start / 16000,
            .end = (double)w->end / 16000,
            .confidence = w->confidence,
        };
    }
    struct ut_caption_segment caption = {
        .start = (double)segment->start / 16000,
        .end = (double)segment->end / 16000,
        .text = segment->text,
        .words = t->words,
        .n_words = segment->n_words,
        .tokens = t->settings->tokens ? segment->tokens : NULL,
        .n_tokens = segment->n_tokens,
        .language = ut_asr_language_code(segment->language),
        .scored = true,
        .avg_logprob = segment->avg_logprob,
        .compression_ratio = segment->compression_ratio,
        .no_speech_prob = segment->no_speech_prob,
        .temperature = segment->temperature,
    };
    ut_terminal_clear_status();
    st = ut_outputs_segment(&t->outputs, &caption, &t->output_error);
    t->output_failed = st != UT_OK;
    ut_progress_segment(&t->progress, segment->end);
    return st;
}

static void take_progress(void *ctx, int64_t n_read, int64_t n_total)
{
    struct task *t = ctx;

    ut_progress_read(&t->progress, n_read, n_total);
}

/* The timing as one JSON line, for whoever measures. */
static void print_stats(const struct task *t, const struct ut_offline_job *job, int64_t total_us)
{
    struct rusage usage_now;

    getrusage(RUSAGE_SELF, &usage_now);
    fprintf(stderr,
            "{\"load_ms\":%.1f,\"mel_ms\":%.1f,\"encode_ms\":%.1f,\"decode_ms\":%.1f,"
            "\"align_ms\":%.1f,\"total_ms\":%.1f,\"n_windows\":%zu,\"n_decode_passes\":%zu,"
            "\"peak_rss_bytes\":%lld,\"audio_s\":%.3f}\n",
            (double)t->offline.load_us / 1e3, (double)job->timing.mel_us / 1e3,
            (double)job->timing.encode_us / 1e3, (double)job->timing.decode_us / 1e3,
            (double)job->timing.align_us / 1e3, (double)(t->offline.load_us + total_us) / 1e3,
            job->timing.n_windows, job->timing.n_decode_passes,
            (long long)usage_now.ru_maxrss * 1024, (double)job->timing.n_samples / 16000);
}

/* Ends the documents of a recording, those cut short too, and says what went wrong. */
static int end_file(struct task *t, enum ut_status st, bool input_error, struct ut_error *err)
{
    struct ut_error finish = { 0 };
    int code = UT_EXIT_OK;

    ut_terminal_clear_status();
    if (t->opened && !t->output_failed && ut_outputs_finish(&t->outputs, &finish) != UT_OK) {
        t->output_failed = true;
        t->output_error = finish;
        st = st == UT_OK ? finish.code : st;
    }
    if (t->opened)
        ut_outputs_close(&t->outputs);
    if (st != UT_OK)
        code = exit_of(t, st, input_error);
    if (t->output_failed)
        ut_cmd_fail(code, "%s", t->output_error.text);
    else if (st != UT_OK && st != UT_ECANCELED)
        ut_cmd_fail(code, "%s", err->text[0] ? err->text : ut_status_name(st));
    t->opened = false;
    t->output_failed = false;
    return code;
}

static int caption_whole(struct task *t)
{
    const struct ut_settings *s = t->settings;
    struct ut_error err = { 0 };
    int language = strcmp(s->language, "auto") == 0 ? -1 : ut_asr_language_find(s->language);
    struct ut_offline_job job = {
        .path = t->path,
        .options = ut_offline_options(s, language),
        .on_segment = take_segment,
        .on_progress = take_progress,
        .ctx = t,
    };
    int64_t start = ut_clock_now_us();

    ut_progress_begin(&t->progress);
    enum ut_status st = ut_offline_run(&t->offline, &job, &err);
    bool read = st == UT_OK || st == UT_ECANCELED || job.timing.n_samples > 0;
    if (read && need_outputs(t) != UT_OK && st == UT_OK)
        st = t->output_error.code;
    if (st == UT_OK && job.n_bad) {
        job.input_error = true;
        st = ut_error_set(&err, UT_EFORMAT,
                          "%s: %llu samples are no numbers and were taken as silence", t->path,
                          (unsigned long long)job.n_bad);
    }
    int code = end_file(t, st, job.input_error, &err);
    if (s->stats && st == UT_OK)
        print_stats(t, &job, ut_clock_now_us() - start);
    return code;
}

static int caption_live(struct task *t)
{
    struct ut_error err = { 0 };
    struct ut_live live = { 0 };
    bool input_error = false;

    enum ut_status st = ut_live_check_file(t->path, &err);
    if (st != UT_OK)
        return ut_cmd_fail(UT_EXIT_INPUT, "%s", err.text);
    st = need_outputs(t);
    if (st == UT_OK) {
        st = ut_live_open(&live, t->engine, t->settings, &t->outputs, &err);
        if (st != UT_OK) {
            ut_outputs_close(&t->outputs);
            t->opened = false;
            return ut_cmd_fail(ut_cmd_model_exit(st), "%s", err.text);
        }
    }
    if (st == UT_OK && !t->warned)
        ut_live_warn_prompt(&live);
    t->warned = true;
    if (st == UT_OK)
        st = ut_live_run_file(&live, t->path, t->settings->speed, &input_error, &err);
    if (live.output_failed) {
        t->output_failed = true;
        t->output_error = err;
    }
    utter_stream_stats stats = live.stats;
    ut_live_close(&live);
    int code = end_file(t, st, input_error, &err);
    if (code == UT_EXIT_OK)
        ut_health_warn(t->path, &stats);
    return code;
}

static int open_engine(struct task *t)
{
    struct ut_error err = { 0 };
    enum ut_status st = t->settings->live ? ut_live_engine(&t->engine, t->settings, &err)
                                          : ut_offline_open(&t->offline, t->settings, &err);

    if (st == UT_OK)
        return UT_EXIT_OK;
    return ut_cmd_fail(ut_cmd_model_exit(st), "%s", err.text);
}

static int caption_files(struct ut_settings *s, char **files, int n_files)
{
    struct task t = { .settings = s, .several = n_files > 1 };
    int code = open_engine(&t);

    bool ready = code == UT_EXIT_OK;
    for (int i = 0; i < n_files && ready; i++) {
        t.path = files[i];
        if (t.several && s->outputs.n == 0 && s->format == UT_FORMAT_TEXT) {
            printf("%s==> %s <==\n", i ? "\n" : "", files[i]);
            fflush(stdout);
        }
        int one = s->live ? caption_live(&t) : caption_whole(&t);
        code = code == UT_EXIT_OK ? one : code;
        if (ut_interrupt_seen()) {
            code = ut_interrupt_exit();
            break;
        }
    }
    ut_free(t.words);
    utter_engine_close(t.engine);
    ut_offline_close(&t.offline);
    return code;
}

/* Several recordings cannot share one document of subtitles, nor one file. */
static enum ut_status check_outputs(const struct ut_settings *s, char *const *files, int n_files,
                                    struct ut_error *err)
{
    if (n_files < 2)
        return ut_outputs_check(s, files, (size_t)n_files, err);
    for (size_t i = 0; i < s->outputs.n; i++) {
        if (!ut_outputs_is_directory(s->outputs.values[i]))
            return ut_error_set(err, UT_EINVAL,
                                "--output %s: with several files it must be a directory",
                                s->outputs.values[i]);
    }
    if (s->outputs.n == 0 && (s->format == UT_FORMAT_SRT || s->format == UT_FORMAT_VTT))
        return ut_error_set(err, UT_EINVAL,
                            "--format %s: several files need --output with a directory",
                            s->format_name);
    return ut_outputs_check(s, files, (size_t)n_files, err);
}

int ut_cmd_caption(int argc, char **argv)
{
    struct ut_settings s = ut_settings_default();
    struct ut_option table[UT_SETTINGS_MAX_OPTIONS];
    size_t n_options = ut_settings_options(&s, false, table);
    struct ut_error err = { 0 };
    int n_files = 0;

    enum ut_status st = ut_options_parse(&usage, table, n_options, argc, argv, &n_files, &err);
    if (st == UT_END)
        return UT_EXIT_OK;
    if (st == UT_OK)
        st = ut_settings_check(&s, &err);
    if (st == UT_OK && n_files == 0)
        st = ut_error_set(&err, UT_EINVAL, "no FILE given");
    if (st == UT_OK)
        st = check_outputs(&s, argv, n_files, &err);
    if (st != UT_OK)
        return ut_cmd_fail(UT_EXIT_USAGE, "caption: %s", err.text);
    ut_interrupt_install();
    return caption_files(&s, argv, n_files);
}
