/*
 * The foreign formats, read from bytes: each fills a bag with views into them. The bytes must stay
 * valid as long as the bag. One thread. All errors name the file (`path`), the field and the value:
 * UT_EFORMAT, UT_ELIMIT, UT_ENOMEM. On failure the outputs are empty.
 */
#ifndef UT_MODELS_FORMATS_H
#define UT_MODELS_FORMATS_H

#include "models/bag.h"
#include "models/vocabulary.h"

/* CTranslate2 model.bin, "WhisperSpec". SOURCE: CTranslate2, model serialization, version 6. */
UT_NODISCARD enum ut_status ut_ct2_read(struct ut_bag *bag, const uint8_t *bytes, size_t n_bytes,
                                        const char *path, struct ut_error *err);

/* safetensors. SOURCE: huggingface/safetensors, "Format". */
UT_NODISCARD enum ut_status ut_safetensors_read(struct ut_bag *bag, const uint8_t *bytes,
                                                size_t n_bytes, const char *path,
                                                struct ut_error *err);

/* The sizes in a whisper.cpp header. */
struct ut_ggml_dims {
    uint32_t n_vocab, n_audio_ctx, n_audio_state, n_audio_head, n_audio_layer;
    uint32_t n_text_ctx, n_text_state, n_text_head, n_text_layer, n_mels, file_type;
};

/*
 * whisper.cpp's ggml .bin; its mel filters are skipped, its tokens (raw bytes, no specials) go to
 * `vocabulary`. SOURCE: ggml-org/whisper.cpp, models/convert-pt-to-ggml.py.
 */
UT_NODISCARD enum ut_status ut_ggml_read(struct ut_bag *bag, struct ut_ggml_dims *dims,
                                         struct ut_vocabulary *vocabulary, const uint8_t *bytes,
                                         size_t n_bytes, const char *path, struct ut_error *err);

#endif
