#include "compute/pages.h"

#include <stdint.h>
#include <sys/mman.h>

#include "base/memory.h"

#define LARGE_BYTES ((size_t)1 << 20)
#define HUGE_BYTES ((size_t)2 << 20)

/* One cache line ahead of every block. */
struct header {
    void *map; /* NULL for a heap block */
    size_t map_bytes;
};

static void *alloc_heap(size_t bytes)
{
    unsigned char *p = ut_calloc(1, bytes + UT_CACHE_LINE);

    return p ? p + UT_CACHE_LINE : NULL;
}

void *ut_pages_alloc(size_t n, size_t size, bool huge)
{
    size_t bytes, map_bytes;

    if (!ut_size_mul(n, size, &bytes) || !ut_size_add(bytes, 2 * HUGE_BYTES, &map_bytes))
        return NULL;
    if (bytes < LARGE_BYTES)
        return alloc_heap(bytes);
    if (!huge)
        map_bytes = bytes + UT_CACHE_LINE;
    unsigned char *map =
        mmap(NULL, map_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED)
        return NULL;
    unsigned char *p = map + UT_CACHE_LINE;
    if (huge) {
        /* The data, not the header, begins at a huge page. */
        uintptr_t skip = HUGE_BYTES - (uintptr_t)map % HUGE_BYTES;
        p = map + skip;
        (void)madvise(p, bytes / HUGE_BYTES * HUGE_BYTES, MADV_HUGEPAGE);
    }
    *(struct header *)(void *)(p - UT_CACHE_LINE) = (struct header){ map, map_bytes };
    return p;
}

void ut_pages_free(void *p)
{
    if (!p)
        return;
    unsigned char *head = (unsigned char *)p - UT_CACHE_LINE;
    struct header h = *(struct header *)(void *)head;
    if (h.map)
        (void)munmap(h.map, h.map_bytes);
    else
        ut_free(head);
}
