/*
 * What each tensor of Whisper is called in each format: the table that the importers share.
 */
#ifndef UT_MODELS_WHISPER_NAMES_H
#define UT_MODELS_WHISPER_NAMES_H

#include <stddef.h>

#include "base/status.h"

enum ut_naming { UT_NAMING_OPENAI = 0, UT_NAMING_HF, UT_NAMING_CT2, UT_N_NAMINGS };

/* In terms of d (embedding length) and what else a side has. */
enum ut_whisper_shape {
    UT_SHAPE_D,         /* [d] */
    UT_SHAPE_4D,        /* [4d] */
    UT_SHAPE_DD,        /* [d, d] */
    UT_SHAPE_UP,        /* [4d, d] */
    UT_SHAPE_DOWN,      /* [d, 4d] */
    UT_SHAPE_CONV1,     /* [d, n_mels, 3] */
    UT_SHAPE_CONV2,     /* [d, d, 3] */
    UT_SHAPE_POSITION,  /* [context, d] */
    UT_SHAPE_EMBEDDING, /* [n_vocab, d] */
    UT_SHAPE_ZERO       /* [d], not stored; all zero where a format has it */
};

/*
 * '@' in a name stands for "encoder" or "decoder", '#' for the number of the layer. In CTranslate2
 * a tensor may be one of n_parts that are stacked in one.
 */
struct ut_whisper_name {
    char side;  /* 'e', 'd', or 'b' for both */
    char layer; /* '#': one a layer; ' ': one in all */
    enum ut_whisper_shape shape;
    const char *ours;
    const char *theirs[UT_N_NAMINGS]; /* NULL: that format has none */
    int part, n_parts;
};

extern const struct ut_whisper_name ut_whisper_names[];
extern const size_t ut_n_whisper_names;

/* Writes `pattern` with side and layer filled in; UT_ELIMIT when `size` is too small. */
UT_NODISCARD enum ut_status ut_whisper_name_fill(char *text, size_t size, const char *pattern,
                                                 char side, size_t layer);

#endif
