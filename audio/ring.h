/*
 * Sample ring between the capture callback and the feature thread.
 *
 * Exactly one thread writes and one reads. Neither locks, allocates or waits, so the writer may be
 * a real-time audio callback. A full ring drops the newest samples and counts them; it never blocks
 * the device.
 */
#ifndef UT_AUDIO_RING_H
#define UT_AUDIO_RING_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct ut_ring;

/*
 * Creates a ring of `capacity` mono float samples (a power of two, at most 2^24). The caller owns
 * *out and ends it with ut_ring_destroy(). On failure *out is untouched. Errors: UT_EINVAL (bad
 * capacity), UT_ENOMEM.
 */
UT_NODISCARD enum ut_status ut_ring_create(struct ut_ring **out, size_t capacity);
void ut_ring_destroy(struct ut_ring *ring);

/* Writer thread. Returns how many of the `n` samples fitted. */
size_t ut_ring_write(struct ut_ring *ring, const float *pcm, size_t n);

/* Reader thread. Returns how many samples (at most `n`) were moved to `pcm`. */
size_t ut_ring_read(struct ut_ring *ring, float *pcm, size_t n);

/* Samples ready to read, and samples dropped so far. Any thread. */
size_t ut_ring_n_ready(const struct ut_ring *ring);
uint64_t ut_ring_n_dropped(const struct ut_ring *ring);

#endif
