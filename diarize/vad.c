#include "diarize/vad.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "diarize/vad_model.h"

enum {
    N_INPUT = UT_VAD_CONTEXT + UT_VAD_CHUNK + UT_VAD_REFLECT,
    N_SPECTRUM = UT_VAD_STEPS * 2 * UT_VAD_BINS
};

struct ut_vad {
    const struct ut_vad_model *model;
    float input[N_INPUT]; /* context, chunk, mirrored end */
    float spectrum[N_SPECTRUM];
    float magnitude[UT_VAD_STEPS * UT_VAD_BINS];
    float gates[4 * UT_VAD_STATE];
    float h[UT_VAD_STATE];
    float cell[UT_VAD_STATE];
    /* Device memory, one block. */
    float *block;
    float *d_input;    /* [640] */
    float *d_spectrum; /* [4, 258] */
    /* Input of convolution i: [1 + steps + 1, c_in], the first and last rows zero for ever. */
    float *d_conv[UT_VAD_N_CONVS];
    float *d_cell_in; /* [256]: output of the last convolution, then h */
    float *d_gates;   /* [512] */
};

/* Time steps that convolution i reads, padding not counted. */
static size_t conv_steps(size_t i)
{
    size_t n = UT_VAD_STEPS;

    for (size_t k = 0; k < i; k++)
        n = (n - 1) / ut_vad_conv_shapes[k].stride + 1;
    return n;
}

/* Gives out the parts of the block, each on a cache line; the first pass, over NULL, only counts.
 */
static float *take(float *block, size_t *used, size_t n)
{
    float *part = block ? block + *used : NULL;

    *used += (n + 15) / 16 * 16;
    return part;
}

static size_t lay_out(struct ut_vad *v)
{
    size_t used = 0;

    v->d_input = take(v->block, &used, N_INPUT);
    v->d_spectrum = take(v->block, &used, N_SPECTRUM);
    for (size_t i = 0; i < UT_VAD_N_CONVS; i++)
        v->d_conv[i] = take(v->block, &used, (conv_steps(i) + 2) * ut_vad_conv_shapes[i].n_in);
    v->d_cell_in = take(v->block, &used, 2 * UT_VAD_STATE);
    v->d_gates = take(v->block, &used, 4 * UT_VAD_STATE);
    return used;
}

enum ut_status ut_vad_create(struct ut_vad **out, const struct ut_vad_model *m)
{
    struct ut_vad *v = ut_calloc(1, sizeof *v);
    if (!v)
        return UT_ENOMEM;

    v->model = m;
    v->block = ut_compute_alloc(m->c, lay_out(v), sizeof(float));
    if (!v->block) {
        ut_vad_destroy(v);
        return UT_ENOMEM;
    }
    lay_out(v);
    *out = v;
    return UT_OK;
}

void ut_vad_destroy(struct ut_vad *v)
{
    if (!v)
        return;
    ut_compute_free(v->model->c, v->block);
    ut_free(v);
}

void ut_vad_reset(struct ut_vad *v)
{
    memset(v->input, 0, sizeof v->input);
    memset(v->h, 0, sizeof v->h);
    memset(v->cell, 0, sizeof v->cell);
}

/* One NaN would stay in the recurrent state for good; a level past full scale is clipped. */
static float clean_sample(float x)
{
    if (!isfinite(x))
        return 0.0f;
    return x < -1.0f ? -1.0f : x > 1.0f ? 1.0f : x;
}

static void shift_in(float *input, const float *pcm)
{
    enum { N_SEEN = UT_VAD_CONTEXT + UT_VAD_CHUNK };

    memcpy(input, input + UT_VAD_CHUNK, UT_VAD_CONTEXT * sizeof *input);
    for (size_t s = 0; s < UT_VAD_CHUNK; s++)
        input[UT_VAD_CONTEXT + s] = clean_sample(pcm[s]);
    for (size_t s = 0; s < UT_VAD_REFLECT; s++)
        input[N_SEEN + s] = input[N_SEEN - 2 - s];
}

/* spectrum [4, 258] -> magnitude [4, 129] */
static void take_magnitudes(float *magnitude, const float *spectrum)
{
    for (size_t t = 0; t < UT_VAD_STEPS; t++) {
        const float *re = spectrum + t * 2 * UT_VAD_BINS;
        const float *im = re + UT_VAD_BINS;

        for (size_t k = 0; k < UT_VAD_BINS; k++)
            magnitude[t * UT_VAD_BINS + k] = sqrtf(re[k] * re[k] + im[k] * im[k]);
    }
}

static float sigmoid(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

/* Gate order i, f, g, o as PyTorch's LSTMCell. */
static void step_cell(const float *gates, float *cell, float *h)
{
    const float *in = gates;
    const float *forget = gates + UT_VAD_STATE;
    const float *value = gates + 2 * UT_VAD_STATE;
    const float *out = gates + 3 * UT_VAD_STATE;

    for (size_t d = 0; d < UT_VAD_STATE; d++) {
        cell[d] = sigmoid(forget[d]) * cell[d] + sigmoid(in[d]) * tanhf(value[d]);
        h[d] = sigmoid(out[d]) * tanhf(cell[d]);
    }
}

static void run_stft(struct ut_vad *v)
{
    const struct ut_vad_model *m = v->model;
    const struct ut_linear_call call = { .x = v->d_input,
                                         .ldx = UT_VAD_STFT_HOP,
                                         .y = v->d_spectrum,
                                         .ldy = 2 * UT_VAD_BINS,
                                         .n_rows = UT_VAD_STEPS };

    ut_compute_write(m->c, v->d_input, v->input, sizeof v->input);
    (void)ut_linear_run(m->c, m->stft, &call); /* a failure stays in the context */
    ut_compute_read(m->c, v->spectrum, v->d_spectrum, sizeof v->spectrum);
    take_magnitudes(v->magnitude, v->spectrum);
    ut_compute_write(m->c, v->d_conv[0] + UT_VAD_BINS, v->magnitude, sizeof v->magnitude);
}

/* Each convolution writes behind the zero row of the next one's input; the last one, of one step,
 * into the cell's input. */
static void run_convs(struct ut_vad *v)
{
    const struct ut_vad_model *m = v->model;

    for (size_t i = 0; i < UT_VAD_N_CONVS; i++) {
        const struct ut_vad_conv_shape *shape = &ut_vad_conv_shapes[i];
        bool last = i + 1 == UT_VAD_N_CONVS;
        const struct ut_linear_call call = {
            .x = v->d_conv[i],
            .ldx = shape->stride * shape->n_in,
            .y = last ? v->d_cell_in : v->d_conv[i + 1] + shape->n_out,
            .ldy = shape->n_out,
            .n_rows = conv_steps(i + 1),
            .act = UT_ACT_RELU,
        };

        (void)ut_linear_run(m->c, m->conv[i], &call);
    }
}

static void run_cell(struct ut_vad *v)
{
    const struct ut_vad_model *m = v->model;
    const struct ut_linear_call call = { .x = v->d_cell_in,
                                         .ldx = 2 * UT_VAD_STATE,
                                         .y = v->d_gates,
                                         .ldy = 4 * UT_VAD_STATE,
                                         .n_rows = 1 };

    ut_compute_write(m->c, v->d_cell_in + UT_VAD_STATE, v->h, sizeof v->h);
    (void)ut_linear_run(m->c, m->gates, &call);
    ut_compute_read(m->c, v->gates, v->d_gates, sizeof v->gates);
    step_cell(v->gates, v->cell, v->h);
}

float ut_vad_push(struct ut_vad *v, const float *pcm)
{
    const struct ut_vad_model *m = v->model;
    float sum = m->out_bias;

    shift_in(v->input, pcm);
    run_stft(v);
    run_convs(v);
    run_cell(v);
    if (ut_compute_end(m->c)) {
        /* Cannot happen with shapes checked at load, short of a lost device: say "no speech". */
        memset(v->h, 0, sizeof v->h);
        memset(v->cell, 0, sizeof v->cell);
        return 0.0f;
    }
    for (size_t d = 0; d < UT_VAD_STATE; d++)
        sum += m->out_weight[d] * (v->h[d] > 0.0f ? v->h[d] : 0.0f);
    return sigmoid(sum);
}
