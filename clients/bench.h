/*
 * The parts of `utter bench`: argv[0] is the part's name. Main thread.
 */
#ifndef UT_CLIENTS_BENCH_H
#define UT_CLIENTS_BENCH_H

int ut_bench_accuracy(int argc, char **argv);
int ut_bench_asr(int argc, char **argv);
int ut_bench_live(int argc, char **argv);
int ut_bench_idle(int argc, char **argv);
int ut_bench_kernels(int argc, char **argv);

#endif
