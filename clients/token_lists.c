#include "clients/token_lists.h"

#include <string.h>

#include "base/file.h"
#include "base/memory.h"

#define MAX_BYTES ((size_t)64 << 20)

/* Cuts t->text into lines of two fields. */
static enum ut_status take_lines(struct ut_token_lists *t, const char *path, struct ut_error *err)
{
    char *line = t->text;

    for (size_t number = 1; *line; number++) {
        size_t n = strcspn(line, "\n");
        char *next = line + n + (line[n] ? 1 : 0);
        line[n] = '\0';
        char *tab = strchr(line, '\t');
        if (!tab || tab == line || tab[1 + strspn(tab + 1, "0123456789 ")])
            return ut_error_set(err, UT_EFORMAT, "%s: line %zu is not a file and its tokens", path,
                                number);
        *tab = '\0';
        t->lists[t->n++] = (struct ut_token_list){ line, tab + 1 };
        line = next;
    }
    return UT_OK;
}

enum ut_status ut_token_lists_open(struct ut_token_lists *out, const char *path,
                                   struct ut_error *err)
{
    struct ut_file_map map = { 0 };
    struct ut_token_lists t = { 0 };
    size_t n_lines = 1;

    enum ut_status st = ut_file_map_open(&map, path, err);
    if (st != UT_OK)
        return st;
    if (map.n_bytes > MAX_BYTES || (map.n_bytes && memchr(map.data, 0, map.n_bytes)))
        st = ut_error_set(err, UT_EFORMAT, "%s: %zu bytes that are no lists of tokens", path,
                          map.n_bytes);
    for (size_t i = 0; i < map.n_bytes && st == UT_OK; i++)
        n_lines += map.data[i] == '\n';
    if (st == UT_OK) {
        t.text = ut_calloc(map.n_bytes + 1, 1);
        t.lists = ut_calloc(n_lines, sizeof *t.lists);
        if (!t.text || !t.lists)
            st = ut_error_set(err, UT_ENOMEM, "%s: out of memory", path);
    }
    if (st == UT_OK) {
        if (map.n_bytes)
            memcpy(t.text, map.data, map.n_bytes);
        st = take_lines(&t, path, err);
    }
    ut_file_map_close(&map);
    if (st != UT_OK) {
        ut_token_lists_close(&t);
        return st;
    }
    *out = t;
    return UT_OK;
}

void ut_token_lists_close(struct ut_token_lists *t)
{
    ut_free(t->lists);
    ut_free(t->text);
    *t = (struct ut_token_lists){ 0 };
}

const char *ut_token_lists_find(const struct ut_token_lists *t, const char *file)
{
    for (size_t i = 0; i < t->n; i++) {
        if (strcmp(t->lists[i].file, file) == 0)
            return t->lists[i].tokens;
    }
    return NULL;
}
