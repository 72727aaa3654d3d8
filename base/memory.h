/*
 * Heap memory with checked sizes, and the arena that sessions and steps live in.
 *
 * Three kinds of memory: a model (mapped, immutable, shared), a session (one arena sized when it
 * is created), a step (an arena reset per chunk). The steady state allocates nothing. Any thread
 * may allocate; one arena belongs to one thread at a time.
 */
#ifndef UT_BASE_MEMORY_H
#define UT_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

#define UT_CACHE_LINE 64

/* Writes a * b (or a + b) to *out; false on overflow, *out then untouched. */
bool ut_size_mul(size_t a, size_t b, size_t *out);
bool ut_size_add(size_t a, size_t b, size_t *out);

/*
 * Returns n * size zeroed bytes aligned to UT_CACHE_LINE, or NULL when memory is out or the
 * product overflows. End with ut_free(). n or size of 0 gives a valid pointer to 0 bytes.
 */
void *ut_calloc(size_t n, size_t size);

/* The same without zeroing. */
void *ut_alloc(size_t n, size_t size);

/* Accepts NULL. Only for memory of ut_alloc() and ut_calloc(). */
void ut_free(void *p);

/* A copy of `s` to be ended with ut_free(), or NULL when memory is out. */
char *ut_strdup(const char *s);

/* A bump allocator over one block. Lay it out where you like; fields are private. */
struct ut_arena {
    unsigned char *block;
    size_t capacity;
    size_t used;
    size_t peak;
};

/* Takes `capacity` bytes (at least 1). Errors: UT_EINVAL, UT_ENOMEM. End with ut_arena_finish(). */
UT_NODISCARD enum ut_status ut_arena_init(struct ut_arena *arena, size_t capacity);

/* Accepts a zeroed arena. */
void ut_arena_finish(struct ut_arena *arena);

/*
 * Returns n * size bytes aligned to UT_CACHE_LINE, not zeroed, valid until the arena is reset below
 * them; NULL when the block is spent (a bound that the caller turns into UT_ELIMIT).
 */
void *ut_arena_take(struct ut_arena *arena, size_t n, size_t size);

/* A mark to give to ut_arena_reset(), which frees all that was taken since; 0 is "everything". */
size_t ut_arena_mark(const struct ut_arena *arena);
void ut_arena_reset(struct ut_arena *arena, size_t mark);

#endif
