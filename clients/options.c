#include "clients/options.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const standing_help = "  -h, --help              this help\n";

static void print_default(FILE *f, const struct ut_option *o)
{
    if (o->kind == UT_OPTION_INT && *(const int *)o->to != 0)
        fprintf(f, " [%d]", *(const int *)o->to);
    else if (o->kind == UT_OPTION_NUMBER && isfinite(*(const double *)o->to))
        fprintf(f, " [%g]", *(const double *)o->to);
    else if (o->kind == UT_OPTION_TEXT && *(const char *const *)o->to)
        fprintf(f, " [%s]", *(const char *const *)o->to);
    else if (o->kind == UT_OPTION_FLAG && *(const bool *)o->to)
        fprintf(f, " [on; --no-%s]", o->name);
}

void ut_options_help(FILE *f, const struct ut_usage *usage, const struct ut_option *options,
                     size_t n_options)
{
    fprintf(f, "Usage: %s\n\n%s\n\n", usage->synopsis, usage->about);
    for (size_t i = 0; i < n_options; i++) {
        const struct ut_option *o = &options[i];
        char left[64];

        if (!o->name) {
            fprintf(f, "%s%s\n", i ? "\n" : "", o->help);
            continue;
        }
        snprintf(left, sizeof left, "%c%c%c --%s%s%s", o->letter ? '-' : ' ',
                 o->letter ? o->letter : ' ', o->letter ? ',' : ' ', o->name, o->value ? " " : "",
                 o->value ? o->value : "");
        fprintf(f, "  %-24s%s%s", left, strlen(left) >= 24 ? " " : "", o->help);
        print_default(f, o);
        fputc('\n', f);
    }
    fputs(standing_help, f);
    if (usage->examples)
        fprintf(f, "\nExamples:\n%s", usage->examples);
}

static enum ut_status set_number(const struct ut_option *o, const char *text, struct ut_error *err)
{
    char *end;

    errno = 0;
    double v = strtod(text, &end);
    bool whole = o->kind == UT_OPTION_NUMBER || v == trunc(v);
    if (end == text || *end || errno || !(v >= o->min && v <= o->max) || !whole)
        return ut_error_set(err, UT_EINVAL, "--%s: '%s' is not a %snumber from %g to %g", o->name,
                            text, o->kind == UT_OPTION_INT ? "whole " : "", o->min, o->max);
    if (o->kind == UT_OPTION_INT)
        *(int *)o->to = (int)v;
    else
        *(double *)o->to = v;
    return UT_OK;
}

static enum ut_status set_value(const struct ut_option *o, const char *text, struct ut_error *err)
{
    if (o->kind == UT_OPTION_INT || o->kind == UT_OPTION_NUMBER)
        return set_number(o, text, err);
    if (o->kind == UT_OPTION_TEXT) {
        *(const char **)o->to = text;
        return UT_OK;
    }
    struct ut_option_list *list = o->to;
    if (list->n == UT_OPTION_LIST_MAX)
        return ut_error_set(err, UT_EINVAL, "--%s: given more than %d times", o->name,
                            UT_OPTION_LIST_MAX);
    list->values[list->n++] = text;
    return UT_OK;
}

/* The option that `arg` names; *off is set for --no-flag, *value to what follows a '='. */
static const struct ut_option *find_option(const struct ut_option *options, size_t n_options,
                                           const char *arg, bool *off, const char **value)
{
    bool is_long = arg[1] == '-';
    const char *name = arg + (is_long ? 2 : 1);
    size_t n = strcspn(name, "=");

    *off = false;
    *value = is_long && name[n] ? name + n + 1 : NULL;
    for (size_t i = 0; i < n_options; i++) {
        const struct ut_option *o = &options[i];

        if (!o->name)
            continue;
        if (!is_long) {
            if (o->letter && o->letter == name[0] && !name[1])
                return o;
            continue;
        }
        if (strlen(o->name) == n && memcmp(o->name, name, n) == 0)
            return o;
        if (o->kind == UT_OPTION_FLAG && strncmp(name, "no-", 3) == 0 &&
            strcmp(o->name, name + 3) == 0) {
            *off = true;
            return o;
        }
    }
    return NULL;
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    }
    return false;
}

/* Takes the option at argv[*i], and the value after it where it needs one. */
static enum ut_status take_option(const struct ut_option *options, size_t n_options, int argc,
                                  char **argv, int *i, struct ut_error *err)
{
    bool off;
    const char *value;
    const char *arg = argv[*i];
    const struct ut_option *o = find_option(options, n_options, arg, &off, &value);

    if (!o)
        return ut_error_set(err, UT_EINVAL, "unknown option '%s' (--help lists them)", arg);
    if (o->kind == UT_OPTION_FLAG) {
        if (value)
            return ut_error_set(err, UT_EINVAL, "--%s takes no value, not '%s'", o->name, value);
        *(bool *)o->to = !off;
        return UT_OK;
    }
    if (!value) {
        if (*i + 1 >= argc)
            return ut_error_set(err, UT_EINVAL, "--%s needs a value (%s)", o->name,
                                o->value ? o->value : "VALUE");
        value = argv[++*i];
    }
    return set_value(o, value, err);
}

enum ut_status ut_options_parse(const struct ut_usage *usage, const struct ut_option *options,
                                size_t n_options, int argc, char **argv, int *n_rest,
                                struct ut_error *err)
{
    int n = 0;
    bool only_arguments = false;

    if (wants_help(argc, argv)) {
        ut_options_help(stdout, usage, options, n_options);
        return UT_END;
    }
    for (int i = 1; i < argc; i++) {
        if (only_arguments || argv[i][0] != '-' || !argv[i][1]) {
            argv[n++] = argv[i];
        } else if (strcmp(argv[i], "--") == 0) {
            only_arguments = true;
        } else {
            enum ut_status st = take_option(options, n_options, argc, argv, &i, err);
            if (st != UT_OK)
                return st;
        }
    }
    *n_rest = n;
    return UT_OK;
}
