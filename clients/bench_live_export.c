/* What others may play and score: the joined streams, their reference words, the events. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/memory.h"
#include "clients/bench_live.h"

#define WAV_HEAD 44
#define BLOCK 4096 /* samples */

/* ------------------------------------------------------------ events */

/* {"stream", "type", "wall", "audio", "text"}: one line an event; audio is null in real time. */
enum ut_status ut_bench_live_put_event(struct ut_bench_live *b, const struct ut_bench_stream *s,
                                       const struct ut_event *event, double now_s, double audio_s)
{
    static const char *const names[] = { "", "unstable", "committed", "final" };
    struct ut_buffer line = { .limit = UT_BENCH_MAX_TEXT };
    struct ut_json_writer j = { .out = &line };

    if (!b->events_file)
        return UT_OK;
    ut_json_open_object(&j, NULL);
    ut_json_put_string(&j, "stream", s->name);
    ut_json_put_string(&j, "type", names[event->type]);
    ut_json_put_f64(&j, "wall", now_s, 4);
    ut_json_put_f64(&j, "audio", audio_s, 4);
    ut_json_put_string(&j, "text", event->text ? event->text : "");
    ut_json_close(&j);
    enum ut_status st = ut_json_end(&j);
    if (st == UT_OK && fprintf(b->events_file, "%s\n", ut_buffer_text(&line)) < 0)
        st = UT_EIO;
    ut_buffer_finish(&line);
    return st;
}

/* ------------------------------------------------------------ streams */

static void put_le(unsigned char *to, uint32_t value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (unsigned char)(value >> 8 * i);
}

/* SOURCE: Multimedia Programming Interface and Data Specifications 1.0: RIFF, "fmt ", "data". */
static void make_head(unsigned char head[WAV_HEAD], uint32_t n_bytes)
{
    memcpy(head, "RIFF....WAVEfmt ", 16);
    put_le(head + 4, WAV_HEAD - 8 + n_bytes, 4);
    put_le(head + 16, 16, 4);
    put_le(head + 20, 1, 2); /* PCM */
    put_le(head + 22, 1, 2);
    put_le(head + 24, UT_BENCH_RATE, 4);
    put_le(head + 28, 2 * UT_BENCH_RATE, 4);
    put_le(head + 32, 2, 2);
    put_le(head + 34, 16, 2);
    memcpy(head + 36, "data", 4);
    put_le(head + 40, n_bytes, 4);
}

static bool write_samples(FILE *file, const float *pcm, size_t n)
{
    unsigned char bytes[2 * BLOCK];

    for (size_t at = 0; at < n; at += BLOCK) {
        size_t m = n - at < BLOCK ? n - at : BLOCK;
        for (size_t i = 0; i < m; i++) {
            float x = fminf(fmaxf(pcm[at + i] * 32768.0f, -32768.0f), 32767.0f);
            put_le(bytes + 2 * i, (uint32_t)lroundf(x), 2);
        }
        if (fwrite(bytes, 2, m, file) != m)
            return false;
    }
    return true;
}

/* Closes the file; false when anything of it could not be written. */
static bool finish_file(FILE *file, bool ok)
{
    bool closed = file && fclose(file) == 0;

    return ok && closed;
}

static bool write_wav(const struct ut_bench_stream *s, const char *path)
{
    unsigned char head[WAV_HEAD];
    FILE *file = fopen(path, "wb");

    make_head(head, (uint32_t)(2 * s->n));
    bool ok = file && fwrite(head, sizeof head, 1, file) == 1 && write_samples(file, s->pcm, s->n);
    return finish_file(file, ok);
}

static void make_name(char *name, size_t size, size_t stream)
{
    snprintf(name, size, "stream-%03zu.wav", stream + 1);
}

/* A manifest that `utter bench live --gap 0` plays as it is. */
static bool write_manifest(const struct ut_bench_live *b, const char *path)
{
    FILE *file = fopen(path, "w");
    bool ok = file && fputs("file\tlanguage\treference\tkind\tspeaker\n", file) >= 0;

    for (size_t i = 0; i < b->n_streams && ok; i++) {
        struct ut_bench_stream *s = &b->streams[i];
        char name[64];
        make_name(name, sizeof name, i);
        ok = fprintf(file, "%s\t%s\t%s\t%s\t%s\n", name, s->reference.n ? s->language : "-",
                     ut_buffer_text(&s->reference), s->kind, s->name) >= 0;
    }
    return finish_file(file, ok);
}

/* Each turn's words as the manifest has them; no times for those that found no place. */
static bool write_words(const struct ut_bench_live *b, const char *path)
{
    FILE *file = fopen(path, "w");
    bool ok = file && fputs("file\tturn\tturn_start\tturn_end\tword\tstart\tend\n", file) >= 0;

    for (size_t i = 0; i < b->n_streams && ok; i++) {
        char name[64];
        make_name(name, sizeof name, i);
        const char *line = ut_buffer_text(&b->streams[i].word_lines);
        while (*line && ok) {
            int n = (int)strcspn(line, "\n");
            ok = fprintf(file, "%s\t%.*s\n", name, n, line) >= 0;
            line += n + 1;
        }
    }
    return finish_file(file, ok);
}

enum ut_status ut_bench_live_note_word(struct ut_bench_stream *s, const struct ut_bench_turn *turn,
                                       const struct ut_timed_word *word)
{
    size_t number = (size_t)(turn - s->turns) + 1;
    const double rate = UT_BENCH_RATE;

    enum ut_status st =
        ut_buffer_printf(&s->word_lines, "%zu\t%.4f\t%.4f\t%s\t", number,
                         (double)turn->start / rate, (double)turn->end / rate, word->text);
    if (st != UT_OK || !word->timed)
        return st == UT_OK ? ut_buffer_printf(&s->word_lines, "\t\n") : st;
    return ut_buffer_printf(&s->word_lines, "%.4f\t%.4f\n",
                            (double)(turn->start + word->start) / rate,
                            (double)(turn->start + word->end) / rate);
}

enum ut_status ut_bench_live_export(const struct ut_bench_live *b, struct ut_error *err)
{
    struct ut_buffer path = { .limit = 8192 };
    bool ok = mkdir(b->export_path, 0777) == 0 || errno == EEXIST;
    enum ut_status st = UT_OK;

    for (size_t i = 0; i < b->n_streams + 2 && ok && st == UT_OK; i++) {
        char name[64] = "manifest.tsv";
        if (i < b->n_streams)
            make_name(name, sizeof name, i);
        else if (i > b->n_streams)
            snprintf(name, sizeof name, "words.tsv");
        ut_buffer_clear(&path);
        st = ut_buffer_printf(&path, "%s/%s", b->export_path, name);
        if (st != UT_OK)
            break;
        const char *text = ut_buffer_text(&path);
        ok = i < b->n_streams    ? write_wav(&b->streams[i], text)
             : i == b->n_streams ? write_manifest(b, text)
                                 : write_words(b, text);
    }
    if (!ok)
        st = ut_error_set(err, UT_EIO, "%s: %s", path.n ? path.data : b->export_path,
                          strerror(errno));
    else if (st != UT_OK)
        ut_error_set(err, st, "--export: %s", ut_status_name(st));
    ut_buffer_finish(&path);
    return st;
}
