/*
 * Real models and recordings for the tests of live recognition, from
 * ${UTTER_CACHE:-~/.cache/utter}; and a simulated clock that feeds a session in real time and
 * charges what computing costs.
 */
#ifndef UT_TESTS_RIG_H
#define UT_TESTS_RIG_H

#include "diarize/vad.h"
#include "stream/session.h"

struct rig {
    struct ut_compute *compute;
    struct ut_asr_model *model;
    struct ut_recognizer *recognizer;
    struct ut_compute *vad_compute;
    struct ut_vad_model *vad_model;
    struct ut_mel *mel;
    float *window;
};

/* False, with a line on stdout, when a model is not in the cache. */
bool rig_open(struct rig *rig, const char *model);
void rig_close(struct rig *rig);

/* The samples of CACHE/samples/NAME; *pcm for ut_free(). False as above. */
bool rig_read(const char *name, float **pcm, size_t *n);

enum { RIG_MAX_WORDS = 1024, RIG_MAX_TEXT = 16384 };

/* What a session said, with the lag of each committed word behind its end. */
struct rig_result {
    char committed[RIG_MAX_TEXT];
    char finals[RIG_MAX_TEXT];
    double lag_s[RIG_MAX_WORDS];
    size_t n_words;
    size_t n_finals;
    size_t n_unstable;
    double first_word_s; /* wall time of the first words shown */
    double compute_s;    /* charged */
    struct ut_session_stats stats;
};

struct rig_plan {
    size_t n_chunk;     /* samples a feed */
    bool charge;        /* the clock runs on while it computes; else computing takes no time */
    size_t close_after; /* samples after which the session is thrown away; 0: never */
};

/* Plays the samples to a new session. Asserts what must hold for every session. */
void rig_play(struct rig *rig, const struct ut_session_options *options, const float *pcm, size_t n,
              const struct rig_plan *plan, struct rig_result *out);

/* The text of a whole-file greedy decode of the same samples. */
void rig_transcribe(struct rig *rig, const float *pcm, size_t n, char *text, size_t size);

/* The share of the words of `want` that `got` has in order; case and punctuation aside. */
double rig_agreement(const char *want, const char *got);

/* The value below which the share q of x[0..n) lies; sorts x. */
double rig_quantile(double *x, size_t n, double q);

#endif
