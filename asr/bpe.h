/*
 * Byte-pair encoding: bytes of one piece of text -> the ids of a vocabulary.
 *
 * The pair whose joined bytes have the lowest id is joined first (the leftmost among equals), until
 * no pair joins to a token. Immutable after create; any thread.
 * SOURCE: Sennrich et al. 2016; GPT-2's byte-level form.
 */
#ifndef UT_ASR_BPE_H
#define UT_ASR_BPE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define UT_BPE_MAX_TOKEN_BYTES 1024

struct ut_bpe;

/*
 * Token i is bytes[offsets[i] .. offsets[i + 1]), for i in [0, n_tokens); empty tokens are never
 * produced, and of equal ones the first is. Both arrays must outlive the object.
 * Errors: UT_EFORMAT (a byte without a token, a token longer than UT_BPE_MAX_TOKEN_BYTES),
 * UT_ENOMEM.
 */
UT_NODISCARD enum ut_status ut_bpe_create(struct ut_bpe **out, const char *bytes,
                                          const uint32_t *offsets, size_t n_tokens,
                                          struct ut_error *err);
void ut_bpe_destroy(struct ut_bpe *bpe); /* accepts NULL */

/* The id of the token of exactly these bytes, -1 when there is none. */
int32_t ut_bpe_find(const struct ut_bpe *bpe, const char *bytes, size_t n);

/* Growing room for the pieces of one text; starts zeroed. One thread. */
struct ut_bpe_work {
    struct ut_bpe_symbol *symbols;
    struct ut_bpe_pair *heap;
    size_t capacity; /* bytes of the longest piece so far */
};
void ut_bpe_work_finish(struct ut_bpe_work *work);

/*
 * Encodes piece[0..n): writes at most `capacity` ids and sets *n_ids. O(n log n).
 * Errors: UT_ELIMIT (more ids, or n over 2^30), UT_ENOMEM.
 */
UT_NODISCARD enum ut_status ut_bpe_encode(const struct ut_bpe *bpe, struct ut_bpe_work *work,
                                          const char *piece, size_t n, int32_t *ids,
                                          size_t capacity, size_t *n_ids);

#endif
