/*
 * What the clients pass between recognition and output: words, segments, live events. Values only;
 * times in seconds of audio, as they are printed.
 */
#ifndef UT_CLIENTS_CAPTION_H
#define UT_CLIENTS_CAPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ut_caption_word {
    const char *text; /* UTF-8, no leading space */
    bool space;       /* a space stands before it */
    double start;
    double end;
    float confidence; /* [0, 1] */
};

struct ut_caption_segment {
    double start;
    double end;
    const char *text; /* UTF-8, trimmed */
    const struct ut_caption_word *words;
    size_t n_words;
    const int32_t *tokens; /* NULL: not asked for */
    size_t n_tokens;
    const char *language; /* code, "" unknown */
    bool scored;          /* the four figures below are known */
    float avg_logprob;
    float compression_ratio;
    float no_speech_prob;
    float temperature;
};

enum ut_caption_event_type { UT_CAPTION_UNSTABLE = 1, UT_CAPTION_COMMITTED, UT_CAPTION_FINAL };

struct ut_caption_event {
    enum ut_caption_event_type type;
    double wall;  /* seconds since the stream began */
    double audio; /* seconds of audio received */
    struct ut_caption_segment segment;
};

#endif
