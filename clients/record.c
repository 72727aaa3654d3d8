#include "clients/record.h"

#include <math.h>
#include <string.h>

#include "base/json.h"

static enum ut_status append(struct ut_buffer *out, const char *s)
{
    return ut_buffer_append(out, s, strlen(s));
}

static void put_times(struct ut_json_writer *j, double start, double end)
{
    ut_json_put_f64(j, "start", start, 3);
    ut_json_put_f64(j, "end", end, 3);
}

static void put_words(struct ut_json_writer *j, const struct ut_caption_segment *segment)
{
    ut_json_open_array(j, "words");
    for (size_t i = 0; i < segment->n_words; i++) {
        const struct ut_caption_word *w = &segment->words[i];
        ut_json_open_object(j, NULL);
        ut_json_put_string(j, "word", w->text);
        put_times(j, w->start, w->end);
        ut_json_put_f64(j, "confidence", (double)w->confidence, 3);
        ut_json_close(j);
    }
    ut_json_close(j);
}

static void put_tokens(struct ut_json_writer *j, const struct ut_caption_segment *segment)
{
    ut_json_open_array(j, "tokens");
    for (size_t i = 0; i < segment->n_tokens; i++)
        ut_json_put_i64(j, NULL, segment->tokens[i]);
    ut_json_close(j);
}

enum ut_status ut_record_json_segment(struct ut_buffer *out,
                                      const struct ut_caption_segment *segment, bool word_times)
{
    struct ut_json_writer j = { .out = out };

    ut_json_open_object(&j, NULL);
    put_times(&j, segment->start, segment->end);
    ut_json_put_string(&j, "text", segment->text);
    if (word_times)
        put_words(&j, segment);
    if (segment->tokens)
        put_tokens(&j, segment);
    if (segment->scored) {
        ut_json_put_f64(&j, "avg_logprob", (double)segment->avg_logprob, 4);
        ut_json_put_f64(&j, "compression_ratio", (double)segment->compression_ratio, 4);
        ut_json_put_f64(&j, "no_speech_prob", (double)segment->no_speech_prob, 4);
        ut_json_put_f64(&j, "temperature", (double)segment->temperature, 2);
    }
    ut_json_close(&j);
    return ut_json_end(&j);
}

enum ut_status ut_record_json_event(struct ut_buffer *out, const struct ut_caption_event *event)
{
    static const char *const names[] = { "", "unstable", "committed", "final" };
    const struct ut_caption_segment *segment = &event->segment;
    struct ut_json_writer j = { .out = out };

    ut_json_open_object(&j, NULL);
    ut_json_put_string(&j, "type", names[event->type]);
    ut_json_put_f64(&j, "wall", event->wall, 3);
    ut_json_put_f64(&j, "audio", event->audio, 3);
    put_times(&j, segment->start, segment->end);
    ut_json_put_string(&j, "language", segment->language ? segment->language : "");
    ut_json_put_string(&j, "text", segment->text);
    put_words(&j, segment);
    if (segment->tokens)
        put_tokens(&j, segment);
    ut_json_close(&j);
    enum ut_status st = ut_json_end(&j);
    return st == UT_OK ? append(out, "\n") : st;
}

/* hh:mm:ss,mmm with `mark` before the milliseconds. */
static enum ut_status clock_time(struct ut_buffer *out, double seconds, char mark)
{
    long long ms = seconds > 0 ? llround(seconds * 1000) : 0;

    return ut_buffer_printf(out, "%02lld:%02lld:%02lld%c%03lld", ms / 3600000, ms / 60000 % 60,
                            ms / 1000 % 60, mark, ms % 1000);
}

static enum ut_status cue_times(struct ut_buffer *out, const struct ut_cue *cue, char mark)
{
    double end = cue->end < cue->start + 0.001 ? cue->start + 0.001 : cue->end;
    enum ut_status st = clock_time(out, cue->start, mark);

    if (st == UT_OK)
        st = append(out, " --> ");
    if (st == UT_OK)
        st = clock_time(out, end, mark);
    return st == UT_OK ? append(out, "\n") : st;
}

/* WebVTT text may hold no bare &, < or "-->"; SubRip players read tags too, so both are guarded. */
static enum ut_status cue_line(struct ut_buffer *out, const char *line, bool escape)
{
    enum ut_status st = UT_OK;

    for (const char *p = line; *p && st == UT_OK; p++) {
        if (escape && *p == '&')
            st = append(out, "&amp;");
        else if (escape && *p == '<')
            st = append(out, "&lt;");
        else if (escape && *p == '>')
            st = append(out, "&gt;");
        else if ((unsigned char)*p >= 0x20)
            st = ut_buffer_append(out, p, 1);
    }
    return st == UT_OK ? append(out, "\n") : st;
}

static enum ut_status cue_text(struct ut_buffer *out, const struct ut_cue *cue, bool escape)
{
    enum ut_status st = UT_OK;

    for (size_t l = 0; l < cue->n_lines && st == UT_OK; l++)
        st = cue_line(out, cue->lines[l], escape);
    return st == UT_OK ? append(out, "\n") : st;
}

enum ut_status ut_record_srt(struct ut_buffer *out, size_t i, const struct ut_cue *cue)
{
    enum ut_status st = ut_buffer_printf(out, "%zu\n", i);

    if (st == UT_OK)
        st = cue_times(out, cue, ',');
    return st == UT_OK ? cue_text(out, cue, false) : st;
}

enum ut_status ut_record_vtt(struct ut_buffer *out, const struct ut_cue *cue)
{
    enum ut_status st = cue_times(out, cue, '.');

    return st == UT_OK ? cue_text(out, cue, true) : st;
}
