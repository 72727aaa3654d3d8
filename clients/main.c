/* The `utter` program: one command a file, chosen here. */
#include <stdio.h>
#include <string.h>

#include "clients/command.h"
#include "stream/utter.h"

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *about;
};

static const struct command commands[] = {
    { "caption", ut_cmd_caption, "captions from audio files, whole or as a live stream" },
    { "mic", ut_cmd_mic, "live captions from a microphone" },
    { "models", ut_cmd_models, "fetch, import, quantise, list and show models" },
    { "bench", ut_cmd_bench, "accuracy, speed of recognition, speed of the kernels" },
};

#define N_COMMANDS (sizeof commands / sizeof commands[0])

static void print_help(FILE *f)
{
    fputs(
        "utter: real-time speech recognition\n\nUsage: utter COMMAND [OPTION...] [ARGUMENT...]\n\n",
        f);
    for (size_t i = 0; i < N_COMMANDS; i++)
        fprintf(f, "  %-10s %s\n", commands[i].name, commands[i].about);
    fputs("  help       this text, or that of a command: utter help caption\n"
          "  version    the version\n"
          "\nExit status: 0 done, 1 other failure, 2 usage, 3 input, 4 model, 5 output, 6 device,\n"
          "130 interrupted. Models are in ${UTTER_CACHE:-~/.cache/utter}.\n",
          f);
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < N_COMMANDS; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

static int help(int argc, char **argv)
{
    if (argc < 3) {
        print_help(stdout);
        return UT_EXIT_OK;
    }
    const struct command *c = find_command(argv[2]);
    if (!c)
        return ut_cmd_fail(UT_EXIT_USAGE, "help: no command '%s'", argv[2]);
    char *args[] = { argv[2], "--help", NULL };
    return c->run(2, args);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return UT_EXIT_USAGE;
    }
    const char *name = argv[1];
    int code;
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        code = help(argc, argv);
    } else if (strcmp(name, "version") == 0 || strcmp(name, "--version") == 0) {
        printf("utter %s\n", utter_version());
        code = UT_EXIT_OK;
    } else {
        const struct command *c = find_command(name);
        if (!c)
            return ut_cmd_fail(UT_EXIT_USAGE, "no command '%s' (utter help lists them)", name);
        code = c->run(argc - 1, argv + 1);
    }
    if (fflush(stdout) != 0 && code == UT_EXIT_OK)
        code = ut_cmd_fail(UT_EXIT_OUTPUT, "standard output: cannot write");
    return code;
}
