/*
 * A Whisper model on its way to GGUF, whatever format it came in. One thread.
 */
#ifndef UT_MODELS_WHISPER_H
#define UT_MODELS_WHISPER_H

#include "compute/gguf_writer.h"
#include "models/bag.h"
#include "models/plan.h"
#include "models/vocabulary.h"
#include "models/whisper_names.h"

#define UT_WHISPER_MAX_LAYERS 64
#define UT_WHISPER_MAX_HEADS 64
#define UT_WHISPER_MAX_SUPPRESSED 1024

struct ut_whisper_side {
    size_t context, d, n_layers, n_heads;
};

/* Zeroed is empty. */
struct ut_whisper {
    const char *path; /* the source, for errors */
    enum ut_naming naming;
    struct ut_bag bag;
    struct ut_vocabulary vocabulary;
    struct ut_whisper_side encoder, decoder; /* n_heads set beforehand, or 0: 64 channels a head */
    size_t n_mels, n_vocab;
    int32_t alignment[2 * UT_WHISPER_MAX_LAYERS * UT_WHISPER_MAX_HEADS]; /* layer, head, ... */
    size_t n_alignment;                                                  /* numbers */
    int32_t suppressed[UT_WHISPER_MAX_SUPPRESSED];
    size_t n_suppressed;
};

/*
 * Finds the sizes from the shapes in the bag. Errors: UT_EFORMAT (which tensor is missing or has
 * which shape).
 */
UT_NODISCARD enum ut_status ut_whisper_measure(struct ut_whisper *w, struct ut_error *err);

/*
 * Gives each side 64 channels a head where nothing said otherwise. Errors: UT_EFORMAT (heads that
 * do not divide the channels).
 */
UT_NODISCARD enum ut_status ut_whisper_settle_heads(struct ut_whisper *w, struct ut_error *err);

/*
 * Takes alignment heads, suppressed tokens and head counts from config.json and
 * generation_config.json in `folder`, as far as they are there. Errors: UT_EFORMAT, UT_ENOMEM.
 */
UT_NODISCARD enum ut_status ut_whisper_configure(struct ut_whisper *w, const char *folder,
                                                 struct ut_error *err);

/* Fills in what no file said: the published alignment heads of the size, else a rule. */
void ut_whisper_default_alignment(struct ut_whisper *w);

/* "base", "tiny.en", ... when the sizes are those of a published model, else NULL. */
const char *ut_whisper_size_name(const struct ut_whisper *w);

/* Number of the weights' type in general.file_type. */
uint32_t ut_file_type(enum ut_dtype dtype);

/*
 * Writes keys and tensors (docs/MODEL.md) with linear weights and embedding as `dtype`. `name` is
 * general.name. Errors: those of the writer and UT_EFORMAT.
 */
UT_NODISCARD enum ut_status ut_whisper_write(struct ut_whisper *w, struct ut_gguf_writer *out,
                                             enum ut_dtype dtype, const char *name,
                                             const struct ut_models_progress *progress,
                                             struct ut_error *err);

void ut_whisper_finish(struct ut_whisper *w);

#endif
