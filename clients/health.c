#include "clients/health.h"

#include "base/json.h"
#include "clients/command.h"

#define RATE 16000.0

/* Shares of the samples from which it is worth a word. */
#define MUCH_CLIPPED 0.001
#define MUCH_FROZEN 0.5

void ut_health_warn(const char *name, const utter_stream_stats *s)
{
    double n = (double)(s->n_samples - s->n_missing);

    if (s->n_bad)
        ut_cmd_warn("%s: %llu samples are no numbers and were taken as silence", name,
                    (unsigned long long)s->n_bad);
    if ((double)s->n_clipped > MUCH_CLIPPED * n)
        ut_cmd_warn("%s: %.1f %% of the samples are clipped: the input is too loud", name,
                    100 * (double)s->n_clipped / n);
    if ((double)s->n_frozen > MUCH_FROZEN * n)
        ut_cmd_warn("%s: digital silence for %.0f %% of the time: is the input muted?", name,
                    100 * (double)s->n_frozen / n);
    if (s->n_missing)
        ut_cmd_warn("%s: %.2f s of audio are missing, in %llu places", name,
                    (double)s->n_missing / RATE, (unsigned long long)s->n_gaps);
    if (s->n_clock_jumps)
        ut_cmd_warn("%s: its clock was set %llu times", name, (unsigned long long)s->n_clock_jumps);
    if (s->offset != 0)
        ut_cmd_warn("%s: an offset of %.2f was taken away", name, s->offset);
}

static void put(struct ut_json_writer *j, const char *key, uint64_t n)
{
    ut_json_put_i64(j, key, (int64_t)n);
}

enum ut_status ut_health_json(struct ut_buffer *out, const utter_stream_stats *s, bool event,
                              double wall)
{
    struct ut_json_writer j = { .out = out };

    ut_json_open_object(&j, NULL);
    if (event) {
        ut_json_put_string(&j, "type", "end");
        ut_json_put_f64(&j, "wall", wall, 3);
    }
    ut_json_put_f64(&j, "audio", (double)s->n_samples / RATE, 3);
    put(&j, "bad_samples", s->n_bad);
    put(&j, "clipped_samples", s->n_clipped);
    put(&j, "frozen_samples", s->n_frozen);
    put(&j, "missing_samples", s->n_missing);
    put(&j, "gaps", s->n_gaps);
    put(&j, "clock_jumps", s->n_clock_jumps);
    put(&j, "rate_changes", s->n_rate_changes);
    ut_json_put_f64(&j, "offset", s->offset, 4);
    put(&j, "missed_events", s->n_missed);
    put(&j, "dropped_prompt_tokens", s->n_prompt_dropped);
    ut_json_close(&j);
    return ut_json_end(&j);
}
