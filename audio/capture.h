/*
 * The microphone: listing input devices and capturing from one as 16 kHz mono. The one place that
 * knows PortAudio's input.
 *
 * PortAudio's own thread runs the callback, which only mixes to mono and writes into a ut_ring of
 * some seconds; resampling happens on the thread that reads. A reader that is too slow loses the
 * newest samples, counted, and is told where. Listing and opening are cold paths that send the
 * process's stderr to /dev/null for some tens of milliseconds, because ALSA and JACK write to it
 * whatever they find. (When a device is lost, PortAudio's thread still writes lines of its own; it
 * has no switch for them.)
 */
#ifndef UT_AUDIO_CAPTURE_H
#define UT_AUDIO_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct ut_capture_device {
    int index; /* what ut_capture_open() takes; holds until devices come or go */
    char name[128];
    char host_api[32]; /* "ALSA", ... */
    unsigned rate_hz;  /* its own */
    unsigned n_channels;
    bool is_default;
};

/*
 * Writes up to `capacity` input devices and to *n how many there are in all, 0 being no error. Any
 * thread. Errors: UT_EIO (the sound system cannot be reached).
 */
UT_NODISCARD enum ut_status ut_capture_list(struct ut_capture_device *out, size_t capacity,
                                            size_t *n, struct ut_error *err);

struct ut_capture;

/*
 * Opens and starts `device`: NULL for the default one, an index, or a name or part of one in any
 * case. The caller owns *out. Errors: UT_EIO (no device, no such device, or it cannot be opened),
 * UT_ENOMEM.
 */
UT_NODISCARD enum ut_status ut_capture_open(struct ut_capture **out, const char *device,
                                            struct ut_error *err);
void ut_capture_close(struct ut_capture *c);

/*
 * Waits at most timeout_ms for samples and writes up to n of them, 16 kHz mono, to pcm; *got is at
 * least 1 with UT_OK. UT_AGAIN: none came in time, or a signal handler ran. UT_END: stopped and
 * everything given. UT_EIO: the device is lost or has gone silent; what it gave before has been
 * read. One reader thread. Errors beside: UT_ENOMEM.
 */
UT_NODISCARD enum ut_status ut_capture_read(struct ut_capture *c, float *pcm, size_t n,
                                            int timeout_ms, size_t *got, struct ut_error *err);

/*
 * Samples (at 16 kHz) that are missing before those that the last read gave: lost by the device,
 * or because the reader was too slow. Asking forgets them. The reader thread.
 */
uint64_t ut_capture_gap(struct ut_capture *c);

/* Ends the capture; what was captured can still be read. The reader thread. */
void ut_capture_stop(struct ut_capture *c);

struct ut_capture_stats {
    uint64_t n_xruns;   /* times the device lost samples before the callback */
    uint64_t n_dropped; /* samples, at the device's rate, that found the ring full */
};
struct ut_capture_stats ut_capture_stats(const struct ut_capture *c);

/* The device in use. Valid until close. */
const struct ut_capture_device *ut_capture_device(const struct ut_capture *c);

#endif
