#include "base/memory.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

bool ut_size_mul(size_t a, size_t b, size_t *out)
{
    size_t r;

    if (__builtin_mul_overflow(a, b, &r))
        return false;
    *out = r;
    return true;
}

bool ut_size_add(size_t a, size_t b, size_t *out)
{
    size_t r;

    if (__builtin_add_overflow(a, b, &r))
        return false;
    *out = r;
    return true;
}

void *ut_alloc(size_t n, size_t size)
{
    size_t bytes;
    void *p = NULL;

    if (!ut_size_mul(n, size, &bytes))
        return NULL;
    /* Exact size, so that a sanitizer sees the first byte past the end. */
    if (posix_memalign(&p, UT_CACHE_LINE, bytes ? bytes : 1) != 0)
        return NULL;
    return p;
}

void *ut_calloc(size_t n, size_t size)
{
    void *p = ut_alloc(n, size);

    if (p)
        memset(p, 0, n * size);
    return p;
}

void ut_free(void *p)
{
    free(p);
}

char *ut_strdup(const char *s)
{
    size_t bytes = strlen(s) + 1;
    char *copy = ut_alloc(bytes, 1);

    if (copy)
        memcpy(copy, s, bytes);
    return copy;
}

enum ut_status ut_arena_init(struct ut_arena *arena, size_t capacity)
{
    if (capacity == 0)
        return UT_EINVAL;
    unsigned char *block = ut_alloc(capacity, 1);
    if (!block)
        return UT_ENOMEM;
    *arena = (struct ut_arena){ .block = block, .capacity = capacity };
    return UT_OK;
}

void ut_arena_finish(struct ut_arena *arena)
{
    ut_free(arena->block);
    *arena = (struct ut_arena){ 0 };
}

void *ut_arena_take(struct ut_arena *arena, size_t n, size_t size)
{
    size_t bytes;

    if (!ut_size_mul(n, size, &bytes) || !ut_size_add(bytes, UT_CACHE_LINE - 1, &bytes))
        return NULL;
    bytes &= ~(size_t)(UT_CACHE_LINE - 1);
    if (bytes > arena->capacity - arena->used)
        return NULL;
    void *p = arena->block + arena->used;
    arena->used += bytes;
    if (arena->used > arena->peak)
        arena->peak = arena->used;
    return p;
}

size_t ut_arena_mark(const struct ut_arena *arena)
{
    return arena->used;
}

void ut_arena_reset(struct ut_arena *arena, size_t mark)
{
    assert(mark <= arena->used);
    arena->used = mark;
}
