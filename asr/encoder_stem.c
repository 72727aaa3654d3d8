/* The convolution stem: mel frames to the positions that go into the first block. */
#include "asr/encoder_pass.h"

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void write_edge(struct ut_asr_encoder *e, float *device, float value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        e->edge[i] = value;
    ut_compute_write(e->compute, device, e->edge, n * sizeof(float));
}

/*
 * Positions [p, p + n) of the window whose frames from `first` on are in e->mel, -> x [n, d], by
 * way of e->work: rows 2p - 1 .. 2p + 2n - 1 of the first convolution's output; row -1 is 0.
 */
static void run_chunk(struct ut_asr_encoder *e, ptrdiff_t first, size_t p, size_t n, float *x)
{
    const struct ut_asr_model *m = e->model;
    const size_t n_mels = m->dims.n_mels;
    const size_t d = m->dims.n_audio_state;
    const size_t n_before = p > 0; /* the row before was computed for the last chunk and is gone */
    const ptrdiff_t frame = (ptrdiff_t)(2 * p - n_before) - 1; /* the first that is read */
    const struct ut_linear_call conv1 = {
        .x = e->mel + (size_t)(frame - first) * n_mels, /* row t: frames t - 1, t, t + 1 */
        .ldx = n_mels,
        .y = e->work + (1 - n_before) * d,
        .ldy = d,
        .n_rows = 2 * n + n_before,
        .act = UT_ACT_GELU,
    };
    const struct ut_linear_call conv2 = {
        .x = e->work, /* row p: rows 2p - 1, 2p, 2p + 1 of conv1 */
        .ldx = 2 * d,
        .y = x,
        .ldy = d,
        .n_rows = n,
        .act = UT_ACT_GELU,
        .residual = m->audio_position + p * d,
        .ld_residual = d,
    };

    ut_linear_run(e->compute, m->conv1, &conv1);
    if (p == 0)
        write_edge(e, e->work, 0, d);
    ut_linear_run(e->compute, m->conv2, &conv2);
}

/*
 * mel [n, n_mels] -> x = GELU(conv2(GELU(conv1(mel)))) + position. Both convolutions are 3 wide and
 * padded by 1; rows that overlap in a time-major buffer are their input. The frame left of the
 * window is 0, as in the original; left of what is computed anew stand the frames that are there.
 * The frame right of the window is 0 only where it fills the context or nothing follows; else it is
 * silence, and the last position sees what it would see in the whole window.
 */
void ut_asr_encoder_stem(struct ut_asr_encoder *e, const struct ut_asr_encode_call *call, float *x)
{
    const struct ut_asr_model *m = e->model;
    const size_t n = call->n_frames;
    const size_t n_mels = m->dims.n_mels;
    const size_t d = m->dims.n_audio_state;
    const bool followed = call->silence && n / 2 < m->dims.n_audio_ctx;
    const size_t skip = call->n_kept ? 2 * call->n_kept - 2 : 0; /* frames that nobody reads */
    const size_t n_edge = call->n_kept == 0;

    if (n_edge)
        write_edge(e, e->mel, 0, n_mels);
    ut_compute_write(e->compute, e->mel + n_edge * n_mels, call->mel + skip * n_mels,
                     (n - skip) * n_mels * sizeof(float));
    write_edge(e, e->mel + (n_edge + n - skip) * n_mels, followed ? call->silence->mel_value : 0,
               n_mels);
    for (size_t p = call->n_kept; p < n / 2; p += e->n_chunk) {
        run_chunk(e, (ptrdiff_t)skip - (ptrdiff_t)n_edge, p, min_size(e->n_chunk, n / 2 - p), x);
        x += e->n_chunk * d;
    }
}
