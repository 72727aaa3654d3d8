/*
 * Words to subtitle cues: at most `max_lines` lines of `max_line` columns, broken at sentence ends,
 * commas and pauses first, lines of a cue of like length, no cue longer than some seconds.
 *
 * One thread. Holds one cue's worth of words: memory does not grow. Columns are terminal columns,
 * so 42 columns are 21 Chinese characters.
 */
#ifndef UT_CLIENTS_CUE_H
#define UT_CLIENTS_CUE_H

#include "base/status.h"
#include "clients/caption.h"

#define UT_CUE_MAX_LINES 4
#define UT_CUE_MAX_COLUMNS 200

struct ut_cue {
    double start; /* seconds */
    double end;
    const char *lines[UT_CUE_MAX_LINES]; /* NUL-terminated, valid during the callback */
    size_t n_lines;
};

typedef enum ut_status ut_cue_fn(void *ctx, const struct ut_cue *cue);

struct ut_cues;

/* max_line in [10, UT_CUE_MAX_COLUMNS], max_lines in [1, UT_CUE_MAX_LINES]. Errors: UT_EINVAL,
 * UT_ENOMEM. */
UT_NODISCARD enum ut_status ut_cues_create(struct ut_cues **out, size_t max_line, size_t max_lines,
                                           ut_cue_fn *fn, void *ctx);
void ut_cues_destroy(struct ut_cues *cues);

/* Words in order of time. Cues that are now complete go to fn, whose failure is returned. */
UT_NODISCARD enum ut_status ut_cues_push(struct ut_cues *cues, const struct ut_caption_word *word);

/* A segment ended here: brings out what is held when it ends a sentence or is long enough. */
UT_NODISCARD enum ut_status ut_cues_break(struct ut_cues *cues);

/* Brings out the rest. */
UT_NODISCARD enum ut_status ut_cues_flush(struct ut_cues *cues);

#endif
