/* Settled words: when they count, and that the decoder goes on behind them as if it had run them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "asr/settled.h"
#include "tests/unit/asr/tiny_model.h"

enum { N_PREFIX = 2, N_TEXT = 5, N = N_PREFIX + N_TEXT };

static float mel[2 * TINY_AUDIO_CTX * 80];
static const int32_t ids[N] = { 50258, 50363, 500, 501, 502, 503, 504 };
static const float logprobs[N_TEXT] = { -0.1f, -0.2f, -0.3f, -0.4f, -0.5f };
static const int32_t starts[N_TEXT + 1] = { 0, 1, 3, 4, 6, 7 };

struct engine {
    struct ut_asr_parts parts;
    struct ut_kv *cross;
    int32_t cells[N];
    float *logits[2];
};

static void open_engine(struct engine *e)
{
    char path[64];

    memset(e, 0, sizeof *e);
    snprintf(path, sizeof path, "/tmp/ut-test-settled-%ld.gguf", (long)getpid());
    tiny_write(path, &(struct tiny_options){ .dtype = UT_DTYPE_Q8_0 });
    assert_int_equal(ut_compute_create(&e->parts.compute, NULL, NULL), UT_OK);
    assert_int_equal(ut_asr_model_open(&e->parts.model, e->parts.compute, path, NULL), UT_OK);
    unlink(path);
    e->parts.dims = ut_asr_model_dims(e->parts.model);
    assert_int_equal(
        ut_asr_encoder_create(&e->parts.encoder, e->parts.compute, e->parts.model, TINY_AUDIO_CTX),
        UT_OK);
    assert_int_equal(
        ut_asr_decoder_create(&e->parts.decoder, e->parts.compute, e->parts.model, N, 3 * N),
        UT_OK);
    assert_int_equal(ut_asr_encoder_new_cross(e->parts.encoder, &e->cross), UT_OK);
    for (size_t i = 0; i < sizeof mel / sizeof *mel; i++)
        mel[i] = (float)(i % 23) / 23 - 0.5f;
    const struct ut_asr_encode_call call = { .mel = mel, .n_frames = 16, .cross = e->cross };
    assert_int_equal(ut_asr_encoder_run(e->parts.encoder, &call, 1), UT_OK);
    assert_int_equal(ut_asr_parts_take_cells(&e->parts, e->cells, N), UT_OK);
    for (int i = 0; i < 2; i++)
        assert_non_null(e->logits[i] = calloc(TINY_VOCAB, sizeof(float)));
}

static void close_engine(struct engine *e)
{
    free(e->logits[0]);
    free(e->logits[1]);
    ut_kv_destroy(e->cross);
    ut_asr_decoder_destroy(e->parts.decoder);
    ut_asr_encoder_destroy(e->parts.encoder);
    ut_asr_model_unref(e->parts.model);
    ut_compute_destroy(e->parts.compute);
}

/* Rows first .. last of the text; logits of the last. */
static void run_rows(struct engine *e, const int32_t *cells, size_t first, size_t last,
                     float *logits)
{
    struct ut_asr_audio audio = { .n_views = 1, .views = { { .kv = e->cross, .n = 8 } } };
    struct ut_asr_decode_row rows[N];

    for (size_t p = first; p <= last; p++)
        rows[p - first] = ut_asr_parts_row(&audio, ids[p], p, cells);
    rows[last - first].logits = logits;
    assert_int_equal(ut_asr_parts_run(&e->parts, rows, last - first + 1), UT_OK);
}

static struct ut_asr_settled_text text_of(const struct engine *e, size_t n)
{
    return (struct ut_asr_settled_text){ .ids = ids,
                                         .cells = e->cells,
                                         .n_prefix = N_PREFIX,
                                         .n = n,
                                         .logprobs = logprobs,
                                         .starts = starts,
                                         .attended = starts,
                                         .no_speech_prob = 0.25f };
}

static void test_decoder_goes_on_behind_settled_words(void **state)
{
    struct engine e;
    struct ut_asr_settled s;
    struct ut_asr_settled_text text;
    int32_t other[N];

    (void)state;
    open_engine(&e);
    assert_int_equal(ut_asr_settled_init(&s, &e.parts), UT_OK);
    assert_int_equal(ut_asr_settled_bytes(&s, &e.parts), 0);
    run_rows(&e, e.cells, 0, N - 1, e.logits[0]);
    text = text_of(&e, 2); /* some, and then more */
    assert_int_equal(ut_asr_settled_keep(&s, &e.parts, &text), UT_OK);
    text = text_of(&e, 4);
    assert_int_equal(ut_asr_settled_keep(&s, &e.parts, &text), UT_OK);
    assert_true(ut_asr_settled_bytes(&s, &e.parts) > 0);
    assert_int_equal(s.starts[s.n], starts[4]);
    assert_int_equal(s.attended[3], starts[3]);
    assert_true(s.logprobs[3] == logprobs[3] && s.no_speech_prob == 0.25f);

    /* the pool's own cells are used for something else */
    ut_asr_decoder_unref_cells(e.parts.decoder, e.cells, N);
    assert_int_equal(ut_asr_parts_take_cells(&e.parts, other, N), UT_OK);
    run_rows(&e, other, 0, 1, e.logits[1]);
    size_t n = N_PREFIX + s.n - 1;
    assert_int_equal(ut_asr_decoder_write_cells(e.parts.decoder, other, n, s.past, 0), UT_OK);
    run_rows(&e, other, n, N - 1, e.logits[1]);
    assert_memory_equal(e.logits[0], e.logits[1], TINY_VOCAB * sizeof(float));

    ut_asr_settled_clear(&s);
    assert_int_equal(ut_asr_settled_bytes(&s, &e.parts), 0);
    ut_asr_settled_finish(&s);
    ut_asr_settled_finish(&s);
    close_engine(&e);
}

static void test_settled_words_count_for_the_same_prompt_and_draft(void **state)
{
    int32_t prefix[N_PREFIX] = { 50258, 50363 }, tokens[N_TEXT] = { 500, 501, 502, 503, 7 };
    struct ut_asr_draft draft = { .tokens = tokens, .n = N_TEXT };
    struct engine e;
    struct ut_asr_settled s;

    (void)state;
    open_engine(&e);
    assert_int_equal(ut_asr_settled_init(&s, &e.parts), UT_OK);
    assert_int_equal(ut_asr_settled_match(&s, prefix, N_PREFIX, &draft), 0);
    run_rows(&e, e.cells, 0, N - 1, e.logits[0]);
    struct ut_asr_settled_text text = text_of(&e, 4);
    assert_int_equal(ut_asr_settled_keep(&s, &e.parts, &text), UT_OK);
    assert_int_equal(ut_asr_settled_match(&s, prefix, N_PREFIX, &draft), 4);
    draft.n = 3;
    assert_int_equal(ut_asr_settled_match(&s, prefix, N_PREFIX, &draft), 0);
    draft.n = N_TEXT;
    tokens[3] = 8;
    assert_int_equal(ut_asr_settled_match(&s, prefix, N_PREFIX, &draft), 0);
    tokens[3] = 503;
    prefix[1]++;
    assert_int_equal(ut_asr_settled_match(&s, prefix, N_PREFIX, &draft), 0);
    assert_int_equal(ut_asr_settled_match(&s, prefix, 1, &draft), 0);
    ut_asr_settled_finish(&s);
    close_engine(&e);
}

static void test_cells_that_are_not_there_are_refused(void **state)
{
    const int32_t outside[1] = { 3 * N }, negative[1] = { -1 };
    struct engine e;
    struct ut_kv *past = NULL;

    (void)state;
    open_engine(&e);
    struct ut_asr_decoder *d = e.parts.decoder;
    assert_int_equal(ut_asr_decoder_new_past(d, 4, &past), UT_OK);
    assert_int_equal(ut_asr_decoder_read_cells(d, outside, 1, past, 0), UT_EINVAL);
    assert_int_equal(ut_asr_decoder_read_cells(d, negative, 1, past, 0), UT_EINVAL);
    assert_int_equal(ut_asr_decoder_read_cells(d, e.cells, 1, past, 4), UT_EINVAL);
    assert_int_equal(ut_asr_decoder_read_cells(d, e.cells, 5, past, 0), UT_EINVAL);
    assert_int_equal(ut_asr_decoder_read_cells(d, e.cells, 4, past, 0), UT_OK);
    assert_int_equal(ut_asr_decoder_write_cells(d, e.cells, 2, past, 3), UT_EINVAL);
    assert_int_equal(ut_asr_decoder_write_cells(d, outside, 1, past, 0), UT_EINVAL);
    ut_kv_destroy(past);
    close_engine(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decoder_goes_on_behind_settled_words),
        cmocka_unit_test(test_settled_words_count_for_the_same_prompt_and_draft),
        cmocka_unit_test(test_cells_that_are_not_there_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
