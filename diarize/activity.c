#include "diarize/activity.h"

#include <math.h>
#include <string.h>

#include "audio/gain.h"
#include "base/memory.h"

enum {
    REPLAY = 16,  /* chunks that the model hears before one that wakes it */
    PATIENCE = 16 /* chunks in a row that must be no speech before it may sleep */
};

#define NO_SPEECH 0.1f
#define SPEECH 0.5f
#define NEAR_DB 5.0f         /* above the room: how far its level varies */
#define NOTHING_DB (-100.0f) /* below it is no microphone at all */

struct ut_activity {
    struct ut_activity_options options;
    struct ut_vad *vad;
    struct ut_gain gain;
    float kept[REPLAY][UT_VAD_CHUNK]; /* ring of chunks that the model has not heard */
    size_t n_kept;                    /* in a row; more than REPLAY are forgotten */
    size_t n_quiet;                   /* chunks in a row that were no speech */
    float last;                       /* what the model said last */
    struct ut_activity_stats stats;
};

enum ut_status ut_activity_create(struct ut_activity **out, const struct ut_vad_model *m,
                                  const struct ut_activity_options *options)
{
    struct ut_activity *a = ut_calloc(1, sizeof *a);
    if (!a)
        return UT_ENOMEM;

    enum ut_status status = ut_vad_create(&a->vad, m);
    if (status) {
        ut_free(a);
        return status;
    }
    if (options)
        a->options = *options;
    ut_activity_reset(a);
    *out = a;
    return UT_OK;
}

void ut_activity_destroy(struct ut_activity *a)
{
    if (!a)
        return;
    ut_vad_destroy(a->vad);
    ut_free(a);
}

void ut_activity_reset(struct ut_activity *a)
{
    ut_vad_reset(a->vad);
    ut_gain_init(&a->gain);
    a->n_kept = 0;
    a->n_quiet = 0;
    a->last = 0.0f;
    a->stats = (struct ut_activity_stats){ 0 };
}

static float hear(struct ut_activity *a, const float *pcm)
{
    a->stats.n_run++;
    return ut_vad_push(a->vad, pcm);
}

/* The model listens to what it has missed. */
static void wake(struct ut_activity *a)
{
    size_t n = a->n_kept < REPLAY ? a->n_kept : REPLAY;

    for (size_t i = a->n_kept - n; i < a->n_kept; i++)
        hear(a, a->kept[i % REPLAY]);
    a->n_kept = 0;
}

static bool may_sleep(const struct ut_activity *a)
{
    const struct ut_gain *g = &a->gain;

    return !a->options.no_gate && a->n_quiet >= PATIENCE &&
           (g->level_db <= g->room_db + NEAR_DB || g->level_db <= NOTHING_DB);
}

static bool is_clean(const float *pcm)
{
    bool clean = true;

    for (size_t i = 0; i < UT_VAD_CHUNK; i++)
        clean &= fabsf(pcm[i]) <= 1.0f;
    return clean;
}

float ut_activity_push(struct ut_activity *a, const float *pcm)
{
    float cleaned[UT_VAD_CHUNK];
    float raised[UT_VAD_CHUNK];
    const float *clean = is_clean(pcm) ? pcm : cleaned;

    for (size_t i = 0; i < UT_VAD_CHUNK && clean == cleaned; i++)
        cleaned[i] = isfinite(pcm[i]) ? fminf(fmaxf(pcm[i], -1.0f), 1.0f) : 0.0f;
    ut_gain_run(&a->gain, clean, raised, UT_VAD_CHUNK);
    const float *heard = a->options.no_gain ? clean : raised;
    a->stats.n_chunks++;
    if (may_sleep(a)) {
        memcpy(a->kept[a->n_kept++ % REPLAY], heard, sizeof raised);
        ut_gain_heard(&a->gain, UT_VAD_CHUNK, false);
        return a->last;
    }
    if (a->n_kept > 0) {
        wake(a);
        a->n_quiet = 0;
    }
    a->last = hear(a, heard);
    a->n_quiet = a->last < NO_SPEECH ? a->n_quiet + 1 : 0;
    ut_gain_heard(&a->gain, UT_VAD_CHUNK, a->last >= SPEECH);
    return a->last;
}

struct ut_activity_stats ut_activity_stats(const struct ut_activity *a)
{
    struct ut_activity_stats stats = a->stats;

    stats.gain_db = a->gain.gain_db;
    stats.room_db = a->gain.room_db;
    return stats;
}
