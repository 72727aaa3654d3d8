#include "asr/compression.h"

#include <limits.h>
#include <stdbool.h>
#include <zlib.h>

#include "base/memory.h"

struct ut_asr_compressor {
    z_stream stream;
    bool ready;
};

enum ut_status ut_asr_compressor_create(struct ut_asr_compressor **out)
{
    struct ut_asr_compressor *z = ut_calloc(1, sizeof *z);
    if (!z)
        return UT_ENOMEM;
    z->ready = deflateInit(&z->stream, 6) == Z_OK;
    if (!z->ready) {
        ut_free(z);
        return UT_ENOMEM;
    }
    *out = z;
    return UT_OK;
}

void ut_asr_compressor_destroy(struct ut_asr_compressor *z)
{
    if (!z)
        return;
    if (z->ready)
        deflateEnd(&z->stream);
    ut_free(z);
}

float ut_asr_compressor_ratio(struct ut_asr_compressor *z, const char *text, size_t n)
{
    if (n == 0 || n > UINT_MAX)
        return 0.0f;

    unsigned char sink[512]; /* only the length of the output counts */
    int result;
    deflateReset(&z->stream);
    z->stream.next_in = (z_const Bytef *)(z_const void *)text;
    z->stream.avail_in = (uInt)n;
    do {
        z->stream.next_out = sink;
        z->stream.avail_out = sizeof sink;
        result = deflate(&z->stream, Z_FINISH);
    } while (result == Z_OK);
    return result == Z_STREAM_END ? (float)((double)n / (double)z->stream.total_out) : 0.0f;
}
