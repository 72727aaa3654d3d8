/*
 * Voice activity of one stream as its listeners want it: a quiet voice is brought to level first
 * (audio/gain.h), and a room in which nothing happens costs next to nothing.
 *
 * The gate: when the model has said for half a second that nobody speaks and a chunk is no louder
 * than the room, the chunk is kept and the model not run; what it said last is said again. The
 * first chunk that is louder runs the model over the last kept ones before it, which fills its
 * memory as if it had listened all along. docs/decisions/012.
 *
 * One thread at a time, together with all others of the same model. No allocation after create.
 */
#ifndef UT_DIARIZE_ACTIVITY_H
#define UT_DIARIZE_ACTIVITY_H

#include <stdint.h>

#include "diarize/vad.h"

struct ut_activity;

struct ut_activity_options {
    bool no_gain; /* for measuring what they are worth */
    bool no_gate;
};

/* The model must outlive it. options NULL: both work. Errors: UT_ENOMEM. */
UT_NODISCARD enum ut_status ut_activity_create(struct ut_activity **out,
                                               const struct ut_vad_model *m,
                                               const struct ut_activity_options *options);
void ut_activity_destroy(struct ut_activity *a);
void ut_activity_reset(struct ut_activity *a);

/* As ut_vad_push(): UT_VAD_CHUNK samples -> probability of speech. */
float ut_activity_push(struct ut_activity *a, const float *pcm);

struct ut_activity_stats {
    uint64_t n_chunks;
    uint64_t n_run; /* chunks that the model was run over, those run late counted */
    float gain_db;  /* of the last chunk */
    float room_db;
};
struct ut_activity_stats ut_activity_stats(const struct ut_activity *a);

#endif
