#include "asr/history.h"

#include <string.h>

#include "asr/fold.h"
#include "base/memory.h"

#define SOT_SEQUENCE 4

enum ut_status ut_asr_history_init(struct ut_asr_history *h, const struct ut_asr_parts *parts)
{
    *h = (struct ut_asr_history){ .parts = parts, .n_max = parts->dims->n_text_ctx / 2 - 1 };
    h->tokens = ut_calloc(h->n_max, sizeof *h->tokens);
    h->prompt = ut_calloc(h->n_max + 1 + SOT_SEQUENCE, sizeof *h->prompt);
    if (h->tokens && h->prompt)
        return UT_OK;
    ut_asr_history_finish(h);
    return UT_ENOMEM;
}

void ut_asr_history_finish(struct ut_asr_history *h)
{
    ut_free(h->tokens);
    ut_free(h->prompt);
    *h = (struct ut_asr_history){ 0 };
}

void ut_asr_history_clear(struct ut_asr_history *h)
{
    h->n = 0;
}

void ut_asr_history_append(struct ut_asr_history *h, const int32_t *tokens, size_t n)
{
    if (n > h->n_max) {
        tokens += n - h->n_max;
        n = h->n_max;
    }
    size_t kept = h->n < h->n_max - n ? h->n : h->n_max - n;
    memmove(h->tokens, h->tokens + (h->n - kept), kept * sizeof *h->tokens);
    if (n)
        memcpy(h->tokens + kept, tokens, n * sizeof *h->tokens);
    h->n = kept + n;
}

enum ut_status ut_asr_history_say(struct ut_asr_history *h, const char *text)
{
    size_t first = 0, n = strlen(text), n_ids = 0;

    ut_asr_fold_trim(text, &first, &n);
    if (n == 0)
        return UT_OK;
    char *spaced = ut_alloc(n + 1, 1);
    int32_t *ids = ut_alloc(n + 1, sizeof *ids); /* no token is shorter than a byte */
    enum ut_status st = spaced && ids ? UT_OK : UT_ENOMEM;
    if (st == UT_OK) {
        spaced[0] = ' ';
        memcpy(spaced + 1, text + first, n);
        st = ut_asr_tokens_encode(h->parts->tokens, spaced, n + 1, ids, n + 1, &n_ids);
    }
    if (st == UT_OK)
        ut_asr_history_append(h, ids, n_ids);
    ut_free(spaced);
    ut_free(ids);
    return st;
}

const int32_t *ut_asr_history_prompt(struct ut_asr_history *h, int language, bool translate,
                                     bool timestamps, size_t *n, size_t *sot)
{
    size_t used = 0;

    if (h->n > 0 && h->parts->specials->sot_prev >= 0) {
        h->prompt[used++] = h->parts->specials->sot_prev;
        memcpy(h->prompt + used, h->tokens, h->n * sizeof *h->prompt);
        used += h->n;
    }
    *sot = used;
    *n = used + ut_asr_parts_sot(h->parts, language, translate, timestamps, h->prompt + used);
    return h->prompt;
}
