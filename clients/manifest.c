#include "clients/manifest.h"

#include <stdbool.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"

#define MAX_BYTES ((size_t)64 << 20)
#define MAX_FIELDS 64

enum column {
    COLUMN_FILE,
    COLUMN_LANGUAGE,
    COLUMN_REFERENCE,
    COLUMN_KIND,
    N_NEEDED,
    COLUMN_SPEAKER = N_NEEDED,
    N_COLUMNS
};

static const char *const column_names[N_COLUMNS] = { "file", "language", "reference", "kind",
                                                     "speaker" };

/* Cuts a line into fields in place; more than MAX_FIELDS are not looked at. */
static size_t cut_fields(char *line, char *fields[MAX_FIELDS])
{
    size_t n = 0;

    for (char *p = line; p && n < MAX_FIELDS; n++) {
        fields[n] = p;
        p = strchr(p, '\t');
        if (p)
            *p++ = '\0';
    }
    return n;
}

static char *cut_line(char **rest)
{
    char *line = *rest;
    size_t n = strcspn(line, "\n");

    *rest = line + n + (line[n] ? 1 : 0);
    line[n] = '\0';
    if (n && line[n - 1] == '\r')
        line[n - 1] = '\0';
    return line;
}

static enum ut_status find_columns(char *line, size_t columns[N_COLUMNS], const char *path,
                                   struct ut_error *err)
{
    char *fields[MAX_FIELDS];
    size_t n = cut_fields(line, fields);

    for (int c = 0; c < N_COLUMNS; c++) {
        columns[c] = n;
        for (size_t i = 0; i < n; i++) {
            if (strcmp(fields[i], column_names[c]) == 0)
                columns[c] = i;
        }
        if (columns[c] == n && c < N_NEEDED)
            return ut_error_set(err, UT_EFORMAT, "%s: line 1: no column '%s'", path,
                                column_names[c]);
    }
    return UT_OK;
}

static enum ut_status take_lines(struct ut_manifest *m, const char *path, struct ut_error *err)
{
    const char *slash = strrchr(path, '/');
    size_t n_directory = slash ? (size_t)(slash - path) + 1 : 0;
    size_t columns[N_COLUMNS];
    char *rest = m->text;
    char *paths = m->paths;

    enum ut_status st = find_columns(cut_line(&rest), columns, path, err);
    for (size_t number = 2; *rest && st == UT_OK; number++) {
        char *fields[MAX_FIELDS];
        char *line = cut_line(&rest);
        size_t n = cut_fields(line, fields);
        if (!line[0])
            continue;
        for (int c = 0; c < N_NEEDED; c++) {
            if (columns[c] >= n)
                return ut_error_set(err, UT_EFORMAT, "%s: line %zu: %zu fields, no '%s'", path,
                                    number, n, column_names[c]);
        }
        const char *file = fields[columns[COLUMN_FILE]];
        size_t n_prefix = file[0] == '/' ? 0 : n_directory;
        size_t n_file = strlen(file);
        m->entries[m->n++] = (struct ut_manifest_entry){
            .path = paths,
            .file = file,
            .language = fields[columns[COLUMN_LANGUAGE]],
            .reference = fields[columns[COLUMN_REFERENCE]],
            .kind = fields[columns[COLUMN_KIND]],
            .speaker = columns[COLUMN_SPEAKER] < n ? fields[columns[COLUMN_SPEAKER]] : "",
        };
        memcpy(paths, path, n_prefix);
        memcpy(paths + n_prefix, file, n_file + 1);
        paths += n_prefix + n_file + 1;
    }
    return st;
}

enum ut_status ut_manifest_open(struct ut_manifest *out, const char *path, struct ut_error *err)
{
    struct ut_file_map map = { 0 };
    struct ut_manifest m = { 0 };
    size_t n_lines = 1;
    size_t n_paths = 0;

    enum ut_status st = ut_file_map_open(&map, path, err);
    if (st != UT_OK)
        return st;
    if (map.n_bytes > MAX_BYTES || (map.n_bytes && memchr(map.data, 0, map.n_bytes)))
        st = ut_error_set(err, UT_EFORMAT, "%s: %zu bytes that are no manifest", path, map.n_bytes);
    for (size_t i = 0; i < map.n_bytes && st == UT_OK; i++)
        n_lines += map.data[i] == '\n';
    if (st == UT_OK && (!ut_size_mul(n_lines, strlen(path) + 1, &n_paths) ||
                        !ut_size_add(n_paths, map.n_bytes, &n_paths)))
        st = ut_error_set(err, UT_ELIMIT, "%s: too large", path);
    if (st == UT_OK) {
        m.text = ut_calloc(map.n_bytes + 1, 1);
        m.entries = ut_calloc(n_lines, sizeof *m.entries);
        m.paths = ut_calloc(n_paths + 1, 1);
        if (!m.text || !m.entries || !m.paths)
            st = ut_error_set(err, UT_ENOMEM, "%s: out of memory", path);
    }
    if (st == UT_OK) {
        if (map.n_bytes)
            memcpy(m.text, map.data, map.n_bytes);
        st = take_lines(&m, path, err);
    }
    ut_file_map_close(&map);
    if (st != UT_OK) {
        ut_manifest_close(&m);
        return st;
    }
    *out = m;
    return UT_OK;
}

void ut_manifest_close(struct ut_manifest *m)
{
    ut_free(m->entries);
    ut_free(m->text);
    ut_free(m->paths);
    *m = (struct ut_manifest){ 0 };
}
