/*
 * Steps that keep what they have computed, against steps that compute everything. Needs a model and
 * samples/two_cities.wav in the cache; without them says so and is skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "asr/language.h"
#include "asr/recognizer.h"
#include "audio/mel.h"
#include "audio/reader.h"

enum {
    N_MELS = 80,
    N_SECONDS = 24,
    N_SAMPLES = N_SECONDS * UT_MEL_RATE_HZ,
    PADDING = 50,
    MAX_TOKENS = 256,
    MAX_WORDS = 128,
};

static char folder[400];
static struct ut_compute *compute;
static struct ut_asr_model *model;
static struct ut_recognizer *recognizer;
static struct ut_mel *mel;
static struct ut_mel_stream *stream;

/* Memory fails from the n-th call on, 0: never; the linker's --wrap. */
static long n_calls, fail_at;
int __real_posix_memalign(void **p, size_t align, size_t n);
int __wrap_posix_memalign(void **p, size_t align, size_t n);
int __wrap_posix_memalign(void **p, size_t align, size_t n)
{
    return fail_at && ++n_calls >= fail_at ? ENOMEM : __real_posix_memalign(p, align, n);
}
void *__real_mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset)
{
    if (fail_at && ++n_calls >= fail_at) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return __real_mmap(at, n, protection, flags, fd, offset);
}

/* ------------------------------------------------------------ a segment, step by step */

struct segment {
    float window[3000 * N_MELS];
    struct ut_asr_cache *cache; /* NULL: none */
    size_t n_fresh;             /* frames, without the silence */
    struct ut_asr_step step;
    int32_t draft[MAX_TOKENS];
    char text[4096];
    char word_text[MAX_WORDS][32];
    struct ut_asr_word words[MAX_WORDS];
};

/* The step's inputs: the first n_audio frames and the silence behind. */
static void prepare(struct segment *s, size_t n_audio)
{
    size_t n = (n_audio + PADDING + 1) & ~(size_t)1;
    float top = ut_mel_stream_max(stream, 0, N_SECONDS * 100); /* one level for all */

    assert_int_equal(
        ut_mel_stream_window(stream, 0, n_audio, top, UT_ASR_LIVE_TOP - top, s->window), UT_OK);
    for (size_t i = n_audio * N_MELS; i < n * N_MELS; i++)
        s->window[i] = (UT_ASR_LIVE_TOP - UT_MEL_RANGE + 4.0f) / 4.0f;
    size_t n_draft = s->step.n_tokens;
    if (n_draft)
        memcpy(s->draft, s->step.tokens, n_draft * sizeof *s->draft);
    s->step = (struct ut_asr_step){ .mel = s->window,
                                    .n_frames = n,
                                    .language = ut_asr_language_find("en"),
                                    .draft = s->draft,
                                    .n_draft = n_draft,
                                    .cache = s->cache,
                                    .n_fresh = s->n_fresh + n - n_audio };
}

static void keep(struct segment *s)
{
    s->text[0] = '\0';
    assert_true(s->step.n_words <= MAX_WORDS);
    for (size_t i = 0; i < s->step.n_words; i++) {
        s->words[i] = s->step.words[i];
        snprintf(s->word_text[i], sizeof s->word_text[i], "%s", s->words[i].text);
        snprintf(s->text + strlen(s->text), sizeof s->text - strlen(s->text), "%s",
                 s->words[i].text);
    }
    /* the tokens are the next draft; what they point to is gone with the next step */
    assert_true(s->step.n_tokens <= MAX_TOKENS);
    memcpy(s->draft, s->step.tokens, s->step.n_tokens * sizeof *s->draft);
    s->step.tokens = s->draft;
}

static void run(struct segment *s, size_t n_audio)
{
    prepare(s, n_audio);
    assert_int_equal(ut_recognizer_step(recognizer, &s->step, 1), UT_OK);
    keep(s);
}

static struct segment *new_segment(double fresh_s)
{
    struct segment *s = calloc(1, sizeof *s);

    assert_non_null(s);
    s->n_fresh = (size_t)(fresh_s * 100);
    if (fresh_s > 0)
        assert_int_equal(ut_recognizer_new_cache(recognizer, &s->cache), UT_OK);
    return s;
}

static void free_segment(struct segment *s)
{
    ut_asr_cache_destroy(s->cache);
    free(s);
}

/* ------------------------------------------------------------ tests */

static void check_same(const struct segment *a, const struct segment *b)
{
    assert_string_equal(a->text, b->text);
    assert_int_equal(a->step.n_words, b->step.n_words);
    for (size_t i = 0; i < a->step.n_words; i++) {
        assert_int_equal(a->words[i].start, b->words[i].start);
        assert_int_equal(a->words[i].end, b->words[i].end);
        assert_true(a->words[i].confidence == b->words[i].confidence);
    }
    assert_true(a->step.avg_logprob == b->step.avg_logprob);
    assert_true(a->step.no_speech_prob == b->step.no_speech_prob);
}

static void test_step_that_keeps_nothing_is_exact(void **state)
{
    struct segment *plain = new_segment(0), *cached = new_segment(N_SECONDS);

    (void)state;
    for (size_t n = 200; n <= 800; n += 200) {
        run(plain, n);
        run(cached, n);
        check_same(plain, cached);
        assert_int_equal(ut_asr_cache_bytes(cached->cache), 0);
    }
    free_segment(plain);
    free_segment(cached);
}

/* Words in common, by order of position; texts without their marks. */
static size_t count_common(const struct segment *a, const struct segment *b, int64_t *far)
{
    size_t n = 0, k = 0;

    *far = 0;
    for (size_t i = 0; i < a->step.n_words; i++)
        for (size_t j = k; j < b->step.n_words && j < k + 4; j++) {
            size_t length = strcspn(a->word_text[i], ".,;:!?");
            int64_t late = llabs(a->words[i].start - b->words[j].start);
            if (length != strcspn(b->word_text[j], ".,;:!?") ||
                strncmp(a->word_text[i], b->word_text[j], length) != 0)
                continue;
            k = j + 1;
            n++;
            *far = late > *far ? late : *far;
            break;
        }
    return n;
}

static void test_segment_with_a_cache_hears_the_same(void **state)
{
    struct segment *plain = new_segment(0), *cached = new_segment(4);
    size_t most = 0;

    (void)state;
    for (size_t n = 200; n <= N_SECONDS * 100; n += 50) {
        int64_t far;
        run(cached, n);
        most = ut_asr_cache_bytes(cached->cache) > most ? ut_asr_cache_bytes(cached->cache) : most;
        assert_true(cached->words[0].start >= 0);
        for (size_t i = 1; i < cached->step.n_words; i++)
            assert_true(cached->words[i].start >= cached->words[i - 1].start);
        if (n % 400)
            continue;
        run(plain, n);
        size_t common = count_common(plain, cached, &far);
        printf("%4.1f s: %zu of %zu words in common, starts at most %.2f s apart\n",
               (double)n / 100, common, plain->step.n_words, (double)far / UT_MEL_RATE_HZ);
        assert_true(common + 1 + plain->step.n_words / 10 >= plain->step.n_words);
        assert_true(plain->step.n_words + 3 > cached->step.n_words);
    }
    assert_true(most > 0);
    ut_asr_cache_clear(cached->cache);
    assert_int_equal(ut_asr_cache_bytes(cached->cache), 0);
    free_segment(plain);
    free_segment(cached);
}

/* A window that ends before what was kept of a longer one is computed anew. */
static void test_shorter_window_forgets_what_lies_behind_it(void **state)
{
    struct segment *plain = new_segment(0), *cached = new_segment(2);

    (void)state;
    run(cached, 400);
    run(cached, 1200);
    assert_true(ut_asr_cache_bytes(cached->cache) > 0);
    cached->step.n_tokens = 0; /* no draft: texts from here on depend on the audio alone */
    run(cached, 200);
    run(plain, 200);
    check_same(plain, cached);
    assert_int_equal(ut_asr_cache_bytes(cached->cache), 0);
    free_segment(plain);
    free_segment(cached);
}

static void test_steps_with_and_without_cache_share_a_pass(void **state)
{
    struct segment *alone[2] = { new_segment(3), new_segment(0) };
    struct segment *together[2] = { new_segment(3), new_segment(0) };
    struct ut_asr_step steps[2];

    (void)state;
    for (size_t n = 300; n <= 1500; n += 300) {
        for (int i = 0; i < 2; i++) {
            run(alone[i], i ? n / 2 : n);
            prepare(together[i], i ? n / 2 : n);
            steps[i] = together[i]->step;
        }
        assert_int_equal(ut_recognizer_step(recognizer, steps, 2), UT_OK);
        for (int i = 0; i < 2; i++) {
            together[i]->step = steps[i];
            keep(together[i]);
            assert_string_equal(together[i]->text, alone[i]->text);
        }
    }
    assert_int_equal(ut_asr_cache_bytes(together[0]->cache), ut_asr_cache_bytes(alone[0]->cache));
    for (int i = 0; i < 2; i++) {
        free_segment(alone[i]);
        free_segment(together[i]);
    }
}

/* From each of its allocations on all fail: the step is as without a cache. */
static void test_step_out_of_memory_does_without(void **state)
{
    struct segment *plain = new_segment(0), *cached = new_segment(2);

    (void)state;
    run(plain, 900);
    run(cached, 150); /* everything but the cache's memory is there */
    for (long k = 1; k <= 4; k++) {
        cached->step.n_tokens = 0;
        n_calls = 0;
        fail_at = k;
        run(cached, 900);
        fail_at = 0;
        if (n_calls < k)
            break; /* so many are not made */
        check_same(plain, cached);
        assert_int_equal(ut_asr_cache_bytes(cached->cache), 0);
        assert_true(k < 4);
    }
    assert_true(ut_asr_cache_bytes(cached->cache) > 0);
    free_segment(plain);
    free_segment(cached);
}

/* Two segments where there is room for one. */
static void test_room_bounds_what_all_caches_hold(void **state)
{
    const size_t room = (size_t)24 << 20;
    const struct ut_recognizer_options sizes = { .max_batch = 1, .max_cache_bytes = room };
    struct ut_recognizer *all = recognizer;
    struct segment *s[6];
    size_t used = 0, n_held = 0;

    (void)state;
    assert_int_equal(ut_recognizer_create(&recognizer, compute, model, &sizes), UT_OK);
    for (int i = 0; i < 6; i++) {
        s[i] = new_segment(1);
        run(s[i], 600);
        used += ut_asr_cache_bytes(s[i]->cache);
        n_held += ut_asr_cache_bytes(s[i]->cache) > 0;
    }
    assert_true(used <= room);
    assert_in_range(n_held, 1, 5);
    ut_asr_cache_clear(s[0]->cache);
    run(s[5], 600);
    assert_true(ut_asr_cache_bytes(s[5]->cache) > 0);
    for (int i = 0; i < 6; i++)
        free_segment(s[i]);
    ut_recognizer_destroy(recognizer);
    recognizer = all;
}

/* ------------------------------------------------------------ set-up */

static int read_sample(const char *path)
{
    static float pcm[N_SAMPLES];
    struct ut_reader *reader;
    struct ut_error err;
    size_t n = 0, got = 0;

    if (ut_reader_open(&reader, path, &err) != UT_OK)
        return -1;
    while (n < N_SAMPLES && ut_reader_read(reader, pcm + n, N_SAMPLES - n, &got, &err) == UT_OK)
        n += got;
    ut_reader_close(reader);
    ut_mel_stream_feed(stream, pcm, n);
    return n == N_SAMPLES ? 0 : -1;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_step_that_keeps_nothing_is_exact),
        cmocka_unit_test(test_segment_with_a_cache_hears_the_same),
        cmocka_unit_test(test_shorter_window_forgets_what_lies_behind_it),
        cmocka_unit_test(test_steps_with_and_without_cache_share_a_pass),
        cmocka_unit_test(test_step_out_of_memory_does_without),
        cmocka_unit_test(test_room_bounds_what_all_caches_hold),
    };
    const char *cache = getenv("UTTER_CACHE"), *home = getenv("HOME");
    const struct ut_compute_options two = { .n_threads = 2 };
    const struct ut_recognizer_options sizes = { .max_batch = 2 };
    char path[512], sample[512];

    snprintf(folder, sizeof folder, "%s%s",
             cache  ? cache
             : home ? home
                    : "",
             cache ? "" : "/.cache/utter");
    snprintf(path, sizeof path, "%s/models/whisper-%s.gguf", folder,
             argc > 1 ? argv[1] : "tiny.en-f32");
    snprintf(sample, sizeof sample, "%s/samples/two_cities.wav", folder);
    if (access(path, R_OK) || access(sample, R_OK)) {
        printf("skipped: no %s or no %s\n", path, sample);
        return 77;
    }
    if (ut_compute_create(&compute, &two, NULL) || ut_asr_model_open(&model, compute, path, NULL) ||
        ut_recognizer_create(&recognizer, compute, model, &sizes) || ut_mel_create(&mel, N_MELS) ||
        ut_mel_stream_create(&stream, mel, 3000) || read_sample(sample))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ut_mel_stream_destroy(stream);
    ut_mel_destroy(mel);
    ut_recognizer_destroy(recognizer);
    ut_asr_model_unref(model);
    ut_compute_destroy(compute);
    return failed;
}
