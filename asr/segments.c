#include "asr/segments.h"

#define FRAMES_PER_TIMESTAMP 2 /* 20 ms */

static int64_t frames_of(int32_t token, int32_t timestamp0)
{
    return token < timestamp0 ? 0 : (int64_t)(token - timestamp0) * FRAMES_PER_TIMESTAMP;
}

/* One span for all tokens, to the last timestamp when there is one that says anything. */
static void whole_window(const int32_t *tokens, size_t n, int32_t timestamp0, int64_t n_frames,
                         struct ut_asr_token_span *span)
{
    *span = (struct ut_asr_token_span){ .n = n, .end = n_frames };
    for (size_t i = n; i-- > 0;)
        if (tokens[i] >= timestamp0) {
            if (tokens[i] != timestamp0)
                span->end = frames_of(tokens[i], timestamp0);
            return;
        }
}

struct ut_asr_split ut_asr_segments_split(const int32_t *tokens, size_t n, int32_t timestamp0,
                                          int64_t n_frames, struct ut_asr_token_span *spans)
{
    struct ut_asr_split split = { .seek = n_frames };
    size_t last = 0;

    split.single_ending = n >= 2 && tokens[n - 2] < timestamp0 && tokens[n - 1] >= timestamp0;
    for (size_t i = 1; i <= n; i++) {
        bool pair = i < n && tokens[i] >= timestamp0 && tokens[i - 1] >= timestamp0;
        bool tail = i == n && split.single_ending && split.n_spans > 0;
        if (!pair && !tail)
            continue;
        spans[split.n_spans++] =
            (struct ut_asr_token_span){ .first = last,
                                        .n = i - last,
                                        .start = frames_of(tokens[last], timestamp0),
                                        .end = frames_of(tokens[i - 1], timestamp0) };
        last = i;
    }
    if (split.n_spans == 0) {
        whole_window(tokens, n, timestamp0, n_frames, &spans[0]);
        split.n_spans = 1;
        return split;
    }
    if (!split.single_ending)
        split.seek = frames_of(tokens[last - 1], timestamp0);
    if (split.seek <= 0) /* the original would read the same window for ever */
        split.seek = n_frames;
    return split;
}
