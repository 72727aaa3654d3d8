/*
 * What live steps of one open segment keep for the steps after them, as the step sees it. The outer
 * face (create, clear, destroy) is in asr/recognizer.h.
 *
 * The first n_kept positions of the window have their keys and values of every encoder layer, and
 * the decoder's cross-attention K/V, from an earlier step; words said in them are settled. Memory
 * is taken when a segment first has something to keep, used as far as the segment reaches, and
 * given back by ut_asr_cache_clear(). One thread at a time. SOURCE: docs/MODEL.md, "Live";
 * docs/decisions/008-cached-encoder.md.
 */
#ifndef UT_ASR_CACHE_H
#define UT_ASR_CACHE_H

#include <stdatomic.h>

#include "asr/keys.h"
#include "asr/parts.h"
#include "asr/recognizer.h"
#include "asr/settled.h"

/* What all caches of a recognizer may hold together. */
struct ut_asr_cache_room {
    size_t max_bytes;
    atomic_size_t used;
};

struct ut_asr_cache {
    const struct ut_asr_parts *parts;
    struct ut_asr_cache_room *room;
    size_t n_bytes;          /* counted in the room */
    struct ut_asr_keys keys; /* the window's, kept and new */
    struct ut_kv *cross;
    size_t n_kept;                 /* positions, a multiple of UT_ATTENTION_PACK_ALIGN */
    struct ut_asr_settled settled; /* words within them */
};

/* The parts and the room must outlive it. Takes no memory yet but its own. Errors: UT_ENOMEM. */
UT_NODISCARD enum ut_status ut_asr_cache_create(struct ut_asr_cache **out,
                                                const struct ut_asr_parts *parts,
                                                struct ut_asr_cache_room *room);

/*
 * Makes room for a window of `n_positions` of which the first `n_keep` are to be kept behind this
 * step, and forgets those that the last one kept beyond that. False when the step has to do without
 * it (nothing to keep, or memory is out): it is then cleared.
 */
bool ut_asr_cache_begin(struct ut_asr_cache *c, size_t n_positions, size_t n_keep);

#endif
