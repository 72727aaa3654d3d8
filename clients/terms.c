#include "clients/terms.h"

#include <string.h>

#include "base/file.h"
#include "base/memory.h"

#define MAX_BYTES ((size_t)1 << 20)

/* A copy of the file's text; NULL when it is empty. */
static enum ut_status read_text(char **out, size_t *n_lines, const char *path, struct ut_error *err)
{
    static const char byte_order_mark[] = "\xEF\xBB\xBF";
    struct ut_file_map map = { 0 };
    size_t skip = 0;

    enum ut_status st = ut_file_map_open(&map, path, err);
    if (st != UT_OK)
        return st;
    if (map.n_bytes > MAX_BYTES)
        st = ut_error_set(err, UT_ELIMIT, "%s: %zu bytes of terms, at most %zu are possible", path,
                          map.n_bytes, MAX_BYTES);
    else if (map.n_bytes && memchr(map.data, 0, map.n_bytes))
        st = ut_error_set(err, UT_EFORMAT, "%s: is no text file", path);
    if (map.n_bytes >= 3 && memcmp(map.data, byte_order_mark, 3) == 0)
        skip = 3;
    if (st == UT_OK && map.n_bytes > skip) {
        char *text = ut_calloc(map.n_bytes + 1, 1);
        if (text) {
            memcpy(text, map.data + skip, map.n_bytes - skip);
            for (size_t i = 0; text[i]; i++)
                *n_lines += text[i] == '\n';
            ++*n_lines;
            *out = text;
        } else {
            st = ut_error_set(err, UT_ENOMEM, "%s: out of memory", path);
        }
    }
    ut_file_map_close(&map);
    return st;
}

static void take_lines(struct ut_terms *t)
{
    char *line = t->text;

    while (line) {
        char *next = strchr(line, '\n');
        size_t n = next ? (size_t)(next - line) : strlen(line);

        if (n > 0 && line[n - 1] == '\r')
            n--;
        line[n] = '\0';
        if (line[strspn(line, " \t")])
            t->list[t->n++] = line;
        line = next ? next + 1 : NULL;
    }
}

enum ut_status ut_terms_open(struct ut_terms *out, const struct ut_settings *s,
                             struct ut_error *err)
{
    struct ut_terms t = { 0 };
    size_t n_lines = 0;

    if (s->terms_path) {
        enum ut_status st = read_text(&t.text, &n_lines, s->terms_path, err);
        if (st == UT_EIO || st == UT_EFORMAT || st == UT_ELIMIT)
            st = UT_EINVAL; /* the option is wrong: no recording or model is */
        if (st != UT_OK)
            return st;
    }
    t.list = ut_calloc(s->terms.n + n_lines + 1, sizeof *t.list);
    if (!t.list) {
        ut_free(t.text);
        return ut_error_set(err, UT_ENOMEM, "terms: out of memory");
    }
    for (size_t i = 0; i < s->terms.n; i++)
        t.list[t.n++] = s->terms.values[i];
    take_lines(&t);
    *out = t;
    return UT_OK;
}

void ut_terms_close(struct ut_terms *t)
{
    ut_free(t->list);
    ut_free(t->text);
    *t = (struct ut_terms){ 0 };
}

struct ut_asr_bias_options ut_terms_gains(const struct ut_settings *s)
{
    return (struct ut_asr_bias_options){ .begin = (float)s->term_begin,
                                         .go_on = (float)s->term_go_on };
}

enum ut_status ut_terms_bias(struct ut_asr_bias **out, const struct ut_settings *s,
                             const struct ut_asr_tokens *tokens, struct ut_error *err)
{
    const struct ut_asr_bias_options gains = ut_terms_gains(s);
    struct ut_terms terms = { 0 };
    struct ut_asr_bias *b = NULL;

    enum ut_status st = ut_terms_open(&terms, s, err);
    if (st == UT_OK && terms.n > 0)
        st = ut_asr_bias_create(&b, tokens, terms.list, terms.n, &gains, err);
    ut_terms_close(&terms);
    if (st == UT_OK)
        *out = b;
    return st;
}
