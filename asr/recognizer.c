#include "asr/recognizer.h"

#include "asr/cache.h"
#include "asr/forced.h"
#include "asr/live.h"
#include "asr/parts.h"
#include "asr/search.h"
#include "asr/transcriber.h"
#include "base/memory.h"

#define MAX_BATCH 64
#define ROWS 256 /* of one decoder pass: a whole prompt */
#define ROWS_PER_SESSION 32
#define LOGIT_ROWS 32 /* 6.6 MB for a vocabulary of 51,865 */
#define LOGIT_ROWS_PER_SESSION 8
#define MAX_CACHE_BYTES ((size_t)512 << 20)

struct ut_recognizer {
    struct ut_asr_parts parts;
    size_t max_batch;
    size_t max_beam;
    struct ut_kv **cross; /* [max_batch], made when first needed */
    struct ut_asr_transcriber *transcriber;
    struct ut_asr_live *live;
    struct ut_asr_forced *forced;
    struct ut_asr_cache_room cache_room;
};

static enum ut_status create_parts(struct ut_recognizer *r, struct ut_compute *c,
                                   struct ut_asr_model *m)
{
    struct ut_asr_parts *p = &r->parts;
    const struct ut_asr_dims *dims = ut_asr_model_dims(m);
    size_t n_cells = ut_asr_search_n_cells(dims, r->max_beam);

    p->compute = c;
    p->model = ut_asr_model_ref(m);
    p->dims = dims;
    p->tokens = ut_asr_model_tokens(m);
    p->specials = ut_asr_tokens_specials(p->tokens);
    ut_asr_model_align_heads(m, &p->n_align_heads);
    if (n_cells < r->max_batch * dims->n_text_ctx)
        n_cells = r->max_batch * dims->n_text_ctx;
    p->max_rows = ROWS + (r->max_batch - 1) * ROWS_PER_SESSION;
    p->n_logit_rows = LOGIT_ROWS + (r->max_batch - 1) * LOGIT_ROWS_PER_SESSION;
    p->logits = ut_alloc(p->n_logit_rows, dims->n_vocab * sizeof *p->logits);
    if (!p->logits)
        return UT_ENOMEM;
    enum ut_status st = ut_asr_encoder_create(&p->encoder, c, m, dims->n_audio_ctx);
    if (st == UT_OK)
        st = ut_asr_decoder_create(&p->decoder, c, m, p->max_rows, n_cells);
    return st;
}

enum ut_status ut_recognizer_create(struct ut_recognizer **out, struct ut_compute *c,
                                    struct ut_asr_model *m,
                                    const struct ut_recognizer_options *options)
{
    size_t max_batch = options && options->max_batch ? options->max_batch : 1;
    size_t max_beam = options && options->max_beam ? options->max_beam : 5;

    if (max_batch > MAX_BATCH || max_beam > UT_ASR_MAX_BEAM || ut_asr_model_dims(m)->n_text_ctx < 8)
        return UT_EINVAL;
    struct ut_recognizer *r = ut_calloc(1, sizeof *r);
    if (!r)
        return UT_ENOMEM;
    r->max_batch = max_batch;
    r->max_beam = max_beam;
    r->cache_room.max_bytes =
        options && options->max_cache_bytes ? options->max_cache_bytes : MAX_CACHE_BYTES;
    atomic_init(&r->cache_room.used, 0);
    r->cross = ut_calloc(max_batch, sizeof *r->cross);
    enum ut_status st = r->cross ? create_parts(r, c, m) : UT_ENOMEM;
    if (st != UT_OK) {
        ut_recognizer_destroy(r);
        return st;
    }
    *out = r;
    return UT_OK;
}

void ut_recognizer_destroy(struct ut_recognizer *r)
{
    if (!r)
        return;
    ut_asr_transcriber_destroy(r->transcriber);
    ut_asr_live_destroy(r->live);
    ut_asr_forced_destroy(r->forced);
    for (size_t i = 0; r->cross && i < r->max_batch; i++)
        ut_kv_destroy(r->cross[i]);
    ut_free(r->cross);
    ut_asr_decoder_destroy(r->parts.decoder);
    ut_asr_encoder_destroy(r->parts.encoder);
    ut_free(r->parts.logits);
    ut_asr_model_unref(r->parts.model);
    ut_free(r);
}

struct ut_asr_model *ut_recognizer_model(struct ut_recognizer *r)
{
    return r->parts.model;
}

struct ut_asr_options ut_asr_options_default(void)
{
    return (struct ut_asr_options){ .language = -1,
                                    .timestamps = true,
                                    .beam = 5,
                                    .best_of = 5,
                                    .patience = 1.0f,
                                    .length_penalty = 1.0f,
                                    .temperatures = { 0.0f, 0.2f, 0.4f, 0.6f, 0.8f, 1.0f },
                                    .n_temperatures = 6,
                                    .max_compression_ratio = 2.4f,
                                    .min_avg_logprob = -1.0f,
                                    .max_no_speech = 0.6f,
                                    .max_initial_timestamp = 1.0f,
                                    .condition_on_previous = true };
}

/* The window's K/V of sessions [0, n). */
static enum ut_status need_cross(struct ut_recognizer *r, size_t n)
{
    enum ut_status st = UT_OK;
    for (size_t i = 0; st == UT_OK && i < n; i++)
        if (!r->cross[i])
            st = ut_asr_encoder_new_cross(r->parts.encoder, &r->cross[i]);
    return st;
}

static enum ut_status check_options(const struct ut_recognizer *r, const struct ut_asr_options *o,
                                    struct ut_error *err)
{
    const struct ut_asr_parts *p = &r->parts;
    size_t n_max = sizeof o->temperatures / sizeof *o->temperatures;

    if (o->beam < 1 || o->beam > r->max_beam)
        return ut_error_set(err, UT_EINVAL, "beam %zu is not 1..%zu", o->beam, r->max_beam);
    if (o->best_of < 1 || o->best_of > r->max_beam)
        return ut_error_set(err, UT_EINVAL, "best_of %zu is not 1..%zu", o->best_of, r->max_beam);
    if (o->n_temperatures < 1 || o->n_temperatures > n_max)
        return ut_error_set(err, UT_EINVAL, "%zu temperatures, not 1..%zu", o->n_temperatures,
                            n_max);
    for (size_t i = 0; i < o->n_temperatures; i++)
        if (!(o->temperatures[i] >= 0.0f && o->temperatures[i] <= 10.0f))
            return ut_error_set(err, UT_EINVAL, "temperature %g is not 0..10",
                                (double)o->temperatures[i]);
    if (!(o->patience > 0.0f && o->patience <= 100.0f))
        return ut_error_set(err, UT_EINVAL, "patience %g is not in (0, 100]", (double)o->patience);
    if (!(o->length_penalty >= -10.0f && o->length_penalty <= 10.0f))
        return ut_error_set(err, UT_EINVAL, "length penalty %g is not -10..10",
                            (double)o->length_penalty);
    if (!ut_asr_tokens_multilingual(p->tokens)) {
        if (o->translate || (o->language >= 0 && o->language != ut_asr_language_find("en")))
            return ut_error_set(err, UT_EINVAL, "an English-only model cannot %s",
                                o->translate ? "translate" : "take another language");
    } else if (o->language >= p->specials->n_languages) {
        return ut_error_set(err, UT_EINVAL, "language %d is not one of the model's %d", o->language,
                            p->specials->n_languages);
    }
    if (o->word_times && p->n_align_heads == 0)
        return ut_error_set(err, UT_EINVAL, "the model names no alignment heads for word times");
    return UT_OK;
}

enum ut_status ut_recognizer_transcribe(struct ut_recognizer *r,
                                        const struct ut_asr_options *options, float mel_top,
                                        ut_asr_read_fn *read, void *read_ctx,
                                        ut_asr_segment_fn *on_segment, void *segment_ctx,
                                        struct ut_asr_timing *timing, struct ut_error *err)
{
    enum ut_status st = check_options(r, options, err);
    if (st != UT_OK)
        return st;
    st = need_cross(r, 1);
    if (st == UT_OK && !r->transcriber)
        st = ut_asr_transcriber_create(&r->transcriber, &r->parts, r->cross[0], r->max_beam);
    if (st != UT_OK)
        return ut_error_set(err, st, "no room to transcribe: %s", ut_status_name(st));
    return ut_asr_transcriber_run(r->transcriber, options, mel_top, read, read_ctx, on_segment,
                                  segment_ctx, timing, err);
}

enum ut_status ut_recognizer_new_cache(struct ut_recognizer *r, struct ut_asr_cache **out)
{
    return ut_asr_cache_create(out, &r->parts, &r->cache_room);
}

enum ut_status ut_recognizer_step(struct ut_recognizer *r, struct ut_asr_step *steps,
                                  size_t n_steps)
{
    if (n_steps > r->max_batch)
        return UT_ELIMIT;
    enum ut_status st = UT_OK;
    if (!r->live) {
        st = need_cross(r, r->max_batch);
        if (st == UT_OK)
            st = ut_asr_live_create(&r->live, &r->parts, r->cross, r->max_batch);
    }
    return st == UT_OK ? ut_asr_live_step(r->live, steps, n_steps) : st;
}

enum ut_status ut_recognizer_align(struct ut_recognizer *r, const float *pcm, size_t n,
                                   int language, const char *text, const struct ut_asr_word **words,
                                   size_t *n_words)
{
    if (r->parts.n_align_heads == 0)
        return UT_EINVAL;
    enum ut_status st = need_cross(r, 1);
    if (st == UT_OK && !r->forced)
        st = ut_asr_forced_create(&r->forced, &r->parts, r->cross[0]);
    return st == UT_OK ? ut_asr_forced_run(r->forced, pcm, n, language, text, words, n_words) : st;
}
