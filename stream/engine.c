#include "stream/engine.h"

#include <string.h>

#include "base/memory.h"
#include "stream/catalog.h"
#include "stream/engine_state.h"

enum { DEFAULT_BATCH = 4, PATH_LIMIT = 4096 };

/* The path of a model by name, for ut_free(). */
static enum ut_status find_model(char **out, const char *cache, const char *name,
                                 struct ut_error *err)
{
    struct ut_buffer path = { .limit = PATH_LIMIT };
    enum ut_status status = ut_catalog_path(&path, cache, name, err);

    if (!status) {
        *out = ut_strdup(ut_buffer_text(&path));
        if (!*out)
            status = ut_error_set(err, UT_ENOMEM, "no memory for an engine");
    }
    ut_buffer_finish(&path);
    return status;
}

/* A missing voice activity model is an error of the first live stream, not of a transcription. */
static enum ut_status find_models(struct ut_engine *e, const struct ut_engine_options *o,
                                  struct ut_error *err)
{
    (void)!find_model(&e->vad_path, o->cache, o->vad ? o->vad : "silero", &e->vad_error);
    return find_model(&e->model_path, o->cache, o->model ? o->model : "base", err);
}

static enum ut_status load(struct ut_engine *e, const struct ut_engine_options *o,
                           struct ut_error *err)
{
    const struct ut_compute_options compute = { .n_threads = o->n_threads, .level = o->level };
    enum ut_status status = find_models(e, o, err);

    if (!status)
        status = ut_compute_create(&e->compute, &compute, err);
    if (!status)
        status = ut_asr_model_open(&e->model, e->compute, e->model_path, err);
    return status;
}

enum ut_status ut_engine_create(struct ut_engine **out, const struct ut_engine_options *options,
                                struct ut_error *err)
{
    static const struct ut_engine_options defaults = { 0 };
    const struct ut_engine_options *o = options ? options : &defaults;

    if (o->max_batch > UT_ENGINE_MAX_BATCH)
        return ut_error_set(err, UT_EINVAL, "batch of %zu: at most %d", o->max_batch,
                            UT_ENGINE_MAX_BATCH);
    struct ut_engine *e = ut_calloc(1, sizeof *e);
    if (!e)
        return ut_error_set(err, UT_ENOMEM, "no memory for an engine");

    e->options = *o;
    e->options.max_batch = o->max_batch ? o->max_batch : DEFAULT_BATCH;
    /* Default attributes: neither call can fail with glibc. */
    pthread_mutex_init(&e->live_lock, NULL);
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->wake, NULL);
    pthread_cond_init(&e->released, NULL);
    enum ut_status status = load(e, o, err);
    if (status) {
        ut_engine_destroy(e);
        return status;
    }
    e->options.model = e->options.vad = e->options.cache = e->options.level = NULL;
    *out = e;
    return UT_OK;
}

static void drop_live_parts(struct ut_engine *e)
{
    ut_recognizer_destroy(e->recognizer);
    ut_mel_destroy(e->mel);
    ut_vad_model_close(e->vad_model);
    ut_compute_destroy(e->vad_compute);
    ut_free(e->windows);
    e->recognizer = NULL;
    e->mel = NULL;
    e->vad_model = NULL;
    e->vad_compute = NULL;
    e->windows = NULL;
}

void ut_engine_destroy(struct ut_engine *e)
{
    if (!e)
        return;
    if (e->live) {
        pthread_mutex_lock(&e->lock);
        e->stop = true;
        pthread_cond_signal(&e->wake);
        pthread_mutex_unlock(&e->lock);
        pthread_join(e->thread, NULL);
    }
    drop_live_parts(e);
    ut_asr_model_unref(e->model);
    ut_compute_destroy(e->compute);
    ut_free(e->model_path);
    ut_free(e->vad_path);
    pthread_cond_destroy(&e->released);
    pthread_cond_destroy(&e->wake);
    pthread_mutex_destroy(&e->lock);
    pthread_mutex_destroy(&e->live_lock);
    ut_free(e);
}

static enum ut_status make_live_parts(struct ut_engine *e, struct ut_error *err)
{
    const struct ut_compute_options one_thread = { .n_threads = 1 };
    const struct ut_recognizer_options options = { .max_batch = e->options.max_batch,
                                                   .max_beam = 1 };
    size_t n_mels = ut_asr_model_dims(e->model)->n_mels;

    if (!e->vad_path)
        return ut_error_set(err, e->vad_error.code, "%s", e->vad_error.text);
    enum ut_status status = ut_compute_create(&e->vad_compute, &one_thread, err);
    if (!status)
        status = ut_vad_model_open(&e->vad_model, e->vad_compute, e->vad_path, err);
    if (status)
        return status;

    status = ut_mel_create(&e->mel, n_mels);
    if (!status)
        status = ut_recognizer_create(&e->recognizer, e->compute, e->model, &options);
    if (!status) {
        e->windows =
            ut_alloc(e->options.max_batch * UT_SESSION_WINDOW_FRAMES, n_mels * sizeof *e->windows);
        status = e->windows ? UT_OK : UT_ENOMEM;
    }
    if (!status)
        status = pthread_create(&e->thread, NULL, ut_engine_main, e) ? UT_EIO : UT_OK;
    if (status)
        ut_error_set(err, status, "cannot start the engine: %s", ut_status_name(status));
    return status;
}

enum ut_status ut_engine_go_live(struct ut_engine *e, struct ut_error *err)
{
    enum ut_status status = UT_OK;

    pthread_mutex_lock(&e->live_lock);
    if (!e->live) {
        status = make_live_parts(e, err);
        if (status)
            drop_live_parts(e);
        else
            e->live = true;
    }
    pthread_mutex_unlock(&e->live_lock);
    return status;
}

struct ut_asr_model *ut_engine_model(struct ut_engine *e)
{
    return e->model;
}

struct ut_engine_stats ut_engine_stats(struct ut_engine *e)
{
    pthread_mutex_lock(&e->lock);
    struct ut_engine_stats stats = e->stats;
    stats.n_streams = e->n_streams;
    pthread_mutex_unlock(&e->lock);
    return stats;
}

/* A transcription's callbacks with the caller's wish to stop looked at on the way. */
struct cancellable {
    const atomic_bool *cancel;
    ut_asr_read_fn *read;
    void *read_ctx;
    ut_asr_segment_fn *on_segment;
    void *segment_ctx;
};

static bool is_canceled(const struct cancellable *c)
{
    return c->cancel && atomic_load_explicit(c->cancel, memory_order_relaxed);
}

static enum ut_status read_unless_canceled(void *ctx, float *pcm, size_t n, size_t *got,
                                           struct ut_error *err)
{
    const struct cancellable *c = ctx;

    if (is_canceled(c))
        return ut_error_set(err, UT_ECANCELED, "canceled");
    return c->read(c->read_ctx, pcm, n, got, err);
}

static enum ut_status segment_unless_canceled(void *ctx, const struct ut_asr_segment *segment)
{
    const struct cancellable *c = ctx;
    enum ut_status status = c->on_segment(c->segment_ctx, segment);

    return !status && is_canceled(c) ? UT_ECANCELED : status;
}

enum ut_status ut_engine_transcribe(struct ut_engine *e, const struct ut_asr_options *options,
                                    float mel_top, ut_asr_read_fn *read, void *read_ctx,
                                    ut_asr_segment_fn *on_segment, void *segment_ctx,
                                    const atomic_bool *cancel, struct ut_asr_timing *timing,
                                    struct ut_error *err)
{
    struct cancellable ctx = { cancel, read, read_ctx, on_segment, segment_ctx };
    const struct ut_compute_options compute = { .n_threads = ut_compute_n_threads(e->compute) };
    const struct ut_recognizer_options sizes = { .max_batch = 1, .max_beam = e->options.max_beam };
    struct ut_compute *c = NULL;
    struct ut_recognizer *r = NULL;
    enum ut_status status = ut_compute_create(&c, &compute, err);

    if (!status) {
        status = ut_recognizer_create(&r, c, e->model, &sizes);
        if (status)
            ut_error_set(err, status, "cannot make a recogniser: %s", ut_status_name(status));
    }
    if (!status)
        status = ut_recognizer_transcribe(r, options, mel_top, read_unless_canceled, &ctx,
                                          segment_unless_canceled, &ctx, timing, err);
    ut_recognizer_destroy(r);
    ut_compute_destroy(c);
    return status;
}
