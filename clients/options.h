/*
 * Command-line options described once, in a table that parses them and prints their help.
 *
 * --name VALUE, --name=VALUE, -n VALUE, --flag, --no-flag, and -- before names that begin with a
 * dash. "-" alone is an argument. Main thread; texts point into argv.
 */
#ifndef UT_CLIENTS_OPTIONS_H
#define UT_CLIENTS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/status.h"

#define UT_OPTION_LIST_MAX 64

struct ut_option_list {
    const char *values[UT_OPTION_LIST_MAX];
    size_t n;
};

enum ut_option_kind {
    UT_OPTION_FLAG,   /* bool */
    UT_OPTION_INT,    /* int in [min, max] */
    UT_OPTION_NUMBER, /* double in [min, max] */
    UT_OPTION_TEXT,   /* const char * */
    UT_OPTION_LIST    /* struct ut_option_list; the option may be repeated */
};

struct ut_option {
    const char *name; /* without dashes; NULL makes `help` a heading */
    char letter;      /* 0: none */
    enum ut_option_kind kind;
    void *to; /* holds the default beforehand */
    double min;
    double max;
    const char *value; /* how help calls the value: "FILE" */
    const char *help;
};

struct ut_usage {
    const char *synopsis; /* "utter caption [OPTION...] FILE..." */
    const char *about;
    const char *examples; /* lines, or NULL */
};

/*
 * Reads argv[1..argc) into the table's targets and moves the arguments that are no options to
 * argv[0..*n_rest). UT_END: --help was asked for and printed to standard output. Errors: UT_EINVAL
 * (names the option and the value).
 */
UT_NODISCARD enum ut_status ut_options_parse(const struct ut_usage *usage,
                                             const struct ut_option *options, size_t n_options,
                                             int argc, char **argv, int *n_rest,
                                             struct ut_error *err);

void ut_options_help(FILE *f, const struct ut_usage *usage, const struct ut_option *options,
                     size_t n_options);

#endif
