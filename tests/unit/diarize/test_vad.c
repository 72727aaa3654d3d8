/*
 * Needs the model silero-vad-v6.gguf in the cache; without it says so and is skipped. Reference
 * probabilities: tests/golden.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "diarize/vad.h"

enum { N_CLIP = 80000, N_SILENCE = 8192, N_NOISE = 8192, N_CHUNKS = 189, WAV_HEADER = 44 };

static char model_path[512];

struct fixture {
    struct ut_compute *c;
    struct ut_vad_model *model;
    float pcm[N_CHUNKS * UT_VAD_CHUNK]; /* clip, silence, noise, zeros to a whole chunk */
    float want[N_CHUNKS];
};

static void read_golden(const char *name, void *to, size_t n_bytes)
{
    char path[512];
    const char *folder = getenv("UT_GOLDEN");

    assert_non_null(folder);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fread(to, 1, n_bytes, f), n_bytes);
    fclose(f);
}

static void read_inputs(struct fixture *fx)
{
    static unsigned char wav[WAV_HEADER + 2 * N_CLIP];
    static int32_t noise[N_NOISE];

    read_golden("clip.wav", wav, sizeof wav);
    for (size_t s = 0; s < N_CLIP; s++) {
        const unsigned char *p = wav + WAV_HEADER + 2 * s;
        fx->pcm[s] = (float)(int16_t)(p[0] | p[1] << 8) / 32768.0f;
    }
    read_golden("silero_noise.i32", noise, sizeof noise);
    for (size_t s = 0; s < N_NOISE; s++)
        fx->pcm[N_CLIP + N_SILENCE + s] = (float)noise[s] / 32768.0f;
    read_golden("silero.f32", fx->want, sizeof fx->want);
}

static int set_up(void **state)
{
    static struct fixture fx;
    const struct ut_compute_options options = { .n_threads = 1 };
    struct ut_error err;

    *state = &fx;
    read_inputs(&fx);
    assert_int_equal(ut_compute_create(&fx.c, &options, &err), UT_OK);
    if (ut_vad_model_open(&fx.model, fx.c, model_path, &err)) {
        print_error("%s\n", err.text);
        return -1;
    }
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fx = *state;

    ut_vad_model_close(fx->model);
    ut_compute_destroy(fx->c);
    return 0;
}

static void test_probabilities_are_those_of_the_reference(void **state)
{
    struct fixture *fx = *state;
    struct ut_vad *v;
    float worst = 0.0f;

    assert_int_equal(ut_vad_create(&v, fx->model), UT_OK);
    for (int turn = 0; turn < 2; turn++) {
        for (size_t t = 0; t < N_CHUNKS; t++) {
            float p = ut_vad_push(v, fx->pcm + t * UT_VAD_CHUNK);
            float difference = fabsf(p - fx->want[t]);

            worst = difference > worst ? difference : worst;
        }
        ut_vad_reset(v);
    }
    print_message("largest difference %.2e\n", (double)worst);
    assert_true(worst < 1e-3f);
    ut_vad_destroy(v);
}

static void test_states_of_one_model_do_not_see_each_other(void **state)
{
    struct fixture *fx = *state;
    struct ut_vad *a;
    struct ut_vad *b;

    assert_int_equal(ut_vad_create(&a, fx->model), UT_OK);
    assert_int_equal(ut_vad_create(&b, fx->model), UT_OK);
    for (size_t t = 0; t < 60; t++) {
        float p = ut_vad_push(a, fx->pcm + t * UT_VAD_CHUNK);

        ut_vad_push(b, fx->pcm + (N_CHUNKS - 1 - t) * UT_VAD_CHUNK);
        assert_true(fabsf(p - fx->want[t]) < 1e-3f);
    }
    ut_vad_destroy(a);
    ut_vad_destroy(b);
}

static void test_hostile_samples_do_not_poison_the_state(void **state)
{
    static const float bad[] = { NAN, INFINITY, -INFINITY, 3e38f, -3e38f, 1e-40f };
    struct fixture *fx = *state;
    float chunk[UT_VAD_CHUNK];
    struct ut_vad *v;

    assert_int_equal(ut_vad_create(&v, fx->model), UT_OK);
    for (size_t t = 0; t < 8; t++) {
        for (size_t s = 0; s < UT_VAD_CHUNK; s++)
            chunk[s] = bad[(t + s) % (sizeof bad / sizeof bad[0])];
        float p = ut_vad_push(v, chunk);
        assert_true(p >= 0.0f && p <= 1.0f);
    }
    /* Two seconds later it hears as if nothing had been. */
    for (size_t t = 0; t < 120; t++) {
        float p = ut_vad_push(v, fx->pcm + t * UT_VAD_CHUNK);

        if (t >= 64)
            assert_true(fabsf(p - fx->want[t]) < 0.1f);
    }
    ut_vad_destroy(v);
}

static void test_a_chunk_costs_far_less_than_it_lasts(void **state)
{
    struct fixture *fx = *state;
    int64_t best = INT64_MAX;
    struct ut_vad *v;

    assert_int_equal(ut_vad_create(&v, fx->model), UT_OK);
    for (int turn = 0; turn < 3; turn++) {
        int64_t begin = ut_clock_now_us();

        for (size_t t = 0; t < N_CHUNKS; t++)
            ut_vad_push(v, fx->pcm + t * UT_VAD_CHUNK);
        int64_t us = ut_clock_now_us() - begin;
        best = us < best ? us : best;
    }
    print_message("%.1f us a chunk\n", (double)best / N_CHUNKS);
    assert_true(best / N_CHUNKS < 16000); /* half of real time, even in a sanitizer build */
    ut_vad_destroy(v);
}

static void test_a_model_of_another_kind_is_refused_by_name(void **state)
{
    struct fixture *fx = *state;
    struct ut_vad_model *m = NULL;
    struct ut_error err;

    assert_int_equal(ut_vad_model_open(&m, fx->c, "/nonexistent.gguf", &err), UT_EIO);
    assert_non_null(strstr(err.text, "/nonexistent.gguf"));
    assert_null(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_probabilities_are_those_of_the_reference),
        cmocka_unit_test(test_states_of_one_model_do_not_see_each_other),
        cmocka_unit_test(test_hostile_samples_do_not_poison_the_state),
        cmocka_unit_test(test_a_chunk_costs_far_less_than_it_lasts),
        cmocka_unit_test(test_a_model_of_another_kind_is_refused_by_name),
    };
    const char *cache = getenv("UTTER_CACHE");
    const char *home = getenv("HOME");

    if (cache && *cache)
        snprintf(model_path, sizeof model_path, "%s/models/silero-vad-v6.gguf", cache);
    else
        snprintf(model_path, sizeof model_path, "%s/.cache/utter/models/silero-vad-v6.gguf",
                 home ? home : "");
    if (access(model_path, R_OK)) {
        printf("skipped: no %s\n", model_path);
        return 77;
    }
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
