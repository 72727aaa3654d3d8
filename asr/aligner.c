#include "asr/aligner.h"

#include <math.h>
#include <string.h>

#include "asr/fold.h"
#include "base/memory.h"
#include "compute/vector.h"

#define TEXT_PER_TOKEN 256

struct ut_asr_aligner {
    struct ut_asr_parts *parts;
    size_t max_tokens; /* of text */
    size_t max_rows;   /* sot sequence, <|notimestamps|>, text, end */
    struct ut_asr_words words;
    struct ut_gguf_text *texts;
    float *weights; /* [max_rows, n_heads, n_audio_ctx], touched as far as a text goes */
    float *matrix;  /* [max_tokens + 1, n_audio_ctx] */
    void *scratch;
    int32_t *starts; /* [max_tokens + 1] */
    float *probabilities;
    int32_t *ids;
    int32_t *cells;
    struct ut_asr_decode_row *rows;
};

static bool allocate(struct ut_asr_aligner *a, size_t n_heads, size_t n_audio)
{
    size_t weights, matrix;

    if (!ut_size_mul(a->max_rows, n_heads, &weights) || !ut_size_mul(weights, n_audio, &weights) ||
        !ut_size_mul(a->max_tokens + 1, n_audio, &matrix))
        return false;
    size_t scratch = ut_asr_align_scratch(a->max_tokens + 1, n_audio);
    a->texts = ut_calloc(a->max_tokens, sizeof *a->texts);
    a->weights = ut_alloc(weights, sizeof *a->weights);
    a->matrix = ut_alloc(matrix, sizeof *a->matrix);
    a->scratch = scratch ? ut_alloc(scratch, 1) : NULL;
    a->starts = ut_calloc(a->max_tokens + 1, sizeof *a->starts);
    a->probabilities = ut_calloc(a->max_tokens, sizeof *a->probabilities);
    a->ids = ut_calloc(a->max_rows, sizeof *a->ids);
    a->cells = ut_calloc(a->max_rows, sizeof *a->cells);
    a->rows = ut_calloc(a->parts->max_rows, sizeof *a->rows);
    return a->texts && a->weights && a->matrix && a->scratch && a->starts && a->probabilities &&
           a->ids && a->cells && a->rows;
}

enum ut_status ut_asr_aligner_create(struct ut_asr_aligner **out, struct ut_asr_parts *parts)
{
    struct ut_asr_aligner *a = ut_calloc(1, sizeof *a);
    if (!a)
        return UT_ENOMEM;
    a->parts = parts;
    a->max_tokens = parts->dims->n_text_ctx / 2;
    a->max_rows = a->max_tokens + 5;
    enum ut_status st = ut_asr_words_init(&a->words, a->max_tokens, a->max_tokens * TEXT_PER_TOKEN);
    if (st == UT_OK && !allocate(a, parts->n_align_heads, parts->dims->n_audio_ctx))
        st = UT_ENOMEM;
    if (st != UT_OK) {
        ut_asr_aligner_destroy(a);
        return st;
    }
    *out = a;
    return UT_OK;
}

void ut_asr_aligner_destroy(struct ut_asr_aligner *a)
{
    if (!a)
        return;
    ut_asr_words_finish(&a->words);
    ut_free(a->texts);
    ut_free(a->weights);
    ut_free(a->matrix);
    ut_free(a->scratch);
    ut_free(a->starts);
    ut_free(a->probabilities);
    ut_free(a->ids);
    ut_free(a->cells);
    ut_free(a->rows);
    ut_free(a);
}

struct ut_asr_words *ut_asr_aligner_words(struct ut_asr_aligner *a)
{
    return &a->words;
}

const int32_t *ut_asr_aligner_starts(const struct ut_asr_aligner *a)
{
    return a->starts;
}

/* Softmax over the text tokens alone, at `token`. */
static float text_probability(const struct ut_asr_parts *parts, const float *logits, int32_t token)
{
    float sum = ut_vector_logsumexp(parts->compute, logits, (size_t)parts->specials->eot);
    return expf(logits[token] - sum);
}

/* Runs ids[0..n_rows), a scratch of logits at a time; text token i is predicted by row first + i.
 */
static enum ut_status pass(struct ut_asr_aligner *a, const struct ut_asr_audio *audio,
                           size_t n_rows, size_t first, size_t n_text, size_t stride)
{
    struct ut_asr_parts *parts = a->parts;
    size_t piece = parts->n_logit_rows < parts->max_rows ? parts->n_logit_rows : parts->max_rows;

    for (size_t from = 0; from < n_rows; from += piece) {
        size_t n = n_rows - from < piece ? n_rows - from : piece;
        for (size_t k = 0; k < n; k++) {
            size_t i = from + k;
            a->rows[k] = ut_asr_parts_row(audio, a->ids[i], i, a->cells);
            a->rows[k].align = a->weights + i * parts->n_align_heads * stride;
            if (i >= first && i < first + n_text)
                a->rows[k].logits = ut_asr_parts_logits(parts, k);
        }
        enum ut_status st = ut_asr_parts_run(parts, a->rows, n);
        if (st != UT_OK)
            return st;
        for (size_t k = 0; k < n; k++) {
            size_t i = from + k;
            if (a->rows[k].logits)
                a->probabilities[i - first] =
                    text_probability(parts, a->rows[k].logits, a->ids[i + 1]);
        }
    }
    return UT_OK;
}

enum ut_status ut_asr_aligner_run(struct ut_asr_aligner *a, const struct ut_asr_audio *audio,
                                  size_t n_audio, int language, bool translate,
                                  const int32_t *tokens, size_t n,
                                  struct ut_asr_word_limits *limits)
{
    struct ut_asr_parts *parts = a->parts;
    size_t stride = ut_asr_audio_n_positions(audio);

    if (n < 1 || n > a->max_tokens || n_audio < 1 || n_audio > stride ||
        stride > parts->dims->n_audio_ctx)
        return UT_ELIMIT;
    size_t n_rows = ut_asr_parts_sot(parts, language, translate, false, a->ids);
    size_t first = n_rows - 1; /* <|notimestamps|> predicts the first text token */
    for (size_t i = 0; i < n; i++)
        a->ids[n_rows++] = tokens[i];
    a->ids[n_rows++] = parts->specials->eot;

    enum ut_status st = ut_asr_parts_take_cells(parts, a->cells, n_rows);
    if (st != UT_OK)
        return st;
    st = pass(a, audio, n_rows, first, n, stride);
    ut_asr_decoder_unref_cells(parts->decoder, a->cells, n_rows);
    if (st != UT_OK)
        return st;
    struct ut_asr_align_weights weights = { .data = a->weights,
                                            .n_tokens = n_rows,
                                            .n_heads = parts->n_align_heads,
                                            .n_stride = stride,
                                            .n_audio = n_audio };
    return ut_asr_aligner_use(a, &weights, first, language, tokens, a->probabilities, n,
                              (struct ut_asr_known){ 0 }, limits);
}

static void find_starts(struct ut_asr_aligner *a, const struct ut_asr_align_weights *weights,
                        size_t first, size_t n, struct ut_asr_known known)
{
    size_t n_new = n > known.n ? n - known.n : 0, n_old = n - n_new;
    int32_t origin = known.n ? known.starts[n_old] : 0;

    if (n_old)
        memcpy(a->starts, known.starts, (n_old + 1) * sizeof *a->starts);
    if (n_new == 0) /* a loop was cut off within the known ones */
        return;
    ut_asr_align_matrix(weights, first, n_new + 1, a->matrix);
    ut_asr_align_path(a->matrix, n_new + 1, weights->n_audio, a->scratch, a->starts + n_old);
    for (size_t i = n_old; i <= n; i++)
        a->starts[i] += origin;
}

enum ut_status ut_asr_aligner_use(struct ut_asr_aligner *a,
                                  const struct ut_asr_align_weights *weights, size_t first,
                                  int language, const int32_t *tokens, const float *probabilities,
                                  size_t n, struct ut_asr_known known,
                                  struct ut_asr_word_limits *limits)
{
    if (n < 1 || n > a->max_tokens || weights->n_audio > a->parts->dims->n_audio_ctx)
        return UT_ELIMIT;
    find_starts(a, weights, first, n, known);

    for (size_t i = 0; i < n; i++)
        a->texts[i] = ut_asr_tokens_text(a->parts->tokens, tokens[i]);
    enum ut_status st = ut_asr_words_split(
        &a->words, a->texts, n, ut_asr_words_by_character(ut_asr_language_code(language)));
    if (st != UT_OK)
        return st;
    ut_asr_words_time(&a->words, a->starts, probabilities);
    *limits = ut_asr_words_settle(&a->words);
    return UT_OK;
}

size_t ut_asr_words_emit(const struct ut_asr_words *w, size_t first, size_t n,
                         struct ut_asr_word *out, struct ut_buffer *pool, enum ut_status *st)
{
    size_t n_out = 0;

    for (size_t i = first; i < first + n && i < w->n; i++) {
        const struct ut_asr_word_part *part = &w->parts[i];
        if (part->n_text == 0)
            continue;
        size_t room = pool->capacity - pool->n;
        if (room < 3 * part->n_text + 1) {
            *st = UT_ELIMIT;
            break;
        }
        char *text = pool->data + pool->n;
        size_t bytes = ut_asr_fold_valid(w->text + part->text, part->n_text, text, room - 1);
        text[bytes] = '\0';
        pool->n += bytes + 1;
        out[n_out++] = (struct ut_asr_word){
            .text = text,
            .start = part->start,
            .end = part->end,
            .confidence = part->confidence,
            .weakest = part->weakest,
            .attended = part->attended,
        };
    }
    return n_out;
}
