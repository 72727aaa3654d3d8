#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "compute/gguf_writer.h"

static char dir[] = "/tmp/ut-writer-XXXXXX";
static char path[64];
static char copy_path[64];

static const float weights[6] = { 1, 2, 3, 4, 5, 6 };
static const uint8_t block[34] = { 1, 2, 3 };

static void declare_all(struct ut_gguf_writer *w)
{
    struct ut_gguf_text words[] = { { "a", 1 }, { "", 0 }, { "\xff\0b", 3 } };

    assert_int_equal(ut_gguf_writer_text(w, "general.architecture", "test"), UT_OK);
    assert_int_equal(ut_gguf_writer_u32(w, "n", 70000), UT_OK);
    assert_int_equal(ut_gguf_writer_f32(w, "f", 0.25f), UT_OK);
    assert_int_equal(ut_gguf_writer_bool(w, "b", true), UT_OK);
    assert_int_equal(ut_gguf_writer_text_array(w, "words", words, 3), UT_OK);
    assert_int_equal(ut_gguf_writer_i32_array(w, "ids", (int32_t[]){ -1, 2 }, 2), UT_OK);
    assert_int_equal(ut_gguf_writer_f32_array(w, "fs", (float[]){ 0.5f }, 1), UT_OK);
    assert_int_equal(ut_gguf_writer_declare(w, "w", UT_DTYPE_F32, 2, (size_t[]){ 2, 3 }), UT_OK);
    assert_int_equal(ut_gguf_writer_declare(w, "q", UT_DTYPE_Q8_0, 1, (size_t[]){ 32 }), UT_OK);
}

static void check_content(const char *file)
{
    struct ut_gguf *g = NULL;
    struct ut_error err;
    struct ut_gguf_text text;
    const struct ut_tensor *t;
    uint32_t n;
    float f;
    int64_t v;
    bool b;

    if (ut_gguf_open(&g, file, &err) != UT_OK)
        fail_msg("%s", err.text);
    assert_int_equal(ut_gguf_u32(&n, g, "n", &err), UT_OK);
    assert_int_equal(n, 70000);
    assert_int_equal(ut_gguf_f32(&f, g, "f", &err), UT_OK);
    assert_true(f == 0.25f);
    assert_int_equal(ut_gguf_bool(&b, g, "b", &err), UT_OK);
    assert_true(b);
    assert_int_equal(ut_gguf_array_text(&text, g, "words", 2, &err), UT_OK);
    assert_int_equal(text.n, 3);
    assert_memory_equal(text.data, "\xff\0b", 3);
    assert_int_equal(ut_gguf_array_i64(&v, g, "ids", 0, &err), UT_OK);
    assert_int_equal(v, -1);
    assert_int_equal(ut_gguf_array_f32(&f, g, "fs", 0, &err), UT_OK);
    assert_true(f == 0.5f);
    assert_int_equal(ut_gguf_need(&t, g, "w", (size_t[4]){ 2, 3 }, &err), UT_OK);
    assert_memory_equal(t->data, weights, sizeof weights);
    assert_int_equal((uintptr_t)t->data % 32, 0);
    assert_int_equal(ut_gguf_need(&t, g, "q", (size_t[4]){ 32 }, &err), UT_OK);
    assert_int_equal(t->dtype, UT_DTYPE_Q8_0);
    assert_memory_equal(t->data, block, sizeof block);
    ut_gguf_close(g);
}

static void test_written_file_reads_back(void **state)
{
    struct ut_gguf_writer *w = NULL;
    struct ut_error err;

    (void)state;
    assert_int_equal(ut_gguf_writer_create(&w, path, &err), UT_OK);
    declare_all(w);
    assert_int_equal(ut_gguf_writer_data(w, weights, sizeof weights, &err), UT_OK);
    assert_int_equal(ut_gguf_writer_data(w, block, sizeof block, &err), UT_OK);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(ut_gguf_writer_finish(w, &err), UT_OK);
    ut_gguf_writer_destroy(w);
    check_content(path);
}

static void test_copied_keys_read_the_same(void **state)
{
    struct ut_gguf_writer *w = NULL;
    struct ut_gguf *g = NULL;
    struct ut_error err;

    (void)state;
    assert_int_equal(ut_gguf_open(&g, path, &err), UT_OK);
    assert_int_equal(ut_gguf_writer_create(&w, copy_path, &err), UT_OK);
    for (size_t i = 0; i < ut_gguf_n_keys(g); i++)
        assert_int_equal(ut_gguf_writer_copy_key(w, g, i), UT_OK);
    assert_int_equal(ut_gguf_writer_copy_key(w, g, ut_gguf_n_keys(g)), UT_EINVAL);
    assert_int_equal(ut_gguf_writer_copy_key(w, g, 0), UT_EINVAL); /* twice */
    for (size_t i = 0; i < ut_gguf_n_tensors(g); i++) {
        const struct ut_tensor *t = ut_gguf_tensor(g, i);
        assert_int_equal(ut_gguf_writer_declare(w, t->name, t->dtype, t->n_dims, t->dims), UT_OK);
    }
    for (size_t i = 0; i < ut_gguf_n_tensors(g); i++) {
        const struct ut_tensor *t = ut_gguf_tensor(g, i);
        assert_int_equal(ut_gguf_writer_data(w, t->data, t->n_bytes, &err), UT_OK);
    }
    assert_int_equal(ut_gguf_writer_finish(w, &err), UT_OK);
    ut_gguf_writer_destroy(w);
    ut_gguf_close(g);
    check_content(copy_path);
}

static void test_misuse_is_refused_and_leaves_no_file(void **state)
{
    struct ut_gguf_writer *w = NULL;
    struct ut_error err;

    (void)state;
    assert_int_equal(unlink(path), 0);
    assert_int_equal(unlink(copy_path), 0);
    assert_int_equal(ut_gguf_writer_create(&w, path, &err), UT_OK);
    declare_all(w);
    assert_int_equal(ut_gguf_writer_u32(w, "n", 1), UT_EINVAL);
    assert_int_equal(ut_gguf_writer_declare(w, "w", UT_DTYPE_F32, 1, (size_t[]){ 1 }), UT_EINVAL);
    assert_int_equal(ut_gguf_writer_declare(w, "x", UT_DTYPE_F32, 1, (size_t[]){ 0 }), UT_EINVAL);
    assert_int_equal(ut_gguf_writer_declare(w, "x", UT_DTYPE_Q8_0, 2, (size_t[]){ 32, 16 }),
                     UT_EINVAL);
    assert_int_equal(ut_gguf_writer_declare(w, "x", UT_DTYPE_F32, 5, (size_t[]){ 1 }), UT_EINVAL);
    assert_int_equal(ut_gguf_writer_data(w, weights, 20, &err), UT_EINVAL);
    assert_non_null(strstr(err.text, "'w' takes 24 bytes, not 20"));
    assert_int_equal(ut_gguf_writer_data(w, weights, sizeof weights, &err), UT_OK);
    assert_int_equal(ut_gguf_writer_u32(w, "late", 1), UT_EINVAL);
    assert_int_equal(ut_gguf_writer_finish(w, &err), UT_EINVAL);
    assert_non_null(strstr(err.text, "1 of 2 tensors"));
    ut_gguf_writer_destroy(w);
    ut_gguf_writer_destroy(NULL);
    assert_int_equal(rmdir(dir), 0); /* nothing is left in it */
    assert_int_equal(ut_gguf_writer_create(&w, path, &err), UT_EIO);
    assert_non_null(strstr(err.text, path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_written_file_reads_back),
        cmocka_unit_test(test_copied_keys_read_the_same),
        cmocka_unit_test(test_misuse_is_refused_and_leaves_no_file),
    };
    if (!mkdtemp(dir))
        return 1;
    snprintf(path, sizeof path, "%s/m.gguf", dir);
    snprintf(copy_path, sizeof copy_path, "%s/copy.gguf", dir);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
