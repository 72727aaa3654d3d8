/*
 * What a live stream met with, told to people and written to records. One thread.
 */
#ifndef UT_CLIENTS_HEALTH_H
#define UT_CLIENTS_HEALTH_H

#include <stdbool.h>

#include "base/buffer.h"
#include "stream/utter.h"

/* A line on standard error for each kind of damage that `name`'s audio had enough of. */
void ut_health_warn(const char *name, const utter_stream_stats *stats);

/*
 * Appends {"audio", "bad_samples", "clipped_samples", "frozen_samples", "missing_samples", "gaps",
 * "clock_jumps", "rate_changes", "offset", "missed_events", "dropped_prompt_tokens"}, in jsonl
 * behind "type":"end" and "wall". Errors: UT_ENOMEM, UT_ELIMIT.
 */
UT_NODISCARD enum ut_status ut_health_json(struct ut_buffer *out, const utter_stream_stats *stats,
                                           bool event, double wall);

#endif
