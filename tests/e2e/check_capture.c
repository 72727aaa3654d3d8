/*
 * Captures from the default input until SIGINT and checks that a sound file was heard: run by
 * virtual_microphone.sh, which plays it. check_capture FILE [lost]; "lost": the device is expected
 * to go away instead.
 */
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio/capture.h"
#include "audio/reader.h"

#define CAPACITY ((size_t)16000 * 60)
#define PIECE 8000 /* half a second, short enough for one lost buffer to spoil few of them */

static volatile sig_atomic_t interrupted;

static void interrupt(int sig)
{
    (void)sig;
    interrupted = 1;
}

static size_t read_file(const char *path, float *pcm)
{
    struct ut_reader *r;
    struct ut_error err;
    size_t n = 0;
    size_t got;

    if (ut_reader_open(&r, path, &err) != UT_OK) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    while (n < CAPACITY && ut_reader_read(r, pcm + n, CAPACITY - n, &got, &err) == UT_OK)
        n += got;
    ut_reader_close(r);
    return n;
}

/* Captures to the end; *st says how it ended. */
static size_t capture(float *pcm, enum ut_status *st, struct ut_error *err)
{
    struct ut_capture *c;
    size_t n = 0;
    size_t got;

    *st = ut_capture_open(&c, NULL, err);
    if (*st != UT_OK)
        return 0;
    printf("device=\"%s\" rate=%u\n", ut_capture_device(c)->name, ut_capture_device(c)->rate_hz);
    while (n < CAPACITY) {
        if (interrupted)
            ut_capture_stop(c);
        *st = ut_capture_read(c, pcm + n, CAPACITY - n, 200, &got, err);
        if (*st != UT_OK && *st != UT_AGAIN)
            break;
        n += *st == UT_OK ? got : 0;
    }
    struct ut_capture_stats stats = ut_capture_stats(c);
    printf("n=%zu xruns=%llu dropped=%llu\n", n, (unsigned long long)stats.n_xruns,
           (unsigned long long)stats.n_dropped);
    ut_capture_close(c);
    return n;
}

/*
 * Takes the highest frequencies off, in place: captured samples lie between those of the file, and
 * half a sample turns a 6 kHz hiss by 70 degrees.
 */
static void smooth(float *x, size_t n)
{
    for (int pass = 0; pass < 2; pass++) {
        float before = 0.0f;

        for (size_t i = 0; i + 1 < n; i++) {
            float v = 0.25f * before + 0.5f * x[i] + 0.25f * x[i + 1];
            before = x[i];
            x[i] = v;
        }
    }
}

static double correlate(const float *a, const float *b, size_t n, size_t step)
{
    double ab = 0.0;
    double aa = 0.0;
    double bb = 0.0;

    for (size_t i = 0; i < n; i += step) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return ab / sqrt(aa * bb + 1e-12);
}

/* The best correlation of piece [PIECE] with heard [n] at [from, to); *at says where. */
static double find_piece(const float *piece, const float *heard, size_t n, size_t from, size_t to,
                         size_t *at)
{
    double best = 0.0;

    for (size_t i = from; i < to && i + PIECE <= n; i++) {
        /* A fifth of the samples tells whether the rest is worth looking at. */
        if (correlate(piece, heard + i, PIECE, 5) < 0.5)
            continue;
        double r = correlate(piece, heard + i, PIECE, 1);
        if (r > best) {
            best = r;
            *at = i;
        }
    }
    return best;
}

static int compare(const float *said, size_t n_said, const float *heard, size_t n_heard)
{
    int n_pieces = 0;
    int n_found = 0;
    int64_t late = 0; /* of the last piece found; playing may stumble, but not jump */

    for (size_t at = 0; at + PIECE <= n_said; at += PIECE) {
        double energy = 0.0;
        for (size_t i = 0; i < PIECE; i++)
            energy += (double)said[at + i] * (double)said[at + i];
        if (energy / PIECE < 1e-4)
            continue; /* a pause is found anywhere and nowhere */
        size_t found = 0;
        int64_t near = (int64_t)at + late - 1600;
        size_t from = n_found > 0 && near > 0 ? (size_t)near : 0;
        size_t to = n_found > 0 ? from + 16000 : n_heard;
        double best = find_piece(said + at, heard, n_heard, from, to, &found);
        n_pieces++;
        if (best > 0.97) {
            n_found++;
            late = (int64_t)found - (int64_t)at;
        }
        printf("piece at %.1f s: correlation %.4f\n", (double)at / 16000.0, best);
    }
    printf("found %d of %d\n", n_found, n_pieces);
    return n_pieces > 0 && n_found * 10 >= n_pieces * 8 ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct sigaction action = { .sa_handler = interrupt };
    float *said = calloc(CAPACITY, sizeof *said);
    float *heard = calloc(CAPACITY, sizeof *heard);
    struct ut_error err = { 0 };
    enum ut_status st;

    if (argc < 2 || !said || !heard)
        return 2;
    sigaction(SIGINT, &action, NULL);
    size_t n_said = read_file(argv[1], said);
    size_t n_heard = capture(heard, &st, &err);
    bool want_lost = argc > 2 && strcmp(argv[2], "lost") == 0;
    if (st != (want_lost ? UT_EIO : UT_END)) {
        fprintf(stderr, "capture ended with %s: %s\n", ut_status_name(st), err.text);
        return 1;
    }
    if (want_lost)
        printf("ended with: %s\n", err.text);
    smooth(said, n_said);
    smooth(heard, n_heard);
    int failed = compare(said, n_said, heard, n_heard);
    free(said);
    free(heard);
    return failed;
}
