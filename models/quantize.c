#include <string.h>

#include "compute/gguf_writer.h"
#include "models/import.h"
#include "models/plan.h"
#include "models/whisper.h"

const char ut_models_types[] = "f32 f16 bf16 q8_0 q5_1 q5_0 q4_1 q4_0";

enum ut_status ut_models_parse_type(enum ut_dtype *out, const char *type, struct ut_error *err)
{
    static const enum ut_dtype types[] = { UT_DTYPE_F32,  UT_DTYPE_F16,  UT_DTYPE_BF16,
                                           UT_DTYPE_Q8_0, UT_DTYPE_Q5_1, UT_DTYPE_Q5_0,
                                           UT_DTYPE_Q4_1, UT_DTYPE_Q4_0 };

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(ut_dtype_name(types[i]), type) == 0) {
            *out = types[i];
            return UT_OK;
        }
    }
    return ut_error_set(err, UT_EINVAL, "type '%s' is not one of %s", type, ut_models_types);
}

/* Vectors keep their type, whatever has three dimensions or more is a convolution. */
static enum ut_dtype type_for(const struct ut_tensor *t, enum ut_dtype weights)
{
    float none;

    if (t->n_dims < 2 || ut_dtype_read(&none, t->data, t->dtype, 0) != UT_OK) /* integers */
        return t->dtype;
    if (t->n_dims > 2)
        return weights == UT_DTYPE_F32 ? UT_DTYPE_F32 : UT_DTYPE_F16;
    return strstr(t->name, "position") || strstr(t->name, "norm") ? t->dtype : weights;
}

static bool has_architecture(const struct ut_gguf *g, const char *name)
{
    struct ut_gguf_text text;

    return ut_gguf_text(&text, g, "general.architecture", NULL) == UT_OK &&
           text.n == strlen(name) && memcmp(text.data, name, text.n) == 0;
}

static enum ut_status copy_keys(struct ut_gguf_writer *w, const struct ut_gguf *g,
                                const enum ut_dtype *dtype)
{
    static const char file_type[] = "general.file_type";
    enum ut_status st = UT_OK;

    for (size_t i = 0; i < ut_gguf_n_keys(g) && st == UT_OK; i++) {
        const char *key = ut_gguf_key(g, i);
        if (dtype && strcmp(key, file_type) == 0)
            st = ut_gguf_writer_u32(w, key, ut_file_type(*dtype));
        else if (strcmp(key, "general.alignment") != 0) /* the writer has its own */
            st = ut_gguf_writer_copy_key(w, g, i);
    }
    if (st == UT_OK && dtype && !ut_gguf_has(g, file_type))
        st = ut_gguf_writer_u32(w, file_type, ut_file_type(*dtype));
    return st;
}

static enum ut_status plan_all(struct ut_plan *plan, const struct ut_gguf *g,
                               const enum ut_dtype *dtype)
{
    bool as_is = !dtype || has_architecture(g, "silero-vad"); /* small, and read as f32 only */
    enum ut_status st = UT_OK;

    for (size_t i = 0; i < ut_gguf_n_tensors(g) && st == UT_OK; i++) {
        const struct ut_tensor *t = ut_gguf_tensor(g, i);
        st = ut_plan_add(plan, t->name, t, as_is ? t->dtype : type_for(t, *dtype));
    }
    return st;
}

enum ut_status ut_models_quantize(const char *src, const char *dst, const char *type,
                                  const struct ut_models_progress *progress, struct ut_error *err)
{
    struct ut_gguf *g = NULL;
    struct ut_gguf_writer *w = NULL;
    struct ut_plan plan = { 0 };
    enum ut_dtype dtype = UT_DTYPE_F32;
    enum ut_status st = type ? ut_models_parse_type(&dtype, type, err) : UT_OK;

    if (st == UT_OK)
        st = ut_gguf_open(&g, src, err);
    if (st == UT_OK)
        st = ut_gguf_writer_create(&w, dst, err);
    if (st != UT_OK)
        goto done;
    st = copy_keys(w, g, type ? &dtype : NULL);
    if (st == UT_OK)
        st = plan_all(&plan, g, type ? &dtype : NULL);
    if (st != UT_OK) {
        ut_error_set(err, st, "%s: cannot put its keys and tensors together", src);
        goto done;
    }
    st = ut_plan_write(&plan, w, src, progress, err);
    if (st == UT_OK)
        st = ut_gguf_writer_finish(w, err);
done:
    ut_plan_finish(&plan);
    ut_gguf_writer_destroy(w);
    ut_gguf_close(g);
    return st;
}
