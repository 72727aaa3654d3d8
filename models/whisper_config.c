#include <inttypes.h>
#include <unistd.h>

#include "base/json.h"
#include "models/whisper.h"

#define MAX_CONFIG ((size_t)4 << 20)

static enum ut_status take_alignment(struct ut_whisper *w, const struct ut_json *list,
                                     const char *path, struct ut_error *err)
{
    if (w->n_alignment || !ut_json_is_array(list))
        return UT_OK;
    for (size_t i = 0; i < ut_json_n(list); i++) {
        const struct ut_json *pair = ut_json_at(list, i);
        int64_t layer = -1, head = -1;

        ut_json_i64(ut_json_at(pair, 0), &layer);
        ut_json_i64(ut_json_at(pair, 1), &head);
        if (ut_json_n(pair) != 2 || layer < 0 || (uint64_t)layer >= w->decoder.n_layers ||
            head < 0 || (uint64_t)head >= w->decoder.n_heads ||
            w->n_alignment + 2 > sizeof w->alignment / sizeof w->alignment[0])
            return ut_error_set(err, UT_EFORMAT,
                                "%s: alignment_heads[%zu] is [%" PRId64 ", %" PRId64 "]", path, i,
                                layer, head);
        w->alignment[w->n_alignment++] = (int32_t)layer;
        w->alignment[w->n_alignment++] = (int32_t)head;
    }
    return UT_OK;
}

static enum ut_status take_suppressed(struct ut_whisper *w, const struct ut_json *list,
                                      const char *path, struct ut_error *err)
{
    if (w->n_suppressed || !ut_json_is_array(list))
        return UT_OK;
    for (size_t i = 0; i < ut_json_n(list); i++) {
        int64_t id = -1;

        if (!ut_json_i64(ut_json_at(list, i), &id) || id < -1 || id >= (int64_t)w->n_vocab ||
            w->n_suppressed == UT_WHISPER_MAX_SUPPRESSED)
            return ut_error_set(err, UT_EFORMAT, "%s: suppressed token %zu is %" PRId64, path, i,
                                id);
        if (id >= 0) /* -1 stands for the list that the engine derives */
            w->suppressed[w->n_suppressed++] = (int32_t)id;
    }
    return UT_OK;
}

static enum ut_status take_heads(struct ut_whisper_side *side, const struct ut_json *value,
                                 const char *path, struct ut_error *err)
{
    int64_t n;

    if (!value)
        return UT_OK;
    if (!ut_json_i64(value, &n) || n < 1 || n > UT_WHISPER_MAX_HEADS || side->d % (size_t)n != 0)
        return ut_error_set(err, UT_EFORMAT, "%s: bad number of attention heads for %zu channels",
                            path, side->d);
    side->n_heads = (size_t)n;
    return UT_OK;
}

static enum ut_status take_config(struct ut_whisper *w, const char *path, struct ut_error *err)
{
    struct ut_json *root = NULL;
    enum ut_status st = ut_json_load(&root, path, MAX_CONFIG, err);

    if (st == UT_OK)
        st = take_heads(&w->encoder, ut_json_get(root, "encoder_attention_heads"), path, err);
    if (st == UT_OK)
        st = take_heads(&w->decoder, ut_json_get(root, "decoder_attention_heads"), path, err);
    if (st == UT_OK)
        st = ut_whisper_settle_heads(w, err);
    if (st == UT_OK)
        st = take_alignment(w, ut_json_get(root, "alignment_heads"), path, err);
    if (st == UT_OK)
        st = take_suppressed(w, ut_json_get(root, "suppress_ids"), path, err);
    if (st == UT_OK)
        st = take_suppressed(w, ut_json_get(root, "suppress_tokens"), path, err);
    ut_json_destroy(root);
    return st;
}

enum ut_status ut_whisper_configure(struct ut_whisper *w, const char *folder, struct ut_error *err)
{
    static const char *const names[] = { "config.json", "generation_config.json" };
    struct ut_buffer path = { .limit = 8192 };
    enum ut_status st = UT_OK;

    for (size_t i = 0; i < sizeof names / sizeof names[0] && st == UT_OK; i++) {
        ut_buffer_clear(&path);
        st = ut_buffer_printf(&path, "%s/%s", folder, names[i]);
        if (st != UT_OK)
            ut_error_set(err, st, "%s: path too long or no memory", folder);
        else if (access(ut_buffer_text(&path), F_OK) == 0)
            st = take_config(w, ut_buffer_text(&path), err);
    }
    ut_buffer_finish(&path);
    return st;
}
