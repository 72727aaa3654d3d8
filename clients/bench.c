/* `utter bench`: chooses the part. */
#include "clients/bench.h"

#include <stdio.h>
#include <string.h>

#include "clients/command.h"

static const char help[] =
    "Usage: utter bench PART [OPTION...]\n\n"
    "  accuracy MANIFEST  word error rate over recordings with known words\n"
    "  asr                speed of recognition: encoder, decoder step, start-up\n"
    "  live MANIFEST      latency, stability and errors of live captions\n"
    "  idle               what streams in which nobody speaks cost\n"
    "  kernels            speed of each kernel against this machine's measured peaks\n\n"
    "utter bench PART --help tells more. Every part takes --json.\n";

int ut_cmd_bench(int argc, char **argv)
{
    if (argc < 2) {
        fputs(help, stderr);
        return UT_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        fputs(help, stdout);
        return UT_EXIT_OK;
    }
    if (strcmp(argv[1], "accuracy") == 0)
        return ut_bench_accuracy(argc - 1, argv + 1);
    if (strcmp(argv[1], "asr") == 0)
        return ut_bench_asr(argc - 1, argv + 1);
    if (strcmp(argv[1], "live") == 0)
        return ut_bench_live(argc - 1, argv + 1);
    if (strcmp(argv[1], "idle") == 0)
        return ut_bench_idle(argc - 1, argv + 1);
    if (strcmp(argv[1], "kernels") == 0)
        return ut_bench_kernels(argc - 1, argv + 1);
    return ut_cmd_fail(UT_EXIT_USAGE, "bench: no part '%s' (accuracy, asr, live, idle, kernels)",
                       argv[1]);
}
