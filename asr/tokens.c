#include "asr/tokens.h"

#include <stdlib.h>
#include <string.h>

#include "asr/bpe.h"
#include "base/memory.h"
#include "base/regex.h"

/* Text tokens that every Whisper vocabulary begins with: 256 bytes and 50,000 joins. */
#define N_JOINS_END 50256
#define N_TIMESTAMPS 1501
#define MIN_VOCAB 51864
#define MAX_VOCAB 51866
#define MAX_SUPPRESSED 4096
#define MAX_TEXT_BYTES ((size_t)16 << 20)

/* White_Space of Unicode, which PCRE2's own \s is not (it counts U+180E, for one). */
#define SPACE                                                                                      \
    "\\x{9}-\\x{d} "                                                                               \
    "\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}"

/* SOURCE: openai/gpt-2 encoder.py */
static const char piece_pattern[] = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^" SPACE
                                    "\\p{L}\\p{N}]+|[" SPACE "]+(?![^" SPACE "])|[" SPACE "]+";

struct ut_asr_tokens {
    struct ut_asr_specials specials;
    bool multilingual;
    size_t n_vocab;
    size_t n_text;     /* ids below are text: specials.eot */
    char *bytes;       /* text of all tokens */
    uint32_t *offsets; /* [n_text + 1] into bytes */
    struct ut_bpe *bpe;
    struct ut_regex *pieces;
    int32_t *suppressed;
    size_t n_suppressed;
};

/*
 * Ids follow from the size of the vocabulary: text, <|endoftext|>, <|startoftranscript|>, the
 * languages, six task tokens, 1501 timestamps. SOURCE: openai/whisper model.py num_languages and
 * tokenizer.py get_encoding. English-only vocabularies have 99 language tokens that mean nothing.
 */
static void derive_specials(struct ut_asr_tokens *t)
{
    int32_t multilingual = t->n_vocab >= 51865;
    int32_t n_languages = (int32_t)t->n_vocab - 51765 - multilingual;
    int32_t eot = N_JOINS_END + multilingual;
    int32_t translate = eot + 2 + n_languages;

    t->multilingual = multilingual;
    t->n_text = (size_t)eot;
    t->specials = (struct ut_asr_specials){
        .eot = eot,
        .sot = eot + 1,
        .translate = translate,
        .transcribe = translate + 1,
        .sot_lm = translate + 2,
        .sot_prev = translate + 3,
        .no_speech = translate + 4,
        .no_timestamps = translate + 5,
        .timestamp0 = translate + 6,
        .language0 = multilingual ? eot + 2 : -1,
        .n_languages = multilingual ? n_languages : 0,
    };
}

/*
 * GPT-2 writes bytes as printable characters: those of Latin-1 that print stand for themselves, the
 * others for U+0100 and up in order. Fills bytes[code point], -1 where there is none.
 */
static void fill_byte_map(int16_t bytes[324])
{
    int next = 256;

    for (int c = 0; c < 324; c++)
        bytes[c] = -1;
    for (int b = 0; b < 256; b++) {
        bool prints = (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
        bytes[prints ? b : next++] = (int16_t)b;
    }
}

/* Writes the bytes that `text` stands for to `out` (at least text.n); false when it is not so. */
static bool read_token(const int16_t map[324], struct ut_gguf_text text, char *out, size_t *n)
{
    const unsigned char *s = (const unsigned char *)text.data;
    size_t count = 0;

    for (size_t i = 0; i < text.n; i++) {
        unsigned c = s[i];
        if (c >= 0xc2 && c <= 0xc5 && i + 1 < text.n && (s[i + 1] & 0xc0) == 0x80)
            c = (c & 0x1f) << 6 | (s[++i] & 0x3f);
        else if (c >= 0x80)
            return false;
        if (c >= 324 || map[c] < 0)
            return false;
        out[count++] = (char)map[c];
    }
    *n = count;
    return true;
}

static enum ut_status check_header(const struct ut_asr_tokens *t, const struct ut_gguf *g,
                                   struct ut_error *err)
{
    struct ut_gguf_text kind;
    size_t n;
    enum ut_status st = ut_gguf_text(&kind, g, "tokenizer.ggml.model", err);

    if (st != UT_OK)
        return st;
    if (kind.n != 4 || memcmp(kind.data, "gpt2", 4) != 0)
        return ut_error_set(err, UT_EFORMAT, "%s: tokenizer.ggml.model is '%.*s', need 'gpt2'",
                            ut_gguf_path(g), (int)(kind.n < 32 ? kind.n : 32), kind.data);
    if (t->n_vocab < MIN_VOCAB || t->n_vocab > MAX_VOCAB)
        return ut_error_set(err, UT_EFORMAT, "%s: whisper.vocab_size is %zu, need %d to %d",
                            ut_gguf_path(g), t->n_vocab, MIN_VOCAB, MAX_VOCAB);
    st = ut_gguf_array_n(&n, g, "tokenizer.ggml.tokens", err);
    if (st == UT_OK && n != t->n_vocab)
        st = ut_error_set(err, UT_EFORMAT,
                          "%s: tokenizer.ggml.tokens has %zu entries, whisper.vocab_size is %zu",
                          ut_gguf_path(g), n, t->n_vocab);
    return st;
}

/* Fills bytes and offsets with the text tokens. */
static enum ut_status read_text(struct ut_asr_tokens *t, const struct ut_gguf *g,
                                struct ut_error *err)
{
    int16_t map[324];
    struct ut_gguf_text text;
    size_t total = 0;

    for (size_t i = 0; i < t->n_text; i++) {
        enum ut_status st = ut_gguf_array_text(&text, g, "tokenizer.ggml.tokens", i, err);
        if (st != UT_OK)
            return st;
        if (text.n > MAX_TEXT_BYTES - total)
            return ut_error_set(err, UT_EFORMAT, "%s: tokens of more than %zu bytes",
                                ut_gguf_path(g), MAX_TEXT_BYTES);
        total += text.n;
    }
    t->bytes = ut_alloc(total, 1);
    t->offsets = ut_alloc(t->n_text + 1, sizeof *t->offsets);
    if (!t->bytes || !t->offsets)
        return ut_error_set(err, UT_ENOMEM, "%s: out of memory", ut_gguf_path(g));
    fill_byte_map(map);
    t->offsets[0] = 0;
    for (size_t i = 0; i < t->n_text; i++) {
        size_t n;
        enum ut_status st = ut_gguf_array_text(&text, g, "tokenizer.ggml.tokens", i, err);
        if (st != UT_OK)
            return st;
        if (!read_token(map, text, t->bytes + t->offsets[i], &n))
            return ut_error_set(err, UT_EFORMAT, "%s: token %zu is not in GPT-2's byte form",
                                ut_gguf_path(g), i);
        t->offsets[i + 1] = t->offsets[i] + (uint32_t)n;
    }
    return UT_OK;
}

static int compare_ids(const void *a, const void *b)
{
    const int32_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Adds the first token of `text`, provided that it is the only one or that `any` is set. */
static enum ut_status suppress_text(struct ut_asr_tokens *t, const char *text, bool any)
{
    int32_t ids[64];
    size_t n;
    enum ut_status st = ut_asr_tokens_encode(t, text, strlen(text), ids, 64, &n);

    if (st == UT_OK && (n == 1 || (any && n > 0)))
        t->suppressed[t->n_suppressed++] = ids[0];
    return st;
}

/* SOURCE: openai/whisper tokenizer.py non_speech_tokens, decoding.py _get_suppress_tokens. */
static enum ut_status derive_suppressed(struct ut_asr_tokens *t)
{
    /* Bare and after a space. Those from \u2669 on are kept out even where they take many tokens.
     */
    static const char *const symbols[] = {
        "\"",
        "#",
        "(",
        ")",
        "*",
        "+",
        "/",
        ":",
        ";",
        "<",
        "=",
        ">",
        "@",
        "[",
        "\\",
        "]",
        "^",
        "_",
        "`",
        "{",
        "|",
        "}",
        "~",
        "\u300c",
        "\u300d",
        "\u300e",
        "\u300f",
        "<<",
        ">>",
        "<<<",
        ">>>",
        "--",
        "---",
        "-(",
        "-[",
        "('",
        "(\"",
        "((",
        "))",
        "(((",
        ")))",
        "[[",
        "]]",
        "{{",
        "}}",
        "\u266a\u266a",
        "\u266a\u266a\u266a",
        "\u2669",
        "\u266a",
        "\u266b",
        "\u266c",
        "\u266d",
        "\u266e",
        "\u266f",
    };
    enum { N_SYMBOLS = sizeof symbols / sizeof symbols[0], N_MUSIC = 7 };
    const struct ut_asr_specials *sp = &t->specials;
    const int32_t task[] = { sp->transcribe, sp->translate, sp->sot,
                             sp->sot_prev,   sp->sot_lm,    sp->no_speech };

    t->suppressed = ut_alloc(2 * N_SYMBOLS + 2 + sizeof task / sizeof task[0], sizeof(int32_t));
    if (!t->suppressed)
        return UT_ENOMEM;
    /* Hyphen and apostrophe are suppressed where they would begin a word. */
    enum ut_status st = suppress_text(t, " -", true);
    if (st == UT_OK)
        st = suppress_text(t, " '", true);
    for (size_t i = 0; i < N_SYMBOLS && st == UT_OK; i++) {
        char spaced[16] = " ";
        bool music = i >= N_SYMBOLS - N_MUSIC;
        memcpy(spaced + 1, symbols[i], strlen(symbols[i]) + 1);
        st = suppress_text(t, symbols[i], music);
        if (st == UT_OK)
            st = suppress_text(t, spaced, music);
    }
    for (size_t i = 0; i < sizeof task / sizeof task[0]; i++)
        t->suppressed[t->n_suppressed++] = task[i];
    return st;
}

static enum ut_status read_suppressed(struct ut_asr_tokens *t, const struct ut_gguf *g,
                                      struct ut_error *err)
{
    static const char key[] = "whisper.suppress_tokens";
    size_t n;
    enum ut_status st = ut_gguf_array_n(&n, g, key, err);

    if (st != UT_OK)
        return st;
    if (n > MAX_SUPPRESSED)
        return ut_error_set(err, UT_EFORMAT, "%s: %s has %zu entries, the limit is %d",
                            ut_gguf_path(g), key, n, MAX_SUPPRESSED);
    t->suppressed = ut_alloc(n, sizeof *t->suppressed);
    if (!t->suppressed)
        return ut_error_set(err, UT_ENOMEM, "%s: out of memory", ut_gguf_path(g));
    for (size_t i = 0; i < n; i++) {
        int64_t id;
        st = ut_gguf_array_i64(&id, g, key, i, err);
        if (st != UT_OK)
            return st;
        if (id < 0 || id >= (int64_t)t->n_vocab)
            return ut_error_set(err, UT_EFORMAT, "%s: %s names token %lld of %zu", ut_gguf_path(g),
                                key, (long long)id, t->n_vocab);
        t->suppressed[t->n_suppressed++] = (int32_t)id;
    }
    return UT_OK;
}

static enum ut_status fill_suppressed(struct ut_asr_tokens *t, const struct ut_gguf *g,
                                      struct ut_error *err)
{
    enum ut_status st;
    size_t kept = 0;

    if (ut_gguf_has(g, "whisper.suppress_tokens")) {
        st = read_suppressed(t, g, err);
    } else {
        st = derive_suppressed(t);
        if (st != UT_OK)
            ut_error_set(err, st, "%s: suppressed tokens: out of memory", ut_gguf_path(g));
    }
    if (st != UT_OK)
        return st;
    qsort(t->suppressed, t->n_suppressed, sizeof *t->suppressed, compare_ids);
    for (size_t i = 0; i < t->n_suppressed; i++) {
        if (kept == 0 || t->suppressed[i] != t->suppressed[kept - 1])
            t->suppressed[kept++] = t->suppressed[i];
    }
    t->n_suppressed = kept;
    return UT_OK;
}

enum ut_status ut_asr_tokens_create(struct ut_asr_tokens **out, const struct ut_gguf *g,
                                    size_t n_vocab, struct ut_error *err)
{
    struct ut_error inner = { 0 };
    struct ut_asr_tokens *t = ut_calloc(1, sizeof *t);

    if (!t)
        return ut_error_set(err, UT_ENOMEM, "%s: out of memory", ut_gguf_path(g));
    t->n_vocab = n_vocab;
    enum ut_status st = check_header(t, g, err);
    if (st != UT_OK)
        goto fail;
    derive_specials(t);
    st = read_text(t, g, err);
    if (st != UT_OK)
        goto fail;
    st = ut_bpe_create(&t->bpe, t->bytes, t->offsets, t->n_text, &inner);
    if (st == UT_OK)
        st = ut_regex_create(&t->pieces, piece_pattern, &inner);
    if (st != UT_OK) {
        ut_error_set(err, st, "%s: tokenizer.ggml.tokens: %s", ut_gguf_path(g), inner.text);
        goto fail;
    }
    st = fill_suppressed(t, g, err);
    if (st != UT_OK)
        goto fail;
    *out = t;
    return UT_OK;
fail:
    ut_asr_tokens_destroy(t);
    return st;
}

void ut_asr_tokens_destroy(struct ut_asr_tokens *t)
{
    if (!t)
        return;
    ut_free(t->suppressed);
    ut_regex_destroy(t->pieces);
    ut_bpe_destroy(t->bpe);
    ut_free(t->offsets);
    ut_free(t->bytes);
    ut_free(t);
}

const struct ut_asr_specials *ut_asr_tokens_specials(const struct ut_asr_tokens *t)
{
    return &t->specials;
}

bool ut_asr_tokens_multilingual(const struct ut_asr_tokens *t)
{
    return t->multilingual;
}

struct ut_gguf_text ut_asr_tokens_text(const struct ut_asr_tokens *t, int32_t id)
{
    if (id < 0 || (size_t)id >= t->n_text)
        return (struct ut_gguf_text){ "", 0 };
    return (struct ut_gguf_text){ t->bytes + t->offsets[id], t->offsets[id + 1] - t->offsets[id] };
}

enum ut_status ut_asr_tokens_decode(const struct ut_asr_tokens *t, const int32_t *ids, size_t n,
                                    struct ut_buffer *out)
{
    for (size_t i = 0; i < n; i++) {
        struct ut_gguf_text text = ut_asr_tokens_text(t, ids[i]);
        enum ut_status st = ut_buffer_append(out, text.data, text.n);
        if (st != UT_OK)
            return st;
    }
    return UT_OK;
}

struct encoding {
    const struct ut_bpe *bpe;
    struct ut_bpe_work work;
    int32_t *ids;
    size_t capacity;
    size_t n;
};

static enum ut_status encode_piece(void *ctx, const char *piece, size_t n_bytes)
{
    struct encoding *e = ctx;
    size_t n;
    enum ut_status st =
        ut_bpe_encode(e->bpe, &e->work, piece, n_bytes, e->ids + e->n, e->capacity - e->n, &n);

    if (st == UT_OK)
        e->n += n;
    return st;
}

enum ut_status ut_asr_tokens_encode(const struct ut_asr_tokens *t, const char *text, size_t n_bytes,
                                    int32_t *ids, size_t capacity, size_t *n)
{
    struct encoding e = { .bpe = t->bpe, .ids = ids, .capacity = capacity };
    enum ut_status st = ut_regex_split(t->pieces, text, n_bytes, encode_piece, &e);

    ut_bpe_work_finish(&e.work);
    if (st == UT_OK)
        *n = e.n;
    return st;
}

const int32_t *ut_asr_tokens_suppressed(const struct ut_asr_tokens *t, size_t *n)
{
    *n = t->n_suppressed;
    return t->suppressed;
}
