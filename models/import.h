/*
 * The face of models/: a model in any known format becomes GGUF, whole or not at all.
 *
 * Known: CTranslate2 Whisper (the folder or its model.bin, with config.json and vocabulary beside),
 * Whisper in safetensors with OpenAI's or Hugging Face's names (folder or file), Silero VAD in
 * safetensors, whisper.cpp's ggml .bin, and GGUF itself. The format is told from the first bytes.
 * Cold path, one thread a call; nothing shared.
 */
#ifndef UT_MODELS_IMPORT_H
#define UT_MODELS_IMPORT_H

#include "compute/dtype.h"
#include "models/progress.h"

struct ut_import_options {
    const char *type; /* of the linear weights: f32, f16, q8_0, q5_0, q4_0, ...; NULL: q8_0 for
                         Whisper of another format, else what the source has */
    const char *name; /* general.name; NULL: the size's name ("base") or the file's */
    struct ut_models_progress progress;
};

/*
 * Reads `src`, writes `dst` (overwriting it at the end, in one step). options may be NULL.
 * Errors: UT_EINVAL (type), UT_EIO, UT_EFORMAT (file, field and value), UT_ELIMIT, UT_ENOMEM,
 * UT_ECANCELED.
 */
UT_NODISCARD enum ut_status ut_models_import(const char *src, const char *dst,
                                             const struct ut_import_options *options,
                                             struct ut_error *err);

/*
 * GGUF to GGUF with the weight matrices as `type`; convolutions become f16 (f32 when type is f32),
 * vectors and all keys stay. A NULL type keeps every tensor as it is. Errors: as
 * ut_models_import().
 */
UT_NODISCARD enum ut_status ut_models_quantize(const char *src, const char *dst, const char *type,
                                               const struct ut_models_progress *progress,
                                               struct ut_error *err);

/* The types that weights can be written as: "f32 f16 bf16 q8_0 ...". For messages. */
extern const char ut_models_types[];

/* UT_EINVAL, with the choice in the text, for a type that weights cannot be written as. */
UT_NODISCARD enum ut_status ut_models_parse_type(enum ut_dtype *out, const char *type,
                                                 struct ut_error *err);

#endif
