#include "asr/cache.h"

#include "asr/weights.h"
#include "base/memory.h"

/* Positions whose memory is counted at a time: a block of packed keys. */
#define GRAIN ((size_t)256)

enum ut_status ut_asr_cache_create(struct ut_asr_cache **out, const struct ut_asr_parts *parts,
                                   struct ut_asr_cache_room *room)
{
    struct ut_asr_cache *c = ut_calloc(1, sizeof *c);

    if (!c)
        return UT_ENOMEM;
    c->parts = parts;
    c->room = room;
    enum ut_status st = ut_asr_settled_init(&c->settled, parts);
    if (st != UT_OK) {
        ut_free(c);
        return st;
    }
    *out = c;
    return UT_OK;
}

void ut_asr_cache_clear(struct ut_asr_cache *c)
{
    if (!c)
        return;
    ut_asr_keys_finish(&c->keys, c->parts->model);
    ut_asr_settled_clear(&c->settled);
    ut_kv_destroy(c->cross);
    c->cross = NULL;
    c->n_kept = 0;
    atomic_fetch_sub_explicit(&c->room->used, c->n_bytes, memory_order_relaxed);
    c->n_bytes = 0;
}

void ut_asr_cache_destroy(struct ut_asr_cache *c)
{
    if (!c)
        return;
    ut_asr_cache_clear(c);
    ut_asr_settled_finish(&c->settled);
    ut_free(c);
}

size_t ut_asr_cache_bytes(const struct ut_asr_cache *c)
{
    return c ? c->n_bytes : 0;
}

/* Memory that a window of n positions uses: pages are touched as far as it reaches. */
static size_t count_bytes(const struct ut_asr_cache *c, size_t n)
{
    const struct ut_asr_dims *dims = c->parts->dims;
    size_t n_grains = (n + GRAIN - 1) / GRAIN;
    size_t n_all = (dims->n_audio_ctx + GRAIN - 1) / GRAIN;
    size_t all = dims->n_audio_layer * c->keys.layer_bytes + ut_kv_bytes(c->cross);

    return n_grains * (all / n_all) + ut_asr_settled_bytes(&c->settled, c->parts);
}

static bool take_room(struct ut_asr_cache *c, size_t n)
{
    size_t bytes = count_bytes(c, n), more = bytes > c->n_bytes ? bytes - c->n_bytes : 0;
    size_t used = atomic_fetch_add_explicit(&c->room->used, more, memory_order_relaxed);

    c->n_bytes += more;
    return used + more <= c->room->max_bytes;
}

static bool take_memory(struct ut_asr_cache *c)
{
    if (!c->cross && ut_asr_encoder_new_cross(c->parts->encoder, &c->cross))
        return false;
    return c->keys.packed || ut_asr_keys_init(&c->keys, c->parts->model) == UT_OK;
}

bool ut_asr_cache_begin(struct ut_asr_cache *c, size_t n_positions, size_t n_keep)
{
    if (c->n_kept > n_keep)
        c->n_kept = n_keep;
    if (c->settled.n > 0 && (size_t)c->settled.starts[c->settled.n] > n_keep)
        ut_asr_settled_clear(&c->settled);
    if (n_keep > 0 && take_memory(c) && take_room(c, n_positions))
        return true;
    ut_asr_cache_clear(c);
    return false;
}
