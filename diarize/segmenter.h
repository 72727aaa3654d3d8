/*
 * Speech segments out of voice activity: where a piece of speech begins and where it may be cut.
 *
 * Pure state over one probability per UT_VAD_CHUNK samples; no audio, no clock, no memory of its
 * own. One thread. Segments never overlap, come in order and are never longer than max_length.
 *
 * A segment opens when speech has lasted min_speech and starts pre_roll earlier, so that a soft
 * first sound is inside. It closes after a pause and ends post_roll behind the speech. Cutting at
 * short pauses costs more words than anything else, so the pause that closes is long (min_silence)
 * while the segment is short; from stretch_from on it shrinks towards short_silence, which it
 * reaches at max_length. A segment that gets there without any pause is cut at the quietest place
 * behind it, and the next one starts there.
 */
#ifndef UT_DIARIZE_SEGMENTER_H
#define UT_DIARIZE_SEGMENTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "diarize/vad.h"

#define UT_SEGMENTER_MAX_LENGTH (28 * 16000)

struct ut_segmenter_options {
    float onset;        /* speech begins at this probability */
    float offset;       /* and goes on down to this one */
    int64_t min_speech; /* samples, all of these */
    int64_t pre_roll;
    int64_t post_roll; /* at most short_silence */
    int64_t min_silence;
    int64_t short_silence;
    int64_t stretch_from;
    int64_t max_length; /* at most UT_SEGMENTER_MAX_LENGTH */
};
struct ut_segmenter_options ut_segmenter_options_default(void);

enum ut_segmenter_event {
    UT_SEGMENTER_NONE = 0,
    UT_SEGMENTER_OPENED, /* a segment began at .start */
    UT_SEGMENTER_CLOSED, /* it ended at .end, in silence */
    UT_SEGMENTER_CUT     /* it ended at .end and the next one is open from there */
};

/* Chunks whose probability is remembered: the longest segment and what precedes it. */
#define UT_SEGMENTER_HISTORY 1024

struct ut_segmenter {
    /* readable */
    int64_t n_samples; /* pushed so far */
    bool open;
    int64_t start;      /* of the open segment, else of the last one */
    int64_t end;        /* of the last segment that ended */
    int64_t speech_end; /* end of the last chunk of speech in the open or last segment */
    int64_t n_speech;   /* samples of speech in it */
    float evidence;     /* mean probability over those */
    /* private */
    struct ut_segmenter_options options;
    bool in_speech;
    int64_t onset_at; /* where the speech that may open a segment began */
    double sum;
    float history[UT_SEGMENTER_HISTORY]; /* ring by chunk number */
};

/* Errors: UT_EINVAL (options that contradict each other). */
UT_NODISCARD enum ut_status ut_segmenter_init(struct ut_segmenter *s,
                                              const struct ut_segmenter_options *options);

/* Takes the probability of the next chunk. */
enum ut_segmenter_event ut_segmenter_push(struct ut_segmenter *s, float probability);

/* Goes on n samples (whole chunks) later; only while no segment is open. */
void ut_segmenter_skip(struct ut_segmenter *s, int64_t n);

/* Samples of silence behind the last speech of the open segment; 0 while somebody speaks. */
int64_t ut_segmenter_silence(const struct ut_segmenter *s);

/*
 * The audio is over: closes an open segment (true, at .end), and opens and closes one for speech
 * that was too short to open it so far.
 */
bool ut_segmenter_flush(struct ut_segmenter *s);

/* Mean probability over [from, to) samples, as far as it is remembered; 0 for nothing. */
float ut_segmenter_level(const struct ut_segmenter *s, int64_t from, int64_t to);

/* The middle of the quietest quarter of a second in [from, to), the latest among equals. */
int64_t ut_segmenter_quietest(const struct ut_segmenter *s, int64_t from, int64_t to);

/*
 * Ends the open segment at `at` (inside it) and opens the next one there. UT_EINVAL when none is
 * open or `at` is not inside.
 */
UT_NODISCARD enum ut_status ut_segmenter_cut(struct ut_segmenter *s, int64_t at);

#endif
