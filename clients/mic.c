/* `utter mic`: live captions from a microphone. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "audio/capture.h"
#include "base/clock.h"
#include "clients/command.h"
#include "clients/health.h"
#include "clients/interrupt.h"
#include "clients/live.h"
#include "clients/outputs.h"

#define CHUNK 800 /* samples a read: 50 ms */
#define MAX_DEVICES 64
#define METER_COLUMNS 20

static const struct ut_usage usage = {
    .synopsis = "utter mic [OPTION...]",
    .about =
        "Captions what a microphone hears until ctrl-C, which brings out the last words. On a\n"
        "terminal the words that may still change are dimmed, above a level meter.",
    .examples = "  utter mic --list-devices\n"
                "  utter mic --device usb --language en\n"
                "  utter mic -f jsonl | consumer        events as they happen\n"
                "  utter mic -o talk.srt -o talk.txt    seen and kept\n",
};

static int list_devices(void)
{
    struct ut_capture_device devices[MAX_DEVICES];
    struct ut_error err = { 0 };
    size_t n = 0;

    if (ut_capture_list(devices, MAX_DEVICES, &n, &err) != UT_OK)
        return ut_cmd_fail(UT_EXIT_DEVICE, "%s", err.text);
    if (n == 0)
        return ut_cmd_fail(UT_EXIT_DEVICE, "no input device");
    for (size_t i = 0; i < n && i < MAX_DEVICES; i++) {
        const struct ut_capture_device *d = &devices[i];
        printf("%c %3d  %s  (%s, %u Hz, %u channel%s)\n", d->is_default ? '*' : ' ', d->index,
               d->name, d->host_api, d->rate_hz, d->n_channels, d->n_channels == 1 ? "" : "s");
    }
    return UT_EXIT_OK;
}

/* Root mean square of the chunk as decibels below full scale, -60 at least. */
static double level_db(const float *pcm, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (double)pcm[i] * (double)pcm[i];
    double db = n && sum > 0 ? 10 * log10(sum / (double)n) : -60;
    return db < -60 ? -60 : db > 0 ? 0 : db;
}

static void show_meter(struct ut_live *l, double db)
{
    char bar[METER_COLUMNS + 1];
    char text[128];
    int seconds = (int)l->heard;
    size_t full = (size_t)((db + 60) / 60 * METER_COLUMNS);

    memset(bar, '.', METER_COLUMNS);
    memset(bar, '#', full);
    bar[METER_COLUMNS] = '\0';
    snprintf(text, sizeof text, "[%s] %3.0f dB  %d:%02d  ctrl-C ends", bar, db, seconds / 60,
             seconds % 60);
    ut_outputs_status(l->outputs, text);
}

/* One chunk from the device to the stream. UT_END: no more. */
static enum ut_status step(struct ut_live *l, struct ut_capture *c, double *level,
                           bool *device_failed, struct ut_error *err)
{
    float pcm[CHUNK];
    size_t got = 0;

    enum ut_status st = ut_capture_read(c, pcm, CHUNK, 100, &got, err);
    *device_failed = st != UT_OK && st != UT_AGAIN && st != UT_END;
    if (st == UT_OK) {
        double db = level_db(pcm, got);
        *level = db > *level ? db : *level - 1.5; /* falls slowly, as meters do */
        st = ut_live_skip(l, ut_capture_gap(c));
        if (st == UT_OK)
            st = ut_live_feed(l, pcm, got, err);
        if (st == UT_ELIMIT) { /* the machine cannot keep up: said once, at the end */
            l->n_lost += got;
            l->n_owed += got;
            st = UT_OK;
        } else if (st != UT_OK && !err->text[0]) {
            ut_error_set(err, st, "stream: %s", ut_status_name(st));
        }
    }
    if (st == UT_OK || st == UT_AGAIN)
        st = ut_live_poll(l, ut_clock_now_us(), err);
    return st;
}

static enum ut_status listen_until_told(struct ut_live *l, struct ut_capture *c,
                                        const struct ut_settings *s, bool *device_failed,
                                        struct ut_error *err)
{
    double level = -60;
    enum ut_status st = UT_OK;

    while (st == UT_OK && !ut_interrupt_seen() && (s->seconds <= 0 || l->heard < s->seconds)) {
        st = step(l, c, &level, device_failed, err);
        if (st == UT_OK)
            show_meter(l, level);
    }
    return st == UT_END ? UT_OK : st;
}

/* Captions until told to stop; what was heard is brought out whatever happened. */
static int caption(struct ut_live *l, struct ut_capture *c, const struct ut_settings *s)
{
    struct ut_error err = { 0 };
    struct ut_error late = { 0 };
    bool device_failed = false;

    enum ut_status st = listen_until_told(l, c, s, &device_failed, &err);
    if (!l->output_failed) {
        enum ut_status rest = ut_live_finish(l, &late);
        if (rest == UT_OK)
            rest = ut_outputs_finish(l->outputs, &late);
        if (st == UT_OK && rest != UT_OK) {
            st = rest;
            err = late;
            l->output_failed = rest == UT_EIO;
        }
    }
    struct ut_capture_stats stats = ut_capture_stats(c);
    ut_outputs_close(l->outputs);
    if (stats.n_dropped || stats.n_xruns || l->n_lost)
        ut_cmd_warn("%s: %llu samples dropped, %llu device overruns, %llu samples not captioned",
                    ut_capture_device(c)->name, (unsigned long long)stats.n_dropped,
                    (unsigned long long)stats.n_xruns, (unsigned long long)l->n_lost);
    if (st == UT_OK)
        ut_health_warn(ut_capture_device(c)->name, &l->stats);
    if (st != UT_OK)
        return ut_cmd_fail(l->output_failed ? UT_EXIT_OUTPUT
                           : device_failed  ? UT_EXIT_DEVICE
                                            : UT_EXIT_OTHER,
                           "%s", err.text);
    return ut_interrupt_seen() ? ut_interrupt_exit() : UT_EXIT_OK;
}

static int open_and_caption(const struct ut_settings *s)
{
    struct ut_error err = { 0 };
    struct ut_capture *capture = NULL;
    utter_engine *engine = NULL;
    struct ut_outputs outputs = { 0 };
    struct ut_live live = { 0 };
    int code = UT_EXIT_OK;

    /* the device first: it is what is missing most often, and opens fast */
    enum ut_status st = ut_capture_open(&capture, s->device, &err);
    if (st != UT_OK)
        return ut_cmd_fail(UT_EXIT_DEVICE, "%s", err.text);
    st = ut_live_engine(&engine, s, &err);
    if (st != UT_OK)
        code = ut_cmd_fail(ut_cmd_model_exit(st), "%s", err.text);
    if (st == UT_OK) {
        st = ut_outputs_open(&outputs, s, "microphone", false, &err);
        if (st != UT_OK)
            code = ut_cmd_fail(UT_EXIT_OUTPUT, "%s", err.text);
    }
    if (st == UT_OK) {
        st = ut_live_open(&live, engine, s, &outputs, &err);
        if (st != UT_OK)
            code = ut_cmd_fail(ut_cmd_model_exit(st), "%s", err.text);
    }
    if (st == UT_OK)
        ut_live_warn_prompt(&live);
    if (st == UT_OK)
        code = caption(&live, capture, s);
    ut_live_close(&live);
    ut_outputs_close(&outputs);
    utter_engine_close(engine);
    ut_capture_close(capture);
    return code;
}

int ut_cmd_mic(int argc, char **argv)
{
    struct ut_settings s = ut_settings_default();
    struct ut_option table[UT_SETTINGS_MAX_OPTIONS];
    size_t n_options = ut_settings_options(&s, true, table);
    struct ut_error err = { 0 };
    int n = 0;

    enum ut_status st = ut_options_parse(&usage, table, n_options, argc, argv, &n, &err);
    if (st == UT_END)
        return UT_EXIT_OK;
    if (st == UT_OK)
        st = ut_settings_check(&s, &err);
    if (st == UT_OK)
        st = ut_outputs_check(&s, (char *const[]){ "microphone" }, 1, &err);
    if (st == UT_OK && n)
        st =
            ut_error_set(&err, UT_EINVAL, "'%s' is no option (utter caption takes files)", argv[0]);
    if (st != UT_OK)
        return ut_cmd_fail(UT_EXIT_USAGE, "mic: %s", err.text);
    if (s.list_devices)
        return list_devices();
    ut_interrupt_install();
    return open_and_caption(&s);
}
