/*
 * Checks every kernel that this processor can run against the scalar one, which is the
 * specification: hostile lengths, strides and values, memory that faults right behind its end, and
 * marks around it. Exits with 1 at the first difference, and names it.
 *
 * Blocks belong to one case: ca_begin() takes all of them back and describes the next one. Main
 * thread only.
 */
#ifndef UT_TESTS_CHECKASM_H
#define UT_TESTS_CHECKASM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Half a unit in the last place of 1: what one float operation loses, relative to its result. */
#define CA_EPS 5.9604645e-8

typedef void ca_function(void);

/* True when `fn` of `name` differs from `scalar` and was not seen before; says what is next. */
bool ca_is_new(const char *name, ca_function *fn, ca_function *scalar);
#define CA_IS_NEW(ops, ref, kernel)                                                                \
    ca_is_new(#kernel, (ca_function *)(ops)->kernel, (ca_function *)(ref)->kernel)

__attribute__((format(printf, 1, 2))) void ca_begin(const char *format, ...);
/* Ends the case: marks around all blocks must stand. */
void ca_end(void);
__attribute__((format(printf, 1, 2), noreturn)) void ca_fail(const char *format, ...);

/*
 * n * size bytes that end at a page which faults, or `size` bytes ahead of it so that no start is
 * favoured; marked on both sides and filled with a pattern, the same for every block.
 */
void *ca_block(size_t n, size_t size);
void *ca_copy(const void *src, size_t n, size_t size);

uint32_t ca_random(void);
size_t ca_between(size_t low, size_t high); /* inclusive */

enum ca_values {
    CA_UNIT,   /* [-1, 1) */
    CA_WIDE,   /* both signs, 2^-30 .. 2^30, some zeros */
    CA_SPECIAL /* as wide, with NaN, infinities, subnormals and the largest numbers */
};
float ca_value(enum ca_values kind);
float *ca_floats(size_t n, enum ca_values kind); /* a block of them */
float *ca_magnitudes(const float *x, size_t n);  /* a block of |x| */

/* Fails unless equal. */
void ca_same_bytes(const void *ref, const void *got, size_t n_bytes);
/* Fails unless |ref - got| <= bound(i) everywhere; NaN equals NaN, infinities equal themselves. */
void ca_near(const float *ref, const float *got, size_t n, const float *bound);
/* The same with the bound relative * |ref| + absolute. */
void ca_near_relative(const float *ref, const float *got, size_t n, double relative,
                      double absolute);

/* Row counts worth trying: 1..40 and 47..65, one after another; 0 at the end. */
size_t ca_next_rows(size_t rows);
/* Lengths: from..70, then odd larger ones; 0 at the end (so begin at 0 or 1). */
size_t ca_next_length(size_t n);

/* All kernels of a table for the CPU flags. */
void ca_check_linear_s8(unsigned cpu);
void ca_check_linear_float(unsigned cpu);
void ca_check_pack(unsigned cpu);
void ca_check_attention(unsigned cpu);
void ca_check_pairs(unsigned cpu);
void ca_check_vector(unsigned cpu);

/* Prints ns per call and the ratio to scalar of every kernel at every level of `cpu`. */
void ca_bench(const unsigned *cpu, const char *const *names, size_t n);

#endif
