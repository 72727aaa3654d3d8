#include "audio/truncation.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_CHUNKS 1024
#define OGG_HEADER 27
#define OGG_MAX_PAGE (OGG_HEADER + 255 + 255 * 255)

static uint32_t load_u32(const unsigned char *p, bool big_endian)
{
    return big_endian ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]
                      : (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

/* Walks the chunks behind the 12-byte header of RIFF or FORM up to the one that holds sound. */
static int64_t count_missing_iff(int fd, int64_t size, bool big_endian, const char *sound)
{
    int64_t at = 12;

    for (int i = 0; i < MAX_CHUNKS; i++) {
        unsigned char head[8];

        if (pread(fd, head, sizeof head, at) != (ssize_t)sizeof head)
            return 0;
        uint32_t n = load_u32(head + 4, big_endian);
        at += (int64_t)sizeof head;
        if (memcmp(head, sound, 4) == 0) {
            bool open = n == 0 || n >= 0x7ffff000u; /* what streaming writers leave there */
            return open || at + n <= size ? 0 : at + n - size;
        }
        at += (int64_t)n + (n & 1);
    }
    return 0;
}

/* Bytes of the page at tail [n] that lie behind the end of the file. */
static int64_t count_missing_page(const unsigned char *tail, int64_t n)
{
    if (n < OGG_HEADER)
        return OGG_HEADER - n;
    int64_t page = OGG_HEADER + tail[26];
    for (int64_t i = OGG_HEADER; i < OGG_HEADER + tail[26]; i++)
        page += i < n ? tail[i] : 0;
    return page > n ? page - n : 0;
}

static int64_t count_missing_ogg(int fd, int64_t size)
{
    static const unsigned char magic[5] = { 'O', 'g', 'g', 'S', 0 };
    unsigned char tail[OGG_MAX_PAGE];
    int64_t from = size > OGG_MAX_PAGE ? size - OGG_MAX_PAGE : 0;
    ssize_t n = pread(fd, tail, sizeof tail, from);

    for (int64_t i = (int64_t)n - (int64_t)sizeof magic; i >= 0; i--) {
        if (memcmp(tail + i, magic, sizeof magic) == 0)
            return count_missing_page(tail + i, (int64_t)n - i);
    }
    return 0;
}

int64_t ut_truncation_n_missing(int fd)
{
    unsigned char head[12];
    struct stat st;

    if (fstat(fd, &st) != 0 || pread(fd, head, sizeof head, 0) != (ssize_t)sizeof head)
        return 0;
    if (memcmp(head, "RIFF", 4) == 0 && memcmp(head + 8, "WAVE", 4) == 0)
        return count_missing_iff(fd, st.st_size, false, "data");
    if (memcmp(head, "FORM", 4) == 0 && memcmp(head + 8, "AIF", 3) == 0)
        return count_missing_iff(fd, st.st_size, true, "SSND");
    if (memcmp(head, "OggS", 4) == 0)
        return count_missing_ogg(fd, st.st_size);
    return 0;
}
