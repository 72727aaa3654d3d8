/*
 * What the parts of `utter bench accuracy` share. Private to clients/bench_accuracy*.c:
 * bench_accuracy.c        options, recordings through the recognizer, errors counted
 * bench_accuracy_report.c JSON and the table
 */
#ifndef UT_CLIENTS_BENCH_ACCURACY_H
#define UT_CLIENTS_BENCH_ACCURACY_H

#include <stdio.h>

#include "clients/manifest.h"
#include "clients/offline.h"
#include "clients/spelling.h"
#include "clients/token_lists.h"
#include "clients/word_errors.h"

#define UT_BENCH_MAX_GROUPS 64

struct ut_bench_group {
    const char *name;
    size_t n_files;
    struct ut_word_errors errors;
    double silent_s; /* audio of recordings in which nothing is said */
    size_t n_heard;  /* words heard there */
};

struct ut_bench_groups {
    struct ut_bench_group list[UT_BENCH_MAX_GROUPS];
    size_t n;
};

struct ut_bench_accuracy {
    struct ut_settings settings;
    bool json;
    bool each;
    int limit;
    const char *kind;
    struct ut_manifest manifest;
    struct ut_offline offline;
    struct ut_spelling *spelling;
    struct ut_bench_group english;
    struct ut_bench_groups kinds;
    struct ut_bench_groups languages;
    struct ut_buffer heard;
    const char *tokens_path;  /* NULL, or where the tokens of every recording go */
    const char *against_path; /* NULL, or the tokens that another run wrote */
    FILE *tokens_file;
    struct ut_token_lists against;
    struct ut_buffer tokens;         /* of one recording, in decimal */
    struct ut_word_errors agreement; /* tokens as words */
    size_t n_compared;               /* recordings that the other run has */
    size_t n_same;
    double audio_s;
    size_t n_failed;
};

/* To standard output. Errors: UT_ENOMEM, UT_ELIMIT. */
UT_NODISCARD enum ut_status ut_bench_accuracy_json(const struct ut_bench_accuracy *b,
                                                   double seconds);
void ut_bench_accuracy_table(const struct ut_bench_accuracy *b, double seconds);

#endif
