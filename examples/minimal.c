/*
 * Live captions in one page: raw 16-bit mono samples at 16 kHz on standard input, or in a file.
 *
 *     cc minimal.c $(pkg-config --cflags --libs utter) -o minimal
 *     arecord -f S16_LE -r 16000 -c 1 -t raw | ./minimal base
 *     ./minimal tiny.en speech.wav
 *
 * A .wav given must have that form: its 44-byte header goes by as a click nobody hears.
 */
#include <stdint.h>
#include <stdio.h>

#include <utter.h>

static void print(const utter_event *event)
{
    if (event->type == UTTER_FINAL)
        printf("[%6.2f - %6.2f] %s\n", event->start, event->end, event->text);
    else
        fprintf(stderr, "%s %s\n", event->type == UTTER_COMMITTED ? "  +" : "  ?", event->text);
}

int main(int argc, char **argv)
{
    utter_engine_options options = { .model = argc > 1 ? argv[1] : "base" };
    FILE *in = argc > 2 ? fopen(argv[2], "rb") : stdin;
    utter_engine *engine = NULL;
    utter_stream *stream = NULL;
    utter_event event;
    char error[240] = "";
    int16_t raw[1600];
    float pcm[1600];
    size_t n;

    if (!in) {
        perror(argv[2]);
        return 1;
    }
    if (utter_engine_open(&engine, &options, error, sizeof error) != UTTER_OK ||
        utter_stream_open(engine, &stream, NULL, error, sizeof error) != UTTER_OK) {
        fprintf(stderr, "%s\n", error);
        utter_engine_close(engine);
        return 1;
    }
    while ((n = fread(raw, sizeof raw[0], 1600, in)) > 0) {
        for (size_t s = 0; s < n; s++)
            pcm[s] = (float)raw[s] / 32768.0f;
        /* A file comes faster than it can be recognised: then wait for an event and try again. */
        while (utter_stream_feed(stream, pcm, n) == UTTER_LIMIT) {
            if (utter_stream_get(stream, &event, 100) == UTTER_OK)
                print(&event);
        }
        while (utter_stream_get(stream, &event, 0) == UTTER_OK)
            print(&event);
    }
    utter_stream_flush(stream);
    while (utter_stream_get(stream, &event, -1) == UTTER_OK)
        print(&event);
    utter_stream_close(stream);
    utter_engine_close(engine);
    if (in != stdin)
        fclose(in);
    return 0;
}
