/*
 * The GGUF reader: whatever the bytes are, parsing ends with a status and a text, and what it
 * accepts can be looked at to the last element of every array and tensor.
 */
#include <stdlib.h>
#include <string.h>

#include "compute/gguf.h"
#include "tests/fuzz/fuzz.h"

static void require(int ok)
{
    if (!ok)
        abort();
}

static void look_at_key(const struct ut_gguf *g, size_t i)
{
    const char *key = ut_gguf_key(g, i);
    struct ut_gguf_text t = { 0 };
    struct ut_error err;
    char text[256];
    size_t n = 0;
    int64_t v;
    uint32_t u;
    float f;

    require(ut_gguf_has(g, key));
    if (ut_gguf_print_value(g, i, text, sizeof text) == UT_OK)
        require(strlen(text) < sizeof text);
    if (ut_gguf_text(&t, g, key, &err) == UT_OK && t.n)
        require(t.data[t.n - 1] == t.data[t.n - 1]);
    (void)(ut_gguf_u32(&u, g, key, &err) == UT_OK || ut_gguf_f32(&f, g, key, &err) == UT_OK);
    if (ut_gguf_array_n(&n, g, key, &err) != UT_OK || n == 0)
        return;
    for (size_t k = 0; k<n; k += n> 16 && k == 8 ? n - 16 : 1) {
        if (ut_gguf_array_text(&t, g, key, k, &err) == UT_OK) {
            volatile char last = t.n ? t.data[t.n - 1] : 0;
            (void)last;
            continue;
        }
        require(ut_gguf_array_i64(&v, g, key, k, &err) == UT_OK ||
                ut_gguf_array_f32(&f, g, key, k, &err) == UT_OK || err.text[0]);
    }
    require(ut_gguf_array_text(&t, g, key, n, &err) == UT_EFORMAT);
}

static void look_at_tensor(const struct ut_gguf *g, size_t i)
{
    const struct ut_tensor *t = ut_gguf_tensor(g, i);
    const struct ut_tensor *same = NULL;
    size_t block = ut_dtype_block(t->dtype), bytes = 0;
    struct ut_error err;
    float values[256];

    require(ut_gguf_find(g, t->name) == t);
    size_t dims[UT_TENSOR_MAX_DIMS] = { 0 };
    for (int k = 0; k < t->n_dims; k++)
        dims[k] = t->dims[k];
    require(ut_gguf_need(&same, g, t->name, dims, &err) == UT_OK && same == t);
    require(ut_dtype_bytes(&bytes, t->dtype, block) == UT_OK && bytes <= t->n_bytes);
    const uint8_t *last = (const uint8_t *)t->data + t->n_bytes - bytes;
    if (ut_dtype_read(values, t->data, t->dtype, block) == UT_OK)
        require(ut_dtype_read(values, last, t->dtype, block) == UT_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct ut_gguf *g = NULL;
    struct ut_error err = { 0 };

    if (ut_gguf_parse(&g, data, n, "input", &err) != UT_OK) {
        require(g == NULL && err.text[0]);
        return 0;
    }
    for (size_t i = 0; i < ut_gguf_n_keys(g); i++)
        look_at_key(g, i);
    for (size_t i = 0; i < ut_gguf_n_tensors(g); i++)
        look_at_tensor(g, i);
    ut_gguf_close(g);
    return 0;
}

/* Appends `n` bytes when they fit. */
static size_t put(uint8_t *data, size_t at, const void *p, size_t n)
{
    memcpy(data + at, p, n);
    return at + n;
}

static size_t put_text(uint8_t *data, size_t at, const char *text)
{
    at = put(data, at, &(uint64_t){ strlen(text) }, 8);
    return put(data, at, text, strlen(text));
}

/* A key of each type, arrays of texts and of numbers, and a tensor of `dtype`. */
size_t fuzz_seed(unsigned i, uint8_t *data, size_t capacity)
{
    static const enum ut_dtype dtypes[] = { UT_DTYPE_F32, UT_DTYPE_Q8_0, UT_DTYPE_Q6_K,
                                            UT_DTYPE_I32 };
    static const uint8_t sizes[13] = { 1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8 };
    static const uint8_t value[8] = { 1 };
    size_t at = 0, bytes = 0;

    if (i >= sizeof dtypes / sizeof dtypes[0] || capacity < 4096 ||
        ut_dtype_bytes(&bytes, dtypes[i], 512) != UT_OK)
        return 0;
    at = put(data, at, "GGUF\3\0\0\0", 8);
    at = put(data, at, &(uint64_t){ 1 }, 8);
    at = put(data, at, &(uint64_t){ 15 }, 8);
    for (uint32_t type = 0; type < 13; type++) {
        at = put_text(data, at, (char[]){ 'k', (char)('a' + type), 0 });
        at = put(data, at, &type, 4);
        if (type == 8)
            at = put_text(data, at, "hello");
        if (type == 9) {
            at = put(data, at, &(uint32_t){ 8 }, 4);
            at = put(data, at, &(uint64_t){ 2 }, 8);
            at = put_text(data, at, "");
            at = put_text(data, at, "two");
        }
        at = put(data, at, value, sizes[type]);
    }
    at = put_text(data, at, "numbers");
    at = put(data, at, &(uint32_t[2]){ 9, 5 }, 8);
    at = put(data, at, &(uint64_t){ 3 }, 8);
    at = put(data, at, &(int32_t[3]){ 1, -2, 3 }, 12);
    at = put_text(data, at, "general.alignment");
    at = put(data, at, &(uint32_t[2]){ 4, 32 }, 8);
    at = put_text(data, at, "tensor");
    at = put(data, at, &(uint32_t){ 2 }, 4);
    at = put(data, at, &(uint64_t[2]){ 256, 2 }, 16);
    at = put(data, at, &(uint32_t){ (uint32_t)dtypes[i] }, 4);
    at = put(data, at, &(uint64_t){ 0 }, 8);
    size_t end = (at + 31) / 32 * 32 + bytes;
    memset(data + at, 0, end - at);
    return end;
}
