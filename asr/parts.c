#include "asr/parts.h"

#include <math.h>

#include "compute/vector.h"

size_t ut_asr_audio_n_positions(const struct ut_asr_audio *audio)
{
    size_t n = 0;
    for (size_t i = 0; i < audio->n_views; i++)
        n += audio->views[i].n;
    return n;
}

float *ut_asr_parts_logits(const struct ut_asr_parts *parts, size_t i)
{
    return parts->logits + i * parts->dims->n_vocab;
}

struct ut_asr_decode_row ut_asr_parts_row(const struct ut_asr_audio *audio, int32_t token,
                                          size_t position, const int32_t *cells)
{
    struct ut_asr_decode_row row = {
        .token = token, .position = position, .cells = cells, .n_cross = audio->n_views
    };
    for (size_t i = 0; i < audio->n_views; i++)
        row.cross[i] = audio->views[i];
    return row;
}

enum ut_status ut_asr_parts_run(struct ut_asr_parts *parts, const struct ut_asr_decode_row *rows,
                                size_t n_rows)
{
    parts->n_passes++;
    return ut_asr_decoder_run(parts->decoder, rows, n_rows);
}

enum ut_status ut_asr_parts_take_cells(struct ut_asr_parts *parts, int32_t *cells, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        enum ut_status st = ut_asr_decoder_take_cell(parts->decoder, &cells[i]);
        if (st != UT_OK) {
            ut_asr_decoder_unref_cells(parts->decoder, cells, i);
            return st;
        }
    }
    return UT_OK;
}

static int english(void)
{
    return ut_asr_language_find("en");
}

size_t ut_asr_parts_sot(const struct ut_asr_parts *parts, int language, bool translate,
                        bool timestamps, int32_t *prompt)
{
    const struct ut_asr_specials *s = parts->specials;
    size_t n = 0;

    prompt[n++] = s->sot;
    if (ut_asr_tokens_multilingual(parts->tokens)) {
        if (language < 0 || language >= s->n_languages)
            language = english();
        prompt[n++] = s->language0 + language;
        prompt[n++] = translate ? s->translate : s->transcribe;
    }
    if (!timestamps)
        prompt[n++] = s->no_timestamps;
    return n;
}

int ut_asr_parts_language(const struct ut_asr_parts *parts, const float *logits, float *probability)
{
    const struct ut_asr_specials *s = parts->specials;

    if (!ut_asr_tokens_multilingual(parts->tokens) || s->n_languages < 1) {
        *probability = 1.0f;
        return english();
    }
    const float *first = logits + s->language0;
    size_t n = (size_t)s->n_languages;
    size_t best = ut_vector_argmax(parts->compute, first, n);
    *probability = expf(first[best] - ut_vector_logsumexp(parts->compute, first, n));
    return (int)best;
}

float ut_asr_parts_no_speech(const struct ut_asr_parts *parts, const float *logits)
{
    if (parts->specials->no_speech < 0)
        return 0.0f;
    float sum = ut_vector_logsumexp(parts->compute, logits, parts->dims->n_vocab);
    return expf(logits[parts->specials->no_speech] - sum);
}

enum ut_status ut_asr_parts_detect(struct ut_asr_parts *parts, const struct ut_asr_audio *audio,
                                   int *language, float *probability)
{
    int32_t cell;

    if (!ut_asr_tokens_multilingual(parts->tokens)) {
        *language = english();
        *probability = 1.0f;
        return UT_OK;
    }
    enum ut_status st = ut_asr_decoder_take_cell(parts->decoder, &cell);
    if (st != UT_OK)
        return st;
    struct ut_asr_decode_row row = ut_asr_parts_row(audio, parts->specials->sot, 0, &cell);
    row.logits = ut_asr_parts_logits(parts, 0);
    st = ut_asr_parts_run(parts, &row, 1);
    ut_asr_decoder_unref_cells(parts->decoder, &cell, 1);
    if (st == UT_OK)
        *language = ut_asr_parts_language(parts, row.logits, probability);
    return st;
}

int32_t ut_asr_parts_blank(const struct ut_asr_parts *parts)
{
    int32_t id;
    size_t n = 0;
    enum ut_status st = ut_asr_tokens_encode(parts->tokens, " ", 1, &id, 1, &n);

    return st == UT_OK && n == 1 ? id : -1;
}
