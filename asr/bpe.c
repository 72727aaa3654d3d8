#include "asr/bpe.h"

#include <stdbool.h>
#include <string.h>

#include "base/memory.h"

#define NONE UINT32_MAX
#define MAX_PIECE_BYTES ((size_t)1 << 30)

struct ut_bpe {
    const char *bytes;
    const uint32_t *offsets;
    int32_t byte_ids[256]; /* the token of each single byte */
    int32_t *slots;        /* open addressing by the bytes' hash, -1 is free */
    uint32_t mask;         /* n_slots - 1, a power of two less one */
    size_t max_token_bytes;
};

/* A run of the piece, from its own index on; joined into the run before it when n is 0. */
struct ut_bpe_symbol {
    uint32_t previous;
    uint32_t next;
    uint32_t n;
    int32_t id;
};

/* A pair of neighbours that joins to token `id`, unless either has changed since. */
struct ut_bpe_pair {
    int32_t id;
    uint32_t at; /* index of the left one */
    int32_t left;
    int32_t right;
};

/* FNV-1a with a final mix, so that the low bits of short tokens spread. */
static uint32_t hash_bytes(const char *bytes, size_t n)
{
    uint32_t h = 2166136261u;

    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)bytes[i]) * 16777619u;
    return h ^ h >> 15;
}

/* The slot of these bytes: theirs, or the free one where they would go. */
static uint32_t find_slot(const struct ut_bpe *bpe, const char *bytes, size_t n)
{
    uint32_t slot = hash_bytes(bytes, n) & bpe->mask;

    for (;; slot = (slot + 1) & bpe->mask) {
        int32_t id = bpe->slots[slot];
        if (id < 0)
            return slot;
        uint32_t start = bpe->offsets[id];
        if (bpe->offsets[id + 1] - start == n && memcmp(bpe->bytes + start, bytes, n) == 0)
            return slot;
    }
}

int32_t ut_bpe_find(const struct ut_bpe *bpe, const char *bytes, size_t n)
{
    if (n == 0 || n > bpe->max_token_bytes)
        return -1;
    return bpe->slots[find_slot(bpe, bytes, n)];
}

static enum ut_status add_tokens(struct ut_bpe *bpe, size_t n_tokens, struct ut_error *err)
{
    for (size_t i = 0; i < n_tokens; i++) {
        const char *bytes = bpe->bytes + bpe->offsets[i];
        size_t n = bpe->offsets[i + 1] - bpe->offsets[i];
        if (n > UT_BPE_MAX_TOKEN_BYTES)
            return ut_error_set(err, UT_EFORMAT, "token %zu has %zu bytes, the limit is %d", i, n,
                                UT_BPE_MAX_TOKEN_BYTES);
        if (n == 0)
            continue;
        if (n > bpe->max_token_bytes)
            bpe->max_token_bytes = n;
        uint32_t slot = find_slot(bpe, bytes, n);
        if (bpe->slots[slot] < 0)
            bpe->slots[slot] = (int32_t)i;
    }
    for (int b = 0; b < 256; b++) {
        char byte = (char)(unsigned char)b;
        bpe->byte_ids[b] = ut_bpe_find(bpe, &byte, 1);
        if (bpe->byte_ids[b] < 0)
            return ut_error_set(err, UT_EFORMAT, "no token for the byte 0x%02x", (unsigned)b);
    }
    return UT_OK;
}

enum ut_status ut_bpe_create(struct ut_bpe **out, const char *bytes, const uint32_t *offsets,
                             size_t n_tokens, struct ut_error *err)
{
    enum ut_status st = UT_ENOMEM;
    size_t n_slots = 1024;
    struct ut_bpe *bpe = NULL;

    if (n_tokens > INT32_MAX / 4)
        return ut_error_set(err, UT_EFORMAT, "%zu tokens are too many", n_tokens);
    while (n_slots < 2 * n_tokens)
        n_slots *= 2;
    bpe = ut_calloc(1, sizeof *bpe);
    if (bpe)
        bpe->slots = ut_alloc(n_slots, sizeof *bpe->slots);
    if (!bpe || !bpe->slots) {
        ut_error_set(err, UT_ENOMEM, "tokens: out of memory");
        goto fail;
    }
    memset(bpe->slots, 0xff, n_slots * sizeof *bpe->slots);
    bpe->bytes = bytes;
    bpe->offsets = offsets;
    bpe->mask = (uint32_t)(n_slots - 1);
    st = add_tokens(bpe, n_tokens, err);
    if (st != UT_OK)
        goto fail;
    *out = bpe;
    return UT_OK;
fail:
    ut_bpe_destroy(bpe);
    return st;
}

void ut_bpe_destroy(struct ut_bpe *bpe)
{
    if (!bpe)
        return;
    ut_free(bpe->slots);
    ut_free(bpe);
}

void ut_bpe_work_finish(struct ut_bpe_work *work)
{
    ut_free(work->symbols);
    ut_free(work->heap);
    *work = (struct ut_bpe_work){ 0 };
}

/* A piece of n bytes starts with n - 1 pairs, and each of at most n - 1 joins adds two. */
static enum ut_status grow_work(struct ut_bpe_work *work, size_t n)
{
    if (n <= work->capacity)
        return UT_OK;
    size_t capacity = n < 256 ? 256 : n;
    ut_bpe_work_finish(work);
    work->symbols = ut_alloc(capacity, sizeof *work->symbols);
    work->heap = ut_alloc(capacity, 3 * sizeof *work->heap);
    if (!work->symbols || !work->heap) {
        ut_bpe_work_finish(work);
        return UT_ENOMEM;
    }
    work->capacity = capacity;
    return UT_OK;
}

static bool comes_first(const struct ut_bpe_pair *a, const struct ut_bpe_pair *b)
{
    return a->id != b->id ? a->id < b->id : a->at < b->at;
}

static void heap_push(struct ut_bpe_pair *heap, size_t *n, struct ut_bpe_pair pair)
{
    size_t i = (*n)++;

    while (i > 0 && comes_first(&pair, &heap[(i - 1) / 2])) {
        heap[i] = heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    heap[i] = pair;
}

static struct ut_bpe_pair heap_pop(struct ut_bpe_pair *heap, size_t *n)
{
    struct ut_bpe_pair top = heap[0];
    struct ut_bpe_pair last = heap[--*n];
    size_t i = 0;

    for (size_t child = 1; child < *n; child = 2 * i + 1) {
        if (child + 1 < *n && comes_first(&heap[child + 1], &heap[child]))
            child++;
        if (!comes_first(&heap[child], &last))
            break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = last;
    return top;
}

static void push_pair(const struct ut_bpe *bpe, struct ut_bpe_work *work, size_t *n_heap,
                      const char *piece, uint32_t at)
{
    const struct ut_bpe_symbol *left = &work->symbols[at];

    if (at == NONE || left->next == NONE)
        return;
    const struct ut_bpe_symbol *right = &work->symbols[left->next];
    int32_t id = ut_bpe_find(bpe, piece + at, (size_t)left->n + right->n);
    if (id >= 0)
        heap_push(work->heap, n_heap, (struct ut_bpe_pair){ id, at, left->id, right->id });
}

static void join_pairs(const struct ut_bpe *bpe, struct ut_bpe_work *work, const char *piece,
                       size_t n)
{
    struct ut_bpe_symbol *symbols = work->symbols;
    size_t n_heap = 0;

    for (size_t i = 0; i + 1 < n; i++)
        push_pair(bpe, work, &n_heap, piece, (uint32_t)i);
    while (n_heap > 0) {
        struct ut_bpe_pair pair = heap_pop(work->heap, &n_heap);
        struct ut_bpe_symbol *left = &symbols[pair.at];
        if (left->n == 0 || left->id != pair.left || left->next == NONE ||
            symbols[left->next].id != pair.right)
            continue;
        struct ut_bpe_symbol *right = &symbols[left->next];
        left->n += right->n;
        left->id = pair.id;
        left->next = right->next;
        right->n = 0;
        if (left->next != NONE)
            symbols[left->next].previous = pair.at;
        push_pair(bpe, work, &n_heap, piece, pair.at);
        if (left->previous != NONE)
            push_pair(bpe, work, &n_heap, piece, left->previous);
    }
}

enum ut_status ut_bpe_encode(const struct ut_bpe *bpe, struct ut_bpe_work *work, const char *piece,
                             size_t n, int32_t *ids, size_t capacity, size_t *n_ids)
{
    size_t count = 0;

    /* Whatever is joined, a piece this long needs more ids than there is room for. */
    if (n > MAX_PIECE_BYTES || n / bpe->max_token_bytes > capacity)
        return UT_ELIMIT;
    enum ut_status st = grow_work(work, n);
    if (st != UT_OK)
        return st;
    for (size_t i = 0; i < n; i++)
        work->symbols[i] = (struct ut_bpe_symbol){
            .previous = i ? (uint32_t)i - 1 : NONE,
            .next = i + 1 < n ? (uint32_t)i + 1 : NONE,
            .n = 1,
            .id = bpe->byte_ids[(unsigned char)piece[i]],
        };
    join_pairs(bpe, work, piece, n);
    for (uint32_t i = n ? 0 : NONE; i != NONE; i = work->symbols[i].next) {
        if (count == capacity)
            return UT_ELIMIT;
        ids[count++] = work->symbols[i].id;
    }
    *n_ids = count;
    return UT_OK;
}
