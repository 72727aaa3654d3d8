#include "clients/settings.h"

#include <math.h>
#include <string.h>

#include "asr/bias.h"
#include "asr/tokens.h"
#include "stream/prompt.h"

struct ut_settings ut_settings_default(void)
{
    return (struct ut_settings){
        .speed = 1,
        .format_name = "text",
        .language = "auto",
        .model = "base",
        .vad = "silero",
        .arithmetic = "auto",
        .term_begin = UT_ASR_BIAS_BEGIN,
        .term_go_on = UT_ASR_BIAS_GO_ON,
        .beam = 5,
        .temperature = (double)NAN,
        .timestamps = true,
        .condition = true,
        .word_times = true,
        .step_ms = 0,
        .policy = "evidence",
        .color = "auto",
        .max_line = 42,
        .max_lines = 2,
    };
}

static size_t add(struct ut_option *table, size_t n, const struct ut_option *options, size_t m)
{
    memcpy(table + n, options, m * sizeof *options);
    return n + m;
}

static size_t add_live(struct ut_settings *s, bool mic, struct ut_option *table, size_t n)
{
    const struct ut_option file[] = {
        { .help = "Live:" },
        { "live", 'l', UT_OPTION_FLAG, &s->live, 0, 0, NULL,
          "caption the file as a live stream, paced in real time" },
        { "speed", 0, UT_OPTION_NUMBER, &s->speed, 0.1, 1000, "X",
          "with --live: X times faster than real time" },
    };
    const struct ut_option device[] = {
        { .help = "Microphone:" },
        { "list-devices", 'L', UT_OPTION_FLAG, &s->list_devices, 0, 0, NULL,
          "list the input devices and end" },
        { "device", 'd', UT_OPTION_TEXT, &s->device, 0, 0, "N|NAME",
          "input device by number or part of its name; else the system's" },
        { "seconds", 0, UT_OPTION_NUMBER, &s->seconds, 0, 1e7, "S",
          "end after S seconds of audio; 0: on ctrl-C" },
    };
    const struct ut_option both[] = {
        { "step", 0, UT_OPTION_INT, &s->step_ms, 0, 5000, "MS",
          "how often the open words are decoded, ms; 0: the engine's choice" },
        { "policy", 0, UT_OPTION_TEXT, &s->policy, 0, 0, "NAME",
          "when words are committed: evidence, agreement, attention" },
        { "vad", 0, UT_OPTION_TEXT, &s->vad, 0, 0, "MODEL", "voice activity model" },
    };

    n = mic ? add(table, n, device, sizeof device / sizeof device[0])
            : add(table, n, file, sizeof file / sizeof file[0]);
    return add(table, n, both, sizeof both / sizeof both[0]);
}

static size_t add_recognition(struct ut_settings *s, bool mic, struct ut_option *table, size_t n)
{
    const struct ut_option both[] = {
        { .help = "Recognition:" },
        { "model", 'm', UT_OPTION_TEXT, &s->model, 0, 0, "MODEL",
          "base, tiny.en, another name in the cache, or a path" },
        { "language", 0, UT_OPTION_TEXT, &s->language, 0, 0, "CODE",
          "language spoken: auto, or a code or name (de, german)" },
        { "translate", 0, UT_OPTION_FLAG, &s->translate, 0, 0, NULL, "translate to English" },
        { "prompt", 0, UT_OPTION_TEXT, &s->prompt, 0, 0, "TEXT",
          "text that goes before, for its style and names" },
        { "term", 0, UT_OPTION_LIST, &s->terms, 0, 0, "WORD",
          "a name or word to expect, written so; repeatable" },
        { "terms", 0, UT_OPTION_TEXT, &s->terms_path, 0, 0, "FILE", "the same, one a line" },
        { "threads", 't', UT_OPTION_INT, &s->n_threads, 0, 64, "N", "threads; 0: one per core" },
    };
    const struct ut_option file[] = {
        { "beam", 0, UT_OPTION_INT, &s->beam, 1, 16, "N", "beams; 1: greedy (whole files)" },
        { "temperature", 0, UT_OPTION_NUMBER, &s->temperature, 0, 2, "T",
          "sample at T alone; else 0, then 0.2 to 1 where decoding fails" },
        { "timestamps", 0, UT_OPTION_FLAG, &s->timestamps, 0, 0, NULL,
          "let the model place segments by time tokens" },
        { "condition", 0, UT_OPTION_FLAG, &s->condition, 0, 0, NULL,
          "prompt each window with the text before it" },
    };

    n = add(table, n, both, sizeof both / sizeof both[0]);
    return mic ? n : add(table, n, file, sizeof file / sizeof file[0]);
}

static size_t add_output(struct ut_settings *s, bool mic, struct ut_option *table, size_t n)
{
    const struct ut_option both[] = {
        { .help = "Output:" },
        { "format", 'f', UT_OPTION_TEXT, &s->format_name, 0, 0, "FORMAT",
          "text, srt, vtt, json or jsonl" },
        { "output", 'o', UT_OPTION_LIST, &s->outputs, 0, 0, "FILE",
          "write here, in the format that its name ends in; repeatable" },
        { "word-times", 0, UT_OPTION_FLAG, &s->word_times, 0, 0, NULL, "words with times in json" },
        { "tokens", 0, UT_OPTION_FLAG, &s->tokens, 0, 0, NULL, "token ids in json" },
        { "max-line", 0, UT_OPTION_INT, &s->max_line, 10, UT_CUE_MAX_COLUMNS, "N",
          "columns of a subtitle line" },
        { "max-lines", 0, UT_OPTION_INT, &s->max_lines, 1, UT_CUE_MAX_LINES, "N",
          "lines of a subtitle" },
        { "color", 0, UT_OPTION_TEXT, &s->color, 0, 0, "WHEN",
          "colours: auto, always or never; NO_COLOR counts" },
    };
    const struct ut_option file[] = {
        { "stats", 0, UT_OPTION_FLAG, &s->stats, 0, 0, NULL,
          "where the time went: a JSON line a file on standard error" },
    };

    n = add(table, n, both, sizeof both / sizeof both[0]);
    return mic ? n : add(table, n, file, sizeof file / sizeof file[0]);
}

size_t ut_settings_options(struct ut_settings *s, bool mic,
                           struct ut_option table[UT_SETTINGS_MAX_OPTIONS])
{
    size_t n = add_live(s, mic, table, 0);

    n = add_recognition(s, mic, table, n);
    return add_output(s, mic, table, n);
}

enum ut_status ut_settings_check(struct ut_settings *s, struct ut_error *err)
{
    s->format = ut_format_find(s->format_name);
    if (s->format == UT_N_FORMATS)
        return ut_error_set(err, UT_EINVAL, "--format: '%s' is none of text, srt, vtt, json, jsonl",
                            s->format_name);
    if (strcmp(s->language, "auto") != 0 && ut_asr_language_find(s->language) < 0)
        return ut_error_set(err, UT_EINVAL, "--language: '%s' is no language that Whisper knows",
                            s->language);
    if (s->prompt && ut_prompt_check(s->prompt, err))
        return UT_EINVAL;
    if (strcmp(s->color, "auto") != 0 && strcmp(s->color, "always") != 0 &&
        strcmp(s->color, "never") != 0)
        return ut_error_set(err, UT_EINVAL, "--color: '%s' is none of auto, always, never",
                            s->color);
    if (strcmp(s->arithmetic, "auto") != 0 && strcmp(s->arithmetic, "float") != 0)
        return ut_error_set(err, UT_EINVAL, "--arithmetic: '%s' is none of auto, float",
                            s->arithmetic);
    return UT_OK;
}
