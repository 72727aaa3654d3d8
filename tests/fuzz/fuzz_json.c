/*
 * JSON: whatever the text is, parsing ends with a status and a text; what it accepts can be walked,
 * and written again it is accepted again.
 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "tests/fuzz/fuzz.h"

static void require(int ok)
{
    if (!ok)
        abort();
}

static void write_value(struct ut_json_writer *w, const char *key, const struct ut_json *v);

static bool write_member(void *ctx, const char *key, const struct ut_json *value)
{
    write_value(ctx, key, value);
    return true;
}

static void write_value(struct ut_json_writer *w, const char *key, const struct ut_json *v)
{
    size_t n = 0;
    int64_t i;
    double d;
    bool b;
    const char *text = ut_json_text(v, &n);

    if (ut_json_is_object(v)) {
        ut_json_open_object(w, key);
        ut_json_each(v, write_member, w);
        ut_json_close(w);
    } else if (ut_json_is_array(v)) {
        ut_json_open_array(w, key);
        for (size_t k = 0; k < ut_json_n(v); k++)
            write_value(w, NULL, ut_json_at(v, k));
        ut_json_close(w);
    } else if (text) {
        ut_json_put_text(w, key, text, n);
    } else if (ut_json_i64(v, &i)) {
        ut_json_put_i64(w, key, i);
    } else if (ut_json_f64(v, &d)) {
        ut_json_put_f64(w, key, d, 6);
    } else if (ut_json_bool(v, &b)) {
        ut_json_put_bool(w, key, b);
    } else {
        ut_json_put_null(w, key);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct ut_buffer buf = { .limit = 1 << 20 };
    struct ut_json_writer w = { .out = &buf };
    struct ut_json *root = NULL, *again = NULL;
    struct ut_error err = { 0 };

    if (ut_json_parse(&root, data, n, 1 << 16, "input", &err) != UT_OK) {
        require(root == NULL && err.text[0]);
        return 0;
    }
    write_value(&w, NULL, root);
    if (ut_json_end(&w) == UT_OK) {
        require(ut_json_parse(&again, buf.data, buf.n, 1 << 20, "again", &err) == UT_OK);
        require(ut_json_n(again) == ut_json_n(root));
    }
    ut_json_destroy(root);
    ut_json_destroy(again);
    ut_buffer_finish(&buf);
    return 0;
}

size_t fuzz_seed(unsigned i, uint8_t *data, size_t capacity)
{
    static const char *const seeds[] = {
        "{\"alignment_heads\":[[3,1],[4,2]],\"suppress_ids\":[1,2,-7],\"x\":null,\"b\":true}",
        "[\"!\",\"\\u0120the\",\"\xc4\xa0\",\"\\ud83d\\ude00\",\"\\u0000\",1.5e3,-0.25,[[[]]]]",
        "\"text\"",
    };

    if (i >= sizeof seeds / sizeof seeds[0] || strlen(seeds[i]) > capacity)
        return 0;
    memcpy(data, seeds[i], strlen(seeds[i]));
    return strlen(seeds[i]);
}
