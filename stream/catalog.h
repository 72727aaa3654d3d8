/*
 * Where a model that was asked for by name lies. Cold path, any thread.
 *
 * A name with a '/' or ending in ".gguf" is a path. Any other is looked up in CACHE/models:
 * "silero" is silero-vad-v6.gguf, "base" is whisper-base-q8_0.gguf, "base-f32" is
 * whisper-base-f32.gguf, and so for every Whisper size and type.
 */
#ifndef UT_STREAM_CATALOG_H
#define UT_STREAM_CATALOG_H

#include "base/buffer.h"
#include "base/status.h"

/*
 * Appends to `out` the directory of everything that was downloaded or imported: `cache` if not
 * NULL, else $UTTER_CACHE, else ~/.cache/utter. Errors: UT_EINVAL (no home), UT_ENOMEM, UT_ELIMIT.
 */
UT_NODISCARD enum ut_status ut_catalog_cache(struct ut_buffer *out, const char *cache,
                                             struct ut_error *err);

/*
 * Appends the path of model `name` to `out`. Errors: UT_EINVAL (not a name), UT_EIO (not there;
 * the text says how to get it, or which names there are), UT_ENOMEM, UT_ELIMIT.
 */
UT_NODISCARD enum ut_status ut_catalog_path(struct ut_buffer *out, const char *cache,
                                            const char *name, struct ut_error *err);

#endif
