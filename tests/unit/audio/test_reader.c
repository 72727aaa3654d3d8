#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audio/reader.h"

static char dir[] = "/tmp/utter-test-XXXXXX";
static char path[64];

static const struct kind {
    const char *name;
    int format;
    unsigned rates[4];
    unsigned n_channels[4];
    double tolerance; /* of the level; lossy formats are not exact */
} kinds[] = {
    { "wav",
      SF_FORMAT_WAV | SF_FORMAT_PCM_16,
      { 8000, 16000, 44100, 96000 },
      { 1, 2, 5, 6 },
      0.01 },
    { "wav",
      SF_FORMAT_WAV | SF_FORMAT_FLOAT,
      { 11025, 16000, 22050, 48000 },
      { 1, 2, 3, 6 },
      0.01 },
    { "wav", SF_FORMAT_WAV | SF_FORMAT_ULAW, { 8000, 16000, 0, 0 }, { 1, 2, 0, 0 }, 0.03 },
    { "aiff", SF_FORMAT_AIFF | SF_FORMAT_PCM_24, { 44100, 48000, 0, 0 }, { 1, 2, 0, 0 }, 0.01 },
    { "flac",
      SF_FORMAT_FLAC | SF_FORMAT_PCM_16,
      { 8000, 16000, 44100, 96000 },
      { 1, 2, 4, 6 },
      0.01 },
    { "ogg vorbis",
      SF_FORMAT_OGG | SF_FORMAT_VORBIS,
      { 8000, 16000, 44100, 96000 },
      { 1, 2, 3, 5 },
      0.1 },
    { "ogg opus",
      SF_FORMAT_OGG | SF_FORMAT_OPUS,
      { 8000, 16000, 24000, 48000 },
      { 1, 2, 0, 0 },
      0.1 },
    { "mp3",
      SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III,
      { 16000, 22050, 44100, 48000 },
      { 1, 2, 0, 0 },
      0.1 },
};
enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

/* Two seconds of 400 Hz at 0.5 in every channel. */
static void write_tone(const struct kind *kind, unsigned rate_hz, unsigned n_channels)
{
    SF_INFO info = { .samplerate = (int)rate_hz,
                     .channels = (int)n_channels,
                     .format = kind->format };
    SNDFILE *f = sf_open(path, SFM_WRITE, &info);
    size_t n = 2 * rate_hz;
    float *x = calloc(n * n_channels, sizeof *x);

    assert_non_null(x);
    if (!f)
        fail_msg("%s %u Hz %u channels: %s", kind->name, rate_hz, n_channels, sf_strerror(NULL));
    for (size_t i = 0; i < n * n_channels; i++)
        x[i] = 0.5f * (float)sin(2.0 * M_PI * 400.0 * (double)(i / n_channels) / rate_hz);
    assert_int_equal(sf_writef_float(f, x, (sf_count_t)n), n);
    sf_close(f);
    free(x);
}

static void write_bytes(const void *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

static unsigned char *read_bytes(size_t *n)
{
    FILE *f = fopen(path, "rb");
    struct stat st;

    assert_non_null(f);
    assert_int_equal(fstat(fileno(f), &st), 0);
    unsigned char *bytes = malloc((size_t)st.st_size);
    assert_non_null(bytes);
    *n = fread(bytes, 1, (size_t)st.st_size, f);
    fclose(f);
    return bytes;
}

/* Reads to the end in odd pieces; returns the status that ended it. Checks every sample. */
static enum ut_status read_all(struct ut_reader *r, float *out, size_t capacity, size_t *n,
                               struct ut_error *err)
{
    float piece[777];
    size_t got = 0;
    enum ut_status st;

    *n = 0;
    while ((st = ut_reader_read(r, piece, 777, &got, err)) == UT_OK) {
        assert_true(got > 0 && got <= 777);
        for (size_t i = 0; i < got; i++, (*n)++) {
            assert_true(isfinite(piece[i]));
            if (*n < capacity)
                out[*n] = piece[i];
        }
    }
    assert_int_equal(got, 0);
    return st;
}

/* Opens, reads, closes whatever is at `path`; UT_END for a whole file. */
static enum ut_status read_path(size_t *n, struct ut_error *err)
{
    struct ut_reader *r = NULL;
    enum ut_status st = ut_reader_open(&r, path, err);

    *n = 0;
    if (st != UT_OK) {
        assert_null(r);
        return st;
    }
    st = read_all(r, NULL, 0, n, err);
    ut_reader_close(r);
    return st;
}

static double measure_tone(const float *x, size_t n)
{
    double re = 0.0;
    double im = 0.0;

    for (size_t i = 0; i < n; i++) {
        re += (double)x[i] * cos(2.0 * M_PI * 400.0 * (double)i / 16000.0);
        im += (double)x[i] * sin(2.0 * M_PI * 400.0 * (double)i / 16000.0);
    }
    return 2.0 * hypot(re, im) / (double)n;
}

static void check_tone(const struct kind *kind, unsigned rate_hz, unsigned n_channels)
{
    static float x[40000];
    struct ut_reader *r;
    struct ut_error err;
    size_t n;
    size_t again;

    write_tone(kind, rate_hz, n_channels);
    if (ut_reader_open(&r, path, &err) != UT_OK)
        fail_msg("%s", err.text);
    struct ut_reader_info info = ut_reader_info(r);
    assert_string_equal(info.format, kind->name);
    assert_int_equal(info.n_channels, n_channels);
    if (strcmp(kind->name, "ogg opus") != 0)
        assert_int_equal(info.rate_hz, rate_hz);
    if (read_all(r, x, 40000, &n, &err) != UT_END)
        fail_msg("%s %u %u: %s", kind->name, rate_hz, n_channels, err.text);
    assert_true(n >= 32000 - 20 && n <= 32000 + 20);
    assert_true(llabs(info.n_samples - (int64_t)n) <= 1);
    double level = measure_tone(x + 8000, 16000);
    if (fabs(level - 0.5) > 0.5 * kind->tolerance)
        fail_msg("%s %u Hz %u channels: level %f", kind->name, rate_hz, n_channels, level);
    assert_int_equal(ut_reader_rewind(r, &err), UT_OK);
    assert_int_equal(read_all(r, x, 40000, &again, &err), UT_END);
    assert_int_equal(again, n);
    assert_int_equal(ut_reader_n_bad(r), 0);
    ut_reader_close(r);
}

static void test_tone_in_every_format_is_read_whole(void **state)
{
    (void)state;
    for (int k = 0; k < N_KINDS; k++) {
        for (int i = 0; i < 4 && kinds[k].rates[i]; i++) {
            for (int c = 0; c < 4 && kinds[k].n_channels[c]; c++)
                check_tone(&kinds[k], kinds[k].rates[i], kinds[k].n_channels[c]);
        }
    }
}

static void test_file_cut_anywhere_gives_what_is_there_and_says_so(void **state)
{
    (void)state;
    for (int k = 0; k < N_KINDS; k++) {
        size_t n_bytes;
        int n_reported = 0;
        size_t most = 0;

        write_tone(&kinds[k], kinds[k].rates[1], 1);
        unsigned char *bytes = read_bytes(&n_bytes);
        for (size_t i = 0; i < 60; i++) {
            size_t cut = i < 20 ? i * 11 : n_bytes * (i - 19) / 41;
            struct ut_error err = { 0 };
            size_t n;

            write_bytes(bytes, cut);
            enum ut_status st = read_path(&n, &err);
            assert_true(st == UT_END || st == UT_EFORMAT);
            assert_true(n <= 32000 + 20);
            most = n > most ? n : most;
            if (st == UT_EFORMAT) {
                n_reported++;
                assert_non_null(strstr(err.text, path));
            }
        }
        /* Cuts at a page of Ogg and in a header are no sure sign; all the others are. */
        assert_true(n_reported >= 40);
        /* Two seconds are a single page of Ogg. */
        assert_true(most > 25000 || strncmp(kinds[k].name, "ogg", 3) == 0);
        free(bytes);
    }
}

static void test_file_with_flipped_bytes_never_harms(void **state)
{
    uint64_t seed = 11;

    (void)state;
    for (int k = 0; k < N_KINDS; k++) {
        size_t n_bytes;
        size_t n;

        write_tone(&kinds[k], kinds[k].rates[0], 1);
        unsigned char *bytes = read_bytes(&n_bytes);
        for (int run = 0; run < 40; run++) {
            unsigned char *copy = malloc(n_bytes);

            assert_non_null(copy);
            memcpy(copy, bytes, n_bytes);
            for (int i = 0; i <= run % 10; i++) {
                seed = seed * 6364136223846793005u + 1442695040888963407u;
                size_t span = run % 2 ? n_bytes : 64;
                copy[(seed >> 20) % span] = (unsigned char)(seed >> 56);
            }
            write_bytes(copy, n_bytes);
            enum ut_status st = read_path(&n, NULL);
            assert_true(st == UT_END || st == UT_EFORMAT || st == UT_EIO);
            free(copy);
        }
        free(bytes);
    }
}

static void put_u32(unsigned char *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (unsigned char)(v >> (8 * i));
}

/* The canonical header of 16-bit PCM with `n` bytes of audio claimed and 3200 there. */
static size_t make_wav(unsigned char *wav, unsigned n_channels, uint32_t rate, uint32_t n)
{
    memset(wav, 0, 44 + 3200);
    memcpy(wav, "RIFF", 4);
    put_u32(wav + 4, 36 + n);
    memcpy(wav + 8, "WAVEfmt ", 8);
    put_u32(wav + 16, 16);
    put_u32(wav + 20, 1 | n_channels << 16);
    put_u32(wav + 24, rate);
    put_u32(wav + 28, rate * n_channels * 2);
    put_u32(wav + 32, n_channels * 2 | 16u << 16);
    memcpy(wav + 36, "data", 4);
    put_u32(wav + 40, n);
    return 44 + 3200;
}

static void expect(const unsigned char *wav, size_t n_bytes, enum ut_status want, size_t want_n,
                   const char *want_text)
{
    struct ut_error err = { 0 };
    size_t n;

    write_bytes(wav, n_bytes);
    enum ut_status st = read_path(&n, &err);
    if (st != want || n != want_n || (want_text && !strstr(err.text, want_text)))
        fail_msg("status %s, %zu samples, text '%s'; want %s, %zu, '%s'", ut_status_name(st), n,
                 err.text, ut_status_name(want), want_n, want_text ? want_text : "");
    if (st != UT_END)
        assert_non_null(strstr(err.text, path));
}

static void test_header_that_lies_is_named(void **state)
{
    unsigned char wav[44 + 3200];

    (void)state;
    expect(wav, make_wav(wav, 1, 16000, 3200), UT_END, 1600, NULL);
    expect(wav, make_wav(wav, 1, 16000, 4000), UT_EFORMAT, 1600, "800 bytes");
    expect(wav, make_wav(wav, 1, 16000, 0xffffffff), UT_END, 1600, NULL);
    expect(wav, make_wav(wav, 1, 16000, 0x7fffffff), UT_END, 1600, NULL);
    expect(wav, make_wav(wav, 1, 0, 3200), UT_EFORMAT, 0, NULL);
    expect(wav, make_wav(wav, 1, 5, 3200), UT_EFORMAT, 0, "5 Hz");
    expect(wav, make_wav(wav, 1, 4000000000u, 3200), UT_EFORMAT, 0, NULL);
    expect(wav, make_wav(wav, 1, 2000000000, 3200), UT_EFORMAT, 0, "2000000000 Hz");
    expect(wav, make_wav(wav, 0, 16000, 3200), UT_EFORMAT, 0, NULL);
    expect(wav, make_wav(wav, 100, 16000, 3200), UT_EFORMAT, 0, "100 channels");
    expect(wav, make_wav(wav, 65535, 16000, 3200), UT_EFORMAT, 0, NULL);
    make_wav(wav, 1, 16000, 3200);
    put_u32(wav + 16, 0xfffffff0);
    expect(wav, sizeof wav, UT_EFORMAT, 0, NULL);
}

static void test_samples_that_are_none_are_counted(void **state)
{
    static float x[9600];
    SF_INFO info = { .samplerate = 48000,
                     .channels = 1,
                     .format = SF_FORMAT_WAV | SF_FORMAT_FLOAT };
    struct ut_reader *r;
    struct ut_error err;
    size_t n;

    (void)state;
    for (int i = 0; i < 9600; i++)
        x[i] = i % 4 == 0 ? NAN : i % 4 == 1 ? INFINITY : i % 4 == 2 ? 1e30f : 0.1f;
    SNDFILE *f = sf_open(path, SFM_WRITE, &info);
    assert_non_null(f);
    sf_writef_float(f, x, 9600);
    sf_close(f);
    assert_int_equal(ut_reader_open(&r, path, &err), UT_OK);
    assert_int_equal(read_all(r, NULL, 0, &n, &err), UT_END);
    assert_int_equal(n, 3200);
    assert_int_equal(ut_reader_n_bad(r), 7200);
    ut_reader_close(r);
}

static void test_path_that_is_no_audio_is_named(void **state)
{
    static unsigned char noise[100000];
    struct ut_reader *r = NULL;
    struct ut_error err;
    char longer[600];

    (void)state;
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (unsigned char)(i * i * 2654435761u >> 11);
    expect(noise, sizeof noise, UT_EFORMAT, 0, "no audio");
    expect(noise, 0, UT_EFORMAT, 0, "empty");
    expect(noise, 1, UT_EFORMAT, 0, NULL);
    expect((const unsigned char *)"OggS", 4, UT_EFORMAT, 0, NULL);
    expect((const unsigned char *)"\xff\xfb\x90\x64", 4, UT_EFORMAT, 0, NULL);
    /* An ID3 tag that claims 256 MB, and a text that begins as one. */
    expect((const unsigned char *)"ID3\x04\0\0\x7f\x7f\x7f\x7f junk", 15, UT_EFORMAT, 0, NULL);
    expect((const unsigned char *)"ID3 is a kind of tag, not audio\n", 32, UT_EFORMAT, 0, NULL);

    assert_int_equal(ut_reader_open(&r, dir, &err), UT_EFORMAT);
    assert_non_null(strstr(err.text, "directory"));
    assert_int_equal(ut_reader_open(&r, "/dev/zero", &err), UT_EFORMAT);
    memset(longer, 'x', sizeof longer - 1);
    memcpy(longer, "/nowhere/", 9);
    memcpy(longer + 590, "end.wav", 8);
    assert_int_equal(ut_reader_open(&r, longer, &err), UT_EIO);
    assert_non_null(strstr(err.text, "end.wav: cannot open"));
    assert_null(r);
    ut_reader_close(NULL);
}

static void test_pipe_is_read_like_a_file(void **state)
{
    struct ut_reader *r;
    struct ut_error err;
    int ends[2];
    unsigned char wav[44 + 3200];
    size_t n;

    (void)state;
    make_wav(wav, 1, 16000, 3200);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], wav, sizeof wav), sizeof wav);
    close(ends[1]);
    int kept = dup(STDIN_FILENO);
    assert_true(dup2(ends[0], STDIN_FILENO) >= 0);
    close(ends[0]);
    enum ut_status st = ut_reader_open(&r, "-", &err);
    if (kept >= 0) {
        dup2(kept, STDIN_FILENO);
        close(kept);
    }
    if (st != UT_OK)
        fail_msg("%s", err.text);
    assert_int_equal(read_all(r, NULL, 0, &n, &err), UT_END);
    assert_int_equal(n, 1600);
    assert_int_equal(ut_reader_rewind(r, &err), UT_OK);
    assert_int_equal(read_all(r, NULL, 0, &n, &err), UT_END);
    assert_int_equal(n, 1600);
    ut_reader_close(r);
}

/* Runs last: all of the above, long and hostile files among them, stayed within a bound. */
static void test_memory_stays_small(void **state)
{
    struct rusage usage;

    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* keeps memory of its own */
#endif
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    assert_true(usage.ru_maxrss < 64 * 1024);
}

static int make_dir(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/audio", dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tone_in_every_format_is_read_whole),
        cmocka_unit_test(test_file_cut_anywhere_gives_what_is_there_and_says_so),
        cmocka_unit_test(test_file_with_flipped_bytes_never_harms),
        cmocka_unit_test(test_header_that_lies_is_named),
        cmocka_unit_test(test_samples_that_are_none_are_counted),
        cmocka_unit_test(test_path_that_is_no_audio_is_named),
        cmocka_unit_test(test_pipe_is_read_like_a_file),
        cmocka_unit_test(test_memory_stays_small),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
