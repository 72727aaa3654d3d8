#include "audio/gain.h"

#include <math.h>
#include <string.h>

enum {
    LANES = 8,
    RATE_HZ = 16000,
    WINDOW = RATE_HZ,
    PATIENCE = RATE_HZ * 3 / 2,
    NEW_ROOM = RATE_HZ / 4
};

#define KEEP 0.969f          /* of the high-pass: 80 Hz */
#define SMOOTH 0.3f          /* of the level, for the room's */
#define FAST_DB 12.0f        /* the gain's rise per second while no speech is found */
#define SLOW_DB 3.0f         /* and after speech was found */
#define PEAK 0.7f            /* no sample is raised above this */
#define NOTHING_DB (-100.0f) /* no microphone is so quiet */
#define NOTHING 1e-14f       /* mean square of UT_GAIN_SILENCE_DB */
#define NEVER_DB 200.0f      /* above every level */
#define OFFSET_WEIGHT 0.1f   /* of a chunk's mean: a third of a second */
#define SMALLEST 1e-20f      /* of the high-pass's memory: below it arithmetic gets slow */

static void forget_room(struct ut_gain *g)
{
    for (size_t i = 0; i < UT_GAIN_WINDOWS; i++)
        g->lowest_db[i] = NEVER_DB;
    g->lowest_now_db = NEVER_DB;
    g->smooth_db = NEVER_DB;
    g->n_in_window = 0;
}

void ut_gain_init(struct ut_gain *g)
{
    *g = (struct ut_gain){
        .level_db = UT_GAIN_SILENCE_DB,
        .room_db = UT_GAIN_SILENCE_DB,
        .voice_db = UT_GAIN_VOICE_DB,
        .n_since_speech = PATIENCE,
    };
    forget_room(g);
}

static float sum_lanes(const float lanes[LANES])
{
    float sum = 0.0f;

    for (size_t k = 0; k < LANES; k++)
        sum += lanes[k];
    return sum;
}

/* Follows the constant part; the first chunk's is taken as it is. */
static void follow_offset(struct ut_gain *g, const float *pcm, size_t n)
{
    float lanes[LANES] = { 0 };
    size_t i = 0;

    for (; i + LANES <= n; i += LANES) {
        for (size_t k = 0; k < LANES; k++)
            lanes[k] += pcm[i + k];
    }
    for (; i < n; i++)
        lanes[0] += pcm[i];
    float weight = g->has_offset ? OFFSET_WEIGHT : 1.0f;
    if (!g->has_offset)
        g->before = pcm[0];
    g->offset += weight * (sum_lanes(lanes) / (float)n - g->offset);
    g->has_offset = true;
}

static float furthest(const float *pcm, size_t n, float from)
{
    float top = 0.0f;

    for (size_t i = 0; i < n; i++) {
        float x = fabsf(pcm[i] - from);
        top = x > top ? x : top;
    }
    return top;
}

/*
 * Mean square above 80 Hz in decibels. Four samples of the high-pass y = d + KEEP * y' at a time:
 * what they owe to the samples before them is added at the end, so that only one in four waits for
 * the one before.
 */
static float measure(struct ut_gain *g, const float *pcm, size_t n)
{
    const float keep2 = KEEP * KEEP;
    float before = g->before;
    float passed = g->passed;
    float sum[4] = { 0 };
    size_t i = 0;

    for (; i + 4 <= n; i += 4) {
        float y0 = pcm[i] - before;
        float y1 = pcm[i + 1] - pcm[i] + KEEP * y0;
        float y2 = pcm[i + 2] - pcm[i + 1] + KEEP * y1;
        float y3 = pcm[i + 3] - pcm[i + 2] + KEEP * y2;

        y0 += KEEP * passed;
        y1 += keep2 * passed;
        y2 += keep2 * KEEP * passed;
        passed = y3 + keep2 * keep2 * passed;
        before = pcm[i + 3];
        sum[0] += y0 * y0;
        sum[1] += y1 * y1;
        sum[2] += y2 * y2;
        sum[3] += passed * passed;
    }
    for (; i < n; i++) {
        passed = pcm[i] - before + KEEP * passed;
        before = pcm[i];
        sum[0] += passed * passed;
    }
    g->before = before;
    g->passed = fabsf(passed) < SMALLEST ? 0.0f : passed;
    return 10.0f * log10f((sum[0] + sum[1] + sum[2] + sum[3]) / (float)n + NOTHING);
}

/*
 * Minimum statistics. Digital silence is no room: what is heard behind it is a new one, which
 * begins with its first chunk. SOURCE: Martin 2001, "Noise power spectral density estimation".
 */
static void follow_room(struct ut_gain *g, size_t n)
{
    if (g->level_db <= NOTHING_DB) {
        g->n_nothing += n;
        return;
    }
    if (g->n_nothing >= NEW_ROOM)
        forget_room(g);
    g->n_nothing = 0;
    if (g->smooth_db >= NEVER_DB)
        g->smooth_db = g->level_db;
    g->smooth_db += SMOOTH * (g->level_db - g->smooth_db);
    g->lowest_now_db = fminf(g->lowest_now_db, g->smooth_db);
    g->n_in_window += n;
    if (g->n_in_window >= WINDOW) {
        memmove(g->lowest_db, g->lowest_db + 1, (UT_GAIN_WINDOWS - 1) * sizeof *g->lowest_db);
        g->lowest_db[UT_GAIN_WINDOWS - 1] = g->lowest_now_db;
        g->lowest_now_db = g->smooth_db;
        g->n_in_window = 0;
    }
    g->room_db = g->lowest_now_db;
    for (size_t i = 0; i < UT_GAIN_WINDOWS; i++)
        g->room_db = fminf(g->room_db, g->lowest_db[i]);
}

static float choose_gain(const struct ut_gain *g, float peak)
{
    float gain = fminf(UT_GAIN_MAX_DB, UT_GAIN_ROOM_DB - g->room_db);

    gain = fminf(gain, UT_GAIN_VOICE_DB - g->voice_db);
    if (peak > 0.0f)
        gain = fminf(gain, 20.0f * log10f(PEAK / peak));
    return fmaxf(gain, 0.0f);
}

void ut_gain_run(struct ut_gain *g, const float *pcm, float *out, size_t n)
{
    float rise_db = g->n_since_speech >= PATIENCE ? FAST_DB : SLOW_DB;

    follow_offset(g, pcm, n);
    g->level_db = measure(g, pcm, n);
    follow_room(g, n);
    g->voice_db = fmaxf(g->level_db, g->voice_db - rise_db * (float)n / RATE_HZ);
    g->gain_db = choose_gain(g, furthest(pcm, n, g->offset));
    if (g->gain_db <= 0.0f) {
        if (out != pcm)
            memcpy(out, pcm, n * sizeof *out);
        return;
    }
    float factor = powf(10.0f, g->gain_db / 20.0f);
    for (size_t i = 0; i < n; i++)
        out[i] = factor * (pcm[i] - g->offset);
}

void ut_gain_heard(struct ut_gain *g, size_t n, bool speech)
{
    if (speech)
        g->n_since_speech = 0;
    else if (g->n_since_speech < PATIENCE)
        g->n_since_speech += n;
}
