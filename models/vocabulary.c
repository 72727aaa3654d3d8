#include "models/vocabulary.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

#define MAX_TEXT ((size_t)64 << 20)
#define N_TIMESTAMPS 1501

enum ut_status ut_vocabulary_add(struct ut_vocabulary *v, const char *text, size_t n)
{
    v->text.limit = MAX_TEXT;
    if (v->n == UT_VOCABULARY_MAX)
        return UT_ELIMIT;
    if (v->n + 2 > v->capacity) {
        size_t capacity = v->capacity ? v->capacity * 2 : 1024;
        uint32_t *grown = ut_calloc(capacity, sizeof *grown);
        if (!grown)
            return UT_ENOMEM;
        if (v->starts)
            memcpy(grown, v->starts, v->capacity * sizeof *grown);
        ut_free(v->starts);
        v->starts = grown;
        v->capacity = capacity;
    }
    enum ut_status st = ut_buffer_append(&v->text, text, n);
    if (st == UT_OK)
        v->starts[++v->n] = (uint32_t)v->text.n;
    return st;
}

/*
 * GPT-2 shows each byte as a printable character: itself where Latin-1 has a visible one, else the
 * next one from U+0100 on. SOURCE: openai/gpt-2, encoder.py, bytes_to_unicode().
 */
static unsigned unicode_of(uint8_t byte)
{
    unsigned skipped = 0x100;

    if ((byte >= 33 && byte <= 126) || (byte >= 161 && byte != 173))
        return byte;
    for (unsigned b = 0; b < byte; b++)
        if (!((b >= 33 && b <= 126) || (b >= 161 && b != 173)))
            skipped++;
    return skipped;
}

enum ut_status ut_vocabulary_add_bytes(struct ut_vocabulary *v, const uint8_t *bytes, size_t n)
{
    struct ut_buffer buf = { .limit = 4096 };
    enum ut_status st = UT_OK;

    for (size_t i = 0; i < n && st == UT_OK; i++) {
        unsigned u = unicode_of(bytes[i]);
        char two[2] = { (char)(0xc0 | u >> 6), (char)(0x80 | (u & 63)) };
        st = u < 0x80 ? ut_buffer_append(&buf, &(char){ (char)u }, 1)
                      : ut_buffer_append(&buf, two, 2);
    }
    if (st == UT_OK)
        st = ut_vocabulary_add(v, ut_buffer_text(&buf), buf.n);
    ut_buffer_finish(&buf);
    return st;
}

/* SOURCE: openai/whisper, tokenizer.py, LANGUAGES; the last came with large-v3. */
static const char languages[][4] = {
    "en", "zh", "de", "es",  "ru", "ko", "fr", "ja", "pt", "tr",  "pl", "ca", "nl", "ar", "sv",
    "it", "id", "hi", "fi",  "vi", "he", "uk", "el", "ms", "cs",  "ro", "da", "hu", "ta", "no",
    "th", "ur", "hr", "bg",  "lt", "la", "mi", "ml", "cy", "sk",  "te", "fa", "lv", "bn", "sr",
    "az", "sl", "kn", "et",  "mk", "br", "eu", "is", "hy", "ne",  "mn", "bs", "kk", "sq", "sw",
    "gl", "mr", "pa", "si",  "km", "sn", "yo", "so", "af", "oc",  "ka", "be", "tg", "sd", "gu",
    "am", "yi", "lo", "uz",  "fo", "ht", "ps", "tk", "nn", "mt",  "sa", "lb", "my", "bo", "tl",
    "mg", "as", "tt", "haw", "ln", "ha", "ba", "jw", "su", "yue",
};

/* Special token i, counted from <|endoftext|>. */
static void special_text(char *text, size_t size, size_t i, size_t n_languages)
{
    static const char *const tasks[] = { "translate",   "transcribe", "startoflm",
                                         "startofprev", "nospeech",   "notimestamps" };
    size_t n_tasks = sizeof tasks / sizeof tasks[0];

    if (i == 0)
        snprintf(text, size, "<|endoftext|>");
    else if (i == 1)
        snprintf(text, size, "<|startoftranscript|>");
    else if (i < 2 + n_languages)
        snprintf(text, size, "<|%s|>", languages[i - 2]);
    else if (i < 2 + n_languages + n_tasks)
        snprintf(text, size, "<|%s|>", tasks[i - 2 - n_languages]);
    else {
        size_t hundredths = 2 * (i - 2 - n_languages - n_tasks);
        snprintf(text, size, "<|%zu.%02zu|>", hundredths / 100, hundredths % 100);
    }
}

enum ut_status ut_vocabulary_complete(struct ut_vocabulary *v, size_t n_vocab, bool anew,
                                      const char *path, struct ut_error *err)
{
    size_t n_text = n_vocab >= 51865 ? 50257 : 50256;
    size_t n_languages = n_vocab - n_text - 2 - 6 - N_TIMESTAMPS;

    if (v->n == n_vocab && !anew)
        return UT_OK;
    if (n_vocab < 51864 || n_vocab > 51866)
        return ut_error_set(err, UT_EFORMAT, "%s: %zu tokens for an embedding of %zu rows", path,
                            v->n, n_vocab);
    if (v->n < n_text || v->n > n_vocab)
        return ut_error_set(err, UT_EFORMAT, "%s: %zu tokens, wanted %zu to %zu", path, v->n,
                            n_text, n_vocab);
    if (anew) {
        v->n = n_text;
        v->text.n = v->starts[n_text];
    }
    while (v->n < n_vocab) {
        char text[32];
        special_text(text, sizeof text, v->n - n_text, n_languages);
        enum ut_status st = ut_vocabulary_add(v, text, strlen(text));
        if (st != UT_OK)
            return ut_error_set(err, st, "%s: no memory for its tokens", path);
    }
    return UT_OK;
}

struct ut_gguf_text ut_vocabulary_token(const struct ut_vocabulary *v, size_t i)
{
    return (struct ut_gguf_text){ ut_buffer_text(&v->text) + v->starts[i],
                                  v->starts[i + 1] - v->starts[i] };
}

void ut_vocabulary_finish(struct ut_vocabulary *v)
{
    ut_buffer_finish(&v->text);
    ut_free(v->starts);
    *v = (struct ut_vocabulary){ 0 };
}
