/* `utter bench asr`: how fast the parts of recognition are on this machine. */
#include <stdio.h>
#include <string.h>

#include "asr/decoder.h"
#include "asr/encoder.h"
#include "asr/tokens.h"
#include "audio/mel.h"
#include "base/clock.h"
#include "base/cpu.h"
#include "base/json.h"
#include "base/memory.h"
#include "clients/bench.h"
#include "clients/command.h"
#include "clients/options.h"
#include "clients/samples.h"
#include "stream/catalog.h"
#include "stream/utter.h"

#define BATCH 8
#define TEXT_POSITIONS 64 /* tokens before the step that is timed, as in mid-sentence */

static const struct ut_usage usage = {
    .synopsis = "utter bench asr [OPTION...]",
    .about =
        "Times log-mel, encoder, decoder step and start-up, each several times, on noise (their\n"
        "speed does not depend on what is said). JSON gives the minimum of each, the medians\n"
        "under \"median\", of CPU time of all threads under \"cpu_median\".",
    .examples = "  utter bench asr --threads 2 -n 9\n  utter bench asr --model tiny.en --json\n",
};

enum figure { MEL_30S, ENCODER_30S, ENCODER_10S, STEP, STEP_8, READY, N_FIGURES };

static const char figure_names[N_FIGURES][20] = { "mel_30s_ms",     "encoder_30s_ms",
                                                  "encoder_10s_ms", "decoder_step_ms",
                                                  "batch8_step_ms", "ready_ms" };

struct bench {
    const char *model_name;
    int n_threads;
    int n_runs;
    const char *arithmetic;
    bool json;
    struct ut_compute *compute;
    struct ut_asr_model *model;
    struct ut_asr_encoder *encoder;
    struct ut_asr_decoder *decoder;
    struct ut_kv *cross;
    float *pcm;    /* 30 s */
    float *mel;    /* [3000, n_mels] */
    float *logits; /* [BATCH, n_vocab] */
    int32_t cells[BATCH][TEXT_POSITIONS];
    struct ut_samples figures[N_FIGURES];
    struct ut_samples cpu[N_FIGURES]; /* CPU time of all threads over the same stretches */
};

struct mark {
    int64_t us;
    int64_t cpu_us;
};

static struct mark begin(void)
{
    return (struct mark){ ut_clock_now_us(), ut_clock_cpu_us() };
}

static void end(struct bench *b, enum figure figure, struct mark start)
{
    ut_samples_add(&b->figures[figure], ut_clock_now_us() - start.us);
    ut_samples_add(&b->cpu[figure], ut_clock_cpu_us() - start.cpu_us);
}

static enum ut_status make_mel(struct bench *b)
{
    struct ut_mel *mel = NULL;
    struct ut_mel_stream *s = NULL;
    uint32_t seed = 1;

    for (size_t i = 0; i < 480000; i++) {
        seed = seed * 1664525u + 1013904223u;
        b->pcm[i] = ((float)(seed >> 8) / 8388608.0f - 1.0f) * 0.1f;
    }
    enum ut_status st = ut_mel_create(&mel, ut_asr_model_dims(b->model)->n_mels);
    if (st == UT_OK)
        st = ut_mel_stream_create(&s, mel, 3000);
    for (int i = 0; i < b->n_runs && st == UT_OK; i++) {
        ut_mel_stream_reset(s);
        struct mark start = begin();
        ut_mel_stream_feed(s, b->pcm, 480000);
        float top = ut_mel_stream_max(s, 0, 3000);
        st = ut_mel_stream_window(s, 0, 3000, top, 0, b->mel);
        end(b, MEL_30S, start);
    }
    ut_mel_stream_destroy(s);
    ut_mel_destroy(mel);
    return st;
}

static enum ut_status open_parts(struct bench *b)
{
    const struct ut_asr_dims *dims = ut_asr_model_dims(b->model);

    b->pcm = ut_alloc(480000, sizeof *b->pcm);
    b->mel = ut_alloc(3000 * dims->n_mels, sizeof *b->mel);
    b->logits = ut_alloc(BATCH * dims->n_vocab, sizeof *b->logits);
    if (!b->pcm || !b->mel || !b->logits)
        return UT_ENOMEM;
    enum ut_status st = ut_asr_encoder_create(&b->encoder, b->compute, b->model, dims->n_audio_ctx);
    if (st == UT_OK)
        st = ut_asr_encoder_new_cross(b->encoder, &b->cross);
    if (st == UT_OK)
        st = ut_asr_decoder_create(&b->decoder, b->compute, b->model, TEXT_POSITIONS,
                                   (size_t)BATCH * TEXT_POSITIONS);
    for (size_t i = 0; i < (size_t)BATCH * TEXT_POSITIONS && st == UT_OK; i++)
        st = ut_asr_decoder_take_cell(b->decoder, &b->cells[0][0] + i);
    return st;
}

static enum ut_status run_encoder(struct bench *b, size_t n_frames, enum figure figure)
{
    struct ut_asr_encode_call call = { .mel = b->mel, .n_frames = n_frames, .cross = b->cross };
    struct mark start = begin();

    enum ut_status st = ut_asr_encoder_run(b->encoder, &call, 1);
    end(b, figure, start);
    return st;
}

static struct ut_asr_decode_row make_row(struct bench *b, size_t sequence, size_t position)
{
    return (struct ut_asr_decode_row){
        .token = 1000 + (int32_t)position,
        .position = position,
        .cells = b->cells[sequence],
        .n_cross = 1,
        .cross = { { .kv = b->cross, .n = ut_asr_model_dims(b->model)->n_audio_ctx } },
    };
}

/* The past of every sequence: all positions but the one that is timed. */
static enum ut_status fill_past(struct bench *b)
{
    struct ut_asr_decode_row rows[TEXT_POSITIONS - 1];
    enum ut_status st = UT_OK;

    for (size_t sequence = 0; sequence < BATCH && st == UT_OK; sequence++) {
        for (size_t i = 0; i < TEXT_POSITIONS - 1; i++)
            rows[i] = make_row(b, sequence, i);
        st = ut_asr_decoder_run(b->decoder, rows, TEXT_POSITIONS - 1);
    }
    return st;
}

static enum ut_status run_step(struct bench *b, size_t n_rows, enum figure figure)
{
    struct ut_asr_decode_row rows[BATCH];
    size_t n_vocab = ut_asr_model_dims(b->model)->n_vocab;

    for (size_t i = 0; i < n_rows; i++) {
        rows[i] = make_row(b, i, TEXT_POSITIONS - 1);
        rows[i].logits = b->logits + i * n_vocab;
    }
    struct mark start = begin();
    enum ut_status st = ut_asr_decoder_run(b->decoder, rows, n_rows);
    end(b, figure, start);
    return st;
}

/* Kinds of run take turns, so that a burst of foreign load falls on all of them. */
static enum ut_status run_parts(struct bench *b)
{
    enum ut_status st = open_parts(b);

    if (st == UT_OK)
        st = make_mel(b);
    if (st == UT_OK)
        st = run_encoder(b, 3000, ENCODER_30S); /* warms up; not counted */
    if (st == UT_OK)
        st = fill_past(b);
    b->figures[ENCODER_30S].n = 0;
    b->cpu[ENCODER_30S].n = 0;
    for (int i = 0; i < b->n_runs && st == UT_OK; i++) {
        st = run_encoder(b, 1000, ENCODER_10S);
        if (st == UT_OK)
            st = run_encoder(b, 3000, ENCODER_30S);
        for (int k = 0; k < 5 && st == UT_OK; k++) {
            st = run_step(b, 1, STEP);
            if (st == UT_OK)
                st = run_step(b, BATCH, STEP_8);
        }
    }
    return st;
}

static void close_parts(struct bench *b)
{
    ut_kv_destroy(b->cross);
    ut_asr_decoder_destroy(b->decoder);
    ut_asr_encoder_destroy(b->encoder);
    ut_asr_model_unref(b->model);
    ut_compute_destroy(b->compute);
    ut_free(b->pcm);
    ut_free(b->mel);
    ut_free(b->logits);
}

/* From nothing to a stream that listens, with the model file in the page cache. */
static enum ut_status time_ready(struct bench *b, struct ut_error *err)
{
    utter_engine_options options = { .model = b->model_name, .n_threads = b->n_threads };
    char text[240];

    for (int i = 0; i < b->n_runs; i++) {
        utter_engine *engine;
        utter_stream *stream;
        struct mark start = begin();

        if (utter_engine_open(&engine, &options, text, sizeof text) != UTTER_OK)
            return ut_error_set(err, UT_EIO, "%s", text);
        if (utter_stream_open(engine, &stream, NULL, text, sizeof text) != UTTER_OK) {
            utter_engine_close(engine);
            return ut_error_set(err, UT_EIO, "%s", text);
        }
        end(b, READY, start);
        utter_stream_close(stream);
        utter_engine_close(engine);
    }
    return UT_OK;
}

/* `name` ends in _ms, as the JSON has it. */
static void print_row(const char *name, struct ut_samples *figure, struct ut_samples *cpu)
{
    printf("%-18.*s %10.2f %10.2f %10.2f %5zu\n", (int)strlen(name) - 3, name,
           ut_samples_min_ms(figure), ut_samples_median_ms(figure), ut_samples_median_ms(cpu),
           figure->n);
}

static enum ut_status print_figures(struct bench *b, int n_threads)
{
    struct ut_buffer out = { .limit = 1 << 16 };
    struct ut_json_writer j = { .out = &out };

    if (!b->json) {
        printf("%-18s %10s %10s %10s %5s\n", b->model_name, "min ms", "median ms", "CPU ms", "n");
        for (int i = 0; i < N_FIGURES; i++)
            print_row(figure_names[i], &b->figures[i], &b->cpu[i]);
        printf("%d threads, %s kernels\n", n_threads, ut_cpu_level(ut_cpu_flags()));
        return UT_OK;
    }
    ut_json_open_object(&j, NULL);
    for (int i = 0; i < N_FIGURES; i++)
        ut_json_put_f64(&j, figure_names[i], ut_samples_min_ms(&b->figures[i]), 3);
    ut_json_open_object(&j, "median");
    for (int i = 0; i < N_FIGURES; i++)
        ut_json_put_f64(&j, figure_names[i], ut_samples_median_ms(&b->figures[i]), 3);
    ut_json_close(&j);
    ut_json_open_object(&j, "cpu_median");
    for (int i = 0; i < N_FIGURES; i++)
        ut_json_put_f64(&j, figure_names[i], ut_samples_median_ms(&b->cpu[i]), 3);
    ut_json_close(&j);
    ut_json_put_i64(&j, "n", b->n_runs);
    ut_json_put_string(&j, "model", b->model_name);
    ut_json_put_i64(&j, "threads", n_threads);
    ut_json_put_string(&j, "isa", ut_cpu_level(ut_cpu_flags()));
    ut_json_close(&j);
    enum ut_status st = ut_json_end(&j);
    if (st == UT_OK)
        printf("%s\n", ut_buffer_text(&out));
    ut_buffer_finish(&out);
    return st;
}

static enum ut_status open_model(struct bench *b, struct ut_error *err)
{
    struct ut_compute_options options = { .n_threads = b->n_threads,
                                          .float_weights = strcmp(b->arithmetic, "float") == 0 };
    struct ut_buffer path = { .limit = 8192 };

    enum ut_status st = ut_catalog_path(&path, NULL, b->model_name, err);
    if (st == UT_OK)
        st = ut_compute_create(&b->compute, &options, err);
    if (st == UT_OK)
        st = ut_asr_model_open(&b->model, b->compute, ut_buffer_text(&path), err);
    ut_buffer_finish(&path);
    return st;
}

static int run_bench(struct bench *b)
{
    struct ut_error err = { 0 };

    if (open_model(b, &err) != UT_OK) {
        close_parts(b);
        return ut_cmd_fail(UT_EXIT_MODEL, "%s", err.text);
    }
    int n_threads = ut_compute_n_threads(b->compute);
    enum ut_status st = run_parts(b);
    close_parts(b);
    if (st != UT_OK)
        return ut_cmd_fail(UT_EXIT_OTHER, "bench asr: %s: %s", b->model_name, ut_status_name(st));
    if (time_ready(b, &err) != UT_OK)
        return ut_cmd_fail(UT_EXIT_MODEL, "%s", err.text);
    if (print_figures(b, n_threads) != UT_OK)
        return ut_cmd_fail(UT_EXIT_OTHER, "bench asr: out of memory");
    return UT_EXIT_OK;
}

int ut_bench_asr(int argc, char **argv)
{
    struct bench b = { .model_name = "base", .n_runs = 5, .arithmetic = "auto" };
    const struct ut_option options[] = {
        { "model", 'm', UT_OPTION_TEXT, &b.model_name, 0, 0, "MODEL", "name or path" },
        { "threads", 't', UT_OPTION_INT, &b.n_threads, 0, 64, "N", "threads; 0: one per core" },
        { "runs", 'n', UT_OPTION_INT, &b.n_runs, 1, UT_SAMPLES_MAX / 5, "N", "runs of each" },
        { "arithmetic", 0, UT_OPTION_TEXT, &b.arithmetic, 0, 0, "KIND",
          "auto, or float: quantised weights are unpacked, inputs stay floats" },
        { "json", 0, UT_OPTION_FLAG, &b.json, 0, 0, NULL, "figures as JSON" },
    };
    struct ut_error err = { 0 };
    int n = 0;

    enum ut_status st =
        ut_options_parse(&usage, options, sizeof options / sizeof options[0], argc, argv, &n, &err);
    if (st == UT_END)
        return UT_EXIT_OK;
    if (st == UT_OK && n)
        st = ut_error_set(&err, UT_EINVAL, "'%s' is no option", argv[0]);
    if (st == UT_OK && strcmp(b.arithmetic, "auto") != 0 && strcmp(b.arithmetic, "float") != 0)
        st = ut_error_set(&err, UT_EINVAL, "--arithmetic: '%s' is none of auto, float",
                          b.arithmetic);
    if (st != UT_OK)
        return ut_cmd_fail(UT_EXIT_USAGE, "bench asr: %s", err.text);
    return run_bench(&b);
}
