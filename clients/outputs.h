/*
 * Where the captions of one recording go: files, standard output, and a person's terminal.
 * One thread.
 */
#ifndef UT_CLIENTS_OUTPUTS_H
#define UT_CLIENTS_OUTPUTS_H

#include "clients/settings.h"
#include "clients/terminal.h"
#include "clients/writer.h"

struct ut_outputs {
    struct ut_writer *writers[UT_OPTION_LIST_MAX + 1];
    size_t n_writers;
    struct ut_terminal *terminal; /* NULL: standard output is no terminal, or not for text */
    double marked;                /* audio time of the line on the terminal; negative: none yet */
    size_t n_shown;               /* committed words of the open segment on the terminal */
    char tail[4096];              /* the unstable tail on the terminal */
};

/* An existing directory, or a name that ends in '/'. */
bool ut_outputs_is_directory(const char *path);

/*
 * UT_EINVAL when two captions would go to one file, by the names of outputs and recordings: asked
 * before any work, because the second would empty the first. Errors beside: UT_ENOMEM, UT_ELIMIT.
 */
UT_NODISCARD enum ut_status ut_outputs_check(const struct ut_settings *s, char *const *inputs,
                                             size_t n_inputs, struct ut_error *err);

/*
 * Opens all of them for the recording `input` ("a.wav"). An --output that is a directory gets
 * a file in it, named after the input. Errors: UT_EIO, UT_ENOMEM, UT_EINVAL (an output is the
 * recording itself, which is left alone); nothing is left open then.
 */
UT_NODISCARD enum ut_status ut_outputs_open(struct ut_outputs *out, const struct ut_settings *s,
                                            const char *input, bool several, struct ut_error *err);

UT_NODISCARD enum ut_status ut_outputs_segment(struct ut_outputs *o,
                                               const struct ut_caption_segment *segment,
                                               struct ut_error *err);
UT_NODISCARD enum ut_status
ut_outputs_event(struct ut_outputs *o, const struct ut_caption_event *event, struct ut_error *err);

/* What a live stream met with, after its last event. Errors: as ut_writer_stream(). */
UT_NODISCARD enum ut_status ut_outputs_stream(struct ut_outputs *o, const utter_stream_stats *stats,
                                              double wall, struct ut_error *err);

/* The status row below the words (level, time, delay); nothing without a terminal. */
void ut_outputs_status(struct ut_outputs *o, const char *status);

/* Ends every document; all are tried, the first failure is returned. */
UT_NODISCARD enum ut_status ut_outputs_finish(struct ut_outputs *o, struct ut_error *err);

/* Accepts a zeroed struct. */
void ut_outputs_close(struct ut_outputs *o);

#endif
