#include "audio/mel_filters.h"

#include <assert.h>
#include <math.h>

#define BIN_HZ (16000.0 / UT_MEL_FFT)
#define TOP_HZ 8000.0
#define LINEAR_HZ 1000.0                     /* below: 200 / 3 Hz a mel */
#define LINEAR_MEL 15.0                      /* = LINEAR_HZ * 3 / 200 */
#define LOG_STEP (1.8562979903656263 / 27.0) /* ln(6.4) / 27: the natural log of a mel above */

static double mel_to_hz(double mel)
{
    if (mel < LINEAR_MEL)
        return mel * 200.0 / 3.0;
    return LINEAR_HZ * exp((mel - LINEAR_MEL) * LOG_STEP);
}

/* The height at `hz` of the triangle over (low, centre, high) of unit area, 0 outside. */
static double triangle(double hz, double low, double centre, double high)
{
    double side = hz < centre ? (hz - low) / (centre - low) : (high - hz) / (high - centre);

    return side > 0.0 ? side * 2.0 / (high - low) : 0.0;
}

void ut_mel_filters_init(struct ut_mel_filters *f, size_t n_mels)
{
    double step = (LINEAR_MEL + log(TOP_HZ / LINEAR_HZ) / LOG_STEP) / (double)(n_mels + 1);
    size_t n = 0;

    assert(n_mels >= 1 && n_mels <= UT_MEL_MAX_MELS);
    f->n_mels = n_mels;
    for (size_t m = 0; m < n_mels; m++) {
        double low = mel_to_hz(step * (double)m);
        double centre = mel_to_hz(step * (double)(m + 1));
        double high = mel_to_hz(step * (double)(m + 2));

        f->first[m] = 0;
        f->start[m] = n;
        for (size_t k = 0; k < UT_MEL_BINS; k++) {
            double weight = triangle((double)k * BIN_HZ, low, centre, high);

            if (weight <= 0.0)
                continue;
            assert(n < 2 * UT_MEL_BINS);
            if (n == f->start[m])
                f->first[m] = k;
            f->weights[n++] = (float)weight;
        }
    }
    f->start[n_mels] = n;
}
