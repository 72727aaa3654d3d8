/*
 * Forced into whisper.cpp's build by scripts/compare-asr (-include).
 *
 * gcc 12's _tile_loadconfig() tells the compiler that it reads 8 bytes; the other 56 of the
 * configuration are then dropped as dead stores, and ldtilecfg faults (whisper.cpp q8_0 dies with
 * SIGSEGV on a CPU with AMX). This one names all 64 bytes.
 */
#if defined(__AMX_TILE__) && defined(__GNUC__) && !defined(__clang__)
#include <immintrin.h>
#undef _tile_loadconfig
#define _tile_loadconfig(p) __asm__ volatile("ldtilecfg %0" ::"m"(*(const char(*)[64])(p)))
#endif
