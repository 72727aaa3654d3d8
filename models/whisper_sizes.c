#include <string.h>

#include "models/whisper.h"

/*
 * The published models and their alignment heads as (layer, head) of the decoder.
 * SOURCE: openai/whisper, __init__.py, _ALIGNMENT_HEADS (there as packed bit masks). large-v1 has
 * the sizes of large-v2 and is taken for it.
 */
static const struct size {
    const char *name;
    uint8_t n_audio_layers, n_text_layers;
    uint16_t d, n_mels;
    uint32_t n_vocab;
    uint8_t n;
    uint8_t heads[23][2];
} sizes[] = {
    { "tiny.en",
      4,
      4,
      384,
      80,
      51864,
      8,
      { { 1, 0 }, { 2, 0 }, { 2, 5 }, { 3, 0 }, { 3, 1 }, { 3, 2 }, { 3, 3 }, { 3, 4 } } },
    { "tiny",
      4,
      4,
      384,
      80,
      51865,
      6,
      { { 2, 2 }, { 3, 0 }, { 3, 2 }, { 3, 3 }, { 3, 4 }, { 3, 5 } } },
    { "base.en", 6, 6, 512, 80, 51864, 5, { { 3, 3 }, { 4, 7 }, { 5, 1 }, { 5, 5 }, { 5, 7 } } },
    { "base",
      6,
      6,
      512,
      80,
      51865,
      8,
      { { 3, 1 }, { 4, 2 }, { 4, 3 }, { 4, 7 }, { 5, 1 }, { 5, 2 }, { 5, 4 }, { 5, 6 } } },
    { "small.en",
      12,
      12,
      768,
      80,
      51864,
      19,
      { { 6, 6 },
        { 7, 0 },
        { 7, 3 },
        { 7, 8 },
        { 8, 2 },
        { 8, 5 },
        { 8, 7 },
        { 9, 0 },
        { 9, 4 },
        { 9, 8 },
        { 9, 10 },
        { 10, 0 },
        { 10, 1 },
        { 10, 2 },
        { 10, 3 },
        { 10, 6 },
        { 10, 11 },
        { 11, 2 },
        { 11, 4 } } },
    { "small",
      12,
      12,
      768,
      80,
      51865,
      10,
      { { 5, 3 },
        { 5, 9 },
        { 8, 0 },
        { 8, 4 },
        { 8, 7 },
        { 8, 8 },
        { 9, 0 },
        { 9, 7 },
        { 9, 9 },
        { 10, 5 } } },
    { "medium.en",
      24,
      24,
      1024,
      80,
      51864,
      18,
      { { 11, 4 },
        { 14, 1 },
        { 14, 12 },
        { 14, 14 },
        { 15, 4 },
        { 16, 0 },
        { 16, 4 },
        { 16, 9 },
        { 17, 12 },
        { 17, 14 },
        { 18, 7 },
        { 18, 10 },
        { 18, 15 },
        { 20, 0 },
        { 20, 3 },
        { 20, 9 },
        { 20, 14 },
        { 21, 12 } } },
    { "medium",
      24,
      24,
      1024,
      80,
      51865,
      6,
      { { 13, 15 }, { 15, 4 }, { 15, 15 }, { 16, 1 }, { 20, 0 }, { 23, 4 } } },
    { "large-v2", 32, 32, 1280, 80, 51865, 23, { { 10, 12 }, { 13, 17 }, { 16, 11 }, { 16, 12 },
                                                 { 16, 13 }, { 17, 15 }, { 17, 16 }, { 18, 4 },
                                                 { 18, 11 }, { 18, 19 }, { 19, 11 }, { 21, 2 },
                                                 { 21, 3 },  { 22, 3 },  { 22, 9 },  { 22, 12 },
                                                 { 23, 5 },  { 23, 7 },  { 23, 13 }, { 25, 5 },
                                                 { 26, 1 },  { 26, 12 }, { 27, 15 } } },
    { "large-v3",
      32,
      32,
      1280,
      128,
      51866,
      10,
      { { 7, 0 },
        { 10, 17 },
        { 12, 18 },
        { 13, 12 },
        { 16, 1 },
        { 17, 14 },
        { 19, 11 },
        { 21, 4 },
        { 24, 1 },
        { 25, 6 } } },
    { "large-v3-turbo",
      32,
      4,
      1280,
      128,
      51866,
      6,
      { { 2, 4 }, { 2, 11 }, { 3, 3 }, { 3, 6 }, { 3, 11 }, { 3, 14 } } },
};

static const struct size *find_size(const struct ut_whisper *w)
{
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const struct size *s = &sizes[i];
        if (s->n_audio_layers == w->encoder.n_layers && s->n_text_layers == w->decoder.n_layers &&
            s->d == w->decoder.d && s->n_mels == w->n_mels && s->n_vocab == w->n_vocab)
            return s;
    }
    return NULL;
}

const char *ut_whisper_size_name(const struct ut_whisper *w)
{
    const struct size *s = find_size(w);

    return s ? s->name : NULL;
}

static void add_head(struct ut_whisper *w, size_t layer, size_t head)
{
    w->alignment[w->n_alignment++] = (int32_t)layer;
    w->alignment[w->n_alignment++] = (int32_t)head;
}

void ut_whisper_default_alignment(struct ut_whisper *w)
{
    const struct size *s = find_size(w);

    if (w->n_alignment)
        return;
    for (size_t i = 0; s && i < s->n; i++)
        add_head(w, s->heads[i][0], s->heads[i][1]);
    /* An unknown model: all heads of the upper half, as OpenAI does for models without a list. */
    for (size_t l = w->decoder.n_layers / 2; !s && l < w->decoder.n_layers; l++)
        for (size_t h = 0; h < w->decoder.n_heads; h++)
            add_head(w, l, h);
}
