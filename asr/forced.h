/*
 * Forced alignment: when the words of a known text are said in a recording.
 *
 * The whole window is encoded as it is for decoding, the text is run through the decoder and timed
 * by the model's alignment heads. All memory is taken when it is made. One engine thread.
 * SOURCE: docs/MODEL.md, "Word times".
 */
#ifndef UT_ASR_FORCED_H
#define UT_ASR_FORCED_H

#include "asr/parts.h"
#include "asr/recognizer.h"

struct ut_asr_forced;

/* `cross` [n_audio_ctx] holds the window's K/V during a run; the caller keeps it and the parts. */
UT_NODISCARD enum ut_status ut_asr_forced_create(struct ut_asr_forced **out,
                                                 struct ut_asr_parts *parts, struct ut_kv *cross);
void ut_asr_forced_destroy(struct ut_asr_forced *f);

/* As ut_recognizer_align(). */
UT_NODISCARD enum ut_status ut_asr_forced_run(struct ut_asr_forced *f, const float *pcm, size_t n,
                                              int language, const char *text,
                                              const struct ut_asr_word **words, size_t *n_words);

#endif
