#include "audio/fft.h"

#include <fftw3.h>
#include <pthread.h>

#include "base/memory.h"

struct ut_fft {
    fftwf_plan plan;
};

/*
 * A lock in FFTW itself rather than one of ours: a program that embeds the library may use FFTW
 * too, and one lock must cover both.
 */
static pthread_once_t planner_once = PTHREAD_ONCE_INIT;

static void lock_planner(void)
{
    fftwf_make_planner_thread_safe();
}

enum ut_status ut_fft_create(struct ut_fft **out, size_t n, size_t n_batch)
{
    if (n < 2 || n > 65536 || n_batch < 1 || n_batch > 256)
        return UT_EINVAL;
    pthread_once(&planner_once, lock_planner);

    struct ut_fft *fft = ut_calloc(1, sizeof *fft);
    float *in = ut_alloc(n * n_batch, sizeof *in);
    float *bins = ut_alloc((n / 2 + 1) * n_batch, 2 * sizeof *bins);
    if (!fft || !in || !bins)
        goto fail;

    int length = (int)n;
    int batch = (int)n_batch;
    fft->plan =
        fftwf_plan_many_dft_r2c(1, &length, batch, in, NULL, 1, length, (fftwf_complex *)bins, NULL,
                                batch, 1, FFTW_ESTIMATE | FFTW_PRESERVE_INPUT);
    if (!fft->plan)
        goto fail;
    ut_free(in);
    ut_free(bins);
    *out = fft;
    return UT_OK;

fail:
    ut_free(in);
    ut_free(bins);
    ut_fft_destroy(fft);
    return UT_ENOMEM;
}

void ut_fft_destroy(struct ut_fft *fft)
{
    if (!fft)
        return;
    if (fft->plan)
        fftwf_destroy_plan(fft->plan);
    ut_free(fft);
}

void ut_fft_run(const struct ut_fft *fft, float *in, float *out)
{
    fftwf_execute_dft_r2c(fft->plan, in, (fftwf_complex *)out);
}
