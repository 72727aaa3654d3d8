/*
 * The commands of `utter` and what they end with.
 *
 * Each command takes the arguments from its own name on (argv[0] is "caption") and returns the
 * exit status of the process. Main thread.
 */
#ifndef UT_CLIENTS_COMMAND_H
#define UT_CLIENTS_COMMAND_H

#include "base/status.h"

enum ut_exit {
    UT_EXIT_OK = 0,
    UT_EXIT_OTHER = 1,  /* memory, threads, anything without a number of its own */
    UT_EXIT_USAGE = 2,  /* an option or argument is wrong; nothing was done */
    UT_EXIT_INPUT = 3,  /* an audio file or manifest cannot be read or decoded */
    UT_EXIT_MODEL = 4,  /* a model is missing, damaged or of another kind */
    UT_EXIT_OUTPUT = 5, /* captions cannot be written; what was written stays */
    UT_EXIT_DEVICE = 6, /* no microphone, or it refused */
    UT_EXIT_INTERRUPTED = 130
};

int ut_cmd_caption(int argc, char **argv);
int ut_cmd_mic(int argc, char **argv);
int ut_cmd_models(int argc, char **argv);
int ut_cmd_bench(int argc, char **argv);

/* The status for a model or an option of it that failed to open so. */
int ut_cmd_model_exit(enum ut_status status);

/* Prints "utter: ..." as one line on standard error and returns `code`. */
int ut_cmd_fail(int code, const char *fmt, ...) UT_PRINTF(2, 3);

/* The same without an exit status. */
void ut_cmd_warn(const char *fmt, ...) UT_PRINTF(1, 2);

#endif
