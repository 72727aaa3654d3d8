/*
 * Whisper's decoder over rows of a batch: a row is one token of one sequence (a beam, a draft
 * position, a prompt position), of any session, at any position.
 *
 * One decoder belongs to one engine thread. Self-attention K/V live in cells of a pool; a sequence
 * is the list of its cells, so beams share their past and forking one copies numbers, not keys.
 */
#ifndef UT_ASR_DECODER_H
#define UT_ASR_DECODER_H

#include "asr/model.h"
#include "compute/attention.h"

struct ut_asr_decoder;

#define UT_ASR_MAX_DECODE_ROWS 4096

/*
 * max_rows: the most rows of a pass, 1 .. UT_ASR_MAX_DECODE_ROWS. n_cells: the pool of
 * self-attention cells. Keeps a reference to `m`, opened with `c` or with another context of the
 * same device. Errors: UT_EINVAL, UT_ENOMEM.
 */
UT_NODISCARD enum ut_status ut_asr_decoder_create(struct ut_asr_decoder **out, struct ut_compute *c,
                                                  struct ut_asr_model *m, size_t max_rows,
                                                  size_t n_cells);
void ut_asr_decoder_destroy(struct ut_asr_decoder *d);

/*
 * Cells of the pool, reference counted. take: one reference; UT_ELIMIT when the pool is spent. A
 * cell is free again when its last reference goes; only held cells may be referenced.
 */
UT_NODISCARD enum ut_status ut_asr_decoder_take_cell(struct ut_asr_decoder *d, int32_t *cell);
void ut_asr_decoder_ref_cells(struct ut_asr_decoder *d, const int32_t *cells, size_t n);
void ut_asr_decoder_unref_cells(struct ut_asr_decoder *d, const int32_t *cells, size_t n);
size_t ut_asr_decoder_n_free_cells(const struct ut_asr_decoder *d);

/*
 * Keys and values of positions kept outside of the pool: n_cells of them (errors: UT_EINVAL,
 * UT_ENOMEM; ended with ut_kv_destroy()), and copies of cells[0..n) of the pool to cells first.. of
 * such a one and back. Errors: UT_EINVAL (cells).
 */
UT_NODISCARD enum ut_status ut_asr_decoder_new_past(struct ut_asr_decoder *d, size_t n_cells,
                                                    struct ut_kv **out);
UT_NODISCARD enum ut_status ut_asr_decoder_read_cells(struct ut_asr_decoder *d,
                                                      const int32_t *cells, size_t n,
                                                      struct ut_kv *to, size_t first);
UT_NODISCARD enum ut_status ut_asr_decoder_write_cells(struct ut_asr_decoder *d,
                                                       const int32_t *cells, size_t n,
                                                       const struct ut_kv *from, size_t first);

struct ut_asr_decode_row {
    int32_t token;
    size_t position;      /* in the text, < n_text_ctx */
    const int32_t *cells; /* [position + 1] cells of positions 0 .. position; the last is written */
    size_t n_cross;       /* views of the audio's K/V, in order: n_audio_ctx positions at most */
    struct ut_kv_view cross[UT_ATTENTION_MAX_SPANS];
    float *logits; /* out [n_vocab], host, or NULL when not wanted */
    float *align;  /* out [n_align_heads, sum of cross n] softmax weights, host, or NULL */
};

/*
 * One pass: every row's keys and values are written, layer by layer, before any row attends, so
 * rows of one sequence may follow each other in it, in order of position. Errors: UT_EINVAL (token,
 * position, cell or view out of range), UT_ELIMIT (rows), UT_ENOMEM; cells written are then
 * undefined.
 */
UT_NODISCARD enum ut_status ut_asr_decoder_run(struct ut_asr_decoder *d,
                                               const struct ut_asr_decode_row *rows, size_t n_rows);

#endif
