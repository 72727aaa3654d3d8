/*
 * A speaker, a voice activity detector and a recogniser made of a script, for tests of the policy:
 * words "w0 w1 w2 ..." at known times, heard perfectly except near the edge of the audio.
 */
#ifndef UT_TESTS_WORLD_H
#define UT_TESTS_WORLD_H

#include "stream/session.h"

enum { WORLD_MAX_WORDS = 1024 };

struct world {
    int64_t start[WORLD_MAX_WORDS]; /* samples */
    int64_t end[WORLD_MAX_WORDS];
    size_t n;
    int64_t length;        /* samples of audio in all */
    float gap_probability; /* voice activity between words closer than 0.2 s */
    /* the recogniser's faults */
    float no_speech_prob;
    float avg_logprob;
    int64_t loops_after; /* segments longer than this turn in a loop; 0: never */
    uint32_t noise;      /* random state of what is heard at the edge */
    /* private */
    int64_t n_heard; /* samples that voice activity has seen */
    struct ut_asr_word heard[WORLD_MAX_WORDS];
    char text[WORLD_MAX_WORDS][12];
    int32_t tokens[WORLD_MAX_WORDS];
};

/* Adds a word of `length` samples after `pause` samples. */
void world_say(struct world *w, int64_t pause, int64_t length);

/* Voice activity for ut_session_parts; ctx is the world. */
float world_activity(void *ctx, const float *pcm);

/* Plays the recogniser for a prepared step of `s`. */
void world_step(struct world *w, const struct ut_session *s, struct ut_asr_step *step);

/* What came out of a session. */
struct log {
    char committed[16384]; /* of all committed events, as they are */
    char finals[16384];
    char events[1 << 17]; /* one line each, without wall time and audio */
    size_t n_events;
    size_t n_finals;
    size_t n_unstable;
    int64_t last_end;
    double worst_lag_s; /* audio received - end of a committed word */
};

/* Checks the order of things in an event and writes it down. */
void log_event(struct log *l, const struct ut_event *e);

#endif
