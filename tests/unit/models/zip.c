#include "tests/unit/models/zip.h"

#include <stdlib.h>

#include <archive.h>
#include <archive_entry.h>

static void require(int ok)
{
    if (!ok)
        abort();
}

void zip_write(const char *path, const struct zip_file *files, size_t n)
{
    struct archive *a = archive_write_new();

    require(a && archive_write_set_format_zip(a) == ARCHIVE_OK);
    require(archive_write_open_filename(a, path) == ARCHIVE_OK);
    for (size_t i = 0; i < n; i++) {
        struct archive_entry *e = archive_entry_new();
        require(e != NULL);
        archive_entry_set_pathname(e, files[i].path);
        archive_entry_set_filetype(e, AE_IFREG);
        archive_entry_set_perm(e, 0644);
        archive_entry_set_size(e, (la_int64_t)files[i].n);
        require(archive_write_header(a, e) == ARCHIVE_OK);
        require(archive_write_data(a, files[i].bytes, files[i].n) == (la_ssize_t)files[i].n);
        archive_entry_free(e);
    }
    require(archive_write_close(a) == ARCHIVE_OK);
    archive_write_free(a);
}
