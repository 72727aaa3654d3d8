/*
 * Captions to a file or standard output, in one of five formats, segment by segment.
 *
 * What was captioned is written at once, so that a signal or a crash loses nothing; when the disk
 * is full the file is cut back to its last whole record and closed in form. One thread.
 *
 *     text   a line for each segment; live: words as they are committed
 *     srt, vtt   cues (clients/cue.h)
 *     json   {"language", "segments": [{"start", "end", "text", "words"}], "text"}; live: "stream"
 *     jsonl  an event a line: {"type", "wall", "audio", "text", "words"}; live: the last is
 *            {"type": "end", ...} with what the stream met with (clients/health.h)
 */
#ifndef UT_CLIENTS_WRITER_H
#define UT_CLIENTS_WRITER_H

#include "base/buffer.h"
#include "base/status.h"
#include "clients/caption.h"
#include "clients/cue.h"
#include "stream/utter.h"

enum ut_format {
    UT_FORMAT_TEXT,
    UT_FORMAT_SRT,
    UT_FORMAT_VTT,
    UT_FORMAT_JSON,
    UT_FORMAT_JSONL,
    UT_N_FORMATS
};

/* "text" (or "txt"), "srt", "vtt", "json", "jsonl"; UT_N_FORMATS when it is none of them. */
enum ut_format ut_format_find(const char *name);
const char *ut_format_name(enum ut_format format); /* as a file name ends: "txt", "srt", ... */

struct ut_writer_options {
    enum ut_format format;
    size_t max_line;  /* columns of a subtitle line */
    size_t max_lines; /* lines of a cue */
    bool word_times;  /* "words" in json */
    const char *file; /* "file" in json: the recording's name, or NULL */
};

struct ut_writer;

/* `path` is created or emptied; "-" is standard output. Errors: UT_EIO, UT_ENOMEM, UT_EINVAL. */
UT_NODISCARD enum ut_status ut_writer_open(struct ut_writer **out, const char *path,
                                           const struct ut_writer_options *options,
                                           struct ut_error *err);

/* A finished segment of a whole recording. Errors: UT_EIO (names the file), UT_ENOMEM. */
UT_NODISCARD enum ut_status ut_writer_segment(struct ut_writer *w,
                                              const struct ut_caption_segment *segment,
                                              struct ut_error *err);

/* An event of a live stream. */
UT_NODISCARD enum ut_status
ut_writer_event(struct ut_writer *w, const struct ut_caption_event *event, struct ut_error *err);

/* What the stream met with, after its last event; before ut_writer_finish(). */
UT_NODISCARD enum ut_status ut_writer_stream(struct ut_writer *w, const utter_stream_stats *stats,
                                             double wall, struct ut_error *err);

/* Brings out what is held and ends the document; nothing may follow. */
UT_NODISCARD enum ut_status ut_writer_finish(struct ut_writer *w, struct ut_error *err);

/* Closes; a document that was not finished stays as far as it is. Accepts NULL. */
void ut_writer_close(struct ut_writer *w);

#endif
