/*
 * The parts of `utter models`. Each takes the arguments from its own name on and returns the exit
 * status of the process. Main thread.
 */
#ifndef UT_CLIENTS_MODELS_H
#define UT_CLIENTS_MODELS_H

#include "base/buffer.h"

int ut_models_cmd_list(int argc, char **argv);
int ut_models_cmd_show(int argc, char **argv);
int ut_models_cmd_fetch(int argc, char **argv);
int ut_models_cmd_import(int argc, char **argv);
int ut_models_cmd_quantize(int argc, char **argv);

/* Appends where a model lies that is named as fetch or --model names it. Errors: the catalog's. */
UT_NODISCARD enum ut_status ut_models_path(struct ut_buffer *out, const char *name,
                                           struct ut_error *err);

/* What a failure of reading, making or finding a model ends the process with. */
int ut_models_exit(enum ut_status status);

/* "290.1 MB" */
const char *ut_models_size(char text[16], unsigned long long n_bytes);

#endif
