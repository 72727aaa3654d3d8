/*
 * What a parsed GGUF file looks like inside; only gguf*.c include this.
 */
#ifndef UT_COMPUTE_GGUF_PRIVATE_H
#define UT_COMPUTE_GGUF_PRIVATE_H

#include <stdint.h>

#include "base/buffer.h"
#include "base/file.h"
#include "compute/gguf.h"

#define UT_GGUF_MAGIC 0x46554747u /* "GGUF" */
#define UT_GGUF_ALIGNMENT 32

/* SOURCE: GGUF specification, "gguf_metadata_value_type". */
enum ut_gguf_type {
    UT_GGUF_U8 = 0,
    UT_GGUF_I8,
    UT_GGUF_U16,
    UT_GGUF_I16,
    UT_GGUF_U32,
    UT_GGUF_I32,
    UT_GGUF_F32,
    UT_GGUF_BOOL,
    UT_GGUF_TEXT,
    UT_GGUF_ARRAY,
    UT_GGUF_U64,
    UT_GGUF_I64,
    UT_GGUF_F64,
    UT_GGUF_N_TYPES
};

/* Bytes of one value of a fixed-size type, 0 for texts and arrays. */
size_t ut_gguf_type_bytes(uint32_t type);

struct ut_gguf_entry {
    const char *name;
    uint32_t type;          /* of the value; UT_GGUF_ARRAY for arrays */
    uint32_t element;       /* of the elements, for arrays */
    size_t n;               /* elements; bytes for a text; 1 for other scalars */
    const uint8_t *value;   /* first element, after the counts */
    const uint8_t *raw;     /* as in the file, from the byte after the type number */
    size_t raw_bytes;       /* until the next key */
    const uint32_t *starts; /* arrays of texts: where each one's length lies, from `value` */
};

/* Names to indices: open addressing, a power of two slots, at most half full. */
struct ut_gguf_slots {
    uint32_t *index; /* 1 + index, 0 for empty */
    size_t mask;
};

struct ut_gguf {
    struct ut_file_map map; /* empty when the bytes are the caller's */
    const uint8_t *bytes;
    size_t n_bytes;
    char *path;
    size_t alignment;
    size_t n_keys;
    struct ut_gguf_entry *keys;
    size_t n_tensors;
    struct ut_tensor *tensors;
    struct ut_buffer key_names;
    struct ut_buffer tensor_names;
    uint32_t *starts; /* of all arrays of texts */
    size_t n_starts;
    size_t starts_capacity;
    struct ut_gguf_slots key_slots;
    struct ut_gguf_slots tensor_slots;
};

/* Reads the whole header of g->bytes; g is then complete but for its slots. (gguf_read.c) */
enum ut_status ut_gguf_read(struct ut_gguf *g, struct ut_error *err);

/* NULL when there is none. */
const struct ut_gguf_entry *ut_gguf_entry(const struct ut_gguf *g, const char *key);

#endif
