/* Audio on its way in: what is wrong with it is put right where that can be, and counted. */
#include <math.h>
#include <string.h>

#include "stream/session_state.h"

/*
 * Silence put in for missing samples: enough to end any segment, and to fill the history that a
 * new one looks back on. What is missing beyond it is jumped over.
 */
#define GAP_SILENCE (63 * UT_VAD_CHUNK)
_Static_assert(GAP_SILENCE >= UT_SESSION_HISTORY, "a jump lies behind silence alone");

/* The highest value of 16-bit samples: where a converter clips. */
#define FULL_SCALE (32767.0f / 32768.0f)

enum {
    PIECE = 512,
    FROZEN = UT_MEL_RATE_HZ / 10, /* more than a piece */
    JITTER = UT_MEL_RATE_HZ * 3 / 100,
};

/* Drops audio that nothing can ask for any more, once half the slack is used. */
static void drop_history(struct ut_session *s)
{
    int64_t n_old = s->cursor - UT_SESSION_HISTORY - s->origin;

    if (n_old < UT_SESSION_HISTORY / 2)
        return;
    s->n -= (size_t)n_old;
    memmove(s->data, s->data + n_old, s->n * sizeof *s->data);
    s->origin += n_old;
}

/* The newest value came m more times. */
static void add_same(struct ut_session *s, size_t m)
{
    size_t before = s->n_same;

    s->n_same += m;
    if (s->n_same >= FROZEN)
        s->stats.n_frozen += before >= FROZEN ? m : s->n_same;
}

/* One value again and again is no sound: a muted microphone, a stuck converter. n <= PIECE: a run
 * that begins and ends inside is too short to count. */
static void count_frozen(struct ut_session *s, const float *x, size_t n)
{
    size_t same = 0;
    size_t last = n - 1;

    while (same < n && x[same] == s->newest)
        same++;
    add_same(s, same);
    if (same == n)
        return;
    while (last > same && x[last - 1] == x[n - 1])
        last--;
    s->n_same = n - 1 - last;
    s->newest = x[n - 1];
}

static float clean_sample(struct ut_session *s, float x)
{
    if (!isfinite(x)) {
        s->stats.n_bad++;
        return 0.0f;
    }
    if (fabsf(x) < FULL_SCALE)
        return x;
    s->stats.n_clipped++;
    return x > 0.0f ? fminf(x, 1.0f) : fmaxf(x, -1.0f);
}

static void take_piece(struct ut_session *s, const float *pcm, size_t n)
{
    float *to = s->data + s->n;
    bool ordinary = true;

    for (size_t i = 0; i < n; i++)
        ordinary &= fabsf(pcm[i]) < FULL_SCALE;
    if (ordinary)
        memcpy(to, pcm, n * sizeof *to);
    for (size_t i = 0; i < n && !ordinary; i++)
        to[i] = clean_sample(s, pcm[i]);
    count_frozen(s, to, n);
    ut_offset_run(&s->offset, to, n);
    s->n += n;
}

size_t ut_session_room(const struct ut_session *s)
{
    return (size_t)(s->options.max_waiting - (s->stats.n_fed - s->cursor));
}

static enum ut_status check(const struct ut_session *s, const float *pcm, size_t n)
{
    if (s->flushed || (n > 0 && !pcm))
        return UT_EINVAL;
    if (s->failure)
        return s->failure;
    return n > ut_session_room(s) ? UT_ELIMIT : UT_OK;
}

static void take(struct ut_session *s, const float *pcm, size_t n, int64_t now_us)
{
    drop_history(s);
    for (size_t at = 0; at < n; at += PIECE)
        take_piece(s, pcm + at, n - at < PIECE ? n - at : PIECE);
    s->stats.n_fed += (int64_t)n;
    s->fed_us = now_us;
}

enum ut_status ut_session_feed(struct ut_session *s, const float *pcm, size_t n, int64_t now_us)
{
    enum ut_status status = check(s, pcm, n);

    if (!status)
        take(s, pcm, n, now_us);
    return status;
}

/* Silence up to a chunk's border, a stretch of it, the jump, and what is no whole chunk of it. */
struct gap {
    size_t n_silence;
    int64_t n_jump;
    size_t n_rest;
};

static struct gap plan_gap(const struct ut_session *s, int64_t n)
{
    size_t to_border = (size_t)(-s->stats.n_fed & (UT_VAD_CHUNK - 1));
    struct gap g = { .n_silence = to_border + GAP_SILENCE };

    if (n < (int64_t)(g.n_silence + UT_VAD_CHUNK))
        return (struct gap){ .n_silence = (size_t)n };
    n -= (int64_t)g.n_silence;
    g.n_rest = (size_t)(n % UT_VAD_CHUNK);
    g.n_jump = n - (int64_t)g.n_rest;
    return g;
}

static void add_silence(struct ut_session *s, size_t n, int64_t now_us)
{
    drop_history(s);
    memset(s->data + s->n, 0, n * sizeof *s->data);
    s->n += n;
    s->stats.n_fed += (int64_t)n;
    s->fed_us = now_us;
}

/* Whether the gap, and n more samples behind it, can be taken. */
static enum ut_status check_gap(const struct ut_session *s, int64_t n_missing, size_t n)
{
    struct gap g = plan_gap(s, n_missing);

    if (n_missing > UT_SESSION_MAX_GAP)
        return UT_EINVAL;
    if (g.n_silence + g.n_rest > ut_session_room(s) ||
        n > ut_session_room(s) - g.n_silence - g.n_rest)
        return UT_ELIMIT;
    return g.n_jump > 0 && s->n_jumps == UT_SESSION_MAX_JUMPS ? UT_ELIMIT : UT_OK;
}

static void take_gap(struct ut_session *s, int64_t n, int64_t now_us)
{
    struct gap g = plan_gap(s, n);

    s->stats.n_gaps++;
    s->stats.n_missing += (uint64_t)n;
    add_silence(s, g.n_silence, now_us);
    if (g.n_jump > 0)
        s->jumps[s->n_jumps++] = (struct ut_session_jump){ s->stats.n_fed, g.n_jump };
    add_silence(s, g.n_rest, now_us);
    s->n_pending += g.n_jump;
}

enum ut_status ut_session_skip(struct ut_session *s, int64_t n, int64_t now_us)
{
    enum ut_status status = n < 0 ? UT_EINVAL : check(s, NULL, 0);

    if (!status && n > 0)
        status = check_gap(s, n, 0);
    if (!status && n > 0)
        take_gap(s, n, now_us);
    return status;
}

enum ut_status ut_session_feed_at(struct ut_session *s, const float *pcm, size_t n, int64_t at,
                                  int64_t now_us)
{
    const int64_t farthest = INT64_MAX / 4;
    int64_t own = s->stats.n_fed + s->n_pending;
    enum ut_status status = check(s, pcm, n);

    if (at < -farthest || at > farthest)
        return UT_EINVAL;
    if (status)
        return status;
    int64_t ahead = s->has_clock ? at - (own + s->clock_offset) : 0;
    bool gap = ahead > JITTER && ahead <= UT_SESSION_MAX_GAP;
    if (gap)
        status = check_gap(s, ahead, n);
    if (status)
        return status;
    if (gap) {
        take_gap(s, ahead, now_us);
    } else if (!s->has_clock || ahead > JITTER || ahead < -JITTER) {
        s->stats.n_clock_jumps += s->has_clock;
        s->clock_offset = at - own;
    }
    s->has_clock = true;
    take(s, pcm, n, now_us);
    return UT_OK;
}

bool ut_session_at_jump(const struct ut_session *s)
{
    return s->n_jumps > 0 && s->cursor == s->jumps[0].at;
}

void ut_session_jump(struct ut_session *s)
{
    int64_t n = s->jumps[0].n;

    s->n_jumps--;
    memmove(s->jumps, s->jumps + 1, s->n_jumps * sizeof *s->jumps);
    for (size_t i = 0; i < s->n_jumps; i++)
        s->jumps[i].at += n;
    s->n_pending -= n;
    s->origin += n;
    s->cursor += n;
    s->stats.n_fed += n;
    ut_segmenter_skip(&s->segmenter, n);
}
