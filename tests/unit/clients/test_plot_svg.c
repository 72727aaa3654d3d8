#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "clients/plot_svg.h"

static size_t count(const char *text, const char *what)
{
    size_t n = 0;

    for (const char *p = strstr(text, what); p; p = strstr(p + 1, what))
        n++;
    return n;
}

/* Tags open and close in order, attributes are quoted, nothing else looks like markup. */
static void check_xml(const char *p)
{
    char open[16][16];
    size_t depth = 0;

    while (*p) {
        if (*p != '<') {
            if (*p == '&')
                assert_true(!strncmp(p, "&lt;", 4) || !strncmp(p, "&gt;", 4) ||
                            !strncmp(p, "&amp;", 5) || !strncmp(p, "&quot;", 6));
            assert_true(*p != '>');
            p++;
            continue;
        }
        bool closing = *++p == '/';
        p += closing;
        size_t n = strspn(p, "abcdefghijklmnopqrstuvwxyz");
        assert_in_range(n, 1, 15);
        const char *name = p;
        size_t quotes = 0;
        for (p += n; *p != '>'; p++) {
            assert_true(*p && *p != '<');
            quotes += *p == '"';
        }
        assert_int_equal(quotes % 2, 0);
        if (closing) {
            assert_true(depth > 0);
            depth--;
            assert_int_equal(strlen(open[depth]), n);
            assert_memory_equal(open[depth], name, n);
        } else if (p[-1] != '/') {
            assert_in_range(depth, 0, 15);
            memcpy(open[depth], name, n);
            open[depth++][n] = '\0';
        }
        p++;
    }
    assert_int_equal(depth, 0);
}

static void draw(const struct ut_plot *plot, struct ut_buffer *out)
{
    assert_int_equal(ut_plot_svg(out, plot), UT_OK);
    check_xml(ut_buffer_text(out));
}

static void test_points_lie_inside_and_texts_are_escaped(void **state)
{
    const double x[] = { 0, 10, 20, 30, 40 };
    const double y[] = { -0.3, 0.5, (double)NAN, 2.5, (double)INFINITY };
    const struct ut_plot_series series = { "a < b & \"c\"", "#ff0000", x, y, 5, 1.0 };
    const struct ut_plot plot = { "<title>", "x", "y", &series, 1 };
    struct ut_buffer out = { .limit = 1 << 20 };

    (void)state;
    draw(&plot, &out);
    const char *text = ut_buffer_text(&out);
    assert_int_equal(count(text, "<circle"), 3);
    assert_int_equal(count(text, "stroke-dasharray"), 1);
    assert_int_equal(count(text, "a &lt; b &amp; &quot;c&quot;"), 1);
    assert_int_equal(count(text, "&lt;title&gt;"), 1);
    double before = -1;
    for (const char *p = strstr(text, "<circle"); p; p = strstr(p + 1, "<circle")) {
        double cx = strtod(strstr(p, "cx=\"") + 4, NULL);
        double cy = strtod(strstr(p, "cy=\"") + 4, NULL);
        assert_true(cx > before && cx >= 60 && cx <= 980);
        assert_true(cy >= 50 && cy <= 370);
        before = cx;
    }
    ut_buffer_finish(&out);
}

static void test_nothing_and_extremes_are_drawn(void **state)
{
    const double x[] = { 0, 1e9 }, y[] = { 1e-9, 1e9 };
    const struct ut_plot_series series = { "s", "red", x, y, 2, (double)NAN };
    const struct ut_plot empty = { "t", "x", "y", NULL, 0 }, wide = { "t", "x", "y", &series, 1 };
    struct ut_buffer out = { .limit = 1 << 20 };

    (void)state;
    draw(&empty, &out);
    assert_int_equal(count(ut_buffer_text(&out), "<circle"), 0);
    ut_buffer_clear(&out);
    draw(&wide, &out);
    assert_int_equal(count(ut_buffer_text(&out), "<circle"), 2);
    assert_true(out.n < 10000);
    ut_buffer_finish(&out);
}

static void test_a_full_buffer_is_reported(void **state)
{
    const struct ut_plot empty = { "t", "x", "y", NULL, 0 };
    struct ut_buffer out = { .limit = 100 };

    (void)state;
    assert_int_equal(ut_plot_svg(&out, &empty), UT_ELIMIT);
    ut_buffer_finish(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_points_lie_inside_and_texts_are_escaped),
        cmocka_unit_test(test_nothing_and_extremes_are_drawn),
        cmocka_unit_test(test_a_full_buffer_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
