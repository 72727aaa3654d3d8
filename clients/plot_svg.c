#include "clients/plot_svg.h"

#include <math.h>
#include <stdbool.h>

#define WIDTH 1000
#define HEIGHT 420
#define LEFT 60
#define RIGHT 20
#define TOP 50
#define BOTTOM 50
#define MAX_TICKS 10

struct scale {
    double low;
    double high;
    double step; /* between ticks */
};

struct frame {
    struct ut_buffer *out;
    struct scale x;
    struct scale y;
    enum ut_status status;
};

static void put(struct frame *f, enum ut_status status)
{
    if (f->status == UT_OK)
        f->status = status;
}

/* Text with what means something in XML taken out of it. */
static enum ut_status escape(struct ut_buffer *out, const char *text)
{
    enum ut_status st = UT_OK;

    for (; *text && st == UT_OK; text++) {
        switch (*text) {
        case '<':
            st = ut_buffer_printf(out, "&lt;");
            break;
        case '>':
            st = ut_buffer_printf(out, "&gt;");
            break;
        case '&':
            st = ut_buffer_printf(out, "&amp;");
            break;
        case '"':
            st = ut_buffer_printf(out, "&quot;");
            break;
        default:
            if ((unsigned char)*text >= 0x20)
                st = ut_buffer_append(out, text, 1);
        }
    }
    return st;
}

/* 1, 2 or 5 times a power of ten, so that at most MAX_TICKS fit. */
static double round_step(double range)
{
    double step = pow(10, floor(log10(range / MAX_TICKS)));

    if (range / step > MAX_TICKS)
        step *= 2;
    if (range / step > MAX_TICKS)
        step *= 2.5;
    if (range / step > MAX_TICKS)
        step *= 2;
    return step;
}

static struct scale make_scale(double low, double high)
{
    if (!(high - low > 1e-6))
        high = low + 1;
    double step = round_step(high - low);
    return (struct scale){ floor(low / step) * step, ceil(high / step) * step, step };
}

static bool is_point(const struct ut_plot_series *s, size_t i)
{
    return isfinite(s->x[i]) && isfinite(s->y[i]);
}

static void find_scales(struct frame *f, const struct ut_plot *plot)
{
    double x = 0, low = 0, high = 0;

    for (size_t k = 0; k < plot->n_series; k++) {
        const struct ut_plot_series *s = &plot->series[k];
        for (size_t i = 0; i < s->n; i++) {
            if (!is_point(s, i))
                continue;
            x = fmax(x, s->x[i]);
            low = fmin(low, s->y[i]);
            high = fmax(high, s->y[i]);
        }
    }
    f->x = make_scale(0, x);
    f->y = make_scale(low, high);
}

static double at_x(const struct frame *f, double x)
{
    return LEFT + (x - f->x.low) / (f->x.high - f->x.low) * (WIDTH - LEFT - RIGHT);
}

static double at_y(const struct frame *f, double y)
{
    return HEIGHT - BOTTOM - (y - f->y.low) / (f->y.high - f->y.low) * (HEIGHT - TOP - BOTTOM);
}

static void draw_axes(struct frame *f)
{
    for (int i = 0; f->x.low + i * f->x.step <= f->x.high + f->x.step / 2; i++) {
        double x = f->x.low + i * f->x.step;
        put(f,
            ut_buffer_printf(f->out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%g</text>\n",
                             at_x(f, x), HEIGHT - BOTTOM + 18, x));
    }
    for (int i = 0; f->y.low + i * f->y.step <= f->y.high + f->y.step / 2; i++) {
        double y = f->y.low + i * f->y.step;
        y = fabs(y) < f->y.step / 1000 ? 0 : y;
        put(f, ut_buffer_printf(f->out,
                                "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" "
                                "stroke=\"%s\"/>\n<text x=\"%d\" y=\"%.1f\" "
                                "text-anchor=\"end\">%g</text>\n",
                                LEFT, at_y(f, y), WIDTH - RIGHT, at_y(f, y),
                                y == 0 ? "#888888" : "#dddddd", LEFT - 6, at_y(f, y) + 4, y));
    }
}

static void draw_series(struct frame *f, const struct ut_plot_series *s, size_t number)
{
    put(f, ut_buffer_printf(f->out, "<g fill=\"%s\" fill-opacity=\"0.6\">\n", s->color));
    for (size_t i = 0; i < s->n; i++) {
        if (is_point(s, i))
            put(f, ut_buffer_printf(f->out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2\"/>\n",
                                    at_x(f, s->x[i]), at_y(f, s->y[i])));
    }
    put(f, ut_buffer_printf(f->out, "</g>\n<text x=\"%zu\" y=\"40\" fill=\"%s\">",
                            LEFT + 200 * number, s->color));
    put(f, escape(f->out, s->name));
    put(f, ut_buffer_printf(f->out, "</text>\n"));
    if (isfinite(s->line) && s->line >= f->y.low && s->line <= f->y.high)
        put(f, ut_buffer_printf(f->out,
                                "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" stroke=\"%s\" "
                                "stroke-dasharray=\"6 4\"/>\n",
                                LEFT, at_y(f, s->line), WIDTH - RIGHT, at_y(f, s->line), s->color));
}

enum ut_status ut_plot_svg(struct ut_buffer *out, const struct ut_plot *plot)
{
    struct frame f = { .out = out };

    find_scales(&f, plot);
    put(&f, ut_buffer_printf(out,
                             "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
                             "height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">\n"
                             "<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n"
                             "<text x=\"%d\" y=\"20\" font-size=\"15\">",
                             WIDTH, HEIGHT, LEFT));
    put(&f, escape(out, plot->title));
    put(&f, ut_buffer_printf(out, "</text>\n"));
    draw_axes(&f);
    for (size_t k = 0; k < plot->n_series; k++)
        draw_series(&f, &plot->series[k], k);
    put(&f, ut_buffer_printf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">", WIDTH / 2,
                             HEIGHT - 12));
    put(&f, escape(out, plot->x_label));
    put(&f, ut_buffer_printf(out,
                             "</text>\n<text transform=\"translate(16 %d) rotate(-90)\" "
                             "text-anchor=\"middle\">",
                             HEIGHT / 2));
    put(&f, escape(out, plot->y_label));
    put(&f, ut_buffer_printf(out, "</text>\n</svg>\n"));
    return f.status;
}
