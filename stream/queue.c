#include "stream/queue.h"

#include <string.h>

#include "base/memory.h"

/* An event at rest: this head, its words, its text, then each word's text; the pointers inside are
 * made anew when it is read. */
struct record {
    size_t n_bytes;
    struct ut_event event;
};

#define ALIGN sizeof(max_align_t)
#define MAX_BYTES                                                                                  \
    (sizeof(struct record) + UT_QUEUE_MAX_WORDS * sizeof(struct ut_event_word) +                   \
     2 * UT_QUEUE_MAX_TEXT + ALIGN)

struct ut_queue {
    unsigned char *ring; /* records from `first` to `last`, moved down when the end is reached */
    size_t capacity;
    size_t first;
    size_t last;
    unsigned char *unstable; /* one record, n_bytes 0 when there is none */
    unsigned char *reading;  /* what the reader looks at */
    uint64_t n_coalesced;
};

enum ut_status ut_queue_create(struct ut_queue **out, size_t n_events)
{
    if (n_events == 0)
        return UT_EINVAL;

    struct ut_queue *q = ut_calloc(1, sizeof *q);
    if (!q)
        return UT_ENOMEM;
    q->ring = ut_alloc(n_events, MAX_BYTES);
    q->unstable = ut_alloc(1, MAX_BYTES);
    q->reading = ut_alloc(1, MAX_BYTES);
    if (!q->ring || !q->unstable || !q->reading) {
        ut_queue_destroy(q);
        return UT_ENOMEM;
    }
    q->capacity = n_events * MAX_BYTES;
    ((struct record *)(void *)q->unstable)->n_bytes = 0;
    *out = q;
    return UT_OK;
}

void ut_queue_destroy(struct ut_queue *q)
{
    if (!q)
        return;
    ut_free(q->ring);
    ut_free(q->unstable);
    ut_free(q->reading);
    ut_free(q);
}

size_t ut_queue_room(const struct ut_queue *q)
{
    return (q->capacity - (q->last - q->first)) / MAX_BYTES;
}

/* Bytes of the record, 0 when the event is over the bounds. */
static size_t record_bytes(const struct ut_event *event)
{
    size_t n_text = strlen(event->text) + 1;
    size_t n_words_text = 0;

    if (event->n_words > UT_QUEUE_MAX_WORDS || n_text > UT_QUEUE_MAX_TEXT)
        return 0;
    for (size_t i = 0; i < event->n_words; i++)
        n_words_text += strlen(event->words[i].text) + 1;
    if (n_words_text > UT_QUEUE_MAX_TEXT)
        return 0;

    size_t n = sizeof(struct record) + event->n_words * sizeof(struct ut_event_word) + n_text +
               n_words_text;
    return (n + ALIGN - 1) / ALIGN * ALIGN;
}

static char *append_text(char *to, const char *text)
{
    size_t n = strlen(text) + 1;

    memcpy(to, text, n);
    return to + n;
}

static void write_record(unsigned char *to, const struct ut_event *event, size_t n_bytes)
{
    struct record record = { n_bytes, *event };
    size_t n_words_bytes = event->n_words * sizeof *event->words;
    char *text = (char *)to + sizeof record + n_words_bytes;

    memcpy(to, &record, sizeof record);
    if (n_words_bytes > 0)
        memcpy(to + sizeof record, event->words, n_words_bytes);
    text = append_text(text, event->text);
    for (size_t i = 0; i < event->n_words; i++)
        text = append_text(text, event->words[i].text);
}

/* Copies the record to the reader's place and points the event at it. */
static void read_record(struct ut_queue *q, const unsigned char *from, struct ut_event *out)
{
    struct record *record = (struct record *)(void *)q->reading;
    size_t n_bytes = ((const struct record *)(const void *)from)->n_bytes;

    memcpy(q->reading, from, n_bytes);

    struct ut_event_word *words = (struct ut_event_word *)(void *)(q->reading + sizeof *record);
    const char *text = (const char *)(words + record->event.n_words);
    record->event.text = text;
    text += strlen(text) + 1;
    for (size_t i = 0; i < record->event.n_words; i++) {
        words[i].text = text;
        text += strlen(text) + 1;
    }
    record->event.words = words;
    *out = record->event;
}

static enum ut_status put_unstable(struct ut_queue *q, const struct ut_event *event, size_t n)
{
    if (((struct record *)(void *)q->unstable)->n_bytes > 0)
        q->n_coalesced++;
    write_record(q->unstable, event, n);
    return UT_OK;
}

enum ut_status ut_queue_put(struct ut_queue *q, const struct ut_event *event)
{
    size_t n = record_bytes(event);

    if (n == 0)
        return UT_ELIMIT;
    if (event->type == UT_EVENT_UNSTABLE)
        return put_unstable(q, event, n);

    if (n > q->capacity - (q->last - q->first))
        return UT_ELIMIT;
    if (n > q->capacity - q->last) {
        memmove(q->ring, q->ring + q->first, q->last - q->first);
        q->last -= q->first;
        q->first = 0;
    }
    write_record(q->ring + q->last, event, n);
    q->last += n;
    /* The words of an unread tail are committed now, or gone. */
    ((struct record *)(void *)q->unstable)->n_bytes = 0;
    return UT_OK;
}

enum ut_status ut_queue_get(struct ut_queue *q, struct ut_event *out)
{
    struct record *unstable = (struct record *)(void *)q->unstable;

    if (q->first < q->last) {
        const unsigned char *oldest = q->ring + q->first;

        q->first += ((const struct record *)(const void *)oldest)->n_bytes;
        read_record(q, oldest, out);
        if (q->first == q->last)
            q->first = q->last = 0;
        return UT_OK;
    }
    if (unstable->n_bytes == 0)
        return UT_AGAIN;
    read_record(q, q->unstable, out);
    unstable->n_bytes = 0;
    return UT_OK;
}

bool ut_queue_empty(const struct ut_queue *q)
{
    return q->first == q->last && ((const struct record *)(const void *)q->unstable)->n_bytes == 0;
}

uint64_t ut_queue_n_coalesced(const struct ut_queue *q)
{
    return q->n_coalesced;
}
