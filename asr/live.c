#include "asr/live.h"

#include <math.h>
#include <string.h>

#include "asr/aligner.h"
#include "asr/cache.h"
#include "asr/compression.h"
#include "asr/fold.h"
#include "asr/slot.h"
#include "audio/mel.h"
#include "base/memory.h"

#define SAMPLES_PER_POSITION 320
#define TEXT_PER_TOKEN 256
#define UNSETTLED 8 /* tokens of every text that the next step decodes again */

/* What a session is given back. */
struct result {
    struct ut_asr_word *words;
    struct ut_buffer pool;
};

struct ut_asr_live {
    struct ut_asr_parts *parts;
    size_t max_batch;
    struct ut_asr_silence *silence;
    struct ut_asr_slot *slots; /* [max_batch] */
    struct result *results;    /* [max_batch] */
    int *languages;            /* [max_batch] of this step */
    struct ut_asr_encode_call *calls;
    struct ut_asr_decode_row *rows; /* [max_rows] */
    struct ut_asr_aligner *aligner;
    struct ut_asr_compressor *compressor;
    struct ut_buffer text;
    float *probabilities;
    int32_t *attended; /* [n_text_ctx] position that each token looks at */
    struct ut_asr_rules rules;
};

static enum ut_status allocate(struct ut_asr_live *l, struct ut_kv **cross)
{
    size_t n_text_ctx = l->parts->dims->n_text_ctx, n = l->max_batch;
    enum ut_status st = UT_OK;

    l->slots = ut_calloc(n, sizeof *l->slots);
    l->results = ut_calloc(n, sizeof *l->results);
    l->languages = ut_calloc(n, sizeof *l->languages);
    l->calls = ut_calloc(n, sizeof *l->calls);
    l->rows = ut_calloc(l->parts->max_rows, sizeof *l->rows);
    l->probabilities = ut_calloc(n_text_ctx, sizeof *l->probabilities);
    l->attended = ut_calloc(n_text_ctx, sizeof *l->attended);
    l->text.limit = n_text_ctx * TEXT_PER_TOKEN;
    if (!l->slots || !l->results || !l->languages || !l->calls || !l->rows || !l->probabilities ||
        !l->attended)
        return UT_ENOMEM;
    st = ut_buffer_reserve(&l->text, l->text.limit);
    for (size_t i = 0; st == UT_OK && i < n; i++) {
        struct result *r = &l->results[i];
        r->pool.limit = 3 * l->text.limit;
        r->words = ut_calloc(n_text_ctx, sizeof *r->words);
        st = r->words ? ut_buffer_reserve(&r->pool, r->pool.limit) : UT_ENOMEM;
        if (st == UT_OK)
            st = ut_asr_slot_init(&l->slots[i], l->parts, cross[i]);
    }
    return st;
}

static struct ut_asr_rules live_rules(const struct ut_asr_parts *parts)
{
    struct ut_asr_rules rules = { .compute = parts->compute,
                                  .n_vocab = parts->dims->n_vocab,
                                  .specials = *parts->specials,
                                  .blank = ut_asr_parts_blank(parts),
                                  .text_only = true,
                                  .max_first_timestamp = -1 };
    rules.suppressed = ut_asr_tokens_suppressed(parts->tokens, &rules.n_suppressed);
    return rules;
}

enum ut_status ut_asr_live_create(struct ut_asr_live **out, struct ut_asr_parts *parts,
                                  struct ut_kv **cross, size_t max_batch)
{
    struct ut_asr_live *l = ut_calloc(1, sizeof *l);
    if (!l)
        return UT_ENOMEM;
    l->parts = parts;
    l->max_batch = max_batch;
    l->rules = live_rules(parts);
    enum ut_status st = allocate(l, cross);
    if (st == UT_OK)
        st = ut_asr_aligner_create(&l->aligner, parts);
    if (st == UT_OK)
        st = ut_asr_compressor_create(&l->compressor);
    /* All of it: docs/decisions/004-silence-behind-live-windows.md. */
    if (st == UT_OK)
        st = ut_asr_silence_create(&l->silence, parts->encoder,
                                   (UT_ASR_LIVE_TOP - UT_MEL_RANGE + 4.0f) / 4.0f,
                                   parts->dims->n_audio_ctx);
    if (st != UT_OK) {
        ut_asr_live_destroy(l);
        return st;
    }
    *out = l;
    return UT_OK;
}

void ut_asr_live_destroy(struct ut_asr_live *l)
{
    if (!l)
        return;
    for (size_t i = 0; l->slots && i < l->max_batch; i++)
        ut_asr_slot_finish(&l->slots[i]);
    for (size_t i = 0; l->results && i < l->max_batch; i++) {
        ut_free(l->results[i].words);
        ut_buffer_finish(&l->results[i].pool);
    }
    ut_asr_silence_destroy(l->silence);
    ut_asr_aligner_destroy(l->aligner);
    ut_asr_compressor_destroy(l->compressor);
    ut_buffer_finish(&l->text);
    ut_free(l->slots);
    ut_free(l->results);
    ut_free(l->languages);
    ut_free(l->calls);
    ut_free(l->rows);
    ut_free(l->probabilities);
    ut_free(l->attended);
    ut_free(l);
}

static bool step_valid(const struct ut_asr_live *l, const struct ut_asr_step *step)
{
    const struct ut_asr_specials *s = l->parts->specials;

    if (!step->mel || step->n_frames < 2 || step->n_frames > 2 * l->parts->dims->n_audio_ctx)
        return false;
    for (size_t i = 0; step->prompt && i < step->n_prompt; i++)
        if (step->prompt[i] < 0 || (size_t)step->prompt[i] >= l->parts->dims->n_vocab)
            return false;
    return step->language < 0 || !ut_asr_tokens_multilingual(l->parts->tokens) ||
           step->language < s->n_languages;
}

/* Positions of the step's window that later steps need not compute again. */
static size_t count_keep(const struct ut_asr_step *step)
{
    size_t n = step->n_frames > step->n_fresh ? (step->n_frames - step->n_fresh) / 2 : 0;

    return step->cache ? n - n % UT_ATTENTION_PACK_ALIGN : 0;
}

/* The step's window for the encoder, and the views of it for the decoder. */
static struct ut_asr_encode_call make_call(struct ut_asr_live *l, struct ut_asr_slot *slot,
                                           const struct ut_asr_step *step)
{
    size_t n = step->n_frames / 2;
    struct ut_asr_encode_call call = {
        .mel = step->mel, .n_frames = 2 * n, .silence = l->silence, .cross = slot->cross
    };

    if (step->cache && ut_asr_cache_begin(step->cache, n, count_keep(step))) {
        call.cross = step->cache->cross;
        call.keys = &step->cache->keys;
        call.n_kept = step->cache->n_kept;
    }
    slot->n_audio = n;
    slot->audio = (struct ut_asr_audio){ .n_views = 1, .views = { { .kv = call.cross, .n = n } } };
    struct ut_kv_view silence = ut_asr_silence_cross(l->silence, n);
    if (silence.n > 0)
        slot->audio.views[slot->audio.n_views++] = silence;
    return call;
}

/* Encodes the windows, as many together as the encoder holds. */
static enum ut_status encode(struct ut_asr_live *l, const struct ut_asr_step *steps, size_t n_steps)
{
    size_t n_max = l->parts->dims->n_audio_ctx, n_calls = 0, n_positions = 0;
    enum ut_status st = UT_OK;

    for (size_t i = 0; i < n_steps && st == UT_OK; i++) {
        struct ut_asr_encode_call call = make_call(l, &l->slots[i], &steps[i]);
        size_t n = call.n_frames / 2 - call.n_kept;
        if (n_positions + n > n_max || n_calls == UT_ASR_MAX_WINDOWS) {
            st = ut_asr_encoder_run(l->parts->encoder, l->calls, n_calls);
            n_calls = 0;
            n_positions = 0;
        }
        l->calls[n_calls++] = call;
        n_positions += n;
    }
    return st == UT_OK ? ut_asr_encoder_run(l->parts->encoder, l->calls, n_calls) : st;
}

/* What the step's caches keep: nothing when it failed. */
static void end_caches(const struct ut_asr_step *steps, size_t n_steps, enum ut_status st)
{
    for (size_t i = 0; i < n_steps; i++) {
        struct ut_asr_cache *c = steps[i].cache;
        if (st != UT_OK)
            ut_asr_cache_clear(c);
        else if (c && c->cross)
            c->n_kept = count_keep(&steps[i]);
    }
}

/* Decodes all slots, each pass with the rows of those that are not done. */
static enum ut_status decode(struct ut_asr_live *l, size_t n_steps)
{
    for (;;) {
        size_t active = 0, n_rows = 0, logit = 0;
        for (size_t i = 0; i < n_steps; i++)
            active += !l->slots[i].done;
        if (active == 0)
            return UT_OK;
        size_t row_share = l->parts->max_rows / active;
        size_t logit_share = l->parts->n_logit_rows / active;
        for (size_t i = 0; i < n_steps; i++)
            if (!l->slots[i].done)
                n_rows +=
                    ut_asr_slot_ask(&l->slots[i], l->rows + n_rows, row_share, logit_share, &logit);
        enum ut_status st = ut_asr_parts_run(l->parts, l->rows, n_rows);
        if (st != UT_OK)
            return st;
        n_rows = 0;
        for (size_t i = 0; i < n_steps; i++) {
            if (l->slots[i].done)
                continue;
            ut_asr_slot_take(&l->slots[i], &l->rules, l->rows + n_rows);
            n_rows += l->slots[i].n_rows;
        }
    }
}

/*
 * How many tokens of the text are settled by this step: whole words that the last hypothesis had
 * too, said where the audio is kept, but for the last few, which give the times behind them a hold.
 */
static size_t count_settled(struct ut_asr_live *l, const struct ut_asr_slot *slot, size_t n,
                            size_t n_keep)
{
    const struct ut_asr_words *words = ut_asr_aligner_words(l->aligner);
    const int32_t *starts = ut_asr_aligner_starts(l->aligner), *tokens = slot->ids + slot->n_prefix;
    size_t n_same = 0, n_settled = slot->n_settled;

    while (n_same < n && n_same < slot->draft.n && tokens[n_same] == slot->draft.tokens[n_same])
        n_same++;
    for (size_t w = 0; w < words->n; w++) {
        size_t end = words->parts[w].first_token + words->parts[w].n_tokens;
        if (end > n_same || end + UNSETTLED > n || (size_t)starts[end] > n_keep)
            break;
        if (end > n_settled)
            n_settled = end;
    }
    return n_settled;
}

static void settle(struct ut_asr_live *l, const struct ut_asr_slot *slot,
                   const struct ut_asr_step *step, size_t n)
{
    struct ut_asr_settled_text text = {
        .ids = slot->ids,
        .cells = slot->cells,
        .n_prefix = slot->n_prefix,
        .logprobs = slot->logprobs,
        .starts = ut_asr_aligner_starts(l->aligner),
        .attended = l->attended,
        .no_speech_prob = slot->no_speech_prob,
    };

    if (!step->cache || !step->cache->cross)
        return;
    struct ut_asr_settled *s = &step->cache->settled;
    if (slot->looped || slot->n_settled == 0)
        ut_asr_settled_clear(s); /* it was of another text */
    text.n = slot->looped ? 0 : count_settled(l, slot, n, count_keep(step));
    if (text.n > s->n)
        (void)!ut_asr_settled_keep(s, l->parts, &text); /* else later steps decode more */
}

/* Of the tokens behind the settled ones: what decoding left, over the audio from there on. */
static struct ut_asr_align_weights weights_of(const struct ut_asr_live *l,
                                              const struct ut_asr_slot *slot, size_t n,
                                              struct ut_asr_known known)
{
    size_t skip = known.n ? (size_t)known.starts[known.n] : 0;

    return (struct ut_asr_align_weights){
        .data = slot->weights + skip,
        .n_tokens = slot->n_prefix + n - slot->aligned,
        .n_heads = l->parts->n_align_heads,
        .n_stride = ut_asr_audio_n_positions(&slot->audio),
        .n_audio = slot->n_audio - skip,
    };
}

/* Where each of the n tokens looks, the settled ones as they did. */
static void find_attended(const struct ut_asr_live *l, const struct ut_asr_align_weights *weights,
                          size_t first, size_t n, struct ut_asr_known known)
{
    size_t n_old = n < known.n ? n : known.n;

    if (n_old)
        memcpy(l->attended, known.attended, n_old * sizeof *l->attended);
    ut_asr_align_attended(weights, first, n - n_old, l->attended + n_old);
    for (size_t i = n_old; known.n && i < n; i++)
        l->attended[i] += known.starts[known.n];
}

/* Word times from the weights that decoding left. */
static enum ut_status find_words(struct ut_asr_live *l, size_t i, struct ut_asr_step *step)
{
    struct ut_asr_slot *slot = &l->slots[i];
    struct result *r = &l->results[i];
    struct ut_asr_known known = { .n = slot->n_settled };
    struct ut_asr_word_limits limits;
    size_t n, next = 0, n_before = slot->n_prefix + slot->n_settled - 1;
    const int32_t *tokens = ut_asr_slot_tokens(slot, &n);
    struct ut_asr_word_segment segment = { .end = (int64_t)slot->n_audio * SAMPLES_PER_POSITION,
                                           .n_tokens = n };
    int64_t last_speech = 0;

    ut_buffer_clear(&r->pool);
    step->words = r->words;
    step->n_words = 0;
    if (n == 0)
        return UT_OK;
    if (known.n)
        known = (struct ut_asr_known){ known.n, step->cache->settled.starts,
                                       step->cache->settled.attended };
    struct ut_asr_align_weights weights = weights_of(l, slot, n, known);
    for (size_t k = 0; k < n; k++)
        l->probabilities[k] = expf(slot->logprobs[k]);
    find_attended(l, &weights, n_before - slot->aligned, n, known);
    enum ut_status st =
        ut_asr_aligner_use(l->aligner, &weights, n_before - slot->aligned, l->languages[i], tokens,
                           l->probabilities, n, known, &limits);
    if (st != UT_OK)
        return st;
    struct ut_asr_words *words = ut_asr_aligner_words(l->aligner);
    ut_asr_words_look(words, l->attended);
    ut_asr_words_assign(words, &limits, &next, 0, &last_speech, &segment);
    step->n_words = ut_asr_words_emit(words, segment.first, segment.n, r->words, &r->pool, &st);
    if (st == UT_OK)
        settle(l, slot, step, n);
    return st;
}

static enum ut_status give(struct ut_asr_live *l, size_t i, struct ut_asr_step *step)
{
    const struct ut_asr_slot *slot = &l->slots[i];

    step->tokens = ut_asr_slot_tokens(slot, &step->n_tokens);
    step->detected_language = l->languages[i];
    step->avg_logprob = slot->sum_logprob / (float)(step->n_tokens + 1);
    step->no_speech_prob = slot->no_speech_prob;
    step->looped = slot->looped;
    ut_buffer_clear(&l->text);
    enum ut_status st =
        ut_asr_tokens_decode(l->parts->tokens, step->tokens, step->n_tokens, &l->text);
    if (st != UT_OK)
        return st;
    size_t first = 0, n = l->text.n;
    const char *text = ut_buffer_text(&l->text);
    ut_asr_fold_trim(text, &first, &n);
    step->compression_ratio = ut_asr_compressor_ratio(l->compressor, text + first, n);
    return find_words(l, i, step);
}

enum ut_status ut_asr_live_step(struct ut_asr_live *l, struct ut_asr_step *steps, size_t n_steps)
{
    if (n_steps > l->max_batch)
        return UT_ELIMIT;
    for (size_t i = 0; i < n_steps; i++)
        if (!step_valid(l, &steps[i]))
            return UT_EINVAL;
    if (n_steps == 0)
        return UT_OK;
    /* A draft may lie in the memory of the last results. */
    for (size_t i = 0; i < n_steps; i++)
        ut_asr_slot_set_draft(&l->slots[i], steps[i].draft, steps[i].n_draft);

    enum ut_status st = encode(l, steps, n_steps);
    for (size_t i = 0; st == UT_OK && i < n_steps; i++) {
        float probability;
        l->languages[i] = steps[i].language;
        if (steps[i].language < 0 || !ut_asr_tokens_multilingual(l->parts->tokens))
            st = ut_asr_parts_detect(l->parts, &l->slots[i].audio, &l->languages[i], &probability);
    }
    for (size_t i = 0; st == UT_OK && i < n_steps; i++)
        st = ut_asr_slot_begin(&l->slots[i], &steps[i], l->languages[i]);
    if (st == UT_OK)
        st = decode(l, n_steps);
    for (size_t i = 0; st == UT_OK && i < n_steps; i++)
        st = give(l, i, &steps[i]);
    for (size_t i = 0; i < n_steps; i++)
        ut_asr_slot_end(&l->slots[i]);
    end_caches(steps, n_steps, st);
    return st;
}
