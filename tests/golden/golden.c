#include "tests/golden/golden.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "audio/mel.h"

char *golden_bytes(const char *name, size_t *n)
{
    char path[4096];
    const char *folder = getenv("UT_GOLDEN");

    snprintf(path, sizeof path, "%s/%s", folder ? folder : "tests/golden/data", name);
    FILE *f = fopen(path, "rbe");
    if (!f)
        fail_msg("%s cannot be opened (UT_GOLDEN names the folder of the reference data)", path);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    long size = ftell(f);
    assert_true(size >= 0);
    rewind(f);
    char *bytes = malloc((size_t)size + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, (size_t)size, f), (size_t)size);
    fclose(f);
    bytes[size] = '\0';
    *n = (size_t)size;
    return bytes;
}

static void *read_array(const char *name, size_t n)
{
    size_t n_bytes;
    void *data = golden_bytes(name, &n_bytes);

    assert_int_equal(n_bytes, n * 4);
    return data;
}

float *golden_f32(const char *name, size_t n)
{
    return read_array(name, n);
}

int32_t *golden_i32(const char *name, size_t n)
{
    return read_array(name, n);
}

/* clip.wav has the plain 44-byte header, 16 bit, mono. */
static float *read_clip(size_t *n)
{
    size_t n_bytes;
    char *wav = golden_bytes("clip.wav", &n_bytes);

    assert_true(n_bytes > 44 && memcmp(wav, "RIFF", 4) == 0 && memcmp(wav + 36, "data", 4) == 0);
    *n = (n_bytes - 44) / 2;
    float *pcm = malloc(*n * sizeof *pcm);
    assert_non_null(pcm);
    for (size_t i = 0; i < *n; i++) {
        int16_t sample;
        memcpy(&sample, wav + 44 + 2 * i, 2);
        pcm[i] = (float)sample / 32768;
    }
    free(wav);
    return pcm;
}

float *golden_clip_mel(void)
{
    struct ut_mel *mel = NULL;
    struct ut_mel_stream *s = NULL;
    size_t n;
    float *pcm = read_clip(&n);
    float *out = malloc((size_t)3000 * 80 * sizeof *out);

    assert_non_null(out);
    assert_int_equal(ut_mel_create(&mel, 80), UT_OK);
    assert_int_equal(ut_mel_stream_create(&s, mel, 3000), UT_OK);
    ut_mel_stream_feed(s, pcm, n);
    float top = ut_mel_stream_max(s, 0, 3000);
    assert_int_equal(ut_mel_stream_window(s, 0, 3000, top, 0, out), UT_OK);
    ut_mel_stream_destroy(s);
    ut_mel_destroy(mel);
    free(pcm);
    return out;
}

const char *golden_model_path(const char *file)
{
    static char path[4096];
    const char *cache = getenv("UTTER_CACHE");
    const char *home = getenv("HOME");

    if (cache)
        snprintf(path, sizeof path, "%s/models/%s", cache, file);
    else
        snprintf(path, sizeof path, "%s/.cache/utter/models/%s", home ? home : "", file);
    if (access(path, R_OK) != 0) {
        printf("skipped: %s is not there\n", path);
        exit(77);
    }
    return path;
}

double golden_relative_l2(const float *a, const float *b, size_t n)
{
    double difference = 0, norm = 0;

    for (size_t i = 0; i < n; i++) {
        difference += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        norm += (double)b[i] * b[i];
    }
    return sqrt(difference / norm);
}
