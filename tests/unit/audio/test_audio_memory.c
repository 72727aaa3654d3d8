#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audio/fft.h"
#include "audio/mel.h"
#include "audio/reader.h"
#include "audio/resampler.h"
#include "audio/ring.h"

/*
 * Each thing is made with its first allocation failing, then its second, and so on until it can be
 * made: every time UT_ENOMEM, nothing written, and (under a sanitizer) nothing leaked. The linker
 * sends base/memory.c's posix_memalign() here.
 */
static int n_until_failure = -1; /* -1: never */
static int n_calls;

int __real_posix_memalign(void **out, size_t alignment, size_t n);
int __wrap_posix_memalign(void **out, size_t alignment, size_t n);

int __wrap_posix_memalign(void **out, size_t alignment, size_t n)
{
    n_calls++;
    if (n_until_failure == 0)
        return ENOMEM;
    if (n_until_failure > 0)
        n_until_failure--;
    return __real_posix_memalign(out, alignment, n);
}

static char path[] = "/tmp/utter-test-XXXXXX";
static struct ut_mel *shared_mel;

static enum ut_status try_fft(void)
{
    struct ut_fft *fft = NULL;
    enum ut_status st = ut_fft_create(&fft, 400, 8);

    assert_true((st == UT_OK) == (fft != NULL));
    ut_fft_destroy(fft);
    return st;
}

static enum ut_status try_mel(void)
{
    struct ut_mel *mel = NULL;
    enum ut_status st = ut_mel_create(&mel, 80);

    assert_true((st == UT_OK) == (mel != NULL));
    ut_mel_destroy(mel);
    return st;
}

static enum ut_status try_mel_stream(void)
{
    struct ut_mel_stream *s = NULL;
    enum ut_status st = ut_mel_stream_create(&s, shared_mel, 100);

    assert_true((st == UT_OK) == (s != NULL));
    ut_mel_stream_destroy(s);
    return st;
}

static enum ut_status try_ring(void)
{
    struct ut_ring *ring = NULL;
    enum ut_status st = ut_ring_create(&ring, 64);

    assert_true((st == UT_OK) == (ring != NULL));
    ut_ring_destroy(ring);
    return st;
}

static enum ut_status try_resampler(void)
{
    struct ut_resampler *r = NULL;
    enum ut_status st = ut_resampler_create(&r, 48000, 2);

    assert_true((st == UT_OK) == (r != NULL));
    ut_resampler_destroy(r);
    return st;
}

static enum ut_status try_reader(void)
{
    struct ut_reader *r = NULL;
    struct ut_error err = { 0 };
    enum ut_status st = ut_reader_open(&r, path, &err);

    assert_true((st == UT_OK) == (r != NULL));
    assert_true(st == UT_OK || (err.code == st && strlen(err.text) > 0));
    ut_reader_close(r);
    return st;
}

static void check(enum ut_status (*attempt)(void), int least)
{
    int n_failures = 0;
    enum ut_status st;

    do {
        n_until_failure = n_failures;
        st = attempt();
        n_until_failure = -1;
        if (st != UT_OK) {
            assert_int_equal(st, UT_ENOMEM);
            n_failures++;
        }
        assert_true(n_failures < 100);
    } while (st != UT_OK);
    assert_true(n_failures >= least);
}

static void test_create_without_memory_fails_cleanly(void **state)
{
    (void)state;
    check(try_fft, 3);
    check(try_mel, 4);
    check(try_mel_stream, 9);
    check(try_ring, 2);
    check(try_resampler, 1);
    check(try_reader, 4);
}

static void test_steady_state_allocates_nothing(void **state)
{
    static float out[3000 * 80];
    float pcm[1600] = { 0.25f, -0.25f };
    struct ut_mel_stream *s;

    (void)state;
    assert_int_equal(ut_mel_stream_create(&s, shared_mel, 3000), UT_OK);
    n_calls = 0;
    for (int i = 0; i < 400; i++) {
        ut_mel_stream_feed(s, pcm, 1600);
        int64_t end = ut_mel_stream_n_samples(s) / UT_MEL_HOP;
        int64_t first = end > 2900 ? end - 2900 : 0;
        float top = ut_mel_stream_max(s, first, 3000);
        assert_int_equal(ut_mel_stream_window(s, first, 3000, top, 0.0f, out), UT_OK);
    }
    assert_int_equal(n_calls, 0);
    ut_mel_stream_destroy(s);
}

static int prepare(void **state)
{
    unsigned char wav[44 + 3200] = "RIFF\xa4\x0c\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x80\x3e\0\0"
                                   "\0\x7d\0\0\2\0\x10\0data\x80\x0c\0";
    int fd = mkstemp(path);

    (void)state;
    if (fd < 0 || write(fd, wav, sizeof wav) != (ssize_t)sizeof wav)
        return -1;
    close(fd);
    return ut_mel_create(&shared_mel, 80) == UT_OK ? 0 : -1;
}

static int clean_up(void **state)
{
    (void)state;
    ut_mel_destroy(shared_mel);
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create_without_memory_fails_cleanly),
        cmocka_unit_test(test_steady_state_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, prepare, clean_up);
}
