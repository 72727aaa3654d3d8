#include "audio/level.h"

#include <math.h>

#include "audio/sample.h"

#define MEAN_S 0.3
#define FALL_DB_PER_S 20.0

void ut_level_init(struct ut_level *level, unsigned rate_hz)
{
    *level = (struct ut_level){
        .keep = (float)exp(-1.0 / (MEAN_S * rate_hz)),
        .fall = (float)pow(10.0, -FALL_DB_PER_S / 20.0 / rate_hz),
    };
}

void ut_level_feed(struct ut_level *level, const float *pcm, size_t n)
{
    float mean_square = level->mean_square;
    float peak = level->peak;

    for (size_t i = 0; i < n; i++) {
        float x = fabsf(ut_sample_clean(pcm[i]));

        mean_square = x * x + level->keep * (mean_square - x * x);
        peak *= level->fall;
        peak = x > peak ? x : peak;
    }
    /* Far below the floor; keeps the decay out of the slow denormal numbers. */
    level->mean_square = mean_square > 1e-20f ? mean_square : 0.0f;
    level->peak = peak > 1e-10f ? peak : 0.0f;
}

static float to_db(float power)
{
    float db = 10.0f * log10f(power > 0.0f ? power : 1e-30f);

    return db > UT_LEVEL_FLOOR_DB ? db : UT_LEVEL_FLOOR_DB;
}

float ut_level_mean_db(const struct ut_level *level)
{
    return to_db(level->mean_square);
}

float ut_level_peak_db(const struct ut_level *level)
{
    return to_db(level->peak * level->peak);
}
