#include "audio/offset.h"

#include <math.h>

enum { SECOND = 16000 };

#define WEIGHT (1.0f / 8000.0f)

static void end_second(struct ut_offset *o)
{
    float mean = (float)o->sum / (32768.0f * SECOND);

    o->sum = 0;
    o->n_sum = 0;
    if (!o->active && fabsf(mean) >= UT_OFFSET_LIMIT) {
        o->active = true;
        o->mean = mean;
    } else if (o->active && fabsf(mean) < 0.5f * UT_OFFSET_LIMIT) {
        o->active = false;
    }
    if (o->active && fabsf(mean) > fabsf(o->worst))
        o->worst = mean;
}

/* n samples of one second. */
static void run_piece(struct ut_offset *o, float *pcm, size_t n)
{
    int32_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (int32_t)(pcm[i] * 32768.0f);
    o->sum += sum;
    o->n_sum += n;
    for (size_t i = 0; i < n && o->active; i++) {
        o->mean += WEIGHT * (pcm[i] - o->mean);
        pcm[i] -= o->mean;
    }
    if (o->n_sum == SECOND)
        end_second(o);
}

void ut_offset_run(struct ut_offset *o, float *pcm, size_t n)
{
    while (n > 0) {
        size_t left = SECOND - o->n_sum;
        size_t piece = n < left ? n : left;

        run_piece(o, pcm, piece);
        pcm += piece;
        n -= piece;
    }
}
