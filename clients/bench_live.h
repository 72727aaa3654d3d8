/*
 * What the parts of `utter bench live` share. Private to clients/bench_live*.c:
 * bench_live.c         options, the order of things
 * bench_live_streams.c recordings of a manifest joined to continuous streams, words timed
 * bench_live_run.c     a stream through a session on a simulated clock, or the engine in real time
 * bench_live_export.c  streams, words and events for others to play and score
 * bench_live_score.c   what was shown against what was said
 * bench_live_report.c  JSON, the table, the plot
 * bench_live_soak.c    a stream that is repeated for hours
 */
#ifndef UT_CLIENTS_BENCH_LIVE_H
#define UT_CLIENTS_BENCH_LIVE_H

#include <math.h>
#include <stdio.h>

#include "clients/display.h"
#include "clients/latency.h"
#include "clients/manifest.h"
#include "clients/offline.h"
#include "clients/spelling.h"
#include "clients/word_errors.h"
#include "clients/word_times.h"
#include "diarize/activity.h"
#include "stream/engine.h"
#include "stream/session.h"

#define UT_BENCH_RATE 16000
#define UT_BENCH_MAX_TEXT ((size_t)8 << 20)

/* One recording of a stream: a turn, with a pause behind it. */
struct ut_bench_turn {
    const struct ut_manifest_entry *entry;
    int64_t start; /* samples of the stream */
    int64_t end;
    size_t first_word;
    size_t n_words; /* normalised ones */
};

/* A reference word as normalised; a word that becomes two has both at the same time. */
struct ut_bench_word {
    char *text;
    int64_t start;
    int64_t end;
    bool timed;
};

struct ut_bench_stream {
    const char *name;
    const char *language;
    const char *kind;
    int language_index;
    float *pcm;
    size_t n;
    size_t capacity;
    struct ut_bench_turn *turns;
    size_t n_turns;
    struct ut_bench_word *words;
    size_t n_words;
    size_t words_capacity;
    struct ut_buffer reference;  /* as the manifest has it */
    struct ut_buffer word_lines; /* of its words with their times; see ut_bench_live_note_word() */
    /* what came of it */
    struct ut_buffer heard;
    struct ut_buffer offline;
    struct ut_display display;
    struct ut_session_stats stats;
    int64_t cpu_us;
    int64_t compute_us; /* by the wall */
};

/* Latencies of words: by the clock, and as if computing took no time. */
struct ut_bench_latency {
    struct ut_latency aware;
    struct ut_latency unaware;
};

struct ut_bench_figures {
    struct ut_bench_latency first_partial;
    struct ut_bench_latency commit;
    struct ut_bench_latency ttfs;
    struct ut_word_errors errors;
    struct ut_word_errors offline_errors;
    size_t n_streams;
    size_t n_turns;
    size_t n_turns_lost; /* turns with words of which none was committed */
    size_t n_reference;  /* words of the reference, normalised one by one */
    size_t n_timed;      /* of these, with a time */
    size_t n_matched;    /* of these, committed as they are */
    size_t n_final;      /* words committed where something is said */
    size_t n_changed;
    size_t n_erased;
    size_t n_nonspeech_words;
    size_t n_nonspeech_shown; /* unstable ones that went again */
    double nonspeech_s;
    double speech_s;
    int64_t speech_cpu_us;
    int64_t nonspeech_cpu_us;
    int64_t compute_us;
    struct ut_session_stats stats; /* sums */
    long rss_kb;
    /* a point a matched word, for the plot */
    double *at_s;
    double *commit_s;
    double *first_s;
    size_t n_points;
    size_t points_capacity;
};

/* A tenth of a stream that loops. */
struct ut_bench_tenth {
    struct ut_latency commit; /* from a word's end, by the model's own times */
    long rss_kb;              /* the most */
    int64_t cpu_us;           /* of the stream so far */
};

struct ut_bench_soak {
    struct ut_bench_tenth tenths[10];
    double last_s;
    int64_t last_audio;
    int64_t last_start;
    bool backward; /* some time went back */
};

enum ut_bench_clock { UT_BENCH_CLOCK_WALL, UT_BENCH_CLOCK_CPU, UT_BENCH_CLOCK_NONE };

struct ut_bench_live {
    struct ut_settings settings; /* model, vad, threads, language, step */
    struct ut_session_options session;
    struct ut_activity_options listening;
    const char *kind;
    const char *offline_model; /* "none": no whole-file decoding */
    const char *plot_path;
    const char *words_path; /* NULL, or where a line for each reference word goes */
    FILE *words_file;
    const char *events_path; /* NULL, or where a line for each event goes */
    FILE *events_file;
    const char *export_path; /* NULL, or the folder that gets the streams; nothing is run then */
    const char *clock_name;
    enum ut_bench_clock clock;
    bool json;
    bool each;
    bool joined;
    bool real_time;
    bool detect;
    double gap_s;
    double loop_min; /* 0, or all recordings are one stream that is repeated for so long */
    struct ut_bench_soak soak;
    int hold_ms;
    int fresh_ms;
    int pause_ms;
    int n_agree;
    int limit;
    struct ut_manifest manifest;
    struct ut_spelling *spelling;
    struct ut_bench_stream *streams;
    size_t n_streams;
    struct ut_bench_figures figures;
    /* what streams run with */
    struct ut_offline live; /* model and recognizer; empty in real time but for word times */
    struct ut_compute *vad_compute;
    struct ut_vad_model *vad_model;
    struct ut_vad *vad; /* for word times */
    struct ut_activity *activity;
    struct ut_mel *mel;
    float *window;
    struct ut_engine *engine;
    struct ut_asr_bias *engine_bias; /* of its model's tokens */
    int32_t *prompt;
};

/* Reads the manifest's recordings and times their words. Errors name the file. */
UT_NODISCARD enum ut_status ut_bench_live_load(struct ut_bench_live *b, struct ut_error *err);
void ut_bench_live_unload(struct ut_bench_live *b);

/* Opens the models that word times and the simulated clock need. */
UT_NODISCARD enum ut_status ut_bench_live_open(struct ut_bench_live *b, struct ut_error *err);
void ut_bench_live_close(struct ut_bench_live *b);

/* Runs one stream and keeps what was shown. */
UT_NODISCARD enum ut_status ut_bench_live_run(struct ut_bench_live *b, struct ut_bench_stream *s,
                                              struct ut_error *err);

/* Keeps a reference word as the manifest has it, for ut_bench_live_export(). */
UT_NODISCARD enum ut_status ut_bench_live_note_word(struct ut_bench_stream *s,
                                                    const struct ut_bench_turn *turn,
                                                    const struct ut_timed_word *word);

/*
 * Writes the streams into the folder export_path (made if need be): a 16-bit WAV each, manifest.tsv
 * and words.tsv. Errors: UT_EIO (names the file), UT_ENOMEM.
 */
UT_NODISCARD enum ut_status ut_bench_live_export(const struct ut_bench_live *b,
                                                 struct ut_error *err);

/* Writes the event to events_file, where there is one. Errors: UT_EIO, UT_ENOMEM, UT_ELIMIT. */
UT_NODISCARD enum ut_status ut_bench_live_put_event(struct ut_bench_live *b,
                                                    const struct ut_bench_stream *s,
                                                    const struct ut_event *event, double now_s,
                                                    double audio_s);

/* Decodes the stream as a whole recording. */
UT_NODISCARD enum ut_status ut_bench_live_decode(struct ut_bench_live *b, struct ut_offline *o,
                                                 struct ut_bench_stream *s, struct ut_error *err);

/* Appends `text` as one normaliser for all words has it: words parted by single spaces. */
UT_NODISCARD enum ut_status ut_bench_live_normalize(const struct ut_bench_live *b,
                                                    struct ut_buffer *out, const char *text,
                                                    const char *language);

/* Adds the stream to the figures. */
UT_NODISCARD enum ut_status ut_bench_live_score(struct ut_bench_live *b,
                                                const struct ut_bench_stream *s);
void ut_bench_live_figures_finish(struct ut_bench_figures *f);

/*
 * Samples that are played of a stream: all of them, or as many rounds as loop_min takes and each
 * tenth has a whole number of, so that tenths can be compared.
 */
size_t ut_bench_live_length(const struct ut_bench_live *b, const struct ut_bench_stream *s);

/* Takes an event of a stream that is repeated; the others are not kept. */
UT_NODISCARD enum ut_status ut_bench_live_soak_event(struct ut_bench_live *b,
                                                     const struct ut_bench_stream *s,
                                                     const struct ut_event *event, double now_s);
UT_NODISCARD enum ut_status ut_bench_live_soak_report(struct ut_bench_live *b);
void ut_bench_live_soak_finish(struct ut_bench_soak *soak);

UT_NODISCARD enum ut_status ut_bench_live_json(struct ut_bench_live *b);
void ut_bench_live_table(struct ut_bench_live *b);
UT_NODISCARD enum ut_status ut_bench_live_plot(struct ut_bench_live *b, struct ut_error *err);

#endif
