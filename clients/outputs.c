#include "clients/outputs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"

#define MAX_PATH 8192

bool ut_outputs_is_directory(const char *path)
{
    struct stat sb;
    size_t n = strlen(path);

    return (n && path[n - 1] == '/') || (stat(path, &sb) == 0 && S_ISDIR(sb.st_mode));
}

/* The format that a file name ends in, else the one chosen by --format. */
static enum ut_format format_of(const char *path, enum ut_format otherwise)
{
    const char *dot = strrchr(path, '.');
    enum ut_format format = dot && !strchr(dot, '/') ? ut_format_find(dot + 1) : UT_N_FORMATS;

    return format == UT_N_FORMATS ? otherwise : format;
}

static enum ut_status name_in(struct ut_buffer *path, const char *directory, const char *input,
                              enum ut_format format)
{
    const char *base = strrchr(input, '/');
    size_t n = strlen(directory);

    base = base ? base + 1 : input;
    if (strcmp(base, "-") == 0)
        base = "stdin";
    const char *dot = strrchr(base, '.');
    int stem = dot && dot != base ? (int)(dot - base) : (int)strlen(base);
    return ut_buffer_printf(path, "%s%s%.*s.%s", directory, n && directory[n - 1] == '/' ? "" : "/",
                            stem, base, ut_format_name(format));
}

struct name {
    char *path; /* owned */
    const char *input;
};

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct name *)a)->path, ((const struct name *)b)->path);
}

static enum ut_status add_name(struct name *to, const struct ut_settings *s, const char *where,
                               const char *input)
{
    struct ut_buffer path = { .limit = MAX_PATH };
    enum ut_status st = strcmp(where, "-") != 0 && ut_outputs_is_directory(where)
                            ? name_in(&path, where, input, s->format)
                            : ut_buffer_printf(&path, "%s", where);

    if (st == UT_OK) {
        *to = (struct name){ ut_strdup(ut_buffer_text(&path)), input };
        st = to->path ? UT_OK : UT_ENOMEM;
    }
    ut_buffer_finish(&path);
    return st;
}

enum ut_status ut_outputs_check(const struct ut_settings *s, char *const *inputs, size_t n_inputs,
                                struct ut_error *err)
{
    size_t n_names = 0;
    struct name *names = ut_calloc(n_inputs, s->outputs.n * sizeof *names);
    enum ut_status st = names ? UT_OK : UT_ENOMEM;

    for (size_t i = 0; i < n_inputs && st == UT_OK; i++) {
        for (size_t o = 0; o < s->outputs.n && st == UT_OK; o++) {
            st = add_name(&names[n_names], s, s->outputs.values[o], inputs[i]);
            n_names += st == UT_OK;
        }
    }
    if (st != UT_OK)
        ut_error_set(err, st, "--output: too long a name, or out of memory");
    if (n_names > 1)
        qsort(names, n_names, sizeof *names, by_path);
    for (size_t i = 1; i < n_names && st == UT_OK; i++) {
        if (strcmp(names[i - 1].path, names[i].path) == 0)
            st = ut_error_set(err, UT_EINVAL, "--output: %s and %s would both be %s",
                              names[i - 1].input, names[i].input, names[i].path);
    }
    for (size_t i = 0; i < n_names; i++)
        ut_free(names[i].path);
    ut_free(names);
    return st;
}

/* Opening an output empties it: the recording itself must not be one, by whatever name. */
static enum ut_status refuse_input(const char *path, const char *input, struct ut_error *err)
{
    struct stat out, in;

    if (strcmp(path, "-") == 0 || stat(path, &out) != 0 || !S_ISREG(out.st_mode) ||
        stat(input, &in) != 0 || in.st_dev != out.st_dev || in.st_ino != out.st_ino)
        return UT_OK;
    return ut_error_set(err, UT_EINVAL, "%s: not written: it is the recording %s", path, input);
}

static enum ut_status open_writer(struct ut_outputs *o, const struct ut_settings *s,
                                  const char *where, const char *input, bool several,
                                  struct ut_error *err)
{
    struct ut_buffer path = { .limit = MAX_PATH };
    struct ut_writer_options options = {
        .format = s->format,
        .max_line = (size_t)s->max_line,
        .max_lines = (size_t)s->max_lines,
        .word_times = s->word_times,
        .file = several ? input : NULL,
    };
    enum ut_status st;

    if (strcmp(where, "-") != 0 && ut_outputs_is_directory(where)) {
        st = name_in(&path, where, input, s->format);
    } else {
        options.format = strcmp(where, "-") == 0 ? s->format : format_of(where, s->format);
        st = ut_buffer_printf(&path, "%s", where);
    }
    if (st != UT_OK)
        ut_error_set(err, st, "%s: too long a name, or out of memory", where);
    if (st == UT_OK)
        st = refuse_input(ut_buffer_text(&path), input, err);
    if (st == UT_OK)
        st = ut_writer_open(&o->writers[o->n_writers], ut_buffer_text(&path), &options, err);
    if (st == UT_OK)
        o->n_writers++;
    ut_buffer_finish(&path);
    return st;
}

enum ut_status ut_outputs_open(struct ut_outputs *out, const struct ut_settings *s,
                               const char *input, bool several, struct ut_error *err)
{
    struct ut_outputs o = { .marked = -1 };
    bool seen = isatty(STDOUT_FILENO) && s->format == UT_FORMAT_TEXT;
    enum ut_status st = UT_OK;

    for (size_t i = 0; i < s->outputs.n && st == UT_OK; i++)
        st = open_writer(&o, s, s->outputs.values[i], input, several, err);
    if (st == UT_OK && seen) {
        bool color = ut_terminal_wants_color(s->color, STDOUT_FILENO);
        st = ut_terminal_create(&o.terminal, STDOUT_FILENO, color);
        if (st != UT_OK)
            ut_error_set(err, st, "terminal: out of memory");
    } else if (st == UT_OK && s->outputs.n == 0) {
        st = open_writer(&o, s, "-", input, several, err);
    }
    if (st != UT_OK) {
        ut_outputs_close(&o);
        return st;
    }
    *out = o;
    return UT_OK;
}

static void mark_line(struct ut_outputs *o, double start)
{
    char mark[32];
    long s = start > 0 ? (long)start : 0;

    if (s >= 3600)
        snprintf(mark, sizeof mark, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(mark, sizeof mark, "%ld:%02ld", s / 60, s % 60);
    ut_terminal_mark(o->terminal, mark);
    o->marked = start;
}

static void show_event(struct ut_outputs *o, const struct ut_caption_event *event)
{
    const struct ut_caption_segment *segment = &event->segment;

    if (event->type == UT_CAPTION_UNSTABLE) {
        snprintf(o->tail, sizeof o->tail, "%s", segment->text);
        if (o->marked < 0 && segment->text[0])
            mark_line(o, segment->start);
    } else {
        size_t first = event->type == UT_CAPTION_FINAL ? o->n_shown : 0;
        for (size_t i = first; i < segment->n_words; i++) {
            if (o->marked < 0)
                mark_line(o, segment->words[i].start);
            ut_terminal_commit(o->terminal, segment->words[i].text, segment->words[i].space);
            o->n_shown++;
        }
        o->tail[0] = '\0';
    }
    if (event->type == UT_CAPTION_FINAL) {
        ut_terminal_end_line(o->terminal);
        o->marked = -1;
        o->n_shown = 0;
    }
}

enum ut_status ut_outputs_event(struct ut_outputs *o, const struct ut_caption_event *event,
                                struct ut_error *err)
{
    enum ut_status st = UT_OK;

    for (size_t i = 0; i < o->n_writers && st == UT_OK; i++)
        st = ut_writer_event(o->writers[i], event, err);
    if (o->terminal)
        show_event(o, event);
    return st;
}

enum ut_status ut_outputs_stream(struct ut_outputs *o, const utter_stream_stats *stats, double wall,
                                 struct ut_error *err)
{
    enum ut_status st = UT_OK;

    for (size_t i = 0; i < o->n_writers && st == UT_OK; i++)
        st = ut_writer_stream(o->writers[i], stats, wall, err);
    return st;
}

void ut_outputs_status(struct ut_outputs *o, const char *status)
{
    if (o->terminal)
        ut_terminal_draw(o->terminal, o->tail, status);
}

enum ut_status ut_outputs_segment(struct ut_outputs *o, const struct ut_caption_segment *segment,
                                  struct ut_error *err)
{
    enum ut_status st = UT_OK;

    for (size_t i = 0; i < o->n_writers && st == UT_OK; i++)
        st = ut_writer_segment(o->writers[i], segment, err);
    if (o->terminal) {
        mark_line(o, segment->start);
        ut_terminal_commit(o->terminal, segment->text, true);
        ut_terminal_end_line(o->terminal);
    }
    return st;
}

enum ut_status ut_outputs_finish(struct ut_outputs *o, struct ut_error *err)
{
    enum ut_status st = UT_OK;

    for (size_t i = 0; i < o->n_writers; i++) {
        enum ut_status one = ut_writer_finish(o->writers[i], st == UT_OK ? err : NULL);
        if (st == UT_OK)
            st = one;
    }
    return st;
}

void ut_outputs_close(struct ut_outputs *o)
{
    for (size_t i = 0; i < o->n_writers; i++)
        ut_writer_close(o->writers[i]);
    ut_terminal_destroy(o->terminal);
    *o = (struct ut_outputs){ 0 };
}
