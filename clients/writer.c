#include "clients/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/memory.h"
#include "clients/health.h"
#include "clients/record.h"

#define MAX_RECORD ((size_t)16 << 20)
#define MAX_TEXT ((size_t)64 << 20) /* of a whole recording: some 1,000 hours of speech */

struct ut_writer {
    int fd;
    char *name;   /* for messages */
    bool file;    /* a regular file that can be cut back */
    off_t whole;  /* its length up to the last whole record */
    off_t before; /* and up to the one before */
    struct ut_writer_options options;
    struct ut_cues *cues;
    size_t n_cues;
    size_t n_segments;
    bool open_line;         /* text: words of a segment stand on the line */
    size_t n_shown;         /* live: words of the open segment already given to cues or text */
    char language[16];      /* json */
    struct ut_buffer text;  /* json: all segments */
    struct ut_buffer piece; /* the record being put together */
    bool live;              /* json: */
    utter_stream_stats stats;
};

static const char *const format_names[] = { "txt", "srt", "vtt", "json", "jsonl" };

enum ut_format ut_format_find(const char *name)
{
    if (strcmp(name, "text") == 0)
        return UT_FORMAT_TEXT;
    for (int i = 0; i < UT_N_FORMATS; i++) {
        if (strcmp(name, format_names[i]) == 0)
            return (enum ut_format)i;
    }
    return UT_N_FORMATS;
}

const char *ut_format_name(enum ut_format format)
{
    return format < UT_N_FORMATS ? format_names[format] : "?";
}

static enum ut_status write_all(int fd, const char *bytes, size_t n)
{
    while (n) {
        ssize_t done = write(fd, bytes, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0) {
            errno = done < 0 ? errno : EIO;
            return UT_EIO;
        }
        bytes += done;
        n -= (size_t)done;
    }
    return UT_OK;
}

/*
 * Cuts a file back to its last whole record. A JSON document is ended there, or a record earlier
 * when that leaves too little room for its end.
 */
static void cut_back(struct ut_writer *w)
{
    static const char json_end[] = "],\"incomplete\":true}\n";
    const off_t ends[] = { w->whole, w->before };

    for (size_t i = 0; i < 2 && w->file; i++) {
        if (ftruncate(w->fd, ends[i]) != 0 || lseek(w->fd, ends[i], SEEK_SET) < 0)
            return;
        if (w->options.format != UT_FORMAT_JSON || ends[i] == 0 ||
            write_all(w->fd, json_end, sizeof json_end - 1) == UT_OK)
            return;
    }
}

/* Writes the record in w->piece and empties it. */
static enum ut_status write_piece(struct ut_writer *w, struct ut_error *err)
{
    if (!w->piece.n)
        return UT_OK;
    if (write_all(w->fd, w->piece.data, w->piece.n) != UT_OK) {
        int saved = errno;
        cut_back(w);
        ut_buffer_clear(&w->piece);
        return ut_error_set(err, UT_EIO, "%s: cannot write: %s", w->name, strerror(saved));
    }
    w->before = w->whole;
    w->whole += (off_t)w->piece.n;
    ut_buffer_clear(&w->piece);
    return UT_OK;
}

static enum ut_status no_memory(struct ut_writer *w, enum ut_status st, struct ut_error *err)
{
    if (st == UT_OK)
        return UT_OK;
    return ut_error_set(err, st, "%s: a record of more than %zu bytes, or out of memory", w->name,
                        MAX_RECORD);
}

static enum ut_status take_cue(void *ctx, const struct ut_cue *cue)
{
    struct ut_writer *w = ctx;

    w->n_cues++;
    if (w->options.format == UT_FORMAT_SRT)
        return ut_record_srt(&w->piece, w->n_cues, cue);
    return ut_record_vtt(&w->piece, cue);
}

static enum ut_status write_head(struct ut_writer *w)
{
    if (w->options.format == UT_FORMAT_VTT)
        return ut_buffer_printf(&w->piece, "WEBVTT\n\n");
    if (w->options.format != UT_FORMAT_JSON)
        return UT_OK;
    struct ut_buffer name = { .limit = MAX_RECORD };
    struct ut_json_writer j = { .out = &name };
    enum ut_status st = UT_OK;
    if (w->options.file) {
        ut_json_put_string(&j, NULL, w->options.file);
        st = ut_json_end(&j);
    }
    if (st == UT_OK)
        st = ut_buffer_printf(&w->piece,
                              name.n ? "{\"file\":%s,\"segments\":[" : "{%s\"segments\":[",
                              ut_buffer_text(&name));
    ut_buffer_finish(&name);
    return st;
}

static enum ut_status open_file(struct ut_writer *w, const char *path, struct ut_error *err)
{
    struct stat sb;

    if (strcmp(path, "-") == 0) {
        w->fd = STDOUT_FILENO;
        w->name = ut_strdup("standard output");
    } else {
        w->name = ut_strdup(path);
        w->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (w->fd < 0)
            return ut_error_set(err, UT_EIO, "%s: cannot write: %s", path, strerror(errno));
        w->file = fstat(w->fd, &sb) == 0 && S_ISREG(sb.st_mode);
    }
    return w->name ? UT_OK : ut_error_set(err, UT_ENOMEM, "%s: out of memory", path);
}

enum ut_status ut_writer_open(struct ut_writer **out, const char *path,
                              const struct ut_writer_options *options, struct ut_error *err)
{
    struct ut_writer *w = ut_calloc(1, sizeof *w);

    if (!w)
        return ut_error_set(err, UT_ENOMEM, "%s: out of memory", path);
    w->fd = -1;
    w->options = *options;
    w->text.limit = MAX_TEXT;
    w->piece.limit = MAX_RECORD;
    enum ut_status st = open_file(w, path, err);
    if (st == UT_OK && (options->format == UT_FORMAT_SRT || options->format == UT_FORMAT_VTT)) {
        st = ut_cues_create(&w->cues, options->max_line, options->max_lines, take_cue, w);
        if (st != UT_OK)
            ut_error_set(err, st, "%s: cannot lay out lines of %zu columns, %zu a cue", path,
                         options->max_line, options->max_lines);
    }
    if (st == UT_OK)
        st = no_memory(w, write_head(w), err);
    if (st == UT_OK)
        st = write_piece(w, err);
    if (st != UT_OK) {
        ut_writer_close(w);
        return st;
    }
    *out = w;
    return UT_OK;
}

static enum ut_status push_words(struct ut_writer *w, const struct ut_caption_segment *segment,
                                 size_t first)
{
    enum ut_status st = UT_OK;

    for (size_t i = first; i < segment->n_words && st == UT_OK; i++)
        st = ut_cues_push(w->cues, &segment->words[i]);
    return st;
}

/* A segment without word times is shown as one word a space, times shared out by bytes. */
static enum ut_status push_text(struct ut_writer *w, const struct ut_caption_segment *segment)
{
    size_t n = strlen(segment->text);
    double length = segment->end - segment->start;
    char word[512];
    enum ut_status st = UT_OK;

    for (size_t i = 0; i < n && st == UT_OK;) {
        size_t len = strcspn(segment->text + i, " ");
        size_t part = len < sizeof word - 1 ? len : sizeof word - 1;
        if (part) {
            memcpy(word, segment->text + i, part);
            word[part] = '\0';
            st = ut_cues_push(w->cues,
                              &(struct ut_caption_word){
                                  .text = word,
                                  .space = i == 0 || segment->text[i - 1] == ' ',
                                  .start = segment->start + length * (double)i / (double)n,
                                  .end = segment->start + length * (double)(i + part) / (double)n,
                              });
        }
        i += part + (part == len ? 1 : 0);
    }
    return st;
}

static enum ut_status json_segment(struct ut_writer *w, const struct ut_caption_segment *segment)
{
    enum ut_status st = ut_buffer_printf(&w->piece, w->n_segments ? ",\n" : "\n");

    if (st == UT_OK)
        st = ut_record_json_segment(&w->piece, segment, w->options.word_times);
    if (st == UT_OK && w->text.n)
        st = ut_buffer_append(&w->text, " ", 1);
    if (st == UT_OK)
        st = ut_buffer_append(&w->text, segment->text, strlen(segment->text));
    if (st == UT_OK && segment->language && segment->language[0] && !w->language[0]) {
        size_t n = strlen(segment->language);
        memcpy(w->language, segment->language, n < sizeof w->language ? n : sizeof w->language - 1);
    }
    return st;
}

enum ut_status ut_writer_segment(struct ut_writer *w, const struct ut_caption_segment *segment,
                                 struct ut_error *err)
{
    enum ut_status st = UT_OK;

    switch (w->options.format) {
    case UT_FORMAT_TEXT:
        st = ut_buffer_printf(&w->piece, "%s\n", segment->text);
        break;
    case UT_FORMAT_SRT:
    case UT_FORMAT_VTT:
        st = segment->n_words ? push_words(w, segment, 0) : push_text(w, segment);
        if (st == UT_OK)
            st = ut_cues_break(w->cues);
        break;
    case UT_FORMAT_JSON:
        st = json_segment(w, segment);
        break;
    default:
        st = ut_record_json_event(&w->piece, &(struct ut_caption_event){
                                                 .type = UT_CAPTION_FINAL,
                                                 .audio = segment->end,
                                                 .segment = *segment,
                                             });
    }
    st = no_memory(w, st, err);
    if (st == UT_OK)
        st = write_piece(w, err);
    if (st == UT_OK)
        w->n_segments++;
    return st;
}

/* Words committed since the last event of the segment, as they are said. */
static enum ut_status text_event(struct ut_writer *w, const struct ut_caption_event *event)
{
    const struct ut_caption_segment *segment = &event->segment;
    size_t first = event->type == UT_CAPTION_FINAL ? w->n_shown : 0;
    enum ut_status st = UT_OK;

    for (size_t i = first; i < segment->n_words && st == UT_OK; i++) {
        const struct ut_caption_word *word = &segment->words[i];
        st =
            ut_buffer_printf(&w->piece, "%s%s", w->open_line && word->space ? " " : "", word->text);
        w->open_line = true;
    }
    if (st == UT_OK && event->type == UT_CAPTION_FINAL && w->open_line) {
        st = ut_buffer_printf(&w->piece, "\n");
        w->open_line = false;
    }
    return st;
}

static enum ut_status live_event(struct ut_writer *w, const struct ut_caption_event *event)
{
    bool final = event->type == UT_CAPTION_FINAL;
    enum ut_status st = UT_OK;

    switch (w->options.format) {
    case UT_FORMAT_TEXT:
        return text_event(w, event);
    case UT_FORMAT_SRT:
    case UT_FORMAT_VTT:
        st = push_words(w, &event->segment, final ? w->n_shown : 0);
        return st == UT_OK && final ? ut_cues_break(w->cues) : st;
    default:
        return final && event->segment.n_words ? json_segment(w, &event->segment) : UT_OK;
    }
}

enum ut_status ut_writer_event(struct ut_writer *w, const struct ut_caption_event *event,
                               struct ut_error *err)
{
    enum ut_status st = UT_OK;

    if (w->options.format == UT_FORMAT_JSONL)
        st = ut_record_json_event(&w->piece, event);
    else if (event->type != UT_CAPTION_UNSTABLE)
        st = live_event(w, event);
    st = no_memory(w, st, err);
    bool wrote = w->piece.n > 0;
    if (st == UT_OK)
        st = write_piece(w, err);
    if (st != UT_OK)
        return st;
    if (event->type == UT_CAPTION_COMMITTED)
        w->n_shown += event->segment.n_words;
    if (event->type == UT_CAPTION_FINAL) {
        w->n_shown = 0;
        w->n_segments += wrote;
    }
    return UT_OK;
}

enum ut_status ut_writer_stream(struct ut_writer *w, const utter_stream_stats *stats, double wall,
                                struct ut_error *err)
{
    w->live = true;
    w->stats = *stats;
    if (w->options.format != UT_FORMAT_JSONL)
        return UT_OK;
    enum ut_status st = ut_health_json(&w->piece, stats, true, wall);
    if (st == UT_OK)
        st = ut_buffer_append(&w->piece, "\n", 1);
    st = no_memory(w, st, err);
    return st == UT_OK ? write_piece(w, err) : st;
}

/* The rest of the document: what is known only at the end. */
static enum ut_status json_end(struct ut_writer *w)
{
    struct ut_buffer rest = { .limit = MAX_RECORD };
    struct ut_json_writer j = { .out = &rest };

    ut_json_open_object(&j, NULL);
    ut_json_put_string(&j, "language", w->language);
    ut_json_put_string(&j, "text", ut_buffer_text(&w->text));
    ut_json_close(&j);
    enum ut_status st = ut_json_end(&j);
    if (st == UT_OK)
        st = ut_buffer_printf(&w->piece, "\n],");
    if (st == UT_OK && w->live) {
        st = ut_buffer_printf(&w->piece, "\"stream\":");
        if (st == UT_OK)
            st = ut_health_json(&w->piece, &w->stats, false, 0);
        if (st == UT_OK)
            st = ut_buffer_append(&w->piece, ",", 1);
    }
    if (st == UT_OK)
        st = ut_buffer_printf(&w->piece, "%s\n", ut_buffer_text(&rest) + 1);
    ut_buffer_finish(&rest);
    return st;
}

enum ut_status ut_writer_finish(struct ut_writer *w, struct ut_error *err)
{
    enum ut_status st = w->cues ? ut_cues_flush(w->cues) : UT_OK;

    if (st == UT_OK && w->open_line)
        st = ut_buffer_printf(&w->piece, "\n");
    if (st == UT_OK && w->options.format == UT_FORMAT_JSON)
        st = json_end(w);
    st = no_memory(w, st, err);
    return st == UT_OK ? write_piece(w, err) : st;
}

void ut_writer_close(struct ut_writer *w)
{
    if (!w)
        return;
    if (w->fd > STDERR_FILENO)
        close(w->fd);
    ut_cues_destroy(w->cues);
    ut_buffer_finish(&w->text);
    ut_buffer_finish(&w->piece);
    ut_free(w->name);
    ut_free(w);
}
