#include "asr/align.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

enum move { MOVE_DIAGONAL = 0, MOVE_UP = 1, MOVE_LEFT = 2 };

static float *weights_at(const struct ut_asr_align_weights *w, size_t token, size_t head)
{
    return w->data + (token * w->n_heads + head) * w->n_stride;
}

/* A softmax over more positions, divided by the share of the first ones, is the softmax over them.
 */
static void renormalise(const struct ut_asr_align_weights *w)
{
    for (size_t i = 0; i < w->n_tokens; i++)
        for (size_t h = 0; h < w->n_heads; h++) {
            float *row = weights_at(w, i, h);
            double sum = 0.0;
            for (size_t t = 0; t < w->n_audio; t++)
                sum += (double)row[t];
            float scale = sum > 0.0 ? (float)(1.0 / sum) : 0.0f;
            for (size_t t = 0; t < w->n_audio; t++)
                row[t] *= scale;
        }
}

#define STRIP 64 /* positions standardised together: their sums stay in registers and L1 */

static void standardise_strip(const struct ut_asr_align_weights *w, size_t head, size_t t0,
                              size_t n)
{
    float mean[STRIP] = { 0 }, scale[STRIP] = { 0 };
    float inverse_n = 1.0f / (float)w->n_tokens;

    for (size_t i = 0; i < w->n_tokens; i++) {
        const float *row = weights_at(w, i, head) + t0;
        for (size_t t = 0; t < n; t++)
            mean[t] += row[t];
    }
    for (size_t t = 0; t < n; t++)
        mean[t] *= inverse_n;
    for (size_t i = 0; i < w->n_tokens; i++) {
        const float *row = weights_at(w, i, head) + t0;
        for (size_t t = 0; t < n; t++)
            scale[t] += (row[t] - mean[t]) * (row[t] - mean[t]);
    }
    for (size_t t = 0; t < n; t++) {
        float deviation = sqrtf(scale[t] * inverse_n);
        scale[t] = deviation > 0.0f ? 1.0f / deviation : 0.0f;
    }
    for (size_t i = 0; i < w->n_tokens; i++) {
        float *row = weights_at(w, i, head) + t0;
        for (size_t t = 0; t < n; t++)
            row[t] = (row[t] - mean[t]) * scale[t];
    }
}

/* Insertion sort of a window of 7; the middle is the median. */
static float median_of(const float *x)
{
    float v[UT_ASR_ALIGN_MEDIAN];
    for (size_t i = 0; i < UT_ASR_ALIGN_MEDIAN; i++) {
        size_t k = i;
        for (; k > 0 && v[k - 1] > x[i]; k--)
            v[k] = v[k - 1];
        v[k] = x[i];
    }
    return v[UT_ASR_ALIGN_MEDIAN / 2];
}

/* Adds the median-filtered row (reflected at the edges) to sum [n]. */
static void add_filtered(const float *row, size_t n, float *sum)
{
    const size_t half = UT_ASR_ALIGN_MEDIAN / 2;

    if (n <= half) { /* too short to reflect, as in the original */
        for (size_t t = 0; t < n; t++)
            sum[t] += row[t];
        return;
    }
    for (size_t t = 0; t < n; t++) {
        float edge[UT_ASR_ALIGN_MEDIAN];
        if (t >= half && t + half < n) {
            sum[t] += median_of(row + t - half);
            continue;
        }
        for (size_t k = 0; k < UT_ASR_ALIGN_MEDIAN; k++) {
            size_t at = t + k; /* shifted by half */
            if (at < half)
                at = half - at;
            else
                at -= half;
            edge[k] = row[at < n ? at : 2 * (n - 1) - at];
        }
        sum[t] += median_of(edge);
    }
}

void ut_asr_align_matrix(const struct ut_asr_align_weights *w, size_t first, size_t n,
                         float *matrix)
{
    renormalise(w);
    for (size_t h = 0; h < w->n_heads; h++)
        for (size_t t = 0; t < w->n_audio; t += STRIP)
            standardise_strip(w, h, t, w->n_audio - t < STRIP ? w->n_audio - t : STRIP);

    memset(matrix, 0, n * w->n_audio * sizeof *matrix);
    for (size_t i = 0; i < n; i++) {
        float *sum = matrix + i * w->n_audio;
        for (size_t h = 0; h < w->n_heads; h++)
            add_filtered(weights_at(w, first + i, h), w->n_audio, sum);
        for (size_t t = 0; t < w->n_audio; t++)
            sum[t] /= (float)(w->n_heads ? w->n_heads : 1);
    }
}

void ut_asr_align_attended(const struct ut_asr_align_weights *w, size_t first, size_t n,
                           int32_t *positions)
{
    for (size_t i = 0; i < n; i++) {
        const float *row = weights_at(w, first + i, 0);
        float best = -1.0f;
        for (size_t t = 0; t < w->n_audio; t++) {
            float sum = 0.0f;
            for (size_t h = 0; h < w->n_heads; h++)
                sum += row[h * w->n_stride + t];
            if (sum > best) {
                best = sum;
                positions[i] = (int32_t)t;
            }
        }
    }
}

size_t ut_asr_align_scratch(size_t n, size_t n_audio)
{
    size_t moves, costs;

    if (!ut_size_mul(n + 1, n_audio + 1, &moves) ||
        !ut_size_mul(n + 1, 2 * sizeof(float), &costs) || !ut_size_add(moves, costs, &moves))
        return 0;
    return moves;
}

/* One column of the dynamic programme; ties go left, then up, as the original resolves them. */
static void step_column(const float *matrix, size_t n, size_t n_audio, size_t t,
                        const float *previous, float *cost, unsigned char *moves)
{
    cost[0] = INFINITY;
    for (size_t i = 1; i <= n; i++) {
        float diagonal = previous[i - 1], up = cost[i - 1], left = previous[i];
        float best = left;
        moves[i] = MOVE_LEFT;
        if (diagonal < up && diagonal < left) {
            best = diagonal;
            moves[i] = MOVE_DIAGONAL;
        } else if (up < diagonal && up < left) {
            best = up;
            moves[i] = MOVE_UP;
        }
        cost[i] = best - matrix[(i - 1) * n_audio + t];
    }
}

void ut_asr_align_path(const float *matrix, size_t n, size_t n_audio, void *scratch,
                       int32_t *starts)
{
    float *previous = scratch, *cost = previous + n + 1;
    unsigned char *moves = (unsigned char *)(cost + n + 1); /* [n_audio + 1, n + 1] */

    for (size_t i = 0; i <= n; i++)
        previous[i] = i == 0 ? 0.0f : INFINITY;
    for (size_t t = 1; t <= n_audio; t++) {
        step_column(matrix, n, n_audio, t - 1, previous, cost, moves + t * (n + 1));
        float *swap = previous;
        previous = cost;
        cost = swap;
    }

    size_t i = n, t = n_audio;
    while (i > 0) {
        starts[i - 1] = t > 0 ? (int32_t)(t - 1) : 0;
        unsigned char move = t > 0 ? moves[t * (n + 1) + i] : MOVE_UP;
        if (move != MOVE_LEFT)
            i--;
        if (move != MOVE_UP)
            t--;
    }
}
