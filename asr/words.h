/*
 * Words of a token sequence: where they begin, their times, and which punctuation belongs to them.
 *
 * Pure over texts and times that the caller has; the list is sized when made and bounded. One
 * thread at a time. SOURCE: openai/whisper tokenizer.py (split_to_word_tokens) and timing.py
 * (merge_punctuations, add_word_timestamps) with the clipping rules of faster-whisper 1.2.
 */
#ifndef UT_ASR_WORDS_H
#define UT_ASR_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "compute/gguf.h"

/* A run of tokens; merged-away words have n_tokens and n_text 0. */
struct ut_asr_word_part {
    size_t first_token;
    size_t n_tokens;
    size_t text; /* offset in ut_asr_words.text */
    size_t n_text;
    int64_t start; /* samples from the window's first frame */
    int64_t end;
    float confidence;
    float weakest;
    int64_t attended;
};

struct ut_asr_words {
    struct ut_asr_word_part *parts;
    size_t n;
    size_t capacity;
    char *text; /* all words' bytes, in order */
    size_t n_text;
    size_t text_capacity;
    int64_t *durations; /* scratch of the median */
};

/* Room for the words of `max_tokens` tokens and `text_capacity` bytes. Errors: UT_ENOMEM. */
UT_NODISCARD enum ut_status ut_asr_words_init(struct ut_asr_words *w, size_t max_tokens,
                                              size_t text_capacity);
/* Accepts a zeroed list. */
void ut_asr_words_finish(struct ut_asr_words *w);

/*
 * Splits tokens, given as their texts, into words: at spaces and ASCII punctuation, or, with
 * `by_character`, wherever whole characters end (languages written without spaces).
 * Errors: UT_ELIMIT (more tokens or bytes than it was made for).
 */
UT_NODISCARD enum ut_status ut_asr_words_split(struct ut_asr_words *w,
                                               const struct ut_gguf_text *texts, size_t n,
                                               bool by_character);

/* True for the codes of languages that ut_asr_words_split() takes by character: zh ja th ... */
bool ut_asr_words_by_character(const char *language_code);

/*
 * Sets times and confidence: starts [n_tokens + 1] audio positions (20 ms), the last where the text
 * ends; probabilities [n_tokens].
 */
void ut_asr_words_time(struct ut_asr_words *w, const int32_t *starts, const float *probabilities);

/* Sets how far words look: positions [n_tokens] that tokens attend to most. Before settling. */
void ut_asr_words_look(struct ut_asr_words *w, const int32_t *attended);

/* Durations, in samples, that the clipping rules go by. */
struct ut_asr_word_limits {
    int64_t median; /* at most 0.7 s */
    int64_t longest;
};

/*
 * Clips words at sentence marks that are longer than twice the median, then joins punctuation to
 * the words beside it.
 */
struct ut_asr_word_limits ut_asr_words_settle(struct ut_asr_words *w);

/* A segment of the window on its way to its words. Times in samples of the recording. */
struct ut_asr_word_segment {
    int64_t start; /* in: by timestamps; out: by words */
    int64_t end;
    size_t n_tokens; /* text tokens of the segment */
    size_t first;    /* out: its words are parts [first, first + n), empty ones among them */
    size_t n;
};

/*
 * Gives the words from *next on to `segment`, moves their times by `offset` (the window's first
 * sample), clips the first ones after a pause, and reconciles the segment's times with its words'.
 * `last_speech` is where the previous segment's speech ended; the function moves it on.
 */
void ut_asr_words_assign(struct ut_asr_words *w, const struct ut_asr_word_limits *limits,
                         size_t *next, int64_t offset, int64_t *last_speech,
                         struct ut_asr_word_segment *segment);

#endif
