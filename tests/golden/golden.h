/*
 * What the golden tests share: reference arrays (README.md), the clip, and models of the cache.
 *
 * Every function ends the test when something is wrong; a missing model ends the program with 77
 * after saying so, which meson counts as skipped.
 */
#ifndef UT_TESTS_GOLDEN_H
#define UT_TESTS_GOLDEN_H

#include <stddef.h>
#include <stdint.h>

/* The arrays of data/NAME, exactly n values. End with free(). */
float *golden_f32(const char *name, size_t n);
int32_t *golden_i32(const char *name, size_t n);

/* The bytes of data/NAME, terminated; *n without the NUL. End with free(). */
char *golden_bytes(const char *name, size_t *n);

/*
 * mel [3000, 80] of clip.wav and 25 s of silence after it, normalised by its maximum. End with
 * free().
 */
float *golden_clip_mel(void);

/* The path of models/FILE in the cache. Valid until the next call. */
const char *golden_model_path(const char *file);

/* sqrt(sum (a - b)^2 / sum b^2) */
double golden_relative_l2(const float *a, const float *b, size_t n);

#endif
