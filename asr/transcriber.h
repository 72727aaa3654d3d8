/*
 * Recordings of any length in flat memory: windows of 30 s, seeking by timestamps.
 *
 * Everything it needs is taken when it is made; a run allocates nothing but what the prompt's
 * encoding does. One engine thread. SOURCE: openai/whisper transcribe.py; docs/MODEL.md,
 * "Decoding".
 */
#ifndef UT_ASR_TRANSCRIBER_H
#define UT_ASR_TRANSCRIBER_H

#include "asr/parts.h"
#include "asr/recognizer.h"

struct ut_asr_transcriber;

/* `cross` [n_audio_ctx] holds the window's K/V during a run; the caller keeps it and the parts. */
UT_NODISCARD enum ut_status ut_asr_transcriber_create(struct ut_asr_transcriber **out,
                                                      struct ut_asr_parts *parts,
                                                      struct ut_kv *cross, size_t max_beam);
void ut_asr_transcriber_destroy(struct ut_asr_transcriber *t);

/* As ut_recognizer_transcribe(). */
UT_NODISCARD enum ut_status ut_asr_transcriber_run(struct ut_asr_transcriber *t,
                                                   const struct ut_asr_options *options,
                                                   float mel_top, ut_asr_read_fn *read,
                                                   void *read_ctx, ut_asr_segment_fn *on_segment,
                                                   void *segment_ctx, struct ut_asr_timing *timing,
                                                   struct ut_error *err);

#endif
