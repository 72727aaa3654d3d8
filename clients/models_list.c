/* `utter models list` and `utter models show`. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "clients/command.h"
#include "clients/models.h"
#include "clients/options.h"
#include "compute/gguf.h"
#include "models/fetch.h"
#include "stream/catalog.h"

/* A line of the list. */
struct row {
    const char *name;
    const char *type;
    const char *licence;
    const char *path;
    bool present;
};

static const char *const types[] = { "q8_0", "f32", "f16", "bf16", "q5_1", "q5_0", "q4_1", "q4_0" };

#define N_TYPES (sizeof types / sizeof types[0])

static unsigned long long size_of(const char *path)
{
    struct stat sb;

    return stat(path, &sb) == 0 ? (unsigned long long)sb.st_size : 0;
}

static void put_row(struct ut_json_writer *json, const struct row *row)
{
    char size[16] = "-";

    if (json) {
        ut_json_open_object(json, NULL);
        ut_json_put_string(json, "name", row->name);
        ut_json_put_string(json, "path", row->path);
        ut_json_put_string(json, "type", row->type);
        ut_json_put_bool(json, "present", row->present);
        ut_json_put_i64(json, "bytes", (int64_t)size_of(row->path));
        ut_json_put_string(json, "licence", row->licence);
        ut_json_close(json);
        return;
    }
    if (row->present)
        ut_models_size(size, size_of(row->path));
    printf("%-20s %-7s %10s  %-8s %-11s %s\n", row->name, row->type, size,
           row->present ? "present" : "missing", row->licence, row->path);
}

/* A type other than the usual one is called NAME-TYPE, as `--model` takes it. */
static void list_whisper(struct ut_json_writer *json, const struct ut_pin *pin, const char *cache)
{
    bool any = false;

    for (size_t i = 0; i <= N_TYPES; i++) {
        const char *type = types[i % N_TYPES]; /* the usual one once more, when there is none */
        struct ut_buffer path = { .limit = 4096 }, name = { .limit = 256 };
        bool present = ut_pin_present(pin, cache, type);

        if ((i < N_TYPES ? present : !any) && ut_pin_output(&path, pin, cache, type, 0) == UT_OK &&
            ut_buffer_printf(&name, "%s%s%s", pin->name, i % N_TYPES ? "-" : "",
                             i % N_TYPES ? type : "") == UT_OK)
            put_row(json, &(struct row){ ut_buffer_text(&name), type, pin->licence,
                                         ut_buffer_text(&path), present });
        any = any || present;
        ut_buffer_finish(&path);
        ut_buffer_finish(&name);
    }
}

static void list_other(struct ut_json_writer *json, const struct ut_pin *pin, const char *cache)
{
    const char *type = pin->kind == UT_PIN_SAMPLES ? "wav"
                       : pin->kind == UT_PIN_VAD   ? "f32"
                                                   : "gguf";

    for (size_t i = 0; i < ut_pin_n_outputs(pin); i++) {
        struct ut_buffer path = { .limit = 4096 };
        if (ut_pin_output(&path, pin, cache, NULL, i) == UT_OK)
            put_row(json, &(struct row){ pin->kind == UT_PIN_SAMPLES ? pin->files[i].as : pin->name,
                                         type, pin->licence, ut_buffer_text(&path),
                                         size_of(ut_buffer_text(&path)) > 0 });
        ut_buffer_finish(&path);
    }
}

static bool is_pinned(const char *path, const char *cache)
{
    bool same = false;

    for (size_t p = 0; p < ut_n_pins && !same; p++) {
        for (size_t i = 0; i < N_TYPES && !same; i++) {
            struct ut_buffer out = { .limit = 4096 };
            same = ut_pins[p].kind != UT_PIN_SAMPLES &&
                   ut_pin_output(&out, &ut_pins[p], cache, types[i], 0) == UT_OK &&
                   strcmp(ut_buffer_text(&out), path) == 0;
            ut_buffer_finish(&out);
        }
    }
    return same;
}

/* Files that the user put there. */
static void list_unpinned(struct ut_json_writer *json, const char *cache)
{
    struct ut_buffer folder = { .limit = 4096 };
    struct dirent *entry;
    DIR *dir = ut_buffer_printf(&folder, "%s/models", cache) == UT_OK
                   ? opendir(ut_buffer_text(&folder))
                   : NULL;

    while (dir && (entry = readdir(dir))) {
        struct ut_buffer path = { .limit = 4096 };
        const char *dot = strrchr(entry->d_name, '.');
        if (dot && strcmp(dot, ".gguf") == 0 &&
            ut_buffer_printf(&path, "%s/%s", ut_buffer_text(&folder), entry->d_name) == UT_OK &&
            !is_pinned(ut_buffer_text(&path), cache))
            put_row(json, &(struct row){ entry->d_name, "gguf", "-", ut_buffer_text(&path), true });
        ut_buffer_finish(&path);
    }
    if (dir)
        closedir(dir);
    ut_buffer_finish(&folder);
}

static enum ut_status list_all(bool as_json, struct ut_error *err)
{
    struct ut_buffer cache = { .limit = 4096 }, text = { .limit = 1 << 20 };
    struct ut_json_writer writer = { .out = &text };
    struct ut_json_writer *json = as_json ? &writer : NULL;
    enum ut_status st = ut_catalog_cache(&cache, NULL, err);

    if (json)
        ut_json_open_array(json, NULL);
    for (size_t i = 0; i < ut_n_pins && st == UT_OK; i++) {
        if (ut_pins[i].kind == UT_PIN_WHISPER)
            list_whisper(json, &ut_pins[i], ut_buffer_text(&cache));
        else
            list_other(json, &ut_pins[i], ut_buffer_text(&cache));
    }
    if (st == UT_OK)
        list_unpinned(json, ut_buffer_text(&cache));
    if (st == UT_OK && json) {
        ut_json_close(json);
        st = ut_json_end(json);
        if (st == UT_OK)
            puts(ut_buffer_text(&text));
        else
            ut_error_set(err, st, "the list is too long");
    }
    ut_buffer_finish(&cache);
    ut_buffer_finish(&text);
    return st;
}

int ut_models_cmd_list(int argc, char **argv)
{
    bool json = false;
    const struct ut_option options[] = {
        { "json", 0, UT_OPTION_FLAG, &json, 0, 0, NULL, "as a JSON array" },
    };
    const struct ut_usage usage = { "utter models list [--json]",
                                    "Models and recordings: name, type, size, licence, path.",
                                    NULL };
    struct ut_error err = { 0 };
    int n = 0;
    enum ut_status st = ut_options_parse(&usage, options, 1, argc, argv, &n, &err);

    if (st == UT_END)
        return UT_EXIT_OK;
    if (st == UT_OK && n)
        st = ut_error_set(&err, UT_EINVAL, "list takes no names ('%s')", argv[0]);
    if (st == UT_OK)
        st = list_all(json, &err);
    return st == UT_OK ? UT_EXIT_OK : ut_cmd_fail(ut_models_exit(st), "models: %s", err.text);
}

static void show_keys(const struct ut_gguf *g)
{
    char value[1024];

    for (size_t i = 0; i < ut_gguf_n_keys(g); i++) {
        if (ut_gguf_print_value(g, i, value, sizeof value) != UT_OK)
            snprintf(value, sizeof value, "(long)");
        printf("%-44s %s\n", ut_gguf_key(g, i), value);
    }
}

static void show_tensors(const struct ut_gguf *g)
{
    for (size_t i = 0; i < ut_gguf_n_tensors(g); i++) {
        const struct ut_tensor *t = ut_gguf_tensor(g, i);
        char shape[96];
        size_t n = 0;

        for (int k = 0; k < t->n_dims && n < sizeof shape; k++)
            n += (size_t)snprintf(shape + n, sizeof shape - n, "%s%zu", k ? ", " : "", t->dims[k]);
        printf("%-44s %-5s %12zu B  [%s]\n", t->name, ut_dtype_name(t->dtype), t->n_bytes, shape);
    }
}

/* How many tensors and bytes there are of each type. */
static void show_sums(const struct ut_gguf *g)
{
    for (unsigned type = 0; type < 64; type++) {
        unsigned long long n_bytes = 0;
        size_t n = 0;
        char size[16];

        for (size_t i = 0; i < ut_gguf_n_tensors(g); i++) {
            const struct ut_tensor *t = ut_gguf_tensor(g, i);
            if ((unsigned)t->dtype == type) {
                n++;
                n_bytes += t->n_bytes;
            }
        }
        if (n)
            printf("%-5s %5zu tensors %12s\n", ut_dtype_name((enum ut_dtype)type), n,
                   ut_models_size(size, n_bytes));
    }
}

int ut_models_cmd_show(int argc, char **argv)
{
    const struct ut_usage usage = { "utter models show NAME|PATH",
                                    "Keys, tensors and sizes of a GGUF file.",
                                    "utter models show base\n" };
    struct ut_buffer path = { .limit = 4096 };
    struct ut_gguf *g = NULL;
    struct ut_error err = { 0 };
    char size[16];
    int n = 0;
    enum ut_status st = ut_options_parse(&usage, NULL, 0, argc, argv, &n, &err);

    if (st == UT_END)
        return UT_EXIT_OK;
    if (st == UT_OK && n != 1)
        st = ut_error_set(&err, UT_EINVAL, "show takes one name or path, not %d", n);
    if (st == UT_OK)
        st = ut_models_path(&path, argv[0], &err);
    if (st == UT_OK)
        st = ut_gguf_open(&g, ut_buffer_text(&path), &err);
    if (st == UT_OK) {
        printf("%s: %s, %zu keys, %zu tensors\n\n", ut_gguf_path(g),
               ut_models_size(size, size_of(ut_gguf_path(g))), ut_gguf_n_keys(g),
               ut_gguf_n_tensors(g));
        show_keys(g);
        putchar('\n');
        show_tensors(g);
        putchar('\n');
        show_sums(g);
    }
    ut_gguf_close(g);
    ut_buffer_finish(&path);
    return st == UT_OK ? UT_EXIT_OK : ut_cmd_fail(ut_models_exit(st), "models: %s", err.text);
}
