/*
 * The internal event model: what a session says to whoever listens. Every protocol is a thin
 * adapter over it.
 *
 * Values only. Texts and words are UTF-8 as the recogniser writes them: a word that begins with a
 * space stands apart from the one before it, so the texts of a segment's committed events, joined
 * as they are, are the text of its final event.
 *
 * In a session: an unstable event replaces the unstable tail shown before; a committed event also
 * empties it (an unstable event follows if there still is a tail); a final event ends the segment
 * and repeats its committed words. Times never go backwards over committed words.
 */
#ifndef UT_STREAM_EVENT_H
#define UT_STREAM_EVENT_H

#include <stddef.h>
#include <stdint.h>

enum ut_event_type {
    UT_EVENT_UNSTABLE = 1, /* the words behind the last committed one; may change or go */
    UT_EVENT_COMMITTED,    /* words that are new and will never change */
    UT_EVENT_FINAL         /* the segment is over: all its words, as they were committed */
};

struct ut_event_word {
    const char *text;
    int64_t start; /* samples at 16 kHz since the session began */
    int64_t end;
    float confidence; /* [0, 1] */
};

struct ut_event {
    enum ut_event_type type;
    uint64_t session;
    uint64_t segment; /* counts from 0 */
    int64_t wall_us;  /* since the session began */
    int64_t audio;    /* samples received when the event was made */
    int64_t start;    /* of the segment, samples */
    int64_t end;      /* of the last word; of the segment in a final event */
    int language;     /* for ut_asr_language_code(); -1: unknown */
    const char *text;
    const struct ut_event_word *words;
    size_t n_words;
};

#endif
