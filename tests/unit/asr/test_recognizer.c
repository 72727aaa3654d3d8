/*
 * The recognizer on real audio against tests/golden. Needs whisper-NAME-f32.gguf in the cache
 * (NAME is the argument, "base" or "tiny.en"); without it says so and is skipped.
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

#include "asr/recognizer.h"
#include "asr/tokens.h"
#include "audio/mel.h"

enum { N_CLIP = 80000, WAV_HEADER = 44, MAX_TOKENS = 256, N_WORDS = 12 };

/* Word times of faster-whisper float32 on the clip (tests/golden/data/index.json), in 10 ms. */
static const struct {
    const char *text;
    int base[2];
    int tiny_en[2];
} golden_words[N_WORDS] = {
    { " It", { 84, 130 }, { 96, 142 } },    { " was", { 130, 148 }, { 142, 164 } },
    { " the", { 148, 168 }, { 164, 182 } }, { " best", { 168, 192 }, { 182, 206 } },
    { " of", { 192, 212 }, { 206, 232 } },  { " times,", { 212, 252 }, { 232, 284 } },
    { " it", { 294, 304 }, { 300, 316 } },  { " was", { 304, 320 }, { 316, 342 } },
    { " the", { 320, 338 }, { 342, 356 } }, { " worst", { 338, 364 }, { 356, 378 } },
    { " of", { 364, 386 }, { 378, 408 } },  { " times.", { 386, 436 }, { 408, 446 } },
};
static const char golden_text[] = "It was the best of times, it was the worst of times.";

static const char *model_name; /* "base" or "tiny.en" */
static char model_path[512];
static struct ut_compute *compute;
static struct ut_asr_model *model;
static struct ut_recognizer *recognizer;
static float clip[N_CLIP];

/* What calls take from the heap, counted by the linker's --wrap. */
static long n_allocations;
int __real_posix_memalign(void **p, size_t align, size_t n);
int __wrap_posix_memalign(void **p, size_t align, size_t n);
int __wrap_posix_memalign(void **p, size_t align, size_t n)
{
    n_allocations++;
    return __real_posix_memalign(p, align, n);
}
void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_malloc(size_t n)
{
    n_allocations++;
    return __real_malloc(n);
}

/* ------------------------------------------------------------ golden files */

static size_t read_golden(const char *name, void *to, size_t n_bytes)
{
    char path[512];
    const char *folder = getenv("UT_GOLDEN");

    assert_non_null(folder);
    snprintf(path, sizeof path, "%s/%s%s", folder,
             strcmp(model_name, "base") == 0 ? "base_" : "tiny_en_", name);
    if (strcmp(name, "clip.wav") == 0)
        snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(to, 1, n_bytes, f);
    fclose(f);
    return n;
}

static int read_clip(void)
{
    static unsigned char wav[WAV_HEADER + 2 * N_CLIP];

    if (read_golden("clip.wav", wav, sizeof wav) != sizeof wav)
        return -1;
    for (size_t s = 0; s < N_CLIP; s++) {
        const unsigned char *p = wav + WAV_HEADER + 2 * s;
        clip[s] = (float)(int16_t)(p[0] | p[1] << 8) / 32768.0f;
    }
    return 0;
}

/* ------------------------------------------------------------ a recording and its segments */

struct tape {
    size_t at;
    size_t n; /* samples, the clip again and again */
    size_t fail_at;
};

static enum ut_status read_tape(void *ctx, float *pcm, size_t n, size_t *got, struct ut_error *err)
{
    struct tape *tape = ctx;
    if (tape->fail_at && tape->at >= tape->fail_at)
        return ut_error_set(err, UT_EIO, "the tape tore at %zu", tape->at);
    *got = tape->n - tape->at < n ? tape->n - tape->at : n;
    for (size_t i = 0; i < *got; i++)
        pcm[i] = clip[tape->at++ % N_CLIP];
    return *got ? UT_OK : UT_END;
}

struct heard {
    char text[2048];
    int32_t tokens[MAX_TOKENS];
    float logprobs[MAX_TOKENS];
    size_t n_tokens;
    struct ut_asr_word words[64];
    char word_text[64][24];
    size_t n_words;
    size_t n_segments;
    int64_t last_start;
    struct ut_asr_segment last;
    size_t cancel_after;
};

static enum ut_status hear(void *ctx, const struct ut_asr_segment *s)
{
    struct heard *h = ctx;
    assert_true(s->start >= h->last_start && s->end > s->start);
    h->last_start = s->start;
    snprintf(h->text + strlen(h->text), sizeof h->text - strlen(h->text), "%s%s",
             h->n_segments ? "|" : "", s->text);
    for (size_t i = 0; i < s->n_tokens && h->n_tokens < MAX_TOKENS; i++) {
        h->tokens[h->n_tokens] = s->tokens[i];
        h->logprobs[h->n_tokens++] = s->logprobs[i];
    }
    for (size_t i = 0; i < s->n_words && h->n_words < 64; i++) {
        h->words[h->n_words] = s->words[i];
        snprintf(h->word_text[h->n_words++], sizeof h->word_text[0], "%s", s->words[i].text);
    }
    h->last = *s;
    h->n_segments++;
    return h->cancel_after == h->n_segments ? UT_ECANCELED : UT_OK;
}

static struct ut_asr_options greedy(void)
{
    struct ut_asr_options o = ut_asr_options_default();
    o.language = ut_asr_language_find("en");
    o.beam = 1;
    o.n_temperatures = 1;
    return o;
}

static enum ut_status transcribe(const struct ut_asr_options *o, size_t n_samples, struct heard *h,
                                 struct ut_asr_timing *timing)
{
    struct tape tape = { .n = n_samples };
    size_t cancel_after = h->cancel_after;
    memset(h, 0, sizeof *h);
    h->cancel_after = cancel_after;
    return ut_recognizer_transcribe(recognizer, o, NAN, read_tape, &tape, hear, h, timing, NULL);
}

/* ------------------------------------------------------------ recordings */

static void check_golden_tokens(const struct heard *h, const char *kind)
{
    int32_t want[MAX_TOKENS];
    float logprobs[MAX_TOKENS], no_speech;
    char name[64];

    snprintf(name, sizeof name, "%s_tokens.i32", kind);
    size_t n = read_golden(name, want, sizeof want) / sizeof *want;
    assert_int_equal(h->n_tokens, n);
    assert_memory_equal(h->tokens, want, n * sizeof *want);
    snprintf(name, sizeof name, "%s_logprobs.f32", kind);
    assert_int_equal(read_golden(name, logprobs, sizeof logprobs) / sizeof *logprobs, n + 1);
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        assert_true(fabsf(h->logprobs[i] - logprobs[i]) < 2e-3f);
        sum += (double)logprobs[i];
    }
    sum += (double)logprobs[n];
    assert_true(fabs((double)h->last.avg_logprob - sum / (double)(n + 1)) < 1e-3);
    snprintf(name, sizeof name, "%s_no_speech.f32", kind);
    assert_int_equal(read_golden(name, &no_speech, sizeof no_speech), sizeof no_speech);
    assert_true(fabsf(h->last.no_speech_prob - no_speech) < 1e-3f);
}

static void test_clip_gives_the_golden_tokens_and_word_times(void **state)
{
    static struct heard h;
    struct ut_asr_options o = greedy();
    struct ut_asr_timing timing;
    bool base = strcmp(model_name, "base") == 0;

    (void)state;
    o.word_times = true;
    assert_int_equal(transcribe(&o, N_CLIP, &h, &timing), UT_OK);
    assert_string_equal(h.text, golden_text);
    check_golden_tokens(&h, "timestamps");
    assert_int_equal(timing.n_windows, 1);
    assert_int_equal(timing.n_samples, N_CLIP);
    assert_true(timing.encode_us > 0 && timing.decode_us > 0 && timing.align_us > 0);
    assert_true(fabsf(h.last.compression_ratio - 52.0f / 43.0f) < 1e-4f);
    assert_int_equal(h.n_words, N_WORDS);
    for (size_t i = 0; i < N_WORDS; i++) {
        const int *want = base ? golden_words[i].base : golden_words[i].tiny_en;
        assert_string_equal(h.word_text[i], golden_words[i].text);
        /* One position of 20 ms is a near-tie in the path; more would be another path. */
        assert_true(llabs(h.words[i].start - want[0] * 160) <= 320);
        assert_true(llabs(h.words[i].end - want[1] * 160) <= 320);
        assert_true(h.words[i].confidence > 0.6f && h.words[i].confidence <= 1.0f);
    }
    assert_int_equal(h.last.start, h.words[0].start);
}

static void test_clip_without_timestamps_gives_the_golden_tokens(void **state)
{
    static struct heard h;
    struct ut_asr_options o = greedy();

    (void)state;
    o.timestamps = false;
    assert_int_equal(transcribe(&o, N_CLIP, &h, NULL), UT_OK);
    check_golden_tokens(&h, "plain");
    assert_int_equal(h.last.start, 0);
    assert_int_equal(h.last.end, N_CLIP);
}

static void test_language_is_detected_among_the_languages(void **state)
{
    static struct heard h;
    struct ut_asr_options o = greedy();

    (void)state;
    o.language = -1;
    assert_int_equal(transcribe(&o, N_CLIP, &h, NULL), UT_OK);
    assert_int_equal(h.last.language, ut_asr_language_find("en"));
    float want = 1.0f;
    if (strcmp(model_name, "base") == 0)
        read_golden("language_probabilities.f32", &want, sizeof want);
    assert_true(fabsf(h.last.language_probability - want) < 1e-3f);
}

static void test_beams_and_samples_hear_the_same_and_repeat_by_seed(void **state)
{
    static struct heard a, b;
    struct ut_asr_options o = greedy();

    (void)state;
    o.beam = 5;
    assert_int_equal(transcribe(&o, N_CLIP, &a, NULL), UT_OK);
    assert_string_equal(a.text, golden_text);
    o.temperatures[0] = 0.4f;
    o.seed = 5;
    assert_int_equal(transcribe(&o, N_CLIP, &a, NULL), UT_OK);
    assert_int_equal(transcribe(&o, N_CLIP, &b, NULL), UT_OK);
    assert_float_equal(a.last.temperature, 0.4f, 0.0f);
    assert_int_equal(a.n_tokens, b.n_tokens);
    assert_memory_equal(a.tokens, b.tokens, a.n_tokens * sizeof *a.tokens);
}

static void test_fallback_climbs_and_gives_the_likeliest(void **state)
{
    static struct heard h;
    struct ut_asr_options o = greedy();

    (void)state;
    o.n_temperatures = 2;
    o.min_avg_logprob = -0.0001f; /* nothing is good enough */
    o.max_no_speech = 1.0f;
    assert_int_equal(transcribe(&o, N_CLIP, &h, NULL), UT_OK);
    assert_float_equal(h.last.temperature, 0.2f, 0.0f);
    o.max_no_speech = -1.0f; /* everything counts as silence */
    assert_int_equal(transcribe(&o, N_CLIP, &h, NULL), UT_OK);
    assert_int_equal(h.n_segments, 0);
}

static void test_long_recording_is_heard_to_its_end(void **state)
{
    static struct heard h;
    struct ut_asr_options o = greedy();
    struct ut_asr_timing timing;

    (void)state;
    o.word_times = true;
    assert_int_equal(transcribe(&o, 8 * N_CLIP, &h, &timing), UT_OK);
    assert_in_range(timing.n_windows, 2, 4);
    assert_int_equal(timing.n_samples, 8 * N_CLIP);
    assert_true(h.last.end > 38 * 16000 && h.last.end <= 41 * 16000);
    size_t best = 0;
    for (const char *p = h.text; (p = strstr(p, "best")) != NULL; p++)
        best++;
    assert_in_range(best, 7, 9);
    for (size_t i = 1; i < h.n_words; i++)
        assert_true(h.words[i].start >= h.words[i - 1].start);
}

static void test_cancel_and_read_errors_come_back(void **state)
{
    static struct heard h;
    struct ut_asr_options o = greedy();
    struct tape torn = { .n = N_CLIP, .fail_at = 32000 };
    struct ut_error err = { UT_OK, "" };

    (void)state;
    h.cancel_after = 1;
    assert_int_equal(transcribe(&o, N_CLIP, &h, NULL), UT_ECANCELED);
    assert_int_equal(h.n_segments, 1);
    h.cancel_after = 0;
    assert_int_equal(
        ut_recognizer_transcribe(recognizer, &o, NAN, read_tape, &torn, hear, &h, NULL, &err),
        UT_EIO);
    assert_string_equal(err.text, "the tape tore at 32000");
    assert_int_equal(transcribe(&o, 0, &h, NULL), UT_OK); /* no audio at all */
    assert_int_equal(h.n_segments, 0);
}

static void check_refused(const struct ut_asr_options *o, const char *part)
{
    struct tape tape = { .n = N_CLIP };
    struct heard h = { .n_tokens = 0 };
    struct ut_error err = { UT_OK, "" };
    assert_int_equal(
        ut_recognizer_transcribe(recognizer, o, NAN, read_tape, &tape, hear, &h, NULL, &err),
        UT_EINVAL);
    assert_non_null(strstr(err.text, part));
}

static void test_bad_options_are_refused_by_name(void **state)
{
    struct ut_asr_options o = greedy();

    (void)state;
    o.beam = 6;
    check_refused(&o, "beam 6");
    o = greedy();
    o.n_temperatures = 9;
    check_refused(&o, "9 temperatures");
    o = greedy();
    o.temperatures[0] = NAN;
    check_refused(&o, "temperature nan");
    o = greedy();
    o.language = 100;
    check_refused(&o, "language");
}

/* ------------------------------------------------------------ live steps */

static float frames[3000 * 128];

/* The window of the first n samples of the clip and half a second. */
static size_t live_window(size_t n, float *out)
{
    struct ut_mel *mel = NULL;
    struct ut_mel_stream *stream = NULL;
    size_t n_frames = (n / UT_MEL_HOP + 50) & ~(size_t)1;

    assert_int_equal(ut_mel_create(&mel, 80), UT_OK);
    assert_int_equal(ut_mel_stream_create(&stream, mel, 1000), UT_OK);
    ut_mel_stream_feed(stream, clip, n);
    float top = ut_mel_stream_max(stream, 0, n_frames);
    assert_int_equal(ut_mel_stream_window(stream, 0, n_frames, top, UT_ASR_LIVE_TOP - top, out),
                     UT_OK);
    ut_mel_stream_destroy(stream);
    ut_mel_destroy(mel);
    return n_frames;
}

static void test_step_hears_the_clip_with_word_times(void **state)
{
    struct ut_asr_step step = { .mel = frames, .language = -1 };
    bool base = strcmp(model_name, "base") == 0;

    (void)state;
    step.n_frames = live_window(N_CLIP, frames);
    assert_int_equal(ut_recognizer_step(recognizer, &step, 1), UT_OK);
    assert_int_equal(step.n_words, N_WORDS);
    assert_int_equal(step.detected_language, ut_asr_language_find("en"));
    assert_true(step.avg_logprob > -0.5f && step.no_speech_prob < 0.5f && !step.looped);
    assert_true(step.compression_ratio > 1.0f && step.compression_ratio < 1.4f);
    for (size_t i = 0; i < N_WORDS; i++) {
        const int *want = base ? golden_words[i].base : golden_words[i].tiny_en;
        assert_string_equal(step.words[i].text, golden_words[i].text);
        /* The short context moves attention a little: 0.15 s is half a word. */
        assert_true(llabs(step.words[i].start - want[0] * 160) <= 2400);
        assert_true(llabs(step.words[i].end - want[1] * 160) <= 2400);
    }
}

static void test_step_with_any_draft_gives_the_same_tokens(void **state)
{
    struct ut_asr_step plain = { .mel = frames, .language = ut_asr_language_find("en") };
    int32_t tokens[MAX_TOKENS], draft[MAX_TOKENS];
    size_t n;

    (void)state;
    plain.n_frames = live_window(N_CLIP, frames);
    assert_int_equal(ut_recognizer_step(recognizer, &plain, 1), UT_OK);
    n = plain.n_tokens;
    memcpy(tokens, plain.tokens, n * sizeof *tokens);
    srand(3);
    for (int round = 0; round < 6; round++) {
        struct ut_asr_step step = plain;
        size_t n_draft = 0;
        for (size_t i = 0; i < n; i++) { /* right, then words replaced, dropped and doubled */
            int dice = round ? rand() % 6 : 9;
            if (dice != 0)
                draft[n_draft++] = dice == 1 ? 500 + rand() % 1000 : tokens[i];
            if (dice == 2)
                draft[n_draft++] = tokens[i];
        }
        step.draft = draft;
        step.n_draft = round == 5 ? 3 : n_draft;
        assert_int_equal(ut_recognizer_step(recognizer, &step, 1), UT_OK);
        assert_int_equal(step.n_tokens, n);
        assert_memory_equal(step.tokens, tokens, n * sizeof *tokens);
    }
    struct ut_asr_step own = plain; /* a draft in the memory of the last result */
    own.draft = plain.tokens;
    own.n_draft = n;
    assert_int_equal(ut_recognizer_step(recognizer, &own, 1), UT_OK);
    assert_memory_equal(own.tokens, tokens, n * sizeof *tokens);
}

static void test_steps_of_two_sessions_equal_their_single_steps(void **state)
{
    static float first[3000 * 128];
    struct ut_asr_step one[2] = { { .mel = first, .language = 0 },
                                  { .mel = frames, .language = 0 } };
    int32_t tokens[2][MAX_TOKENS];
    size_t n[2];

    (void)state;
    one[0].n_frames = live_window(40000, first);
    one[1].n_frames = live_window(N_CLIP, frames);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ut_recognizer_step(recognizer, &one[i], 1), UT_OK);
        n[i] = one[i].n_tokens;
        memcpy(tokens[i], one[i].tokens, n[i] * sizeof(int32_t));
    }
    assert_int_equal(ut_recognizer_step(recognizer, one, 2), UT_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(one[i].n_tokens, n[i]);
        assert_memory_equal(one[i].tokens, tokens[i], n[i] * sizeof(int32_t));
    }
    assert_int_equal(one[1].n_words, N_WORDS);
    struct ut_asr_step three[3] = { one[0], one[0], one[0] };
    assert_int_equal(ut_recognizer_step(recognizer, three, 3), UT_ELIMIT);
    assert_int_equal(ut_recognizer_step(recognizer, one, 0), UT_OK);
}

static void test_step_in_the_steady_state_allocates_nothing(void **state)
{
    struct ut_asr_step step = { .mel = frames, .language = -1 };
    int32_t prompt[] = { 262, 373, 264 };

    (void)state;
    step.prompt = prompt;
    step.n_prompt = 3;
    step.n_frames = live_window(N_CLIP, frames);
    assert_int_equal(ut_recognizer_step(recognizer, &step, 1), UT_OK);
    long before = n_allocations;
    assert_true(before > 0); /* the counter works */
    step.draft = step.tokens;
    step.n_draft = step.n_tokens;
    assert_int_equal(ut_recognizer_step(recognizer, &step, 1), UT_OK);
    assert_int_equal(n_allocations, before);
}

static void test_step_of_bad_input_is_refused(void **state)
{
    struct ut_asr_step step = { .mel = frames, .n_frames = 100, .language = 0 };
    const int32_t prompt[] = { 1 << 20 };

    (void)state;
    step.mel = NULL;
    assert_int_equal(ut_recognizer_step(recognizer, &step, 1), UT_EINVAL);
    step.mel = frames;
    step.n_frames = 3002;
    assert_int_equal(ut_recognizer_step(recognizer, &step, 1), UT_EINVAL);
    step.n_frames = 1;
    assert_int_equal(ut_recognizer_step(recognizer, &step, 1), UT_EINVAL);
    step.n_frames = 100;
    step.prompt = prompt;
    step.n_prompt = 1;
    assert_int_equal(ut_recognizer_step(recognizer, &step, 1), UT_EINVAL);
}

static void test_step_of_noise_ends_and_stays_bounded(void **state)
{
    struct ut_asr_step step = { .mel = frames, .n_frames = 400, .language = 0 };

    (void)state;
    srand(4);
    for (size_t i = 0; i < 400 * 80; i++)
        frames[i] = (float)rand() / (float)RAND_MAX - 0.6f;
    assert_int_equal(ut_recognizer_step(recognizer, &step, 1), UT_OK);
    assert_true(step.n_tokens <= 16 + 20 * 4);
    for (size_t i = 0; i < 400 * 80; i++)
        frames[i] = NAN;
    assert_int_equal(ut_recognizer_step(recognizer, &step, 1), UT_OK);
    assert_true(step.n_tokens <= 16 + 20 * 4);
}

static int setup(void **state)
{
    struct ut_compute_options options = { .n_threads = 2 };
    struct ut_recognizer_options sizes = { .max_batch = 2 };
    struct ut_error err;

    (void)state;
    if (ut_compute_create(&compute, &options, &err) != UT_OK ||
        ut_asr_model_open(&model, compute, model_path, &err) != UT_OK) {
        fprintf(stderr, "%s\n", err.text);
        return -1;
    }
    if (ut_recognizer_create(&recognizer, compute, model, &sizes) != UT_OK)
        return -1;
    return read_clip();
}

static int teardown(void **state)
{
    (void)state;
    ut_recognizer_destroy(recognizer);
    ut_asr_model_unref(model);
    ut_compute_destroy(compute);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clip_gives_the_golden_tokens_and_word_times),
        cmocka_unit_test(test_clip_without_timestamps_gives_the_golden_tokens),
        cmocka_unit_test(test_language_is_detected_among_the_languages),
        cmocka_unit_test(test_beams_and_samples_hear_the_same_and_repeat_by_seed),
        cmocka_unit_test(test_fallback_climbs_and_gives_the_likeliest),
        cmocka_unit_test(test_long_recording_is_heard_to_its_end),
        cmocka_unit_test(test_cancel_and_read_errors_come_back),
        cmocka_unit_test(test_bad_options_are_refused_by_name),
        cmocka_unit_test(test_step_hears_the_clip_with_word_times),
        cmocka_unit_test(test_step_with_any_draft_gives_the_same_tokens),
        cmocka_unit_test(test_steps_of_two_sessions_equal_their_single_steps),
        cmocka_unit_test(test_step_in_the_steady_state_allocates_nothing),
        cmocka_unit_test(test_step_of_bad_input_is_refused),
        cmocka_unit_test(test_step_of_noise_ends_and_stays_bounded),
    };
    const char *cache = getenv("UTTER_CACHE"), *home = getenv("HOME");

    model_name = argc > 1 ? argv[1] : "tiny.en";
    if (cache)
        snprintf(model_path, sizeof model_path, "%s/models/whisper-%s-f32.gguf", cache, model_name);
    else
        snprintf(model_path, sizeof model_path, "%s/.cache/utter/models/whisper-%s-f32.gguf",
                 home ? home : "", model_name);
    if (access(model_path, R_OK) != 0) {
        printf("skipped: no %s\n", model_path);
        return 77;
    }
    return cmocka_run_group_tests(tests, setup, teardown);
}
