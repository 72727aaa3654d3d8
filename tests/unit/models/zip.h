/* Writes a zip archive for a test. */
#ifndef UT_TESTS_ZIP_H
#define UT_TESTS_ZIP_H

#include <stddef.h>

struct zip_file {
    const char *path;
    const void *bytes;
    size_t n;
};

void zip_write(const char *path, const struct zip_file *files, size_t n);

#endif
