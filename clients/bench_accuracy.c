/* `utter bench accuracy`: word error rate over a manifest of recordings. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "asr/tokens.h"
#include "base/clock.h"
#include "base/memory.h"
#include "clients/bench.h"
#include "clients/bench_accuracy.h"
#include "clients/command.h"
#include "clients/interrupt.h"
#include "clients/normalizer.h"
#include "clients/terminal.h"
#include "stream/catalog.h"

#define MAX_TEXT ((size_t)8 << 20)

static const struct ut_usage usage = {
    .synopsis = "utter bench accuracy [OPTION...] MANIFEST",
    .about =
        "Captions every recording of MANIFEST (tab-separated, with the columns file, language,\n"
        "reference and kind) and counts word errors after Whisper's text normalisation. `wer` and\n"
        "`by_kind` are of the English recordings, `by_language` has every language (characters "
        "for\n"
        "zh, ja, ko and others without spaces); where nothing is said, words a minute are counted.",
    .examples = "  utter bench accuracy speech/manifest.tsv --json\n"
                "  utter bench accuracy speech/manifest.tsv --model tiny.en --kind clean --each\n"
                "  utter bench accuracy speech/manifest.tsv --model base-f32 --tokens f32.tsv\n"
                "  utter bench accuracy speech/manifest.tsv --against f32.tsv\n",
};

static struct ut_bench_group *find_group(struct ut_bench_groups *g, const char *name)
{
    for (size_t i = 0; i < g->n; i++) {
        if (strcmp(g->list[i].name, name) == 0)
            return &g->list[i];
    }
    if (g->n == UT_BENCH_MAX_GROUPS)
        return NULL;
    g->list[g->n].name = name;
    return &g->list[g->n++];
}

static void add_to(struct ut_bench_group *g, const struct ut_bench_group *one)
{
    if (!g)
        return;
    g->n_files += one->n_files;
    g->errors.n_words += one->errors.n_words;
    g->errors.n_substituted += one->errors.n_substituted;
    g->errors.n_deleted += one->errors.n_deleted;
    g->errors.n_inserted += one->errors.n_inserted;
    g->silent_s += one->silent_s;
    g->n_heard += one->n_heard;
}

static enum ut_status take_segment(void *ctx, const struct ut_asr_segment *segment)
{
    struct ut_bench_accuracy *b = ctx;
    enum ut_status st = b->heard.n ? ut_buffer_append(&b->heard, " ", 1) : UT_OK;

    if (st == UT_OK)
        st = ut_buffer_append(&b->heard, segment->text, strlen(segment->text));
    for (size_t i = 0; i < segment->n_tokens && st == UT_OK; i++)
        st = ut_buffer_printf(&b->tokens, "%s%d", b->tokens.n ? " " : "", (int)segment->tokens[i]);
    return st;
}

static bool is_spaceless(const char *language)
{
    static const char *const list[] = { "zh", "ja", "ko", "yue", "th", "lo", "my", "km" };

    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        if (strcmp(language, list[i]) == 0)
            return true;
    }
    return false;
}

static bool is_english(const struct ut_manifest_entry *e)
{
    return strcmp(e->language, "en") == 0;
}

static enum ut_status normalize(struct ut_bench_accuracy *b, struct ut_buffer *out,
                                const char *text, const struct ut_manifest_entry *e)
{
    if (is_english(e) || !e->reference[0])
        return ut_normalize_english(out, text, b->spelling);
    return ut_normalize_basic(out, text, is_spaceless(e->language));
}

/* Counts the errors of what was heard in one recording. */
static enum ut_status score(struct ut_bench_accuracy *b, const struct ut_manifest_entry *e,
                            double seconds, struct ut_bench_group *one)
{
    struct ut_buffer reference = { .limit = MAX_TEXT };
    struct ut_buffer heard = { .limit = MAX_TEXT };

    *one = (struct ut_bench_group){ .n_files = 1 };
    enum ut_status st = normalize(b, &reference, e->reference, e);
    if (st == UT_OK)
        st = normalize(b, &heard, ut_buffer_text(&b->heard), e);
    if (st == UT_OK)
        st = ut_word_errors_add(&one->errors, ut_buffer_text(&reference), ut_buffer_text(&heard));
    if (st == UT_OK && one->errors.n_words == 0) {
        one->n_heard = one->errors.n_inserted;
        one->silent_s = seconds;
        one->errors = (struct ut_word_errors){ 0 };
    }
    if (st == UT_OK && b->each)
        fprintf(stderr, "%s\t%.4f\t%zu\t%s\t%s\n", e->file, ut_word_errors_rate(&one->errors),
                one->errors.n_words, ut_buffer_text(&reference), ut_buffer_text(&heard));
    ut_buffer_finish(&reference);
    ut_buffer_finish(&heard);
    return st;
}

/* Writes the recording's tokens and counts how far they are from the other run's. */
static enum ut_status compare_tokens(struct ut_bench_accuracy *b, const struct ut_manifest_entry *e)
{
    const char *tokens = ut_buffer_text(&b->tokens);
    const char *other = ut_token_lists_find(&b->against, e->file);

    if (b->tokens_file && fprintf(b->tokens_file, "%s\t%s\n", e->file, tokens) < 0)
        return UT_EIO;
    if (!other)
        return UT_OK;
    b->n_compared++;
    b->n_same += strcmp(other, tokens) == 0;
    return ut_word_errors_add(&b->agreement, other, tokens);
}

/* Whether the options choose this recording. */
static bool is_chosen(const struct ut_bench_accuracy *b, const struct ut_manifest_entry *e)
{
    bool multilingual = ut_asr_tokens_multilingual(ut_asr_model_tokens(b->offline.model));

    if (strcmp(b->settings.language, "auto") != 0 && strcmp(b->settings.language, e->language) != 0)
        return false;
    if (b->kind && strcmp(b->kind, e->kind) != 0)
        return false;
    /* speech ("en") whose words nobody wrote down cannot be scored; "-" is no speech */
    if (!e->reference[0])
        return strcmp(e->language, "-") == 0;
    return multilingual || is_english(e);
}

static enum ut_status run_entry(struct ut_bench_accuracy *b, const struct ut_manifest_entry *e,
                                struct ut_error *err)
{
    struct ut_offline_job job = {
        .path = e->path,
        .options = ut_offline_options(&b->settings, ut_asr_language_find(e->language)),
        .on_segment = take_segment,
        .ctx = b,
    };
    struct ut_bench_group one;

    ut_buffer_clear(&b->heard);
    ut_buffer_clear(&b->tokens);
    enum ut_status st = ut_offline_run(&b->offline, &job, err);
    if (st != UT_OK)
        return st;
    double seconds = (double)job.timing.n_samples / 16000;
    st = score(b, e, seconds, &one);
    if (st == UT_OK)
        st = compare_tokens(b, e);
    if (st != UT_OK)
        return ut_error_set(err, st, "%s: cannot be scored: %s", e->file, ut_status_name(st));
    b->audio_s += seconds;
    add_to(find_group(&b->languages, e->language), &one);
    if (is_english(e))
        add_to(&b->english, &one);
    if (is_english(e) || !e->reference[0])
        add_to(find_group(&b->kinds, e->kind), &one);
    return UT_OK;
}

static enum ut_status run_all(struct ut_bench_accuracy *b)
{
    struct ut_error err = { 0 };
    enum ut_status st = UT_OK;
    int n = 0;

    for (size_t i = 0; i < b->manifest.n && st == UT_OK; i++) {
        const struct ut_manifest_entry *e = &b->manifest.entries[i];
        if (!is_chosen(b, e))
            continue;
        if (b->limit && n == b->limit)
            break;
        n++;
        if (isatty(STDERR_FILENO)) {
            char text[300];
            snprintf(text, sizeof text, "%d  %s  WER so far %.2f %%", n, e->file,
                     100 * ut_word_errors_rate(&b->english.errors));
            ut_terminal_status(text);
        }
        enum ut_status one = run_entry(b, e, &err);
        if (one == UT_ECANCELED) {
            st = one;
        } else if (one != UT_OK) {
            ut_cmd_warn("%s", err.text);
            b->n_failed++;
        }
    }
    ut_terminal_clear_status();
    return st;
}

/* The table of British spellings is data of the cache; without it some words count as errors. */
static void open_spelling(struct ut_bench_accuracy *b)
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

/* The files of tokens that the options name. */
static enum ut_status open_tokens(struct ut_bench_accuracy *b, struct ut_error *err)
{
    if (b->against_path) {
        enum ut_status st = ut_token_lists_open(&b->against, b->against_path, err);
        if (st != UT_OK)
            return st;
    }
    if (b->tokens_path && !(b->tokens_file = fopen(b->tokens_path, "w")))
        return ut_error_set(err, UT_EIO, "%s: %s", b->tokens_path, strerror(errno));
    return UT_OK;
}

static int run_bench(struct ut_bench_accuracy *b, const char *manifest)
{
    struct ut_error err = { 0 };

    if (ut_manifest_open(&b->manifest, manifest, &err) != UT_OK || open_tokens(b, &err) != UT_OK)
        return ut_cmd_fail(UT_EXIT_INPUT, "%s", err.text);
    enum ut_status st = ut_offline_open(&b->offline, &b->settings, &err);
    if (st != UT_OK)
        return ut_cmd_fail(ut_cmd_model_exit(st), "%s", err.text);
    open_spelling(b);
    int64_t start = ut_clock_now_us();
    st = run_all(b);
    double seconds = (double)(ut_clock_now_us() - start) / 1e6;
    if (!b->json)
        ut_bench_accuracy_table(b, seconds);
    else if (ut_bench_accuracy_json(b, seconds) != UT_OK)
        return ut_cmd_fail(UT_EXIT_OTHER, "bench: out of memory");
    if (st == UT_ECANCELED)
        return ut_interrupt_exit();
    return b->n_failed ? UT_EXIT_INPUT : UT_EXIT_OK;
}

int ut_bench_accuracy(int argc, char **argv)
{
    struct ut_bench_accuracy b = { .settings = ut_settings_default(),
                                   .heard = { .limit = MAX_TEXT },
                                   .tokens = { .limit = MAX_TEXT } };
    const struct ut_option options[] = {
        { "model", 'm', UT_OPTION_TEXT, &b.settings.model, 0, 0, "MODEL", "name or path" },
        { "beam", 0, UT_OPTION_INT, &b.settings.beam, 1, 16, "N", "beams; 1: greedy" },
        { "threads", 't', UT_OPTION_INT, &b.settings.n_threads, 0, 64, "N",
          "threads; 0: one per core" },
        { "temperature", 0, UT_OPTION_NUMBER, &b.settings.temperature, 0, 2, "T",
          "this temperature alone, no fallback" },
        { "condition", 0, UT_OPTION_FLAG, &b.settings.condition, 0, 0, NULL,
          "prompt each window with the text before it" },
        { "timestamps", 0, UT_OPTION_FLAG, &b.settings.timestamps, 0, 0, NULL,
          "let the model place segments" },
        { "language", 0, UT_OPTION_TEXT, &b.settings.language, 0, 0, "CODE",
          "only recordings in this language" },
        { "kind", 0, UT_OPTION_TEXT, &b.kind, 0, 0, "KIND", "only recordings of this kind" },
        { "limit", 0, UT_OPTION_INT, &b.limit, 0, 1e9, "N", "the first N of them; 0: all" },
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
        { "arithmetic", 0, UT_OPTION_TEXT, &b.settings.arithmetic, 0, 0, "KIND",
          "auto, or float: quantised weights are unpacked, inputs stay floats" },
        { "tokens", 0, UT_OPTION_TEXT, &b.tokens_path, 0, 0, "FILE",
          "write the tokens of each recording" },
        { "against", 0, UT_OPTION_TEXT, &b.against_path, 0, 0, "FILE",
          "count how far the tokens are from those in FILE" },
        { "each", 0, UT_OPTION_FLAG, &b.each, 0, 0, NULL, "a line a recording on standard error" },
        { "json", 0, UT_OPTION_FLAG, &b.json, 0, 0, NULL, "figures as JSON" },
    };
    struct ut_error err = { 0 };
    int n = 0;

    b.settings.word_times = false;
    enum ut_status st =
        ut_options_parse(&usage, options, sizeof options / sizeof options[0], argc, argv, &n, &err);
    if (st == UT_END)
        return UT_EXIT_OK;
    if (st == UT_OK && n != 1)
        st = ut_error_set(&err, UT_EINVAL, "%d manifests given, one is needed", n);
    if (st == UT_OK)
        st = ut_settings_check(&b.settings, &err);
    if (st != UT_OK)
        return ut_cmd_fail(UT_EXIT_USAGE, "bench accuracy: %s", err.text);
    ut_interrupt_install();
    int code = run_bench(&b, argv[0]);
    ut_offline_close(&b.offline);
    ut_spelling_close(b.spelling);
    ut_manifest_close(&b.manifest);
    ut_buffer_finish(&b.heard);
    ut_buffer_finish(&b.tokens);
    ut_token_lists_close(&b.against);
    if (b.tokens_file && fclose(b.tokens_file) != 0)
        code = ut_cmd_fail(UT_EXIT_OTHER, "%s: cannot be written", b.tokens_path);
    return code;
}
