#include "audio/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

#define BLOCK_BYTES ((size_t)1 << 16)

static int open_temporary(const char *dir)
{
    char path[4096];
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (fd >= 0)
        return fd;
    /* Not every filesystem has nameless files. */
    int n = snprintf(path, sizeof path, "%s/utter-XXXXXX", dir);
    if (n < 0 || (size_t)n >= sizeof path)
        return -1;
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    return fd;
}

static enum ut_status write_all(int fd, const char *bytes, size_t n, const char *dir,
                                struct ut_error *err)
{
    while (n > 0) {
        ssize_t k = write(fd, bytes, n);

        if (k < 0)
            return ut_error_set(err, errno == EINTR ? UT_ECANCELED : UT_EIO,
                                "cannot keep the input in %s: %s", dir, strerror(errno));
        bytes += k;
        n -= (size_t)k;
    }
    return UT_OK;
}

static enum ut_status copy_to_end(int to, int from, const char *dir, struct ut_error *err)
{
    char *block = ut_alloc(BLOCK_BYTES, 1);
    enum ut_status st = UT_OK;
    long long total = 0;

    if (!block)
        return ut_error_set(err, UT_ENOMEM, "no memory to read the input");
    while (st == UT_OK) {
        ssize_t k = read(from, block, BLOCK_BYTES);

        if (k == 0)
            break;
        total += k;
        if (k < 0)
            st = ut_error_set(err, errno == EINTR ? UT_ECANCELED : UT_EIO, "cannot read: %s",
                              strerror(errno));
        else if (total > UT_SPOOL_LIMIT)
            st = ut_error_set(err, UT_ELIMIT, "more than %lld bytes from a pipe", UT_SPOOL_LIMIT);
        else
            st = write_all(to, block, (size_t)k, dir, err);
    }
    ut_free(block);
    if (st == UT_OK && lseek(to, 0, SEEK_SET) != 0)
        st = ut_error_set(err, UT_EIO, "cannot seek in %s: %s", dir, strerror(errno));
    return st;
}

static enum ut_status copy_pipe(int *out, int from, struct ut_error *err)
{
    const char *dir = getenv("TMPDIR");

    if (!dir || !*dir)
        dir = "/tmp";
    int fd = open_temporary(dir);
    if (fd < 0)
        return ut_error_set(err, UT_EIO, "cannot make a temporary file in %s: %s", dir,
                            strerror(errno));
    enum ut_status st = copy_to_end(fd, from, dir, err);
    if (st != UT_OK)
        close(fd);
    else
        *out = fd;
    return st;
}

enum ut_status ut_spool_open(int *out, const char *path, struct ut_error *err)
{
    struct stat info;
    int fd = strcmp(path, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                                    : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd < 0)
        return ut_error_set(err, UT_EIO, "cannot open: %s", strerror(errno));
    enum ut_status st = UT_OK;
    if (fstat(fd, &info) != 0) {
        st = ut_error_set(err, UT_EIO, "cannot open: %s", strerror(errno));
    } else if (S_ISREG(info.st_mode) && lseek(fd, 0, SEEK_CUR) == 0) {
        *out = fd;
        return UT_OK;
    } else if (S_ISDIR(info.st_mode)) {
        st = ut_error_set(err, UT_EFORMAT, "a directory, not audio");
    } else if (S_ISCHR(info.st_mode) || S_ISBLK(info.st_mode)) {
        st = ut_error_set(err, UT_EFORMAT, "a %s, not audio", isatty(fd) ? "terminal" : "device");
    } else {
        st = copy_pipe(out, fd, err);
    }
    close(fd);
    return st;
}
