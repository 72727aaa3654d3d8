#include "stream/prompt.h"

#include <string.h>

#include "base/memory.h"

/* Bytes of the character that begins at s, 0 when it is no UTF-8. SOURCE: RFC 3629, section 4. */
static size_t character_bytes(const unsigned char *s)
{
    unsigned char low = 0x80;
    unsigned char high = 0xbf;
    size_t n;

    if (s[0] < 0x80)
        return 1;
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    low = s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : low;
    high = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : high;
    if (s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++) {
        if (s[i] < 0x80 || s[i] > 0xbf) /* the NUL at the end, too */
            return 0;
    }
    return n;
}

enum ut_status ut_prompt_check(const char *prompt, struct ut_error *err)
{
    const unsigned char *s = (const unsigned char *)prompt;

    for (size_t i = 0; s[i];) {
        size_t n = character_bytes(s + i);

        if (n == 0)
            return ut_error_set(err, UT_EINVAL, "prompt: byte %zu (0x%02x) is no UTF-8", i, s[i]);
        if ((s[i] < 0x20 && !strchr("\t\n\r", s[i])) || s[i] == 0x7f)
            return ut_error_set(err, UT_EINVAL, "prompt: byte %zu (0x%02x) is a control character",
                                i, s[i]);
        i += n;
    }
    return UT_OK;
}

enum ut_status ut_prompt_encode(int32_t **ids, size_t *n, const char *prompt,
                                const struct ut_asr_tokens *t, struct ut_error *err)
{
    static const char space[] = " \t\n\r";
    enum ut_status status = ut_prompt_check(prompt, err);
    const char *first = prompt + strspn(prompt, space);
    size_t n_bytes = strlen(first);

    if (status)
        return status;
    while (n_bytes > 0 && strchr(space, first[n_bytes - 1]))
        n_bytes--;
    if (n_bytes > UT_PROMPT_MAX_BYTES)
        return ut_error_set(err, UT_EINVAL, "prompt of %zu bytes: at most %zu are possible",
                            n_bytes, UT_PROMPT_MAX_BYTES);

    char *spaced = ut_alloc(n_bytes + 1, 1);
    int32_t *list = ut_alloc(n_bytes + 1, sizeof *list); /* no token is shorter than a byte */
    size_t n_ids = 0;
    status = spaced && list ? UT_OK : UT_ENOMEM;
    if (!status && n_bytes > 0) {
        spaced[0] = ' ';
        memcpy(spaced + 1, first, n_bytes);
        status = ut_asr_tokens_encode(t, spaced, n_bytes + 1, list, n_bytes + 1, &n_ids);
    }
    ut_free(spaced);
    if (status) {
        ut_free(list);
        return ut_error_set(err, status, "prompt: %s", ut_status_name(status));
    }
    *ids = list;
    *n = n_ids;
    return UT_OK;
}
