/*
 * What a reader of live captions has seen: when each word was first shown and when committed, and
 * how many were changed or taken back.
 *
 * Takes a session's events in order. Words are compared as normalised by the caller (no case, no
 * marks), so that a comma that comes or goes is no change. One thread.
 * SOURCE: UPWR: Shangguan et al. 2020; erasure: Arivazhagan et al. 2020, section 3.
 */
#ifndef UT_CLIENTS_DISPLAY_H
#define UT_CLIENTS_DISPLAY_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct ut_shown_word {
    char *text;    /* normalised; owned */
    int64_t start; /* samples, as the committed event had it */
    int64_t end;
    double shown_s;       /* when it was first shown, and stayed */
    double committed_s;   /* when it became final */
    double shown_audio_s; /* the same by the audio that had been looked at */
    double committed_audio_s;
};

struct ut_shown_list {
    struct ut_shown_word *words;
    size_t n;
    size_t capacity;
};

struct ut_display { /* a zeroed one is empty */
    struct ut_shown_list committed;
    struct ut_shown_list tail; /* shown, neither committed nor replaced yet */
    size_t n_changed;          /* words that were shown and then changed or taken back */
    size_t n_erased;           /* words behind the first change of each revision */
    size_t n_tail_erased;      /* words of the tail that are counted as erased already */
};

struct ut_display_word {
    const char *text; /* normalised */
    int64_t start;
    int64_t end;
};

/*
 * The tail is now these words, at `now_s` by the clock and after `audio_s` of audio.
 * Errors: UT_ENOMEM, UT_ELIMIT.
 */
UT_NODISCARD enum ut_status ut_display_tail(struct ut_display *d,
                                            const struct ut_display_word *words, size_t n,
                                            double now_s, double audio_s);

/* These words were committed; those of the tail behind them stand until the next call. */
UT_NODISCARD enum ut_status ut_display_commit(struct ut_display *d,
                                              const struct ut_display_word *words, size_t n,
                                              double now_s, double audio_s);

void ut_display_finish(struct ut_display *d); /* accepts a zeroed struct */

#endif
