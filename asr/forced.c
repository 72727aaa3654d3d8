#include "asr/forced.h"

#include <string.h>

#include "asr/aligner.h"
#include "audio/mel.h"
#include "base/memory.h"

#define TEXT_PER_TOKEN 256

struct ut_asr_forced {
    struct ut_asr_parts *parts;
    struct ut_kv *cross;
    struct ut_asr_aligner *aligner;
    struct ut_mel *mel;
    struct ut_mel_stream *stream;
    float *frames; /* [n_window, n_mels] */
    size_t n_window;
    size_t max_tokens;
    int32_t *tokens;
    struct ut_asr_word *words; /* [max_tokens] */
    struct ut_buffer pool;
};

static enum ut_status take_memory(struct ut_asr_forced *f)
{
    size_t n_mels = f->parts->dims->n_mels;

    f->frames = ut_alloc(f->n_window, n_mels * sizeof *f->frames);
    f->tokens = ut_calloc(f->max_tokens, sizeof *f->tokens);
    f->words = ut_calloc(f->max_tokens, sizeof *f->words);
    f->pool.limit = 4 * f->max_tokens * TEXT_PER_TOKEN;
    if (!f->frames || !f->tokens || !f->words)
        return UT_ENOMEM;
    enum ut_status st = ut_buffer_reserve(&f->pool, f->pool.limit);
    if (st == UT_OK)
        st = ut_asr_aligner_create(&f->aligner, f->parts);
    if (st == UT_OK)
        st = ut_mel_create(&f->mel, n_mels);
    if (st == UT_OK)
        st = ut_mel_stream_create(&f->stream, f->mel, f->n_window + 8);
    return st;
}

enum ut_status ut_asr_forced_create(struct ut_asr_forced **out, struct ut_asr_parts *parts,
                                    struct ut_kv *cross)
{
    struct ut_asr_forced *f = ut_calloc(1, sizeof *f);
    if (!f)
        return UT_ENOMEM;
    f->parts = parts;
    f->cross = cross;
    f->n_window = 2 * parts->dims->n_audio_ctx;
    f->max_tokens = parts->dims->n_text_ctx / 2;
    enum ut_status st = take_memory(f);
    if (st != UT_OK) {
        ut_asr_forced_destroy(f);
        return st;
    }
    *out = f;
    return UT_OK;
}

void ut_asr_forced_destroy(struct ut_asr_forced *f)
{
    if (!f)
        return;
    ut_asr_aligner_destroy(f->aligner);
    ut_mel_stream_destroy(f->stream);
    ut_mel_destroy(f->mel);
    ut_free(f->frames);
    ut_free(f->tokens);
    ut_free(f->words);
    ut_buffer_finish(&f->pool);
    ut_free(f);
}

static enum ut_status encode(struct ut_asr_forced *f, const float *pcm, size_t n)
{
    ut_mel_stream_reset(f->stream);
    ut_mel_stream_feed(f->stream, pcm, n);
    float top = ut_mel_stream_max(f->stream, 0, f->n_window);
    enum ut_status st = ut_mel_stream_window(f->stream, 0, f->n_window, top, 0.0f, f->frames);
    if (st != UT_OK)
        return st;
    const struct ut_asr_encode_call call = { .mel = f->frames,
                                             .n_frames = f->n_window,
                                             .cross = f->cross };
    return ut_asr_encoder_run(f->parts->encoder, &call, 1);
}

enum ut_status ut_asr_forced_run(struct ut_asr_forced *f, const float *pcm, size_t n, int language,
                                 const char *text, const struct ut_asr_word **words,
                                 size_t *n_words)
{
    size_t n_audio = n / (2 * UT_MEL_HOP), n_tokens = 0;
    struct ut_asr_word_limits limits = { 0 };

    if (n_audio < 1 || n_audio > f->parts->dims->n_audio_ctx)
        return UT_EINVAL;
    enum ut_status st = ut_asr_tokens_encode(f->parts->tokens, text, strlen(text), f->tokens,
                                             f->max_tokens, &n_tokens);
    if (st != UT_OK)
        return st;
    ut_buffer_clear(&f->pool);
    if (n_tokens > 0) {
        const struct ut_asr_audio audio = {
            .n_views = 1, .views = { { .kv = f->cross, .n = f->parts->dims->n_audio_ctx } }
        };
        st = encode(f, pcm, n);
        if (st == UT_OK)
            st = ut_asr_aligner_run(f->aligner, &audio, n_audio, language, false, f->tokens,
                                    n_tokens, &limits);
        if (st != UT_OK)
            return st;
        const struct ut_asr_words *timed = ut_asr_aligner_words(f->aligner);
        n_tokens = ut_asr_words_emit(timed, 0, timed->n, f->words, &f->pool, &st);
        if (st != UT_OK)
            return st;
    }
    *words = f->words;
    *n_words = n_tokens;
    return UT_OK;
}
