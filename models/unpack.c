#include "models/unpack.h"

#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>

#include "base/memory.h"
#include "base/sha256.h"

#define BLOCK ((size_t)1 << 17)

struct copy {
    FILE *to;
    const char *archive;
    const char *inner;
    uint64_t limit;
    uint64_t n_bytes;
    struct ut_sha256 *hash;
    struct ut_error *err;
};

static enum ut_status refuse(const struct copy *c, struct archive *a)
{
    const char *why = archive_error_string(a);

    return ut_error_set(c->err, UT_EFORMAT, "%s: %s", c->archive, why ? why : "damaged archive");
}

/* The data of the entry that `a` stands at. */
static enum ut_status copy_data(struct copy *c, struct archive *a)
{
    char *block = ut_alloc(BLOCK, 1);
    enum ut_status st = block ? UT_OK : UT_ENOMEM;
    la_ssize_t n = 0;

    while (st == UT_OK && (n = archive_read_data(a, block, BLOCK)) > 0) {
        c->n_bytes += (uint64_t)n;
        if (c->n_bytes > c->limit)
            st = ut_error_set(c->err, UT_ELIMIT, "%s: %s is longer than %" PRIu64 " bytes",
                              c->archive, c->inner, c->limit);
        else if (fwrite(block, 1, (size_t)n, c->to) != (size_t)n)
            st = ut_error_set(c->err, UT_EIO, "%s: cannot write what it holds: %s", c->archive,
                              strerror(errno));
        else
            st = ut_sha256_update(c->hash, block, (size_t)n);
    }
    if (st == UT_OK && n < 0)
        st = refuse(c, a);
    ut_free(block);
    return st;
}

static enum ut_status copy_matching(struct copy *c, struct archive *a)
{
    struct archive_entry *entry;
    enum ut_status st = UT_OK;
    int n_found = 0, r = ARCHIVE_OK;

    while (st == UT_OK && (r = archive_read_next_header(a, &entry)) == ARCHIVE_OK) {
        const char *path = archive_entry_pathname(entry);
        if (!path || archive_entry_filetype(entry) != AE_IFREG ||
            fnmatch(c->inner, path, FNM_PATHNAME) != 0)
            continue;
        st = n_found++ ? ut_error_set(c->err, UT_EFORMAT, "%s: several files match %s", c->archive,
                                      c->inner)
                       : copy_data(c, a);
    }
    if (st == UT_OK && r != ARCHIVE_EOF)
        st = refuse(c, a);
    if (st == UT_OK && n_found == 0)
        st = ut_error_set(c->err, UT_EFORMAT, "%s: no file %s inside", c->archive, c->inner);
    return st;
}

static enum ut_status check_hash(struct copy *c, const char *sha256)
{
    char hex[UT_SHA256_HEX];
    enum ut_status st = ut_sha256_final(c->hash, hex);

    if (st == UT_OK && sha256 && strcmp(hex, sha256) != 0)
        return ut_error_set(c->err, UT_EFORMAT, "%s: %s has sha256 %s, not %s", c->archive,
                            c->inner, hex, sha256);
    return st;
}

enum ut_status ut_unpack_file(FILE *to, const char *archive, const char *inner, uint64_t limit,
                              const char *sha256, uint64_t *n_bytes, struct ut_error *err)
{
    struct copy c = { to, archive, inner, limit, 0, NULL, err };
    struct archive *a = archive_read_new();
    enum ut_status st = a ? ut_sha256_create(&c.hash) : UT_ENOMEM;

    if (st != UT_OK) {
        ut_error_set(err, st, "%s: out of memory", archive);
        goto done;
    }
    archive_read_support_filter_gzip(a);
    archive_read_support_format_zip(a);
    archive_read_support_format_tar(a);
    st = archive_read_open_filename(a, archive, BLOCK) == ARCHIVE_OK ? UT_OK : refuse(&c, a);
    if (st == UT_OK)
        st = copy_matching(&c, a);
    if (st == UT_OK)
        st = check_hash(&c, sha256);
    if (st == UT_OK && n_bytes)
        *n_bytes = c.n_bytes;
done:
    if (a)
        archive_read_free(a);
    ut_sha256_destroy(c.hash);
    return st;
}
