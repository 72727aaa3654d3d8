/*
 * The foreign model formats: the input is given to each reader. Whatever it holds, reading ends
 * with a status and a text, and every tensor that is accepted can be read to its end.
 */
#include <stdlib.h>
#include <string.h>

#include "models/formats.h"
#include "models/whisper.h"
#include "tests/fuzz/fuzz.h"

static void require(int ok)
{
    if (!ok)
        abort();
}

static void look_at(const struct ut_bag *bag)
{
    for (size_t i = 0; i < bag->n; i++) {
        const struct ut_tensor *t = &bag->tensors[i];
        const uint8_t *p = t->data;
        unsigned sum = 0;

        require(t->n_dims >= 1 && t->n_dims <= UT_TENSOR_MAX_DIMS && t->n_bytes > 0);
        for (size_t k = 0; k < t->n_bytes; k++)
            sum += p[k];
        require(sum <= t->n_bytes * 255);
    }
}

/* The sizes of what may be a Whisper, under every naming. */
static void measure(struct ut_bag *bag)
{
    struct ut_whisper *w = calloc(1, sizeof *w);
    struct ut_error err;

    require(w != NULL);
    for (int naming = 0; naming < UT_N_NAMINGS; naming++) {
        memset(w, 0, sizeof *w);
        w->path = "input";
        w->naming = (enum ut_naming)naming;
        w->bag = *bag;
        if (ut_whisper_measure(w, &err) == UT_OK && ut_whisper_settle_heads(w, &err) == UT_OK) {
            ut_whisper_default_alignment(w);
            require(w->n_alignment > 0);
        }
    }
    free(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct ut_error err = { 0 };

    for (int format = 0; format < 3; format++) {
        struct ut_bag bag = { 0 };
        struct ut_vocabulary vocabulary = { 0 };
        struct ut_ggml_dims dims;
        enum ut_status st;

        if (format == 0)
            st = ut_ct2_read(&bag, data, n, "input", &err);
        else if (format == 1)
            st = ut_ggml_read(&bag, &dims, &vocabulary, data, n, "input", &err);
        else
            st = ut_safetensors_read(&bag, data, n, "input", &err);
        if (st != UT_OK)
            require(bag.n == 0 && vocabulary.n == 0 && err.text[0]);
        look_at(&bag);
        measure(&bag);
        ut_bag_finish(&bag);
        ut_vocabulary_finish(&vocabulary);
    }
    return 0;
}

static size_t put(uint8_t *data, size_t at, const void *p, size_t n)
{
    memcpy(data + at, p, n);
    return at + n;
}

static size_t put_variable(uint8_t *data, size_t at, const char *name, uint32_t d0, uint32_t d1,
                           uint32_t d2)
{
    uint32_t bytes = 2 * d0 * d1 * d2;

    at = put(data, at, &(uint16_t){ (uint16_t)(strlen(name) + 1) }, 2);
    at = put(data, at, name, strlen(name) + 1);
    at = put(data, at, "\3", 1);
    at = put(data, at, &(uint32_t[3]){ d0, d1, d2 }, 12);
    if (d2 == 1) { /* a matrix */
        data[at - 13] = 2;
        at -= 4;
    }
    at = put(data, at, "\4", 1);
    at = put(data, at, &bytes, 4);
    memset(data + at, 0, bytes);
    return at + bytes;
}

static size_t make_ct2(uint8_t *data)
{
    size_t at = put(data, 0, "\6\0\0\0\14\0WhisperSpec\0\3\0\0\0\6\0\0\0", 26);

    at = put_variable(data, at, "encoder/conv1/weight", 8, 4, 3);
    at = put_variable(data, at, "encoder/position_encodings/encodings", 3, 8, 1);
    at = put_variable(data, at, "encoder/layer_0/ffn/linear_0/weight", 32, 8, 1);
    at = put_variable(data, at, "decoder/embeddings/weight", 9, 8, 1);
    at = put_variable(data, at, "decoder/position_encodings/encodings", 3, 8, 1);
    at = put_variable(data, at, "decoder/layer_0/ffn/linear_0/weight", 32, 8, 1);
    return put(data, at, "\1\0\0\0\2\0a\0\2\0b\0", 12);
}

static size_t make_ggml(uint8_t *data)
{
    static const uint32_t head[] = { 0x67676d6c, 9, 3, 8, 1, 1, 3, 8, 1, 1, 4, 1, 1, 1, 0, 2, 1 };
    size_t at = put(data, 0, head, sizeof head);

    at = put(data, at, "a\1\0\0\0b", 6);
    at = put(data, at, &(uint32_t[5]){ 2, 30, 0, 8, 9 }, 20);
    at = put(data, at, "decoder.token_embedding.weight", 30);
    memset(data + at, 0, 288);
    return at + 288;
}

static size_t make_safetensors(uint8_t *data)
{
    static const char header[] =
        "{\"__metadata__\":{\"a\":\"b\"},\"model.decoder.embed_tokens.weight\":{\"dtype\":\"F16\","
        "\"shape\":[9,8],\"data_offsets\":[0,144]},\"encoder.conv1.weight\":{\"dtype\":\"BF16\","
        "\"shape\":[8,4,3],\"data_offsets\":[144,336]}}";
    size_t at = put(data, 0, &(uint64_t){ sizeof header - 1 }, 8);

    at = put(data, at, header, sizeof header - 1);
    memset(data + at, 0, 336);
    return at + 336;
}

size_t fuzz_seed(unsigned i, uint8_t *data, size_t capacity)
{
    if (capacity < 8192)
        return 0;
    return i == 0 ? make_ct2(data) : i == 1 ? make_ggml(data) : i == 2 ? make_safetensors(data) : 0;
}
