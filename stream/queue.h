/*
 * Events on their way to a reader: bounded, first in first out, copied in and out.
 *
 * Policy for full: an unstable event only matters until the next one, so there is one place for it
 * and a newer one overwrites it (counted). Committed and final events are never dropped: the writer
 * asks ut_queue_room() before it does work that ends in one. One thread at a time; no allocation
 * after create.
 */
#ifndef UT_STREAM_QUEUE_H
#define UT_STREAM_QUEUE_H

#include <stdbool.h>

#include "base/status.h"
#include "stream/event.h"

/* Bounds of one event. */
#define UT_QUEUE_MAX_WORDS 448
#define UT_QUEUE_MAX_TEXT 8192 /* bytes, the NULs of the words counted */

struct ut_queue;

/* Holds at least `n_events` events of the greatest size. Errors: UT_EINVAL, UT_ENOMEM. */
UT_NODISCARD enum ut_status ut_queue_create(struct ut_queue **out, size_t n_events);
void ut_queue_destroy(struct ut_queue *q);

/* How many more events of the greatest size surely fit. */
size_t ut_queue_room(const struct ut_queue *q);

/* Errors: UT_ELIMIT (event over the bounds, or no room for a committed or final one). */
UT_NODISCARD enum ut_status ut_queue_put(struct ut_queue *q, const struct ut_event *event);

/*
 * The oldest event; the unstable one after all others. Its texts are valid until the next call.
 * UT_AGAIN when there is none.
 */
UT_NODISCARD enum ut_status ut_queue_get(struct ut_queue *q, struct ut_event *out);

bool ut_queue_empty(const struct ut_queue *q);
uint64_t ut_queue_n_coalesced(const struct ut_queue *q);

#endif
