#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "asr/align.h"

/* The greatest sum over all monotonic paths, each step one right, one down, or both. */
static double best_sum(const float *m, size_t n, size_t n_audio, size_t i, size_t t)
{
    double here = (double)m[i * n_audio + t], best = -INFINITY;
    if (i + 1 == n && t + 1 == n_audio)
        return here;
    if (i + 1 < n)
        best = fmax(best, best_sum(m, n, n_audio, i + 1, t));
    if (t + 1 < n_audio)
        best = fmax(best, best_sum(m, n, n_audio, i, t + 1));
    if (i + 1 < n && t + 1 < n_audio)
        best = fmax(best, best_sum(m, n, n_audio, i + 1, t + 1));
    return here + best;
}

/* The greatest sum over the paths whose rows start where `starts` says. */
static double sum_of_starts(const float *m, size_t n, size_t n_audio, const int32_t *starts)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        int32_t last = i + 1 < n ? starts[i + 1] : (int32_t)n_audio - 1;
        /* The row may end at the next one's start (a step down) or just before it (diagonal). */
        for (int32_t t = starts[i]; t < last; t++)
            sum += (double)m[i * n_audio + (size_t)t];
        double at_last = (double)m[i * n_audio + (size_t)last];
        if (i + 1 == n || last == starts[i])
            sum += at_last;
        else
            sum += fmax(at_last, 0.0);
    }
    return sum;
}

static void test_path_through_random_matrices_is_the_best(void **state)
{
    (void)state;
    srand(1);
    for (int round = 0; round < 300; round++) {
        size_t n = 1 + (size_t)rand() % 5, n_audio = 1 + (size_t)rand() % 6;
        float m[30];
        int32_t starts[5];
        for (size_t i = 0; i < n * n_audio; i++)
            m[i] = (float)rand() / (float)RAND_MAX - 0.5f;
        void *scratch = malloc(ut_asr_align_scratch(n, n_audio));
        assert_non_null(scratch);
        ut_asr_align_path(m, n, n_audio, scratch, starts);
        free(scratch);
        assert_int_equal(starts[0], 0);
        for (size_t i = 1; i < n; i++)
            assert_true(starts[i] >= starts[i - 1] && starts[i] < (int32_t)n_audio);
        double best = best_sum(m, n, n_audio, 0, 0);
        assert_true(fabs(best - sum_of_starts(m, n, n_audio, starts)) < 1e-5);
    }
}

static void test_path_when_tokens_are_lit_in_turn_starts_where_each_lights(void **state)
{
    enum { N = 3, T = 12 };
    static const int32_t lit[N] = { 0, 4, 9 };
    float m[N * T];
    int32_t starts[N];
    (void)state;
    for (int i = 0; i < N; i++)
        for (int t = 0; t < T; t++)
            m[i * T + t] = t >= lit[i] && (i + 1 == N || t < lit[i + 1]) ? 1.0f : -1.0f;
    void *scratch = malloc(ut_asr_align_scratch(N, T));
    ut_asr_align_path(m, N, T, scratch, starts);
    free(scratch);
    for (int i = 0; i < N; i++)
        assert_int_equal(starts[i], lit[i]);
}

static void test_matrix_ignores_what_lies_behind_the_audio(void **state)
{
    enum { TOKENS = 4, HEADS = 2, STRIDE = 20, AUDIO = 13 };
    float a[TOKENS * HEADS * STRIDE], b[TOKENS * HEADS * STRIDE], ma[2 * AUDIO], mb[2 * AUDIO];
    (void)state;
    srand(2);
    for (size_t i = 0; i < TOKENS * HEADS; i++)
        for (size_t t = 0; t < STRIDE; t++) {
            a[i * STRIDE + t] = (float)rand() / (float)RAND_MAX;
            /* The same audio with half of the mass gone to silence. */
            b[i * STRIDE + t] = t < AUDIO ? 0.5f * a[i * STRIDE + t] : 7.0f;
        }
    struct ut_asr_align_weights wa = { a, TOKENS, HEADS, STRIDE, AUDIO };
    struct ut_asr_align_weights wb = { b, TOKENS, HEADS, STRIDE, AUDIO };
    ut_asr_align_matrix(&wa, 1, 2, ma);
    ut_asr_align_matrix(&wb, 1, 2, mb);
    for (size_t i = 0; i < 2 * AUDIO; i++)
        assert_true(fabsf(ma[i] - mb[i]) < 1e-4f);
}

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

/* The definition, written out: softmax, standardise over tokens, median over reflected time. */
static void test_matrix_equals_the_definition(void **state)
{
    enum { TOKENS = 5, HEADS = 3, AUDIO = 70 };
    static float w[TOKENS * HEADS * AUDIO], z[TOKENS][HEADS][AUDIO], m[TOKENS * AUDIO];
    (void)state;
    srand(3);
    for (size_t i = 0; i < sizeof w / sizeof *w; i++)
        w[i] = (float)rand() / (float)RAND_MAX;
    for (int h = 0; h < HEADS; h++) {
        double sums[TOKENS] = { 0 };
        for (int i = 0; i < TOKENS; i++)
            for (int t = 0; t < AUDIO; t++)
                sums[i] += (double)w[(i * HEADS + h) * AUDIO + t];
        for (int t = 0; t < AUDIO; t++) {
            double mean = 0.0, var = 0.0, p[TOKENS];
            for (int i = 0; i < TOKENS; i++) {
                p[i] = (double)w[(i * HEADS + h) * AUDIO + t] / sums[i];
                mean += p[i] / TOKENS;
            }
            for (int i = 0; i < TOKENS; i++)
                var += (p[i] - mean) * (p[i] - mean) / TOKENS;
            for (int i = 0; i < TOKENS; i++)
                z[i][h][t] = (float)((p[i] - mean) / sqrt(var));
        }
    }
    struct ut_asr_align_weights weights = { w, TOKENS, HEADS, AUDIO, AUDIO };
    ut_asr_align_matrix(&weights, 0, TOKENS, m);
    for (int i = 0; i < TOKENS; i++)
        for (int t = 0; t < AUDIO; t++) {
            float want = 0.0f;
            for (int h = 0; h < HEADS; h++) {
                float v[7];
                for (int k = -3; k <= 3; k++) {
                    int at = abs(t + k);
                    v[k + 3] = z[i][h][at < AUDIO ? at : 2 * (AUDIO - 1) - at];
                }
                qsort(v, 7, sizeof *v, compare);
                want += v[3] / HEADS;
            }
            assert_true(fabsf(m[i * AUDIO + t] - want) < 1e-3f);
        }
}

static void test_scratch_of_an_absurd_matrix_is_refused(void **state)
{
    (void)state;
    assert_int_equal(ut_asr_align_scratch(SIZE_MAX / 2, SIZE_MAX / 2), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_path_through_random_matrices_is_the_best),
        cmocka_unit_test(test_path_when_tokens_are_lit_in_turn_starts_where_each_lights),
        cmocka_unit_test(test_matrix_ignores_what_lies_behind_the_audio),
        cmocka_unit_test(test_matrix_equals_the_definition),
        cmocka_unit_test(test_scratch_of_an_absurd_matrix_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
