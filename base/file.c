#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"

enum ut_status ut_file_map_open(struct ut_file_map *out, const char *path, struct ut_error *err)
{
    struct stat sb;
    void *data = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return ut_error_set(err, UT_EIO, "%s: %s", path, strerror(errno));
    if (fstat(fd, &sb) != 0 || !S_ISREG(sb.st_mode)) {
        close(fd);
        return ut_error_set(err, UT_EFORMAT, "%s: not a regular file", path);
    }
    size_t n = (size_t)sb.st_size;
    if (n) {
        data = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED) {
            int saved = errno;
            close(fd);
            return ut_error_set(err, UT_EIO, "%s: cannot map %zu bytes: %s", path, n,
                                strerror(saved));
        }
    }
    close(fd);
    *out = (struct ut_file_map){ .data = data, .n_bytes = n };
    return UT_OK;
}

void ut_file_map_close(struct ut_file_map *map)
{
    if (map->data)
        munmap((void *)(size_t)map->data, map->n_bytes);
    *map = (struct ut_file_map){ 0 };
}

void ut_file_map_release(const struct ut_file_map *map, size_t offset, size_t n)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t first = (offset + page - 1) / page * page;
    size_t end = (offset + n) / page * page;

    if (map->data && end <= map->n_bytes && first < end)
        madvise((void *)(size_t)(map->data + first), end - first, MADV_DONTNEED);
}

enum ut_status ut_file_writer_open(struct ut_file_writer *out, const char *path,
                                   struct ut_error *err)
{
    struct ut_file_writer w = { 0 };
    struct ut_buffer name = { .limit = 8192 };

    if (ut_buffer_printf(&name, "%s.part-%ld", path, (long)getpid()) == UT_OK) {
        w.temporary = ut_strdup(ut_buffer_text(&name));
        w.path = ut_strdup(path);
    }
    ut_buffer_finish(&name);
    if (!w.temporary || !w.path) {
        ut_file_writer_abort(&w);
        return ut_error_set(err, UT_ENOMEM, "%s: out of memory", path);
    }
    w.f = fopen(w.temporary, "wbe");
    if (!w.f) {
        int saved = errno;
        ut_free(w.temporary);
        ut_free(w.path);
        return ut_error_set(err, UT_EIO, "%s: cannot write: %s", path, strerror(saved));
    }
    *out = w;
    return UT_OK;
}

enum ut_status ut_file_writer_commit(struct ut_file_writer *w, struct ut_error *err)
{
    int saved = 0;

    if (fflush(w->f) != 0 || fsync(fileno(w->f)) != 0 || ferror(w->f))
        saved = errno ? errno : EIO;
    if (fclose(w->f) != 0 && !saved)
        saved = errno;
    w->f = NULL;
    if (!saved && rename(w->temporary, w->path) != 0)
        saved = errno;
    enum ut_status st = UT_OK;
    if (saved) {
        st = ut_error_set(err, UT_EIO, "%s: cannot write: %s", w->path, strerror(saved));
    } else {
        ut_free(w->temporary);
        w->temporary = NULL;
    }
    ut_file_writer_abort(w);
    return st;
}

void ut_file_writer_abort(struct ut_file_writer *w)
{
    if (w->f)
        fclose(w->f);
    if (w->temporary)
        unlink(w->temporary);
    ut_free(w->temporary);
    ut_free(w->path);
    *w = (struct ut_file_writer){ 0 };
}
