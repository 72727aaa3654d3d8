/*
 * A scatter plot of seconds over seconds as an SVG picture. Pure function.
 */
#ifndef UT_CLIENTS_PLOT_SVG_H
#define UT_CLIENTS_PLOT_SVG_H

#include "base/buffer.h"

struct ut_plot_series {
    const char *name;
    const char *color; /* as SVG names it */
    const double *x;   /* [n] */
    const double *y;   /* [n]; points that are no numbers are left out */
    size_t n;
    double line; /* a dashed line across at this height; NAN: none */
};

struct ut_plot {
    const char *title;
    const char *x_label;
    const char *y_label;
    const struct ut_plot_series *series;
    size_t n_series;
};

/*
 * Appends the document. Texts may hold anything; the vertical axis runs to the greatest value.
 * Errors: UT_ENOMEM, UT_ELIMIT.
 */
UT_NODISCARD enum ut_status ut_plot_svg(struct ut_buffer *out, const struct ut_plot *plot);

#endif
