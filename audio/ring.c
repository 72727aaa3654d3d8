#include "audio/ring.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <string.h>

#include "base/memory.h"

#define MAX_CAPACITY ((size_t)1 << 24)

/*
 * Both counts only grow; their difference is what is ready, and wrapping round is harmless. Each
 * side owns one count and its cache line.
 */
struct ut_ring {
    float *samples;
    size_t capacity;
    alignas(UT_CACHE_LINE) atomic_size_t n_written;
    atomic_uint_least64_t n_dropped; /* the writer's too */
    alignas(UT_CACHE_LINE) atomic_size_t n_read;
};

enum ut_status ut_ring_create(struct ut_ring **out, size_t capacity)
{
    if (capacity == 0 || capacity > MAX_CAPACITY || (capacity & (capacity - 1)) != 0)
        return UT_EINVAL;
    struct ut_ring *ring = ut_calloc(1, sizeof *ring);
    if (!ring)
        return UT_ENOMEM;
    ring->capacity = capacity;
    /* Zeroed, so that the real-time writer meets no page fault. */
    ring->samples = ut_calloc(capacity, sizeof *ring->samples);
    if (!ring->samples) {
        ut_ring_destroy(ring);
        return UT_ENOMEM;
    }
    *out = ring;
    return UT_OK;
}

void ut_ring_destroy(struct ut_ring *ring)
{
    if (!ring)
        return;
    ut_free(ring->samples);
    ut_free(ring);
}

size_t ut_ring_write(struct ut_ring *ring, const float *pcm, size_t n)
{
    size_t written = atomic_load_explicit(&ring->n_written, memory_order_relaxed);
    /* Acquire: the reader is done with the slots it gave back. */
    size_t read = atomic_load_explicit(&ring->n_read, memory_order_acquire);
    size_t room = ring->capacity - (written - read);
    size_t k = n < room ? n : room;
    size_t at = written & (ring->capacity - 1);
    size_t first = k < ring->capacity - at ? k : ring->capacity - at;

    memcpy(ring->samples + at, pcm, first * sizeof *pcm);
    memcpy(ring->samples, pcm + first, (k - first) * sizeof *pcm);
    atomic_store_explicit(&ring->n_written, written + k, memory_order_release);
    if (k < n)
        atomic_fetch_add_explicit(&ring->n_dropped, n - k, memory_order_relaxed);
    return k;
}

size_t ut_ring_read(struct ut_ring *ring, float *pcm, size_t n)
{
    size_t read = atomic_load_explicit(&ring->n_read, memory_order_relaxed);
    size_t written = atomic_load_explicit(&ring->n_written, memory_order_acquire);
    size_t ready = written - read;
    size_t k = n < ready ? n : ready;
    size_t at = read & (ring->capacity - 1);
    size_t first = k < ring->capacity - at ? k : ring->capacity - at;

    memcpy(pcm, ring->samples + at, first * sizeof *pcm);
    memcpy(pcm + first, ring->samples, (k - first) * sizeof *pcm);
    atomic_store_explicit(&ring->n_read, read + k, memory_order_release);
    return k;
}

size_t ut_ring_n_ready(const struct ut_ring *ring)
{
    /* Read first: for a third thread the difference may be late, but never negative. */
    size_t read = atomic_load_explicit(&ring->n_read, memory_order_acquire);
    size_t written = atomic_load_explicit(&ring->n_written, memory_order_acquire);
    size_t ready = written - read;

    return ready < ring->capacity ? ready : ring->capacity;
}

uint64_t ut_ring_n_dropped(const struct ut_ring *ring)
{
    return atomic_load_explicit(&ring->n_dropped, memory_order_relaxed);
}
