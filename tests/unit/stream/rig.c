#include "tests/unit/stream/rig.h"

#include <ctype.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "audio/reader.h"
#include "base/clock.h"
#include "base/memory.h"
#include "stream/catalog.h"

enum { RATE = UT_MEL_RATE_HZ };

static bool model_path(char *path, size_t size, const char *name)
{
    struct ut_buffer buf = { .limit = size - 1 };
    struct ut_error err;
    bool there = ut_catalog_path(&buf, NULL, name, &err) == UT_OK;

    if (!there)
        printf("skipped: %s\n", err.text);
    snprintf(path, size, "%s", ut_buffer_text(&buf));
    ut_buffer_finish(&buf);
    return there;
}

bool rig_open(struct rig *rig, const char *model)
{
    const struct ut_compute_options two = { .n_threads = 2 };
    const struct ut_compute_options one = { .n_threads = 1 };
    char path[512];
    char vad_path[512];

    memset(rig, 0, sizeof *rig);
    if (!model_path(path, sizeof path, model) || !model_path(vad_path, sizeof vad_path, "silero"))
        return false;
    assert_int_equal(ut_compute_create(&rig->compute, &two, NULL), UT_OK);
    assert_int_equal(ut_asr_model_open(&rig->model, rig->compute, path, NULL), UT_OK);
    assert_int_equal(ut_recognizer_create(&rig->recognizer, rig->compute, rig->model,
                                          &(struct ut_recognizer_options){ 0 }),
                     UT_OK);
    assert_int_equal(ut_compute_create(&rig->vad_compute, &one, NULL), UT_OK);
    assert_int_equal(ut_vad_model_open(&rig->vad_model, rig->vad_compute, vad_path, NULL), UT_OK);
    assert_int_equal(ut_mel_create(&rig->mel, ut_asr_model_dims(rig->model)->n_mels), UT_OK);
    rig->window = ut_alloc(UT_SESSION_WINDOW_FRAMES * ut_mel_n_mels(rig->mel), sizeof(float));
    assert_non_null(rig->window);
    return true;
}

void rig_close(struct rig *rig)
{
    ut_recognizer_destroy(rig->recognizer);
    ut_asr_model_unref(rig->model);
    ut_vad_model_close(rig->vad_model);
    ut_compute_destroy(rig->vad_compute);
    ut_compute_destroy(rig->compute);
    ut_mel_destroy(rig->mel);
    ut_free(rig->window);
}

bool rig_read(const char *name, float **pcm, size_t *n)
{
    enum { MOST = 120 * RATE };
    struct ut_buffer path = { .limit = 512 };
    struct ut_reader *reader;
    struct ut_error err;
    size_t got = 0;

    assert_int_equal(ut_catalog_cache(&path, NULL, NULL), UT_OK);
    assert_int_equal(ut_buffer_printf(&path, "/samples/%s", name), UT_OK);
    if (ut_reader_open(&reader, ut_buffer_text(&path), &err)) {
        printf("skipped: %s\n", err.text);
        ut_buffer_finish(&path);
        return false;
    }
    ut_buffer_finish(&path);
    *pcm = ut_alloc(MOST, sizeof **pcm);
    assert_non_null(*pcm);
    *n = 0;
    while (*n < MOST && ut_reader_read(reader, *pcm + *n, MOST - *n, &got, &err) == UT_OK)
        *n += got;
    ut_reader_close(reader);
    return true;
}

static void append(char *to, const char *text)
{
    size_t n = strlen(to);

    assert_true(n + strlen(text) < RIG_MAX_TEXT);
    snprintf(to + n, RIG_MAX_TEXT - n, "%s", text);
}

/* A session being played, and the time that it is there. */
struct player {
    struct rig *rig;
    struct ut_session *s;
    const struct rig_plan *plan;
    struct rig_result *out;
    int64_t now_us;
    int64_t last_end;
    int64_t last_wall_us;
};

static void note_event(struct player *p, const struct ut_event *e)
{
    struct rig_result *out = p->out;

    assert_true(e->wall_us >= p->last_wall_us);
    assert_true(e->audio >= e->end || e->type != UT_EVENT_COMMITTED);
    if (out->first_word_s == 0.0 && e->n_words > 0)
        out->first_word_s = (double)e->wall_us / 1e6;
    if (e->type == UT_EVENT_UNSTABLE) {
        out->n_unstable++;
        return;
    }
    p->last_wall_us = e->wall_us; /* a tail may be older than what was read before it */
    if (e->type == UT_EVENT_FINAL) {
        out->n_finals++;
        append(out->finals, e->text);
        return;
    }
    append(out->committed, e->text);
    for (size_t i = 0; i < e->n_words; i++) {
        assert_true(e->words[i].start >= p->last_end && e->words[i].end >= e->words[i].start);
        assert_true(e->words[i].confidence >= 0.0f && e->words[i].confidence <= 1.0f);
        p->last_end = e->words[i].end;
        assert_true(out->n_words < RIG_MAX_WORDS);
        out->lag_s[out->n_words++] = (double)e->wall_us / 1e6 - (double)e->words[i].end / RATE;
    }
}

/* CPU time over two threads, so that other load on the machine does not count. */
static void charge(struct player *p, int64_t cpu_begin_us)
{
    int64_t us = (ut_clock_cpu_us() - cpu_begin_us) / 2;

    p->out->compute_s += (double)us / 1e6;
    if (p->plan->charge)
        p->now_us += us;
}

static void settle(struct player *p)
{
    struct ut_asr_step step;
    struct ut_event e;
    int64_t deadline;
    bool more = true;

    while (more) {
        int64_t begin = ut_clock_cpu_us();
        more = ut_session_advance(p->s, 16, p->now_us);
        if (ut_session_due(p->s, &deadline)) {
            ut_session_prepare(p->s, &step, p->rig->window);
            enum ut_status status = ut_recognizer_step(p->rig->recognizer, &step, 1);
            assert_int_equal(status, UT_OK);
            charge(p, begin);
            ut_session_finish(p->s, &step, status, p->now_us);
            more = true;
            /* What came in meanwhile is fed before the next look. */
            more = more && !p->plan->charge;
        } else {
            charge(p, begin);
        }
        while (ut_session_get(p->s, &e) == UT_OK)
            note_event(p, &e);
    }
}

static float activity(void *ctx, const float *pcm)
{
    return ut_vad_push(ctx, pcm);
}

void rig_play(struct rig *rig, const struct ut_session_options *options, const float *pcm, size_t n,
              const struct rig_plan *plan, struct rig_result *out)
{
    struct player p = { .rig = rig, .plan = plan, .out = out };
    struct ut_vad *vad;
    struct ut_event e;

    memset(out, 0, sizeof *out);
    assert_int_equal(ut_vad_create(&vad, rig->vad_model), UT_OK);
    struct ut_session_parts parts = { rig->mel, activity, vad, NULL };
    assert_int_equal(ut_recognizer_new_cache(rig->recognizer, &parts.cache), UT_OK);
    assert_int_equal(ut_session_create(&p.s, &parts, options, 0), UT_OK);
    for (size_t s = 0; s < n; s += plan->n_chunk) {
        size_t n_now = n - s < plan->n_chunk ? n - s : plan->n_chunk;
        int64_t due_us = (int64_t)(s + n_now) * 1000000 / RATE;

        if (plan->close_after && s >= plan->close_after)
            break;
        if (p.now_us < due_us)
            p.now_us = due_us;
        assert_int_equal(ut_session_feed(p.s, pcm + s, n_now, p.now_us), UT_OK);
        bool behind = plan->charge && p.now_us >= due_us + (int64_t)plan->n_chunk * 1000000 / RATE;
        if (!behind)
            settle(&p);
    }
    if (!plan->close_after) {
        const struct rig_plan rest = { plan->n_chunk, false, 0 };
        ut_session_flush(p.s);
        p.plan = &rest;
        settle(&p);
        assert_int_equal(ut_session_get(p.s, &e), UT_END);
        assert_string_equal(out->committed, out->finals);
    }
    out->stats = ut_session_stats(p.s);
    ut_session_destroy(p.s);
    if (!plan->close_after) /* all segments have ended */
        assert_int_equal(ut_asr_cache_bytes(parts.cache), 0);
    ut_asr_cache_destroy(parts.cache);
    ut_vad_destroy(vad);
}

struct samples {
    const float *pcm;
    size_t n;
};

static enum ut_status read_samples(void *ctx, float *pcm, size_t n, size_t *got,
                                   struct ut_error *err)
{
    struct samples *s = ctx;

    (void)err;
    *got = n < s->n ? n : s->n;
    if (*got == 0)
        return UT_END;
    memcpy(pcm, s->pcm, *got * sizeof *pcm);
    s->pcm += *got;
    s->n -= *got;
    return UT_OK;
}

struct transcript {
    char *text;
    size_t size;
};

static enum ut_status add_segment(void *ctx, const struct ut_asr_segment *segment)
{
    struct transcript *t = ctx;
    size_t n = strlen(t->text);

    snprintf(t->text + n, t->size - n, " %s", segment->text);
    return UT_OK;
}

void rig_transcribe(struct rig *rig, const float *pcm, size_t n, char *text, size_t size)
{
    struct ut_asr_options o = ut_asr_options_default();
    struct samples in = { pcm, n };
    struct transcript out = { text, size };

    text[0] = '\0';
    o.beam = 1;
    o.language = 0;
    assert_int_equal(ut_recognizer_transcribe(rig->recognizer, &o, NAN, read_samples, &in,
                                              add_segment, &out, NULL, NULL),
                     UT_OK);
}

/* Cuts the next word out of *text in lower case letters and digits; false at the end. */
static bool next_word(const char **text, char *word, size_t size)
{
    size_t n = 0;

    for (; **text; (*text)++) {
        unsigned char c = (unsigned char)**text;

        if (isalnum(c) && n + 1 < size)
            word[n++] = (char)tolower(c);
        else if (isspace(c) && n > 0)
            break;
    }
    word[n] = '\0';
    return n > 0;
}

double rig_agreement(const char *want, const char *got)
{
    static char a[RIG_MAX_WORDS][24];
    static char b[RIG_MAX_WORDS][24];
    static size_t best[RIG_MAX_WORDS + 1][RIG_MAX_WORDS + 1];
    size_t n_a = 0;
    size_t n_b = 0;

    while (n_a < RIG_MAX_WORDS && next_word(&want, a[n_a], sizeof a[0]))
        n_a++;
    while (n_b < RIG_MAX_WORDS && next_word(&got, b[n_b], sizeof b[0]))
        n_b++;
    for (size_t i = 1; i <= n_a; i++) {
        for (size_t j = 1; j <= n_b; j++) {
            size_t skip = best[i - 1][j] > best[i][j - 1] ? best[i - 1][j] : best[i][j - 1];
            bool same = strcmp(a[i - 1], b[j - 1]) == 0;

            best[i][j] = same ? best[i - 1][j - 1] + 1 : skip;
        }
    }
    return n_a ? (double)best[n_a][n_b] / (double)n_a : 0.0;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return x < y ? -1 : x > y;
}

double rig_quantile(double *x, size_t n, double q)
{
    if (n == 0)
        return 0.0;
    qsort(x, n, sizeof *x, ascending);
    return x[(size_t)(q * (double)(n - 1) + 0.5)];
}
