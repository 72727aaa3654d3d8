/*
 * This machine's peaks, and how near each operation comes to them.
 *
 * For `utter bench kernels`: an operation is run at the shapes of Whisper base and at odd ones,
 * through the same calls that models use. One thread (the one that uses the context).
 */
#ifndef UT_COMPUTE_ROOFLINE_H
#define UT_COMPUTE_ROOFLINE_H

#include "compute/compute.h"

#define UT_ROOFLINE_READS 5

/* With all threads of the context; 10^9 operations (a multiply-add is two) or bytes a second. */
struct ut_roofline {
    double s8_gops;   /* int8 products with the instructions of the context's level */
    double bf16_gops; /* 0 where the level has none */
    double f32_gops;
    double read_gbs; /* reading what no private cache holds: the last of `reads` */
    /* Reading n_bytes in order, again and again: 256 KB, and each next four times as much. */
    struct ut_roofline_read {
        size_t n_bytes;
        double gbs;
    } reads[UT_ROOFLINE_READS];
};

/* What reading n_bytes is held against: of the sizes measured the greatest that is not more. */
double ut_roofline_read_gbs(const struct ut_roofline *peak, double n_bytes);

/* Takes some 500 ms on an idle machine. Errors: UT_ENOMEM. */
UT_NODISCARD enum ut_status ut_roofline_measure(struct ut_roofline *out, struct ut_compute *c);

struct ut_roofline_figure {
    const char *op;         /* name and shape; constant */
    const char *arithmetic; /* "s8", "bf16", "f32": whose peak it is held against */
    double min_ms, median_ms;
    double gops, gbs;     /* of the fastest run; bytes are those that must move at least once */
    double share_of_peak; /* the greater of gops and gbs over their peaks */
    const char *bound;    /* which of them: "compute" or "memory" */
};

size_t ut_roofline_n_ops(void);

/* The name of operation i < ut_roofline_n_ops(). */
const char *ut_roofline_name(size_t i);

/*
 * Runs operation i of ut_roofline_n_ops() once to warm up and then n_runs times (1 to 1000).
 * Errors: UT_EINVAL, UT_ENOMEM.
 */
UT_NODISCARD enum ut_status ut_roofline_run(struct ut_roofline_figure *out, struct ut_compute *c,
                                            const struct ut_roofline *peak, size_t i, int n_runs);

#endif
