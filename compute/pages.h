/*
 * Large zeroed memory straight from the kernel: pages that nobody touches cost nothing.
 *
 * Any thread. Blocks of less than 1 MB come from the heap, with their exact size.
 */
#ifndef UT_COMPUTE_PAGES_H
#define UT_COMPUTE_PAGES_H

#include <stdbool.h>
#include <stddef.h>

/*
 * n * size zeroed bytes aligned to 64, or NULL when memory is out or the product overflows.
 * `huge` asks for huge pages, for memory that will all be used (packed weights). End with
 * ut_pages_free().
 */
void *ut_pages_alloc(size_t n, size_t size, bool huge);

/* Accepts NULL. */
void ut_pages_free(void *p);

#endif
