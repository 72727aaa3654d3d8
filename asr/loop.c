#include "asr/loop.h"

/* Repeats (the first included) that make a loop, by length of the n-gram. */
static size_t repeats_needed(size_t gram)
{
    return gram == 1 ? 6 : gram == 2 ? 4 : 3;
}

bool ut_asr_loop_find(const int32_t *tokens, size_t n, size_t *keep)
{
    for (size_t gram = 1; gram <= UT_ASR_LOOP_MAX_GRAM && gram < n; gram++) {
        size_t same = 0; /* tokens at the end that equal the one a gram earlier */
        while (same < n - gram && tokens[n - 1 - same] == tokens[n - 1 - same - gram])
            same++;
        if (same / gram + 1 < repeats_needed(gram))
            continue;
        /* The periodic run is the last same + gram tokens; its first gram was said. */
        *keep = n - same;
        return true;
    }
    return false;
}
