/*
 * Speech recognition: the face of asr/ that stream/ uses.
 *
 * A recognizer joins one shared Whisper model with the work space of one engine thread. Two ways
 * in: whole recordings of any length in flat memory (ut_recognizer_transcribe), and steps of live
 * segments, several sessions in a call (ut_recognizer_step). Times are samples at 16 kHz.
 */
#ifndef UT_ASR_RECOGNIZER_H
#define UT_ASR_RECOGNIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "asr/bias.h"
#include "asr/model.h"

#define UT_RECOGNIZER_MAX_WINDOW_S 30

struct ut_recognizer;

struct ut_recognizer_options {
    size_t max_batch;       /* sessions in one step; 0: 1 */
    size_t max_beam;        /* 0: 5 */
    size_t max_cache_bytes; /* of the memory of all its caches together; 0: 512 MB */
};

/* Keeps a reference to `m`. Errors: UT_ENOMEM, UT_EINVAL. */
UT_NODISCARD enum ut_status ut_recognizer_create(struct ut_recognizer **out, struct ut_compute *c,
                                                 struct ut_asr_model *m,
                                                 const struct ut_recognizer_options *options);
void ut_recognizer_destroy(struct ut_recognizer *r);
struct ut_asr_model *ut_recognizer_model(struct ut_recognizer *r);

struct ut_asr_word {
    const char *text; /* UTF-8 as Whisper writes it: a leading space where a word begins */
    int64_t start;    /* samples */
    int64_t end;
    float confidence; /* mean probability of its tokens, [0, 1] */
    float weakest;    /* least probability among its tokens, [0, 1] */
    int64_t attended; /* samples: the latest that its tokens look at; live steps only, else 0 */
};

/* Valid during the callback or until the next call on the recognizer. */
struct ut_asr_segment {
    int64_t start; /* samples */
    int64_t end;
    const char *text;      /* UTF-8, trimmed */
    const int32_t *tokens; /* with timestamps tokens, where there are any */
    const float *logprobs; /* of each token */
    size_t n_tokens;
    const struct ut_asr_word *words; /* n_words 0 when not asked for */
    size_t n_words;
    int language; /* index for ut_asr_language_code() */
    float language_probability;
    float avg_logprob;
    float compression_ratio;
    float no_speech_prob;
    float temperature;
};

/* What a caller may choose; ut_asr_options_default() gives Whisper's own values. */
struct ut_asr_options {
    int language; /* -1: detect */
    bool translate;
    bool word_times;
    bool timestamps;       /* false: decode without timestamp tokens */
    size_t beam;           /* 1: greedy. Default 5 */
    size_t best_of;        /* samples at temperature > 0. Default 5 */
    float patience;        /* 1 */
    float length_penalty;  /* 1 */
    float temperatures[8]; /* 0, 0.2, 0.4, 0.6, 0.8, 1 */
    size_t n_temperatures;
    float max_compression_ratio;    /* 2.4 */
    float min_avg_logprob;          /* -1 */
    float max_no_speech;            /* 0.6 */
    float max_initial_timestamp;    /* 1.0 s */
    bool condition_on_previous;     /* true */
    const char *prompt;             /* text before the first window, or NULL */
    const struct ut_asr_bias *bias; /* terms to expect, of this model's tokens, or NULL */
    uint64_t seed;                  /* of sampling */
};
struct ut_asr_options ut_asr_options_default(void);

/* Fills `pcm` with up to n samples; *got 0 with UT_END at the end. */
typedef enum ut_status ut_asr_read_fn(void *ctx, float *pcm, size_t n, size_t *got,
                                      struct ut_error *err);
/* Each finished segment in order; a status other than UT_OK stops and is returned. */
typedef enum ut_status ut_asr_segment_fn(void *ctx, const struct ut_asr_segment *segment);

/* Where the time of a transcription went, in microseconds. */
struct ut_asr_timing {
    int64_t mel_us;
    int64_t encode_us;
    int64_t decode_us;
    int64_t align_us;
    size_t n_windows;
    size_t n_decode_passes;
    int64_t n_samples;
};

/*
 * Transcribes a recording of any length: windows of 30 s, seeking by timestamps, temperature
 * fallback. `mel_top` is the greatest raw log-mel value of the whole recording as the original
 * normalises by, or NAN to normalise each window by its own. `timing` may be NULL.
 * Errors: those of read and of the callback, UT_EINVAL (options), UT_ENOMEM.
 */
UT_NODISCARD enum ut_status
ut_recognizer_transcribe(struct ut_recognizer *r, const struct ut_asr_options *options,
                         float mel_top, ut_asr_read_fn *read, void *read_ctx,
                         ut_asr_segment_fn *on_segment, void *segment_ctx,
                         struct ut_asr_timing *timing, struct ut_error *err);

/*
 * What the steps of one open segment keep for the next: a step then computes the last seconds alone
 * and costs the same however long the segment is. Belongs to one session; holds next to nothing
 * until a segment is longer than those seconds. Any thread, not during a step that it takes part
 * in; the recognizer must outlive it.
 */
struct ut_asr_cache;

/* Errors: UT_ENOMEM. */
UT_NODISCARD enum ut_status ut_recognizer_new_cache(struct ut_recognizer *r,
                                                    struct ut_asr_cache **out);
/* Forgets the segment and gives its memory back; before each new segment. Accepts NULL. */
void ut_asr_cache_clear(struct ut_asr_cache *c);
void ut_asr_cache_destroy(struct ut_asr_cache *c);       /* accepts NULL */
size_t ut_asr_cache_bytes(const struct ut_asr_cache *c); /* of NULL: 0 */

/*
 * One live step: the open segment's audio so far, decoded afresh, greedy, without timestamp tokens,
 * with word times from the alignment heads. Guards against loops are inside.
 */
struct ut_asr_step {
    /* in */
    const float *mel; /* [n_frames, n_mels] host, normalised to the recognizer's fixed top */
    size_t n_frames;  /* at most 3000 */
    int language;     /* -1: detect */
    bool translate;
    const int32_t *prompt; /* text before the segment as tokens, or NULL */
    size_t n_prompt;
    const int32_t *draft; /* previous hypothesis of the segment: verified in one pass, or NULL */
    size_t n_draft;
    /*
     * The segment's, or NULL: everything is computed anew. With one, a step's window begins where
     * the last one began, at the same level, and what lies `n_fresh` frames or more before its end
     * (silence included) is computed only once. When memory is out the step does without.
     */
    struct ut_asr_cache *cache;
    size_t n_fresh;
    const struct ut_asr_bias *bias; /* terms to expect, of this model's tokens, or NULL */
    /* out, valid until the next step */
    const int32_t *tokens;
    size_t n_tokens;
    const struct ut_asr_word *words; /* times relative to the first frame */
    size_t n_words;
    int detected_language;
    float avg_logprob;
    float no_speech_prob;
    float compression_ratio;
    bool looped; /* a repetition was cut off */
};

/* Errors: UT_EINVAL, UT_ELIMIT (more than max_batch), UT_ENOMEM. */
UT_NODISCARD enum ut_status ut_recognizer_step(struct ut_recognizer *r, struct ut_asr_step *steps,
                                               size_t n_steps);

/*
 * Forced alignment: when each word of `text` (written as Whisper would, beginning with a space) is
 * said in the n samples, at most 30 s. Words are valid until the next call of this function; their
 * texts joined are `text`. Errors: UT_EINVAL (n; a model without alignment heads), UT_ELIMIT (text
 * of more tokens than half a context), UT_ENOMEM.
 */
UT_NODISCARD enum ut_status ut_recognizer_align(struct ut_recognizer *r, const float *pcm, size_t n,
                                                int language, const char *text,
                                                const struct ut_asr_word **words, size_t *n_words);

/*
 * The raw log10 maximum that live windows are brought to (each window is shifted by
 * UT_ASR_LIVE_TOP minus its own maximum, which is a change of gain), so that one cached run on
 * silence serves every window: its mel value is (UT_ASR_LIVE_TOP - 8 + 4) / 4.
 */
#define UT_ASR_LIVE_TOP 1.5f

#endif
