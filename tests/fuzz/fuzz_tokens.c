/*
 * The tokenizer: the input is a little vocabulary of joins and a text. Whatever both hold, the
 * pieces are the text, the heap finds what the plain definition of byte-pair encoding finds, and
 * the ids' bytes are the text again.
 */
#include <stdlib.h>
#include <string.h>

#include "asr/bpe.h"
#include "base/regex.h"
#include "tests/fuzz/fuzz.h"

#define MAX_JOINS 64
#define MAX_TEXT 512

struct run {
    struct ut_bpe *bpe;
    struct ut_bpe_work work;
    char bytes[256 + 255 * MAX_JOINS];
    uint32_t offsets[256 + MAX_JOINS + 1];
    size_t n_tokens;
    const char *text;
    size_t done; /* bytes of the text given as pieces so far */
};

static void require(int ok)
{
    if (!ok)
        abort();
}

static void add_token(struct run *r, const uint8_t *bytes, size_t n)
{
    uint32_t start = r->offsets[r->n_tokens];

    memcpy(r->bytes + start, bytes, n);
    r->offsets[++r->n_tokens] = start + (uint32_t)n;
}

/* Joins the lowest pair, the leftmost among equals, until there is none: O(n^2), as written down.
 */
static size_t encode_plainly(const struct run *r, const char *piece, size_t n, int32_t *ids)
{
    size_t length[MAX_TEXT];
    size_t count = n;

    for (size_t i = 0; i < n; i++) {
        length[i] = 1;
        ids[i] = ut_bpe_find(r->bpe, piece + i, 1);
    }
    for (;;) {
        size_t at = 0, best_at = 0;
        int32_t best = -1;
        for (size_t i = 0; i + 1 < count; at += length[i++]) {
            int32_t id = ut_bpe_find(r->bpe, piece + at, length[i] + length[i + 1]);
            if (id >= 0 && (best < 0 || id < best)) {
                best = id;
                best_at = i;
            }
        }
        if (best < 0)
            return count;
        ids[best_at] = best;
        length[best_at] += length[best_at + 1];
        memmove(ids + best_at + 1, ids + best_at + 2, (count - best_at - 2) * sizeof *ids);
        memmove(length + best_at + 1, length + best_at + 2, (count - best_at - 2) * sizeof *length);
        count--;
    }
}

static enum ut_status check_piece(void *ctx, const char *piece, size_t n)
{
    struct run *r = ctx;
    int32_t ids[MAX_TEXT], plain[MAX_TEXT];
    size_t n_ids = 0;
    size_t at = 0;

    require(n > 0 && piece == r->text + r->done);
    r->done += n;
    require(ut_bpe_encode(r->bpe, &r->work, piece, n, ids, MAX_TEXT, &n_ids) == UT_OK);
    require(encode_plainly(r, piece, n, plain) == n_ids);
    for (size_t i = 0; i < n_ids; i++) {
        require(ids[i] == plain[i]);
        size_t bytes = r->offsets[ids[i] + 1] - r->offsets[ids[i]];
        require(at + bytes <= n && memcmp(r->bytes + r->offsets[ids[i]], piece + at, bytes) == 0);
        at += bytes;
    }
    require(at == n);
    /* one too few is refused */
    require(ut_bpe_encode(r->bpe, &r->work, piece, n, ids, n_ids - 1, &n_ids) == UT_ELIMIT);
    return UT_OK;
}

/* Joins come first, each a length and its bytes, up to a length of 0; the rest is the text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct ut_regex *pieces;
    static struct run r;
    size_t at = 0;

    if (!pieces)
        require(ut_regex_create(&pieces, "'s|'ll| ?\\p{L}+| ?\\p{N}+|\\s+(?!\\S)|\\s+", NULL) ==
                UT_OK);
    memset(&r, 0, sizeof r);
    for (int b = 0; b < 256; b++) {
        uint8_t byte = (uint8_t)b;
        add_token(&r, &byte, 1);
    }
    while (at < n && r.n_tokens < 256 + MAX_JOINS) {
        size_t length = data[at++];
        if (length == 0)
            break;
        length = length < n - at ? length : n - at;
        add_token(&r, data + at, length);
        at += length;
    }
    size_t n_text = n - at < MAX_TEXT ? n - at : MAX_TEXT;
    r.text = (const char *)data + at;
    require(ut_bpe_create(&r.bpe, r.bytes, r.offsets, r.n_tokens, NULL) == UT_OK);
    require(ut_regex_split(pieces, r.text, n_text, check_piece, &r) == UT_OK);
    require(r.done == n_text);
    ut_bpe_work_finish(&r.work);
    ut_bpe_destroy(r.bpe);
    return 0;
}

size_t fuzz_seed(unsigned i, uint8_t *data, size_t capacity)
{
    static const char *const seeds[] = {
        "\002th\003the\004 the\002he\002in\003ing\001x\002aa\003aaa@It's the thing, aaaaaaa in "
        "1859.  \n x",
        "\002bc\002ab\003abc\002aa\004bcbc\003cab@abcabcabc aaaa bcbcbc 'll 's \xc3\xa9t\xc3\xa9 "
        "\xe4\xbd\xa0\xe5\xa5\xbd",
        "\002\xc3\xa9\003\xe4\xbd\xa0\002\xe4\xbd@\xe4\xbd\xa0\xc3\xa9\xff\xfe\xe4\xbd "
        "\xf0\x9f\x98\x80 \xed\xa0\x80",
    };

    if (i >= sizeof seeds / sizeof seeds[0])
        return 0;
    size_t n = strlen(seeds[i]);
    n = n < capacity ? n : capacity;
    memcpy(data, seeds[i], n);
    for (size_t k = 0; k < n; k++) /* stands for the NUL that ends the joins */
        data[k] = data[k] == '@' ? 0 : data[k];
    return n;
}
