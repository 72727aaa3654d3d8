/*
 * How segments, events and cues are spelled: JSON, SubRip, WebVTT. Each appends one record to a
 * buffer. Pure functions. Errors: UT_ENOMEM, UT_ELIMIT.
 */
#ifndef UT_CLIENTS_RECORD_H
#define UT_CLIENTS_RECORD_H

#include "base/buffer.h"
#include "clients/caption.h"
#include "clients/cue.h"

/* {"start", "end", "text", ...}; "words" when word_times. */
UT_NODISCARD enum ut_status ut_record_json_segment(struct ut_buffer *out,
                                                   const struct ut_caption_segment *segment,
                                                   bool word_times);

/* {"type", "wall", "audio", "start", "end", "language", "text", "words"} and a newline. */
UT_NODISCARD enum ut_status ut_record_json_event(struct ut_buffer *out,
                                                 const struct ut_caption_event *event);

/* `number` counts from 1. */
UT_NODISCARD enum ut_status ut_record_srt(struct ut_buffer *out, size_t number,
                                          const struct ut_cue *cue);
UT_NODISCARD enum ut_status ut_record_vtt(struct ut_buffer *out, const struct ut_cue *cue);

#endif
