#include "asr/rules.h"

#include <math.h>

static void ban(float *logits, int32_t first, int32_t end)
{
    for (int32_t i = first; i < end; i++)
        logits[i] = -INFINITY;
}

static void ban_one(const struct ut_asr_rules *r, float *logits, int32_t id)
{
    if (id >= 0 && (size_t)id < r->n_vocab)
        logits[id] = -INFINITY;
}

/*
 * Timestamps come in pairs, except directly before the end, and never go back. Returns false when
 * no timestamp may come next, so that their share need not be looked at.
 */
static bool ban_by_order(const struct ut_asr_rules *r, const int32_t *tokens, size_t n,
                         float *logits)
{
    int32_t begin = r->specials.timestamp0, n_vocab = (int32_t)r->n_vocab;

    if (n == 0) {
        ban(logits, 0, begin);
        if (r->max_first_timestamp >= 0 && r->max_first_timestamp < n_vocab - begin - 1)
            ban(logits, begin + r->max_first_timestamp + 1, n_vocab);
        return true;
    }
    int32_t last = tokens[n - 1];
    if (last >= begin) {
        if (n < 2 || tokens[n - 2] >= begin) {
            ban(logits, begin, n_vocab);
            return false;
        }
        ban(logits, 0, r->specials.eot);
        ban(logits, begin, last);
        return true;
    }
    for (size_t i = n - 1; i-- > 0;)
        if (tokens[i] >= begin) {
            ban(logits, begin, tokens[i] + 1);
            break;
        }
    return true;
}

/* When all timestamps together are likelier than any one text token, a timestamp it must be. */
static void ban_by_mass(const struct ut_asr_rules *r, float *logits)
{
    size_t begin = (size_t)r->specials.timestamp0;
    float mass = ut_vector_logsumexp(r->compute, logits + begin, r->n_vocab - begin);
    float text = logits[ut_vector_argmax(r->compute, logits, begin)];

    if (mass > text)
        ban(logits, 0, r->specials.timestamp0);
}

void ut_asr_rules_apply(const struct ut_asr_rules *r, const int32_t *tokens, size_t n,
                        float *logits)
{
    for (size_t i = 0; i < r->n_suppressed; i++)
        ban_one(r, logits, r->suppressed[i]);
    if (n == 0) {
        ban_one(r, logits, r->blank);
        ban_one(r, logits, r->specials.eot);
    }
    if (!r->timestamps) {
        if (r->text_only)
            ban(logits, r->specials.eot + 1, (int32_t)r->n_vocab);
        return;
    }
    ban_one(r, logits, r->specials.no_timestamps);
    if (ban_by_order(r, tokens, n, logits))
        ban_by_mass(r, logits);
}
