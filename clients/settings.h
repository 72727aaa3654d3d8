/*
 * What `utter caption` and `utter mic` can be told, with its defaults and its table of options.
 * Values only; texts point into argv.
 */
#ifndef UT_CLIENTS_SETTINGS_H
#define UT_CLIENTS_SETTINGS_H

#include "clients/options.h"
#include "clients/writer.h"

struct ut_settings {
    bool live;
    double speed;
    const char *format_name;
    enum ut_format format;
    struct ut_option_list outputs;
    const char *language; /* "auto" or a code or name */
    bool translate;
    const char *prompt;
    struct ut_option_list terms;
    const char *terms_path;
    double term_begin;
    double term_go_on;
    const char *model;
    const char *vad;
    int n_threads;          /* 0: one per core */
    const char *arithmetic; /* auto, or float: no int8 in linear layers (bench) */
    int beam;
    double temperature; /* NAN: Whisper's own ladder */
    bool timestamps;
    bool condition;
    bool word_times;
    bool tokens;
    bool stats;
    int step_ms;
    const char *policy; /* live: when words are committed */
    const char *color;
    int max_line;
    int max_lines;
    const char *device; /* mic */
    bool list_devices;  /* mic */
    double seconds;     /* mic: stop after; 0: never */
};

#define UT_SETTINGS_MAX_OPTIONS 48

struct ut_settings ut_settings_default(void);

/* Fills `table` for `caption` (mic false) or `mic`; returns how many. */
size_t ut_settings_options(struct ut_settings *s, bool mic,
                           struct ut_option table[UT_SETTINGS_MAX_OPTIONS]);

/* Checks what the table cannot: format, language, colour. Errors: UT_EINVAL. */
UT_NODISCARD enum ut_status ut_settings_check(struct ut_settings *s, struct ut_error *err);

#endif
