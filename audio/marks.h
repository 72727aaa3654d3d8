/*
 * Places in a sample stream where something is missing, from the thread that writes the samples to
 * the one that reads them: ut_ring's companion.
 *
 * One writer, one reader; neither locks, allocates or waits. A full list takes no mark (the writer
 * keeps it and tries again). Lay it out where you like; a zeroed one is empty.
 */
#ifndef UT_AUDIO_MARKS_H
#define UT_AUDIO_MARKS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UT_MARKS_MAX 32u

struct ut_mark {
    uint64_t at; /* samples before it */
    uint64_t n_missing;
};

struct ut_marks {
    struct ut_mark list[UT_MARKS_MAX];
    atomic_uint n_written;
    atomic_uint n_read;
};

/* Writer thread. False when there is no room. */
bool ut_marks_put(struct ut_marks *m, struct ut_mark mark);

/* Reader thread. The oldest mark, not removed; false when there is none. */
bool ut_marks_peek(const struct ut_marks *m, struct ut_mark *out);
void ut_marks_drop(struct ut_marks *m); /* removes it */

#endif
