#include "models/whisper.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"

#define D_HEAD 64 /* of every published Whisper */

/* The tensor of a row of the table in the source, under either of the names it may have there. */
static const struct ut_tensor *
find_source(const struct ut_whisper *w, const struct ut_whisper_name *name, char side, size_t layer)
{
    char text[UT_BAG_MAX_NAME] = "model.";
    const char *pattern = name->theirs[w->naming];

    if (!pattern || ut_whisper_name_fill(text + 6, sizeof text - 6, pattern, side, layer) != UT_OK)
        return NULL;
    const struct ut_tensor *t = ut_bag_find(&w->bag, text + 6);
    return t || w->naming != UT_NAMING_HF ? t : ut_bag_find(&w->bag, text);
}

static const struct ut_whisper_name *find_row(enum ut_whisper_shape shape, char side)
{
    for (size_t i = 0; i < ut_n_whisper_names; i++)
        if (ut_whisper_names[i].shape == shape &&
            (ut_whisper_names[i].side == side || ut_whisper_names[i].side == 'b'))
            return &ut_whisper_names[i];
    return NULL;
}

static enum ut_status refuse_missing(const struct ut_whisper *w, const struct ut_whisper_name *name,
                                     char side, size_t layer, struct ut_error *err)
{
    char text[UT_BAG_MAX_NAME] = "?";

    if (ut_whisper_name_fill(text, sizeof text, name->theirs[w->naming], side, layer) != UT_OK)
        return UT_ELIMIT;
    return ut_error_set(err, UT_EFORMAT, "%s: tensor '%s' is missing", w->path, text);
}

/* Two dimensions of the tensor of a shape that there is only one of. */
static enum ut_status measure_one(const struct ut_whisper *w, enum ut_whisper_shape shape,
                                  char side, int n_dims, size_t *d0, size_t *d1,
                                  struct ut_error *err)
{
    const struct ut_whisper_name *row = find_row(shape, side);
    const struct ut_tensor *t = find_source(w, row, side, 0);

    if (!t)
        return refuse_missing(w, row, side, 0, err);
    if (t->n_dims != n_dims || t->dims[0] > 1u << 20 || t->dims[1] > 1u << 20)
        return ut_error_set(err, UT_EFORMAT, "%s: tensor '%s' has %d dimensions [%zu, %zu, ...]",
                            w->path, t->name, t->n_dims, t->dims[0], t->dims[1]);
    *d0 = t->dims[0];
    *d1 = t->dims[1];
    return UT_OK;
}

static enum ut_status measure_side(const struct ut_whisper *w, struct ut_whisper_side *side,
                                   char which, struct ut_error *err)
{
    const struct ut_whisper_name *row = find_row(UT_SHAPE_UP, which);
    size_t d = 0;

    while (side->n_layers <= UT_WHISPER_MAX_LAYERS && find_source(w, row, which, side->n_layers))
        side->n_layers++;
    if (side->n_layers == 0)
        return refuse_missing(w, row, which, 0, err);
    if (side->n_layers > UT_WHISPER_MAX_LAYERS)
        return ut_error_set(err, UT_ELIMIT, "%s: more than %d layers", w->path,
                            UT_WHISPER_MAX_LAYERS);
    enum ut_status st = measure_one(w, UT_SHAPE_POSITION, which, 2, &side->context, &d, err);
    if (st == UT_OK && d != side->d)
        st = ut_error_set(err, UT_EFORMAT, "%s: tensor '%s' is [%zu, %zu], not [%zu, %zu]", w->path,
                          find_source(w, find_row(UT_SHAPE_POSITION, which), which, 0)->name,
                          side->context, d, side->context, side->d);
    return st;
}

static enum ut_status settle_side(const struct ut_whisper *w, struct ut_whisper_side *side,
                                  struct ut_error *err)
{
    if (!side->n_heads)
        side->n_heads = side->d / D_HEAD;
    if (!side->n_heads || side->n_heads > UT_WHISPER_MAX_HEADS || side->d % side->n_heads != 0)
        return ut_error_set(err, UT_EFORMAT, "%s: %zu heads for %zu channels", w->path,
                            side->n_heads, side->d);
    return UT_OK;
}

enum ut_status ut_whisper_settle_heads(struct ut_whisper *w, struct ut_error *err)
{
    enum ut_status st = settle_side(w, &w->encoder, err);

    return st == UT_OK ? settle_side(w, &w->decoder, err) : st;
}

enum ut_status ut_whisper_measure(struct ut_whisper *w, struct ut_error *err)
{
    enum ut_status st = measure_one(w, UT_SHAPE_CONV1, 'e', 3, &w->encoder.d, &w->n_mels, err);

    if (st == UT_OK)
        st = measure_one(w, UT_SHAPE_EMBEDDING, 'd', 2, &w->n_vocab, &w->decoder.d, err);
    if (st == UT_OK)
        st = measure_side(w, &w->encoder, 'e', err);
    if (st == UT_OK)
        st = measure_side(w, &w->decoder, 'd', err);
    return st;
}

/* Dimensions of a row's tensor; returns how many. */
static int shape_of(const struct ut_whisper *w, enum ut_whisper_shape shape, char side,
                    size_t *dims)
{
    const struct ut_whisper_side *s = side == 'e' ? &w->encoder : &w->decoder;
    const size_t d = s->d;
    const struct {
        int n;
        size_t dims[3];
    } shapes[] = {
        [UT_SHAPE_D] = { 1, { d } },
        [UT_SHAPE_4D] = { 1, { 4 * d } },
        [UT_SHAPE_DD] = { 2, { d, d } },
        [UT_SHAPE_UP] = { 2, { 4 * d, d } },
        [UT_SHAPE_DOWN] = { 2, { d, 4 * d } },
        [UT_SHAPE_CONV1] = { 3, { d, w->n_mels, 3 } },
        [UT_SHAPE_CONV2] = { 3, { d, d, 3 } },
        [UT_SHAPE_POSITION] = { 2, { s->context, d } },
        [UT_SHAPE_EMBEDDING] = { 2, { w->n_vocab, d } },
        [UT_SHAPE_ZERO] = { 1, { d } },
    };

    memcpy(dims, shapes[shape].dims, sizeof shapes[shape].dims);
    return shapes[shape].n;
}

/* `t` cut to the row's part of it and checked against the shape that it must have. */
static enum ut_status view_part(const struct ut_whisper *w, const struct ut_whisper_name *name,
                                char side, const struct ut_tensor *t, struct ut_tensor *view,
                                struct ut_error *err)
{
    int n_parts = w->naming == UT_NAMING_CT2 ? name->n_parts : 1;
    int part = w->naming == UT_NAMING_CT2 ? name->part : 0;
    size_t dims[UT_TENSOR_MAX_DIMS] = { 1, 1, 1, 1 };
    int n_dims = shape_of(w, name->shape, side, dims);
    size_t n = 1, have = 1;
    bool same = true;

    *view = *t;
    view->n_dims = n_dims;
    for (int i = 0; i < n_dims; i++) {
        view->dims[i] = dims[i];
        n *= dims[i];
        same = same && (t->dims[i] == dims[i] * (i ? 1 : (size_t)n_parts));
    }
    for (int i = 0; i < t->n_dims; i++)
        have *= t->dims[i];
    for (int i = n_dims; i < UT_TENSOR_MAX_DIMS; i++)
        view->dims[i] = 1;
    /* whisper.cpp stores the biases of the convolutions as [d, 1]. */
    same = same && have == n * (size_t)n_parts;
    if (!same || ut_dtype_bytes(&view->n_bytes, t->dtype, n) != UT_OK ||
        view->n_bytes * (size_t)n_parts != t->n_bytes)
        return ut_error_set(err, UT_EFORMAT,
                            "%s: tensor '%s' is %s of [%zu, %zu, %zu], not %d x [%zu, %zu, %zu]",
                            w->path, t->name, ut_dtype_name(t->dtype), t->dims[0], t->dims[1],
                            t->dims[2], n_parts, dims[0], dims[1], dims[2]);
    view->data = (const uint8_t *)t->data + view->n_bytes * (size_t)part;
    return UT_OK;
}

/* Whisper's keys have no bias; a file that has one anyway must have it zero. */
static enum ut_status check_zero(const struct ut_whisper *w, const struct ut_tensor *view,
                                 struct ut_error *err)
{
    size_t step = view->n_bytes / view->dims[0];

    for (size_t i = 0; i < view->dims[0]; i++) {
        float v;
        if (ut_dtype_read(&v, (const uint8_t *)view->data + i * step, view->dtype, 1) != UT_OK ||
            v != 0.0f)
            return ut_error_set(err, UT_EFORMAT, "%s: tensor '%s': the key bias is not zero",
                                w->path, view->name);
    }
    return UT_OK;
}

static enum ut_dtype type_of(enum ut_whisper_shape shape, enum ut_dtype weights)
{
    switch (shape) {
    case UT_SHAPE_DD:
    case UT_SHAPE_UP:
    case UT_SHAPE_DOWN:
    case UT_SHAPE_EMBEDDING:
        return weights;
    case UT_SHAPE_CONV1:
    case UT_SHAPE_CONV2:
        return weights == UT_DTYPE_F32 ? UT_DTYPE_F32 : UT_DTYPE_F16;
    default:
        return UT_DTYPE_F32;
    }
}

static enum ut_status plan_one(struct ut_plan *plan, const struct ut_whisper *w,
                               const struct ut_whisper_name *name, char side, size_t layer,
                               enum ut_dtype weights, struct ut_error *err)
{
    char text[UT_BAG_MAX_NAME];
    struct ut_tensor view;
    const struct ut_tensor *t = find_source(w, name, side, layer);

    if (!t && name->shape == UT_SHAPE_ZERO)
        return UT_OK;
    if (!t)
        return refuse_missing(w, name, side, layer, err);
    enum ut_status st = view_part(w, name, side, t, &view, err);
    if (st == UT_OK && name->shape == UT_SHAPE_ZERO)
        return check_zero(w, &view, err);
    if (st == UT_OK)
        st = ut_whisper_name_fill(text, sizeof text, name->ours, side, layer);
    if (st == UT_OK)
        st = ut_plan_add(plan, text, &view, type_of(name->shape, weights));
    return st;
}

/* Encoder first, then decoder; within a side in the order of the table, layer by layer. */
static enum ut_status plan_side(struct ut_plan *plan, const struct ut_whisper *w, char side,
                                enum ut_dtype weights, struct ut_error *err)
{
    size_t n_layers = side == 'e' ? w->encoder.n_layers : w->decoder.n_layers;
    enum ut_status st = UT_OK;

    for (size_t l = 0; l <= n_layers; l++) { /* what there is one of, then layer l - 1 */
        for (size_t i = 0; i < ut_n_whisper_names && st == UT_OK; i++) {
            const struct ut_whisper_name *name = &ut_whisper_names[i];
            bool of_layer = name->layer == '#';
            if ((name->side == side || name->side == 'b') && of_layer == (l > 0))
                st = plan_one(plan, w, name, side, l ? l - 1 : 0, weights, err);
        }
    }
    return st;
}

/* SOURCE: GGUF specification, general.file_type. */
uint32_t ut_file_type(enum ut_dtype dtype)
{
    switch (dtype) {
    case UT_DTYPE_F32:
        return 0;
    case UT_DTYPE_F16:
        return 1;
    case UT_DTYPE_Q4_0:
        return 2;
    case UT_DTYPE_Q4_1:
        return 3;
    case UT_DTYPE_Q8_0:
        return 7;
    case UT_DTYPE_Q5_0:
        return 8;
    case UT_DTYPE_Q5_1:
        return 9;
    default:
        return 32; /* bf16, the only other one that is written */
    }
}

static enum ut_status write_tokens(const struct ut_whisper *w, struct ut_gguf_writer *out)
{
    struct ut_gguf_text *tokens = ut_alloc(w->vocabulary.n, sizeof *tokens);

    if (!tokens)
        return UT_ENOMEM;
    for (size_t i = 0; i < w->vocabulary.n; i++)
        tokens[i] = ut_vocabulary_token(&w->vocabulary, i);
    enum ut_status st =
        ut_gguf_writer_text_array(out, "tokenizer.ggml.tokens", tokens, w->vocabulary.n);
    ut_free(tokens);
    return st;
}

static enum ut_status write_keys(const struct ut_whisper *w, struct ut_gguf_writer *out,
                                 enum ut_dtype dtype, const char *name)
{
    const struct {
        const char *key;
        size_t value;
    } numbers[] = {
        { "general.file_type", ut_file_type(dtype) },
        { "whisper.n_mels", w->n_mels },
        { "whisper.vocab_size", w->n_vocab },
        { "whisper.encoder.context_length", w->encoder.context },
        { "whisper.encoder.embedding_length", w->encoder.d },
        { "whisper.encoder.block_count", w->encoder.n_layers },
        { "whisper.encoder.attention.head_count", w->encoder.n_heads },
        { "whisper.decoder.context_length", w->decoder.context },
        { "whisper.decoder.embedding_length", w->decoder.d },
        { "whisper.decoder.block_count", w->decoder.n_layers },
        { "whisper.decoder.attention.head_count", w->decoder.n_heads },
    };
    enum ut_status st = ut_gguf_writer_text(out, "general.architecture", "whisper");

    if (st == UT_OK)
        st = ut_gguf_writer_text(out, "general.name", name);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && st == UT_OK; i++)
        st = ut_gguf_writer_u32(out, numbers[i].key, (uint32_t)numbers[i].value);
    if (st == UT_OK)
        st = ut_gguf_writer_i32_array(out, "whisper.alignment_heads", w->alignment, w->n_alignment);
    if (st == UT_OK && w->n_suppressed)
        st = ut_gguf_writer_i32_array(out, "whisper.suppress_tokens", w->suppressed,
                                      w->n_suppressed);
    if (st == UT_OK)
        st = ut_gguf_writer_text(out, "tokenizer.ggml.model", "gpt2");
    if (st == UT_OK)
        st = ut_gguf_writer_text(out, "tokenizer.ggml.pre", "whisper");
    return st == UT_OK ? write_tokens(w, out) : st;
}

enum ut_status ut_whisper_write(struct ut_whisper *w, struct ut_gguf_writer *out,
                                enum ut_dtype dtype, const char *name,
                                const struct ut_models_progress *progress, struct ut_error *err)
{
    struct ut_plan plan = { 0 };
    enum ut_status st = write_keys(w, out, dtype, name);

    if (st != UT_OK)
        return ut_error_set(err, st, "%s: cannot put its keys together", w->path);
    st = plan_side(&plan, w, 'e', dtype, err);
    if (st == UT_OK)
        st = plan_side(&plan, w, 'd', dtype, err);
    if (st == UT_OK)
        st = ut_plan_write(&plan, out, w->path, progress, err);
    ut_plan_finish(&plan);
    return st;
}

void ut_whisper_finish(struct ut_whisper *w)
{
    ut_bag_finish(&w->bag);
    ut_vocabulary_finish(&w->vocabulary);
}
