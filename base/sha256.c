#include "base/sha256.h"

#include <openssl/evp.h>

#include "base/file.h"
#include "base/memory.h"

struct ut_sha256 {
    EVP_MD_CTX *ctx;
};

enum ut_status ut_sha256_create(struct ut_sha256 **out)
{
    struct ut_sha256 *h = ut_calloc(1, sizeof *h);

    if (!h)
        return UT_ENOMEM;
    h->ctx = EVP_MD_CTX_new();
    if (!h->ctx || EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL) != 1) {
        ut_sha256_destroy(h);
        return UT_ENOMEM;
    }
    *out = h;
    return UT_OK;
}

void ut_sha256_destroy(struct ut_sha256 *h)
{
    if (!h)
        return;
    EVP_MD_CTX_free(h->ctx);
    ut_free(h);
}

enum ut_status ut_sha256_update(struct ut_sha256 *h, const void *bytes, size_t n)
{
    return EVP_DigestUpdate(h->ctx, bytes, n) == 1 ? UT_OK : UT_ENOMEM;
}

enum ut_status ut_sha256_final(struct ut_sha256 *h, char hex[UT_SHA256_HEX])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[32];
    unsigned n = 0;

    if (EVP_DigestFinal_ex(h->ctx, digest, &n) != 1 || n != sizeof digest)
        return UT_ENOMEM;
    for (size_t i = 0; i < sizeof digest; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    hex[64] = 0;
    return UT_OK;
}

enum ut_status ut_sha256_file(char hex[UT_SHA256_HEX], const char *path, struct ut_error *err)
{
    struct ut_file_map map;
    struct ut_sha256 *h = NULL;
    enum ut_status st = ut_file_map_open(&map, path, err);

    if (st != UT_OK)
        return st;
    st = ut_sha256_create(&h);
    if (st == UT_OK && map.n_bytes)
        st = ut_sha256_update(h, map.data, map.n_bytes);
    if (st == UT_OK)
        st = ut_sha256_final(h, hex);
    if (st != UT_OK)
        ut_error_set(err, st, "%s: cannot hash it", path);
    ut_sha256_destroy(h);
    ut_file_map_close(&map);
    return st;
}
