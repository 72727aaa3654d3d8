#include "asr/settled.h"

#include <string.h>

#include "base/memory.h"

#define GRAIN 32 /* cells of a head that lie in a page */

enum ut_status ut_asr_settled_init(struct ut_asr_settled *s, const struct ut_asr_parts *parts)
{
    size_t n = parts->dims->n_text_ctx;

    *s = (struct ut_asr_settled){ 0 };
    s->ids = ut_calloc(n, sizeof *s->ids);
    s->logprobs = ut_calloc(n, sizeof *s->logprobs);
    s->starts = ut_calloc(n, sizeof *s->starts);
    s->attended = ut_calloc(n, sizeof *s->attended);
    if (s->ids && s->logprobs && s->starts && s->attended)
        return UT_OK;
    ut_asr_settled_finish(s);
    return UT_ENOMEM;
}

void ut_asr_settled_finish(struct ut_asr_settled *s)
{
    ut_asr_settled_clear(s);
    ut_free(s->ids);
    ut_free(s->logprobs);
    ut_free(s->starts);
    ut_free(s->attended);
    *s = (struct ut_asr_settled){ 0 };
}

void ut_asr_settled_clear(struct ut_asr_settled *s)
{
    ut_kv_destroy(s->past);
    s->past = NULL;
    s->n = 0;
}

size_t ut_asr_settled_bytes(const struct ut_asr_settled *s, const struct ut_asr_parts *parts)
{
    size_t n = s->n_prefix + s->n, n_ctx = parts->dims->n_text_ctx;

    if (!s->past)
        return 0;
    n += GRAIN - n % GRAIN;
    return ut_kv_bytes(s->past) / n_ctx * (n < n_ctx ? n : n_ctx);
}

size_t ut_asr_settled_match(const struct ut_asr_settled *s, const int32_t *ids, size_t n_prefix,
                            const struct ut_asr_draft *draft)
{
    bool same = s->n > 0 && s->n_prefix == n_prefix && s->n <= draft->n &&
                memcmp(s->ids, ids, n_prefix * sizeof *ids) == 0 &&
                memcmp(s->ids + n_prefix, draft->tokens, s->n * sizeof *ids) == 0;

    return same ? s->n : 0;
}

enum ut_status ut_asr_settled_keep(struct ut_asr_settled *s, const struct ut_asr_parts *parts,
                                   const struct ut_asr_settled_text *text)
{
    size_t n_there = s->n ? s->n_prefix + s->n - 1 : 0, n = text->n_prefix + text->n - 1;
    enum ut_status st = UT_OK;

    if (!s->past)
        st = ut_asr_decoder_new_past(parts->decoder, parts->dims->n_text_ctx, &s->past);
    if (st == UT_OK)
        st = ut_asr_decoder_read_cells(parts->decoder, text->cells + n_there, n - n_there, s->past,
                                       n_there);
    if (st != UT_OK)
        return st;
    memcpy(s->ids, text->ids, (n + 1) * sizeof *s->ids);
    memcpy(s->logprobs, text->logprobs, text->n * sizeof *s->logprobs);
    memcpy(s->starts, text->starts, (text->n + 1) * sizeof *s->starts);
    memcpy(s->attended, text->attended, text->n * sizeof *s->attended);
    s->n_prefix = text->n_prefix;
    s->n = text->n;
    s->no_speech_prob = text->no_speech_prob;
    return UT_OK;
}
