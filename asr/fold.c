#include "asr/fold.h"

#include <string.h>
#include <utf8proc.h>

/* The longest compatibility decomposition of one code point (U+FDFA) is 18. */
#define MAX_DECOMPOSED 18

static bool is_kept(utf8proc_int32_t cp)
{
    switch (utf8proc_category(cp)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
    case UTF8PROC_CATEGORY_SM:
    case UTF8PROC_CATEGORY_SC:
        return true;
    default:
        return false;
    }
}

/* Appends the folded form of one code point; false when it does not fit. */
static bool append_folded(utf8proc_int32_t cp, char *out, size_t capacity, size_t *used)
{
    utf8proc_int32_t parts[MAX_DECOMPOSED];
    int boundary = 0;
    utf8proc_ssize_t n = utf8proc_decompose_char(
        cp, parts, MAX_DECOMPOSED, UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD,
        &boundary);

    for (utf8proc_ssize_t i = 0; i < n && i < MAX_DECOMPOSED; i++) {
        utf8proc_uint8_t bytes[4];
        if (!is_kept(parts[i]))
            continue;
        utf8proc_ssize_t n_bytes = utf8proc_encode_char(parts[i], bytes);
        if (n_bytes <= 0)
            continue;
        if ((size_t)n_bytes > capacity - *used)
            return false;
        for (utf8proc_ssize_t k = 0; k < n_bytes; k++)
            out[(*used)++] = (char)bytes[k];
    }
    return true;
}

size_t ut_asr_fold(const char *text, size_t n, char *out, size_t capacity)
{
    size_t used = 0;
    for (size_t i = 0; i < n;) {
        utf8proc_int32_t cp;
        utf8proc_ssize_t step =
            utf8proc_iterate((const utf8proc_uint8_t *)text + i, (utf8proc_ssize_t)(n - i), &cp);
        if (step <= 0) {
            i++;
            continue;
        }
        if (!append_folded(cp, out, capacity, &used))
            break;
        i += (size_t)step;
    }
    return used;
}

size_t ut_asr_fold_valid(const char *text, size_t n, char *out, size_t capacity)
{
    size_t used = 0;
    for (size_t i = 0; i < n;) {
        utf8proc_int32_t cp;
        utf8proc_ssize_t step =
            utf8proc_iterate((const utf8proc_uint8_t *)text + i, (utf8proc_ssize_t)(n - i), &cp);
        const char *from = step > 0 ? text + i : "\xEF\xBF\xBD";
        size_t bytes = step > 0 ? (size_t)step : 3;
        if (bytes > capacity - used)
            break;
        memcpy(out + used, from, bytes);
        used += bytes;
        i += step > 0 ? (size_t)step : 1;
    }
    return used;
}

bool ut_asr_fold_is_whole(const char *text, size_t n)
{
    /* Look back over at most three continuation bytes for the lead byte of the last character. */
    for (size_t back = 1; back <= 4 && back <= n; back++) {
        unsigned char c = (unsigned char)text[n - back];
        if ((c & 0xC0) == 0x80)
            continue;
        size_t need = c >= 0xF0 && c < 0xF5   ? 4
                      : c >= 0xE0 && c < 0xF0 ? 3
                      : c >= 0xC2 && c < 0xE0 ? 2
                                              : 1;
        return need <= back;
    }
    return true;
}

static bool is_space(utf8proc_int32_t cp)
{
    if (cp == ' ' || (cp >= 9 && cp <= 13) || (cp >= 0x1C && cp <= 0x1F) || cp == 0x85)
        return true;
    utf8proc_category_t category = utf8proc_category(cp);
    return category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL ||
           category == UTF8PROC_CATEGORY_ZP;
}

void ut_asr_fold_trim(const char *text, size_t *first, size_t *n)
{
    size_t begin = *first, end = *first + *n, last = *first;
    bool leading = true;

    for (size_t i = begin; i < end;) {
        utf8proc_int32_t cp;
        utf8proc_ssize_t step =
            utf8proc_iterate((const utf8proc_uint8_t *)text + i, (utf8proc_ssize_t)(end - i), &cp);
        bool space = step > 0 && is_space(cp);
        if (step <= 0)
            step = 1;
        if (leading && space)
            begin = i + (size_t)step;
        if (!space) {
            leading = false;
            last = i + (size_t)step;
        }
        i += (size_t)step;
    }
    *first = begin;
    *n = last > begin ? last - begin : 0;
}
