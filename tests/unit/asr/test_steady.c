/*
 * Once the largest pass has been run, encoder and decoder passes take no memory. The linker turns
 * every call of the allocators in the libraries under test into one of those here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "asr/decoder.h"
#include "asr/encoder.h"
#include "tests/unit/asr/tiny_model.h"

static size_t n_allocations;

int __real_posix_memalign(void **p, size_t alignment, size_t n);
int __wrap_posix_memalign(void **p, size_t alignment, size_t n);
void *__real_mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset);

int __wrap_posix_memalign(void **p, size_t alignment, size_t n)
{
    n_allocations++;
    return __real_posix_memalign(p, alignment, n);
}

void *__wrap_mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset)
{
    n_allocations++;
    return __real_mmap(at, n, protection, flags, fd, offset);
}

static float mel[2 * TINY_AUDIO_CTX * 80];
static float logits[2][TINY_VOCAB];
static float align[4][2 * TINY_AUDIO_CTX];

struct engine {
    struct ut_compute *compute;
    struct ut_asr_model *model;
    struct ut_asr_encoder *encoder;
    struct ut_asr_decoder *decoder;
    struct ut_asr_silence *silence;
    struct ut_kv *cross[2];
    int32_t cells[4];
};

static void open_engine(struct engine *e, enum ut_dtype dtype)
{
    char path[64];

    snprintf(path, sizeof path, "/tmp/ut-test-steady-%ld.gguf", (long)getpid());
    tiny_write(path, &(struct tiny_options){ .dtype = dtype });
    assert_int_equal(ut_compute_create(&e->compute, NULL, NULL), UT_OK);
    assert_int_equal(ut_asr_model_open(&e->model, e->compute, path, NULL), UT_OK);
    unlink(path);
    assert_int_equal(ut_asr_encoder_create(&e->encoder, e->compute, e->model, 2 * TINY_AUDIO_CTX),
                     UT_OK);
    assert_int_equal(ut_asr_silence_create(&e->silence, e->encoder, -1, TINY_AUDIO_CTX), UT_OK);
    assert_int_equal(ut_asr_decoder_create(&e->decoder, e->compute, e->model, 4, 4), UT_OK);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(ut_asr_encoder_new_cross(e->encoder, &e->cross[i]), UT_OK);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(ut_asr_decoder_take_cell(e->decoder, &e->cells[i]), UT_OK);
}

static void close_engine(struct engine *e)
{
    ut_kv_destroy(e->cross[0]);
    ut_kv_destroy(e->cross[1]);
    ut_asr_silence_destroy(e->silence);
    ut_asr_decoder_destroy(e->decoder);
    ut_asr_encoder_destroy(e->encoder);
    ut_asr_model_unref(e->model);
    ut_compute_destroy(e->compute);
}

/* Two windows of n positions and as many rows. */
static void run_step(struct engine *e, size_t n)
{
    struct ut_asr_encode_call calls[2];
    struct ut_asr_decode_row rows[4];

    for (size_t i = 0; i < 2; i++)
        calls[i] = (struct ut_asr_encode_call){
            .mel = mel, .n_frames = 2 * n, .silence = e->silence, .cross = e->cross[i]
        };
    assert_int_equal(ut_asr_encoder_run(e->encoder, calls, 2), UT_OK);
    for (size_t i = 0; i < 4; i++)
        rows[i] = (struct ut_asr_decode_row){
            .token = 1000,
            .position = i,
            .cells = e->cells,
            .n_cross = 2,
            .cross = { { .kv = e->cross[i / 2], .n = n }, ut_asr_silence_cross(e->silence, n) },
            .logits = i % 2 ? logits[i / 2] : NULL,
            .align = i == 3 ? align[i] : NULL,
        };
    assert_int_equal(ut_asr_decoder_run(e->decoder, rows, n < 4 ? n : 4), UT_OK);
}

static void check_steady(enum ut_dtype dtype)
{
    struct engine e = { 0 };

    open_engine(&e, dtype);
    assert_true(n_allocations > 0);
    run_step(&e, TINY_AUDIO_CTX);
    n_allocations = 0;
    for (size_t n = 1; n <= TINY_AUDIO_CTX; n++)
        run_step(&e, n);
    assert_int_equal(n_allocations, 0);
    close_engine(&e);
}

static void test_steps_of_f32_take_no_memory(void **state)
{
    (void)state;
    check_steady(UT_DTYPE_F32);
}

static void test_steps_of_q8_0_take_no_memory(void **state)
{
    (void)state;
    check_steady(UT_DTYPE_Q8_0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps_of_f32_take_no_memory),
        cmocka_unit_test(test_steps_of_q8_0_take_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
