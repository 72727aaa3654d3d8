/* Word errors as JSON and as a table. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "clients/bench_accuracy.h"

static void put_group(struct ut_json_writer *j, const char *key, const struct ut_bench_group *g)
{
    ut_json_open_object(j, key);
    ut_json_put_i64(j, "n_files", (int64_t)g->n_files);
    ut_json_put_i64(j, "n_words", (int64_t)g->errors.n_words);
    if (g->errors.n_words) {
        ut_json_put_f64(j, "wer", ut_word_errors_rate(&g->errors), 5);
        ut_json_put_i64(j, "substituted", (int64_t)g->errors.n_substituted);
        ut_json_put_i64(j, "deleted", (int64_t)g->errors.n_deleted);
        ut_json_put_i64(j, "inserted", (int64_t)g->errors.n_inserted);
    }
    if (g->silent_s > 0)
        ut_json_put_f64(j, "words_per_minute", (double)g->n_heard * 60 / g->silent_s, 2);
    ut_json_close(j);
}

enum ut_status ut_bench_accuracy_json(const struct ut_bench_accuracy *b, double seconds)
{
    struct ut_buffer out = { .limit = (size_t)1 << 20 };
    struct ut_json_writer j = { .out = &out };

    ut_json_open_object(&j, NULL);
    ut_json_put_f64(&j, "wer", ut_word_errors_rate(&b->english.errors), 5);
    ut_json_put_i64(&j, "n_words", (int64_t)b->english.errors.n_words);
    ut_json_open_object(&j, "by_kind");
    for (size_t i = 0; i < b->kinds.n; i++)
        put_group(&j, b->kinds.list[i].name, &b->kinds.list[i]);
    ut_json_close(&j);
    ut_json_open_object(&j, "by_language");
    for (size_t i = 0; i < b->languages.n; i++)
        put_group(&j, b->languages.list[i].name, &b->languages.list[i]);
    ut_json_close(&j);
    ut_json_put_string(&j, "model", b->settings.model);
    ut_json_put_string(&j, "arithmetic", b->settings.arithmetic);
    ut_json_put_i64(&j, "packed_bytes", (int64_t)ut_asr_model_bytes(b->offline.model));
    ut_json_put_i64(&j, "beam", b->settings.beam);
    if (b->against_path) {
        ut_json_open_object(&j, "agreement");
        ut_json_put_i64(&j, "n_files", (int64_t)b->n_compared);
        ut_json_put_i64(&j, "n_same", (int64_t)b->n_same);
        ut_json_put_i64(&j, "n_tokens", (int64_t)b->agreement.n_words);
        ut_json_put_f64(&j, "token_error_rate", ut_word_errors_rate(&b->agreement), 5);
        ut_json_close(&j);
    }
    ut_json_put_i64(&j, "n_failed", (int64_t)b->n_failed);
    ut_json_put_f64(&j, "audio_s", b->audio_s, 2);
    ut_json_put_f64(&j, "seconds", seconds, 2);
    ut_json_close(&j);
    enum ut_status st = ut_json_end(&j);
    if (st == UT_OK)
        printf("%s\n", ut_buffer_text(&out));
    ut_buffer_finish(&out);
    return st;
}

static void print_group(const char *name, const struct ut_bench_group *g)
{
    printf("%-12s %6zu %8zu", name, g->n_files, g->errors.n_words);
    if (g->errors.n_words)
        printf(" %8.2f %6zu %6zu %6zu", 100 * ut_word_errors_rate(&g->errors),
               g->errors.n_substituted, g->errors.n_deleted, g->errors.n_inserted);
    if (g->silent_s > 0)
        printf("  %.1f words a minute where nothing is said",
               (double)g->n_heard * 60 / g->silent_s);
    putchar('\n');
}

void ut_bench_accuracy_table(const struct ut_bench_accuracy *b, double seconds)
{
    printf("%-12s %6s %8s %8s %6s %6s %6s\n", "", "files", "words", "WER %", "subst", "delet",
           "insert");
    print_group("English", &b->english);
    for (size_t i = 0; i < b->kinds.n; i++)
        print_group(b->kinds.list[i].name, &b->kinds.list[i]);
    for (size_t i = 0; i < b->languages.n; i++) {
        if (strcmp(b->languages.list[i].name, "en") != 0 && b->languages.list[i].errors.n_words)
            print_group(b->languages.list[i].name, &b->languages.list[i]);
    }
    if (b->against_path)
        printf("tokens as in %s: %zu of %zu recordings; %.2f %% of %zu tokens edited\n",
               b->against_path, b->n_same, b->n_compared, 100 * ut_word_errors_rate(&b->agreement),
               b->agreement.n_words);
    printf("model %s, beam %d, %.1f s of audio in %.1f s\n", b->settings.model, b->settings.beam,
           b->audio_s, seconds);
}
