/*
 * Makes the program's calls for memory and threads fail on purpose: linked in with --wrap, steered
 * by the environment, so that one binary shows every way to run short.
 *
 *   UT_FAIL_ALLOC=K   the K-th allocation fails, and every later one when K ends in '+';
 *                     pages from the kernel count like blocks of the heap
 *   UT_FAIL_THREAD=K  the same of pthread_create()
 *   UT_COUNT_FAULTS=FILE  at exit writes "allocations threads" there
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int __real_posix_memalign(void **out, size_t alignment, size_t n);
int __wrap_posix_memalign(void **out, size_t alignment, size_t n);
void *__real_mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
                          void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
                          void *arg);

struct fault {
    const char *variable;
    atomic_long n;
};

static struct fault allocations = { .variable = "UT_FAIL_ALLOC" };
static struct fault thread_starts = { .variable = "UT_FAIL_THREAD" };

/* Whether this call is the one to fail. */
static bool fails(struct fault *f)
{
    const char *at = getenv(f->variable);
    long n = atomic_fetch_add(&f->n, 1) + 1;
    char *end;

    if (!at)
        return false;
    long k = strtol(at, &end, 10);
    return n == k || (*end == '+' && n > k);
}

int __wrap_posix_memalign(void **out, size_t alignment, size_t n)
{
    return fails(&allocations) ? ENOMEM : __real_posix_memalign(out, alignment, n);
}

void *__wrap_mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset)
{
    if (fd < 0 && fails(&allocations)) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return __real_mmap(at, n, protection, flags, fd, offset);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
                          void *arg)
{
    return fails(&thread_starts) ? EAGAIN : __real_pthread_create(thread, attr, run, arg);
}

__attribute__((destructor)) static void write_counts(void)
{
    const char *path = getenv("UT_COUNT_FAULTS");
    FILE *f = path ? fopen(path, "w") : NULL;

    if (!f)
        return;
    fprintf(f, "%ld %ld\n", atomic_load(&allocations.n), atomic_load(&thread_starts.n));
    fclose(f);
}
