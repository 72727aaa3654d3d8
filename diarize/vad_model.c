#include "diarize/vad_model.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "compute/gguf.h"

const struct ut_vad_conv_shape ut_vad_conv_shapes[UT_VAD_N_CONVS] = {
    { UT_VAD_BINS, 128, 1 },
    { 128, 64, 2 },
    { 64, 64, 2 },
    { 64, UT_VAD_STATE, 1 },
};

/* Tensor `name` of the given shape as floats in a new block for ut_free(). */
static enum ut_status read_floats(float **out, const struct ut_gguf *g, const char *name,
                                  const size_t dims[UT_TENSOR_MAX_DIMS], struct ut_error *err)
{
    const struct ut_tensor *t;
    enum ut_status status = ut_gguf_need(&t, g, name, dims, err);
    if (status)
        return status;

    size_t n = 1;
    for (int i = 0; i < UT_TENSOR_MAX_DIMS && dims[i]; i++)
        n *= dims[i];
    float *values = ut_alloc(n, sizeof *values);
    if (!values)
        return ut_error_set(err, UT_ENOMEM, "%s: no memory for %s", ut_gguf_path(g), name);
    if (ut_dtype_read(values, t->data, t->dtype, n)) {
        ut_free(values);
        return ut_error_set(err, UT_EFORMAT, "%s: tensor %s has type %s, not a float type",
                            ut_gguf_path(g), name, ut_dtype_name(t->dtype));
    }
    *out = values;
    return UT_OK;
}

/* Packs weight [n_out, n_in] and bias [n_out] (or NULL). */
static enum ut_status pack(struct ut_linear **out, struct ut_compute *c, const char *name,
                           const float *weight, const float *bias, size_t n_out, size_t n_in,
                           struct ut_error *err)
{
    struct ut_tensor w = { name,   UT_DTYPE_F32,
                           2,      { n_out, n_in, 1, 1 },
                           weight, n_out * n_in * sizeof *weight };
    struct ut_tensor b = { name, UT_DTYPE_F32, 1, { n_out, 1, 1, 1 }, bias, n_out * sizeof *bias };
    struct ut_linear_spec spec = { .n_parts = 1, .weight = { &w }, .bias = { bias ? &b : NULL } };
    enum ut_status status = ut_linear_create(out, c, &spec);

    if (status)
        ut_error_set(err, status, "voice activity model: cannot pack %s", name);
    return status;
}

static enum ut_status load_stft(struct ut_vad_model *m, const struct ut_gguf *g,
                                struct ut_error *err)
{
    const size_t dims[] = { 2 * UT_VAD_BINS, 1, UT_VAD_STFT, 0 };
    float *w = NULL;
    enum ut_status status = read_floats(&w, g, "stft_conv.weight", dims, err);

    if (!status)
        status = pack(&m->stft, m->c, "stft_conv", w, NULL, dims[0], UT_VAD_STFT, err);
    ut_free(w);
    return status;
}

static enum ut_status load_conv(struct ut_vad_model *m, const struct ut_gguf *g, size_t i,
                                struct ut_error *err)
{
    const struct ut_vad_conv_shape *shape = &ut_vad_conv_shapes[i];
    const size_t weight_dims[] = { shape->n_out, shape->n_in, 3, 0 };
    const size_t bias_dims[] = { shape->n_out, 0, 0, 0 };
    char weight_name[24];
    char bias_name[24];
    float *w = NULL;
    float *b = NULL;
    float *by_tap = NULL;

    snprintf(weight_name, sizeof weight_name, "conv%zu.weight", i + 1);
    snprintf(bias_name, sizeof bias_name, "conv%zu.bias", i + 1);
    enum ut_status status = read_floats(&w, g, weight_name, weight_dims, err);
    if (!status)
        status = read_floats(&b, g, bias_name, bias_dims, err);
    if (!status && !(by_tap = ut_alloc(3 * shape->n_out * shape->n_in, sizeof *by_tap)))
        status = ut_error_set(err, UT_ENOMEM, "%s: no memory for %s", ut_gguf_path(g), weight_name);
    if (status)
        goto done;

    for (size_t o = 0; o < shape->n_out; o++) {
        for (size_t d = 0; d < shape->n_in; d++) {
            for (size_t k = 0; k < 3; k++)
                by_tap[(o * 3 + k) * shape->n_in + d] = w[(o * shape->n_in + d) * 3 + k];
        }
    }
    status = pack(&m->conv[i], m->c, weight_name, by_tap, b, shape->n_out, 3 * shape->n_in, err);
done:
    ut_free(w);
    ut_free(b);
    ut_free(by_tap);
    return status;
}

/* One matrix for input and state: gates = [W_ih W_hh] [x; h] + b_ih + b_hh. */
static enum ut_status load_lstm(struct ut_vad_model *m, const struct ut_gguf *g,
                                struct ut_error *err)
{
    enum { N = UT_VAD_STATE, N_GATES = 4 * UT_VAD_STATE };
    static const char *const names[] = { "lstm_cell.weight_ih", "lstm_cell.weight_hh",
                                         "lstm_cell.bias_ih", "lstm_cell.bias_hh" };
    const size_t weight_dims[] = { N_GATES, N, 0, 0 };
    const size_t bias_dims[] = { N_GATES, 0, 0, 0 };
    float *part[4] = { NULL, NULL, NULL, NULL };
    float *joined = NULL;
    enum ut_status status = UT_OK;

    for (size_t i = 0; i < 4 && !status; i++)
        status = read_floats(&part[i], g, names[i], i < 2 ? weight_dims : bias_dims, err);
    if (!status && !(joined = ut_alloc(2 * N_GATES * N, sizeof *joined)))
        status = ut_error_set(err, UT_ENOMEM, "%s: no memory for the gates", ut_gguf_path(g));
    if (status)
        goto done;

    for (size_t o = 0; o < N_GATES; o++) {
        memcpy(joined + o * 2 * N, part[0] + o * N, N * sizeof *joined);
        memcpy(joined + o * 2 * N + N, part[1] + o * N, N * sizeof *joined);
        part[2][o] += part[3][o];
    }
    status = pack(&m->gates, m->c, "lstm_cell", joined, part[2], N_GATES, 2 * N, err);
done:
    for (size_t i = 0; i < 4; i++)
        ut_free(part[i]);
    ut_free(joined);
    return status;
}

static enum ut_status load_output(struct ut_vad_model *m, const struct ut_gguf *g,
                                  struct ut_error *err)
{
    const size_t weight_dims[] = { 1, UT_VAD_STATE, 1, 0 };
    const size_t bias_dims[] = { 1, 0, 0, 0 };
    float *w = NULL;
    float *b = NULL;
    enum ut_status status = read_floats(&w, g, "final_conv.weight", weight_dims, err);

    if (!status)
        status = read_floats(&b, g, "final_conv.bias", bias_dims, err);
    if (!status) {
        memcpy(m->out_weight, w, sizeof m->out_weight);
        m->out_bias = b[0];
    }
    ut_free(w);
    ut_free(b);
    return status;
}

static enum ut_status load(struct ut_vad_model *m, const struct ut_gguf *g, struct ut_error *err)
{
    static const char wanted[] = "silero-vad";
    struct ut_gguf_text name;
    enum ut_status status = ut_gguf_text(&name, g, "general.architecture", err);

    if (status)
        return status;
    if (name.n != sizeof wanted - 1 || memcmp(name.data, wanted, name.n) != 0)
        return ut_error_set(err, UT_EFORMAT, "%s: general.architecture is \"%.*s\", not \"%s\"",
                            ut_gguf_path(g), (int)(name.n < 40 ? name.n : 40), name.data, wanted);

    status = load_stft(m, g, err);
    for (size_t i = 0; i < UT_VAD_N_CONVS && !status; i++)
        status = load_conv(m, g, i, err);
    if (!status)
        status = load_lstm(m, g, err);
    if (!status)
        status = load_output(m, g, err);
    return status;
}

enum ut_status ut_vad_model_open(struct ut_vad_model **out, struct ut_compute *c, const char *path,
                                 struct ut_error *err)
{
    struct ut_gguf *g;
    enum ut_status status = ut_gguf_open(&g, path, err);
    if (status)
        return status;

    struct ut_vad_model *m = ut_calloc(1, sizeof *m);
    if (!m) {
        ut_gguf_close(g);
        return ut_error_set(err, UT_ENOMEM, "%s: no memory", path);
    }
    m->c = c;
    status = load(m, g, err);
    ut_gguf_close(g);
    if (status) {
        ut_vad_model_close(m);
        return status;
    }
    *out = m;
    return UT_OK;
}

void ut_vad_model_close(struct ut_vad_model *m)
{
    if (!m)
        return;
    ut_linear_destroy(m->stft);
    for (size_t i = 0; i < UT_VAD_N_CONVS; i++)
        ut_linear_destroy(m->conv[i]);
    ut_linear_destroy(m->gates);
    ut_free(m);
}
