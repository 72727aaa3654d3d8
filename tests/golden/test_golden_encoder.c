/*
 * The encoder against the reference: exact arithmetic within 1e-4, int8 within a few percent, and
 * windows of a batch the same as alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "asr/encoder.h"
#include "tests/golden/golden.h"

#define N_POSITIONS 7

static const size_t positions[N_POSITIONS] = { 0, 1, 10, 100, 249, 749, 1499 };

struct engine {
    struct ut_compute *compute;
    struct ut_asr_model *model;
    struct ut_asr_encoder *encoder;
    size_t d;
};

static void open_engine(struct engine *e, const char *file, size_t max_positions)
{
    struct ut_error err = { 0 };

    *e = (struct engine){ 0 };
    assert_int_equal(ut_compute_create(&e->compute, NULL, &err), UT_OK);
    if (ut_asr_model_open(&e->model, e->compute, golden_model_path(file), &err) != UT_OK)
        fail_msg("%s", err.text);
    e->d = ut_asr_model_dims(e->model)->n_audio_state;
    assert_int_equal(ut_asr_encoder_create(&e->encoder, e->compute, e->model, max_positions),
                     UT_OK);
}

static void close_engine(struct engine *e)
{
    ut_asr_encoder_destroy(e->encoder);
    ut_asr_model_unref(e->model);
    ut_compute_destroy(e->compute);
}

/* Relative distance of the engine's output on the clip from the reference's. */
static double measure_clip(const char *file, const char *reference, size_t d)
{
    struct engine e;
    float *mel = golden_clip_mel();
    float *want = golden_f32(reference, N_POSITIONS * d);
    float *got = malloc(N_POSITIONS * d * sizeof *got);
    float *output = malloc(1500 * d * sizeof *output);

    assert_non_null(got);
    assert_non_null(output);
    open_engine(&e, file, 1500);
    assert_int_equal(e.d, d);
    const struct ut_asr_encode_call call = { .mel = mel, .n_frames = 3000, .output = output };
    assert_int_equal(ut_asr_encoder_run(e.encoder, &call, 1), UT_OK);
    for (size_t i = 0; i < N_POSITIONS; i++)
        memcpy(got + i * d, output + positions[i] * d, d * sizeof *got);
    double distance = golden_relative_l2(got, want, N_POSITIONS * d);
    printf("%s: relative distance %.2e\n", file, distance);
    close_engine(&e);
    free(output);
    free(got);
    free(want);
    free(mel);
    return distance;
}

static void test_encoder_base_f32_equals_the_reference(void **state)
{
    (void)state;
    assert_true(measure_clip("whisper-base-f32.gguf", "base_encoder.f32", 512) < 1e-4);
}

static void test_encoder_tiny_en_f32_equals_the_reference(void **state)
{
    (void)state;
    assert_true(measure_clip("whisper-tiny.en-f32.gguf", "tiny_en_encoder.f32", 384) < 1e-4);
}

static void test_encoder_q8_0_is_near_the_reference(void **state)
{
    (void)state;
    assert_true(measure_clip("whisper-tiny.en-q8_0.gguf", "tiny_en_encoder.f32", 384) < 0.1);
    assert_true(measure_clip("whisper-base-q8_0.gguf", "base_encoder.f32", 512) < 0.1);
}

/* Windows of different length in one pass, each as it is alone. */
static void test_encoder_batch_equals_single_windows(void **state)
{
    static const size_t n_frames[3] = { 500, 2, 1200 };
    struct engine e;
    struct ut_asr_encode_call calls[3];
    struct ut_asr_silence *silence = NULL;
    float *mel = golden_clip_mel();
    float *alone[3];

    (void)state;
    open_engine(&e, "whisper-tiny.en-f32.gguf", 1500);
    assert_int_equal(ut_asr_silence_create(&silence, e.encoder, mel[2999 * 80], 1500), UT_OK);
    for (size_t i = 0; i < 3; i++) {
        alone[i] = malloc(n_frames[i] / 2 * e.d * sizeof(float));
        assert_non_null(alone[i]);
        calls[i] = (struct ut_asr_encode_call){
            .mel = mel + i * 50 * 80,
            .n_frames = n_frames[i],
            .silence = i == 2 ? NULL : silence,
            .output = alone[i],
        };
        assert_int_equal(ut_asr_encoder_run(e.encoder, &calls[i], 1), UT_OK);
        calls[i].output = malloc(n_frames[i] / 2 * e.d * sizeof(float));
        assert_non_null(calls[i].output);
    }
    assert_int_equal(ut_asr_encoder_run(e.encoder, calls, 3), UT_OK);
    for (size_t i = 0; i < 3; i++) {
        assert_true(golden_relative_l2(calls[i].output, alone[i], n_frames[i] / 2 * e.d) < 1e-5);
        free(calls[i].output);
        free(alone[i]);
    }
    ut_asr_silence_destroy(silence);
    close_engine(&e);
    free(mel);
}

/*
 * 5.5 s of the clip with cached silence is near the whole window where they overlap, and nearer
 * than the cut without silence.
 */
static void test_encoder_with_cached_silence_is_near_the_whole_window(void **state)
{
    const size_t n = 275;
    struct engine e;
    struct ut_asr_silence *silence = NULL;
    float *mel = golden_clip_mel();
    float *whole = malloc(1500 * 384 * sizeof(float));
    float *cut = malloc(n * 384 * sizeof(float));

    (void)state;
    assert_non_null(whole);
    assert_non_null(cut);
    open_engine(&e, "whisper-tiny.en-f32.gguf", 1500);
    assert_int_equal(ut_asr_silence_create(&silence, e.encoder, mel[2999 * 80], 1500), UT_OK);
    struct ut_asr_encode_call call = { .mel = mel, .n_frames = 3000, .output = whole };
    assert_int_equal(ut_asr_encoder_run(e.encoder, &call, 1), UT_OK);
    call = (struct ut_asr_encode_call){
        .mel = mel, .n_frames = 2 * n, .silence = silence, .output = cut
    };
    assert_int_equal(ut_asr_encoder_run(e.encoder, &call, 1), UT_OK);
    double with = golden_relative_l2(cut, whole, n * e.d);
    call.silence = NULL;
    assert_int_equal(ut_asr_encoder_run(e.encoder, &call, 1), UT_OK);
    double without = golden_relative_l2(cut, whole, n * e.d);
    printf("distance of 5.5 s from the whole window: %.3f with cached silence, %.3f without\n",
           with, without);
    assert_true(with < 0.3);
    assert_true(with < 0.75 * without);
    assert_int_equal(ut_asr_silence_cross(silence, n).n, 1500 - n);
    assert_int_equal(ut_asr_silence_cross(silence, n).first, n);
    assert_int_equal(ut_asr_silence_cross(silence, 1500).n, 0);
    ut_asr_silence_destroy(silence);
    close_engine(&e);
    free(cut);
    free(whole);
    free(mel);
}

/*
 * Positions that are kept give the others the same as computed anew, when nothing about them has
 * changed; when the window has grown since, nearly so; and beside another window in the pass.
 */
static void check_kept(const char *name, double same, double grown)
{
    const size_t n_kept = 128, n = 275, n_short = 240;
    struct engine e;
    struct ut_asr_silence *silence = NULL;
    struct ut_asr_keys keys = { 0 };
    float *mel = golden_clip_mel();

    open_engine(&e, name, 1500);
    float *want = malloc(n * e.d * sizeof *want), *got = malloc(n * e.d * sizeof *got);
    assert_non_null(want);
    assert_non_null(got);
    assert_int_equal(ut_asr_silence_create(&silence, e.encoder, mel[2999 * 80], 1500), UT_OK);
    assert_int_equal(ut_asr_keys_init(&keys, e.model), UT_OK);
    struct ut_asr_encode_call calls[2] = {
        { .mel = mel, .n_frames = 100, .silence = silence },
        { .mel = mel, .n_frames = 2 * n, .silence = silence, .output = want, .keys = &keys },
    };
    assert_int_equal(ut_asr_encoder_run(e.encoder, &calls[1], 1), UT_OK);
    calls[1].n_kept = n_kept;
    calls[1].output = got;
    assert_int_equal(ut_asr_encoder_run(e.encoder, calls, 2), UT_OK);
    assert_true(golden_relative_l2(got, want + n_kept * e.d, (n - n_kept) * e.d) <= same);

    calls[1].n_kept = 0;
    calls[1].n_frames = 2 * n_short;
    assert_int_equal(ut_asr_encoder_run(e.encoder, &calls[1], 1), UT_OK);
    calls[1].n_kept = n_kept;
    calls[1].n_frames = 2 * n;
    assert_int_equal(ut_asr_encoder_run(e.encoder, &calls[1], 1), UT_OK);
    double far = golden_relative_l2(got, want + n_kept * e.d, (n - n_kept) * e.d);
    printf("%s: distance with positions kept from a shorter window: %.4f\n", name, far);
    assert_true(far < grown);
    ut_asr_keys_finish(&keys, e.model);
    ut_asr_silence_destroy(silence);
    close_engine(&e);
    free(want);
    free(got);
    free(mel);
}

static void test_encoder_kept_positions_stand_for_computed_ones(void **state)
{
    (void)state;
    check_kept("whisper-tiny.en-f32.gguf", 1e-5, 0.05);
    check_kept("whisper-base-q8_0.gguf", 1e-5, 0.05);
}

static void test_encoder_refuses_bad_windows(void **state)
{
    struct engine e;
    static float mel[10 * 80];
    struct ut_asr_encode_call calls[65];

    (void)state;
    open_engine(&e, "whisper-tiny.en-q8_0.gguf", 4);
    for (size_t i = 0; i < 65; i++)
        calls[i] = (struct ut_asr_encode_call){ .mel = mel, .n_frames = 2 };
    assert_int_equal(ut_asr_encoder_run(e.encoder, calls, 0), UT_OK);
    assert_int_equal(ut_asr_encoder_run(e.encoder, calls, 4), UT_OK);
    assert_int_equal(ut_asr_encoder_run(e.encoder, calls, 5), UT_ELIMIT);
    assert_int_equal(ut_asr_encoder_run(e.encoder, calls, 65), UT_ELIMIT);
    calls[0].n_frames = 0;
    assert_int_equal(ut_asr_encoder_run(e.encoder, calls, 1), UT_EINVAL);
    calls[0].n_frames = 3;
    assert_int_equal(ut_asr_encoder_run(e.encoder, calls, 1), UT_EINVAL);
    calls[0].n_frames = 3002;
    assert_int_equal(ut_asr_encoder_run(e.encoder, calls, 1), UT_EINVAL);
    calls[0] = (struct ut_asr_encode_call){ .n_frames = 2 };
    assert_int_equal(ut_asr_encoder_run(e.encoder, calls, 1), UT_EINVAL);
    const struct ut_asr_keys keys = { 0 };
    calls[0] = (struct ut_asr_encode_call){ .mel = mel, .n_frames = 80, .n_kept = 32 };
    assert_int_equal(ut_asr_encoder_run(e.encoder, calls, 1), UT_EINVAL);
    calls[0].keys = &keys;
    calls[0].n_kept = 31; /* not aligned */
    assert_int_equal(ut_asr_encoder_run(e.encoder, calls, 1), UT_EINVAL);
    calls[0].n_kept = 32;
    calls[0].n_frames = 64; /* nothing left to compute */
    assert_int_equal(ut_asr_encoder_run(e.encoder, calls, 1), UT_EINVAL);
    struct ut_asr_silence *silence = NULL;
    assert_int_equal(ut_asr_silence_create(&silence, e.encoder, -1, 1500), UT_ELIMIT);
    assert_int_equal(ut_asr_silence_create(&silence, e.encoder, -1, 1501), UT_EINVAL);
    assert_null(silence);
    close_engine(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encoder_tiny_en_f32_equals_the_reference),
        cmocka_unit_test(test_encoder_base_f32_equals_the_reference),
        cmocka_unit_test(test_encoder_q8_0_is_near_the_reference),
        cmocka_unit_test(test_encoder_batch_equals_single_windows),
        cmocka_unit_test(test_encoder_with_cached_silence_is_near_the_whole_window),
        cmocka_unit_test(test_encoder_kept_positions_stand_for_computed_ones),
        cmocka_unit_test(test_encoder_refuses_bad_windows),
    };
    golden_model_path("whisper-base-f32.gguf");
    golden_model_path("whisper-base-q8_0.gguf");
    golden_model_path("whisper-tiny.en-f32.gguf");
    golden_model_path("whisper-tiny.en-q8_0.gguf");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
