#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "asr/commit.h"

#define S 16000
#define WORD(what, from, to)                                                                       \
    {                                                                                              \
        .text = (what), .start = (from), .end = (to), .confidence = 1, .weakest = 1                \
    }

static struct ut_commit *make(size_t n_agree, int64_t hold)
{
    struct ut_commit *p = NULL;
    struct ut_commit_options o = ut_commit_options_default(UT_COMMIT_LOCAL_AGREEMENT);
    o.n_agree = n_agree;
    o.hold = hold;
    o.show = (struct ut_commit_show){ 0 };
    assert_int_equal(ut_commit_create(&p, &o, 200), UT_OK);
    return p;
}

/* Words of `text`, half a second each from the start. */
static size_t words_of(const char *text, struct ut_asr_word *words, char pool[512])
{
    size_t n = 0, used = 0;
    while (*text) {
        size_t len = strcspn(text, " ");
        words[n] = (struct ut_asr_word){ .text = pool + used,
                                         .start = (int64_t)n * S / 2,
                                         .end = (int64_t)(n + 1) * S / 2,
                                         .confidence = 1.0f };
        used += (size_t)snprintf(pool + used, 512 - used, " %.*s", (int)len, text) + 1;
        n++;
        text += len + (text[len] == ' ');
    }
    return n;
}

static enum ut_status push_words(struct ut_commit *p, const struct ut_asr_word *words, size_t n,
                                 int64_t at, bool last)
{
    const struct ut_commit_edge edge = { .at = at, .last = last };
    return ut_commit_push(p, words, n, &edge);
}

static void push(struct ut_commit *p, const char *text, int64_t edge, bool last)
{
    struct ut_asr_word words[32];
    char pool[512];
    size_t n = words_of(text, words, pool);
    assert_int_equal(push_words(p, words, n, edge, last), UT_OK);
}

static void check(const struct ut_asr_word *words, size_t n, const char *want)
{
    char text[512] = "";
    for (size_t i = 0; i < n; i++)
        strncat(text, words[i].text, sizeof text - strlen(text) - 1);
    assert_string_equal(text, want);
}

static void check_new(const struct ut_commit *p, const char *want)
{
    size_t n;
    const struct ut_asr_word *words = ut_commit_new(p, &n);
    check(words, n, want);
}

static void check_tail(const struct ut_commit *p, const char *want)
{
    size_t n;
    const struct ut_asr_word *words = ut_commit_tail(p, &n);
    check(words, n, want);
}

static void test_push_commits_what_two_hypotheses_agree_on(void **state)
{
    struct ut_commit *p = make(2, 0);
    (void)state;
    push(p, "it was", 9 * S, false);
    check_new(p, "");
    check_tail(p, " it was");
    push(p, "It was, the bust", 9 * S, false); /* case and commas do not block */
    check_new(p, " It was,");
    check_tail(p, " the bust");
    push(p, "it was the best of", 9 * S, false);
    check_new(p, " the"); /* the committed letters stay as they were */
    check_tail(p, " best of");
    push(p, "it was the best of times", 9 * S, true);
    check_new(p, " best of times");
    check_tail(p, "");
    assert_int_equal(ut_commit_n_committed(p), 6);
    ut_commit_destroy(p);
}

static void test_push_of_three_agreements_waits_for_the_third(void **state)
{
    struct ut_commit *p = make(3, 0);
    (void)state;
    push(p, "a b c", 9 * S, false);
    push(p, "a b d", 9 * S, false);
    check_new(p, "");
    push(p, "a b d", 9 * S, false);
    check_new(p, " a b");
    push(p, "a b d", 9 * S, false);
    check_new(p, " d"); /* the tails kept are cut with what was committed */
    ut_commit_destroy(p);
}

static void test_push_holds_words_near_the_live_edge(void **state)
{
    struct ut_commit *p = make(2, S);
    (void)state;
    push(p, "a b c d", 2 * S, false);
    push(p, "a b c d", 2 * S, false);
    check_new(p, " a b"); /* c ends at 1.5 s, d at 2 s; 1 s before the edge is held */
    push(p, "a b c d", 4 * S, false);
    check_new(p, " c d");
    ut_commit_destroy(p);
}

static void test_push_compares_letters_not_spelling(void **state)
{
    struct ut_commit *p = make(2, 0);
    (void)state;
    push(p, "every one knows", 9 * S, false);
    push(p, "everyone knows it", 9 * S, false);
    check_new(p, " everyone knows");
    ut_commit_reset(p);
    push(p, "ever", 9 * S, false);
    push(p, "every one", 9 * S, false);
    check_new(p, ""); /* the beginning of a word is not the word */
    ut_commit_destroy(p);
}

static void test_push_when_committed_words_are_heard_otherwise_goes_on_behind_them(void **state)
{
    struct ut_commit *p = make(2, 0);
    (void)state;
    push(p, "he sings a song", 9 * S, false);
    push(p, "he sings a song", 9 * S, false);
    check_new(p, " he sings a song");
    push(p, "he thinks a song about you", 9 * S, false); /* one word became another */
    check_new(p, "");
    check_tail(p, " about you");
    push(p, "sings a song about you", 9 * S, false); /* one is gone */
    check_new(p, " about you");
    push(p, "he sings", 9 * S, false); /* everything else is gone: nothing is taken back */
    check_new(p, "");
    check_tail(p, "");
    push(p, "he sings a song about you now", 9 * S, true);
    check_new(p, " now");
    ut_commit_destroy(p);
}

static void test_push_uses_times_where_letters_say_nothing(void **state)
{
    struct ut_commit *p = make(1, 0);
    const struct ut_asr_word first[] = { WORD(" going", 0, S), WORD(" to", S, S + S / 4) };
    const struct ut_asr_word next[] = { WORD(" gonna", 0, S + S / 4),
                                        WORD(" see", S + S / 2, 2 * S) };
    (void)state;
    assert_int_equal(push_words(p, first, 2, 9 * S, false), UT_OK);
    check_new(p, " going to");
    assert_int_equal(push_words(p, next, 2, 9 * S, false), UT_OK);
    check_new(p, " see");
    ut_commit_destroy(p);
}

static void test_push_keeps_lone_punctuation_once(void **state)
{
    struct ut_commit *p = make(2, 0);
    (void)state;
    push(p, "- yes - no", 9 * S, false);
    push(p, "- yes - no", 9 * S, false);
    check_new(p, " - yes - no");
    push(p, "- yes - no - well", 9 * S, true);
    check_new(p, " - well");
    ut_commit_destroy(p);
}

static void test_committed_times_never_go_back(void **state)
{
    struct ut_commit *p = make(1, 0);
    const struct ut_asr_word first[] = { WORD(" one", 0, S) };
    const struct ut_asr_word next[] = { WORD(" one", 0, S / 2), WORD(" two", S / 2, S * 3 / 4) };
    size_t n;
    (void)state;
    assert_int_equal(push_words(p, first, 1, 9 * S, false), UT_OK);
    assert_int_equal(push_words(p, next, 2, 9 * S, false), UT_OK);
    const struct ut_asr_word *words = ut_commit_new(p, &n);
    assert_int_equal(n, 1);
    assert_int_equal(words[0].start, S);
    assert_int_equal(words[0].end, S);
    ut_commit_destroy(p);
}

static void test_push_past_the_bound_is_refused_and_changes_nothing(void **state)
{
    struct ut_commit *p = NULL;
    struct ut_commit_options o = ut_commit_options_default(UT_COMMIT_LOCAL_AGREEMENT);
    const struct ut_asr_word three[] = { WORD(" a", 0, 1), WORD(" b", 1, 2), WORD(" c", 2, 3) };
    const struct ut_asr_word later[] = { WORD(" x", S * 9, S * 10), WORD(" y", S * 10, S * 11) };
    (void)state;
    o.n_agree = 1;
    o.hold = 0;
    assert_int_equal(ut_commit_create(&p, &o, 2), UT_OK);
    assert_int_equal(push_words(p, three, 3, S, false), UT_ELIMIT);
    assert_int_equal(ut_commit_n_committed(p), 0);
    assert_int_equal(push_words(p, three, 2, S, false), UT_OK);
    assert_int_equal(ut_commit_n_committed(p), 2);
    assert_int_equal(push_words(p, later, 2, S * 12, false), UT_ELIMIT);
    assert_int_equal(ut_commit_n_committed(p), 2);
    ut_commit_destroy(p);
}

static void test_create_refuses_bad_options(void **state)
{
    struct ut_commit *p = NULL;
    const struct ut_commit_options good = ut_commit_options_default(UT_COMMIT_LOCAL_AGREEMENT);
    struct ut_commit_options none = good, negative = good, unknown = good, nan_shown = good;
    (void)state;
    none.n_agree = 0;
    negative.hold = -1;
    unknown.policy = UT_COMMIT_N_POLICIES;
    nan_shown.show.weakest = NAN;
    assert_int_equal(ut_commit_create(&p, &unknown, 9), UT_EINVAL);
    assert_int_equal(ut_commit_create(&p, &nan_shown, 9), UT_EINVAL);
    assert_int_equal(ut_commit_create(&p, &none, 9), UT_EINVAL);
    assert_int_equal(ut_commit_create(&p, &negative, 9), UT_EINVAL);
    assert_int_equal(ut_commit_create(&p, &good, 0), UT_EINVAL);
    assert_null(p);
    ut_commit_destroy(NULL);
}

/* ------------------------------------------------------------ other policies */

static struct ut_commit *make_policy(enum ut_commit_policy policy)
{
    struct ut_commit *p = NULL;
    const struct ut_commit_options o = ut_commit_options_default(policy);
    assert_int_equal(ut_commit_create(&p, &o, 200), UT_OK);
    return p;
}

/* One word that ends at 1 s, said with probability `weakest`, heard up to `at_ms`. */
static size_t push_one(struct ut_commit *p, const char *text, float weakest, int64_t at_ms,
                       int64_t silence_ms)
{
    const struct ut_asr_word word = { .text = text, .start = S / 2, .end = S, .weakest = weakest };
    const struct ut_commit_edge edge = { .at = at_ms * 16, .silence = silence_ms * 16 };
    size_t n;
    assert_int_equal(ut_commit_push(p, &word, 1, &edge), UT_OK);
    ut_commit_new(p, &n);
    return n;
}

static void test_evidence_commits_a_sure_word_with_its_second_hypothesis(void **state)
{
    struct ut_commit *p = make_policy(UT_COMMIT_EVIDENCE);
    (void)state;
    assert_int_equal(push_one(p, " word", 0.95f, 1100, 0), 0);
    assert_int_equal(push_one(p, " Word.", 0.95f, 1200, 0), 1);
    ut_commit_destroy(p);
}

static void test_evidence_holds_a_doubtful_word(void **state)
{
    struct ut_commit *p = make_policy(UT_COMMIT_EVIDENCE);
    (void)state;
    for (int64_t at = 1100; at < 1750; at += 100)
        assert_int_equal(push_one(p, " word", 0.2f, at, 0), 0);
    assert_int_equal(push_one(p, " word", 0.2f, 1750, 0), 1);
    ut_commit_destroy(p);
}

static void test_evidence_starts_anew_when_a_word_changes(void **state)
{
    struct ut_commit *p = make_policy(UT_COMMIT_EVIDENCE);
    (void)state;
    assert_int_equal(push_one(p, " word", 0.7f, 1100, 0), 0);
    assert_int_equal(push_one(p, " ward", 0.7f, 1400, 0), 0);
    assert_int_equal(push_one(p, " word", 0.7f, 1500, 0), 0);
    assert_int_equal(push_one(p, " word", 0.7f, 1700, 0), 0);
    assert_int_equal(push_one(p, " word", 0.7f, 1800, 0), 1);
    ut_commit_destroy(p);
}

static void test_evidence_commits_in_a_pause(void **state)
{
    struct ut_commit *p = make_policy(UT_COMMIT_EVIDENCE);
    (void)state;
    assert_int_equal(push_one(p, " word", 0.6f, 1060, 32), 0);
    assert_int_equal(push_one(p, " word", 0.6f, 1092, 64), 1);
    ut_commit_reset(p);
    assert_int_equal(push_one(p, " word", 0.1f, 1092, 64), 0);
    assert_int_equal(push_one(p, " word", 0.1f, 1156, 128), 1);
    ut_commit_destroy(p);
}

static void test_attention_holds_words_that_look_at_the_edge(void **state)
{
    struct ut_commit *p = make_policy(UT_COMMIT_ATTENTION);
    const struct ut_asr_word words[] = {
        { .text = " far", .start = 0, .end = S / 2, .attended = S / 4 },
        { .text = " near", .start = S / 2, .end = S, .attended = S },
        { .text = " late", .start = S, .end = S, .attended = S / 4 },
    };
    (void)state;
    assert_int_equal(push_words(p, words, 3, S + 100, false), UT_OK);
    check_new(p, " far"); /* nothing passes a word that is held */
    assert_int_equal(push_words(p, words, 3, 2 * S, false), UT_OK);
    check_new(p, " near late");
    ut_commit_destroy(p);
}

static void test_tail_shows_sure_words_at_once_and_others_when_agreed_on(void **state)
{
    struct ut_commit *p = make_policy(UT_COMMIT_EVIDENCE);
    (void)state;
    push_one(p, " sure", 0.85f, 1090, 0);
    check_tail(p, ""); /* it may be the beginning of a longer one */
    assert_int_equal(ut_commit_n_open(p), 1);
    push_one(p, " sure", 0.85f, 1110, 0);
    check_tail(p, " sure");
    ut_commit_reset(p);
    push_one(p, " word", 0.3f, 1150, 0);
    check_tail(p, "");
    push_one(p, " word", 0.3f, 1350, 0);
    check_tail(p, "");
    push_one(p, " word", 0.3f, 1450, 0);
    check_tail(p, " word");
    ut_commit_destroy(p);
}

static void test_policies_have_names(void **state)
{
    (void)state;
    for (int i = 0; i < UT_COMMIT_N_POLICIES; i++)
        assert_int_equal(ut_commit_policy_find(ut_commit_policy_name((enum ut_commit_policy)i)), i);
    assert_int_equal(ut_commit_policy_find("nonsense"), UT_COMMIT_N_POLICIES);
    assert_null(ut_commit_policy_name(UT_COMMIT_N_POLICIES));
}

/* ------------------------------------------------------------ random streams */

#define N 60

struct stream {
    char spoken[N][8];
    int64_t start[N];
    int64_t end[N];
    char heard[2 * N][16];
    struct ut_asr_word words[2 * N];
};

static int chance(int percent)
{
    return rand() % 100 < percent;
}

static void make_word(char *out)
{
    int n = 3 + rand() % 4;
    for (int i = 0; i < n; i++)
        out[i] = (char)('a' + rand() % 26);
    out[n] = '\0';
}

static void speak(struct stream *s)
{
    int64_t t = 0;
    for (int i = 0; i < N; i++) {
        make_word(s->spoken[i]);
        s->start[i] = t;
        s->end[i] = t += S / 5 + rand() % (S / 3);
    }
}

/*
 * What a recogniser might hear of the first `edge` samples: with `noise` percent of the words
 * older than `sure` replaced or dropped, and half of the newer ones; times that jitter; case and
 * commas that come and go.
 */
static size_t hear(struct stream *s, int64_t edge, int64_t sure, int noise)
{
    size_t n = 0;
    for (int i = 0; i < N && s->end[i] <= edge; i++) {
        char text[8];
        bool wrong = chance(s->end[i] > edge - sure ? 50 : noise);
        if (wrong && chance(30))
            continue;
        memcpy(text, s->spoken[i], sizeof text);
        if (wrong)
            make_word(text);
        if (chance(20))
            text[0] = (char)(text[0] - 'a' + 'A');
        snprintf(s->heard[n], sizeof s->heard[n], " %s%s", text, chance(20) ? "," : "");
        s->words[n] = (struct ut_asr_word){ .text = s->heard[n],
                                            .start = s->start[i] + rand() % 800,
                                            .end = s->end[i] - rand() % 800,
                                            .confidence = 1.0f };
        n++;
    }
    return n;
}

static bool same_word(const char *given, const char *spoken)
{
    size_t n = strlen(spoken);
    return given[0] == ' ' && (given[1] | 0x20) == spoken[0] &&
           strncmp(given + 2, spoken + 1, n - 1) == 0 &&
           (given[n + 1] == '\0' || given[n + 1] == ',');
}

struct outcome {
    int doubled;
    int lost;
};

/* Runs a stream to its end, checks that committed text only grows, and counts words. */
static struct outcome run_stream(size_t n_agree, int64_t hold, int64_t sure, int noise)
{
    static struct stream s;
    static char said[4 * N][16];
    struct ut_commit *p = make(n_agree, hold);
    struct outcome o = { 0, 0 };
    size_t n_said = 0;
    int64_t last_end = 0;
    bool last = false;

    speak(&s);
    for (int64_t edge = S / 2; !last; edge += S / 2) {
        last = edge >= s.end[N - 1];
        size_t n = last ? hear(&s, edge, 0, 0) : hear(&s, edge, sure, noise), n_new;
        assert_int_equal(push_words(p, s.words, n, edge, last), UT_OK);
        const struct ut_asr_word *words = ut_commit_new(p, &n_new);
        for (size_t i = 0; i < n_new; i++) {
            assert_true(words[i].start >= last_end && words[i].end >= words[i].start);
            last_end = words[i].start;
            snprintf(said[n_said++], sizeof said[0], "%s", words[i].text);
        }
        assert_int_equal(ut_commit_n_committed(p), n_said);
        for (size_t i = 0; i < n_said; i++) /* nothing that was given has changed */
            assert_string_equal(said[i], (words - (n_said - n_new))[i].text);
    }
    for (int i = 0; i < N; i++) {
        int count = 0;
        for (size_t k = 0; k < n_said; k++)
            count += same_word(said[k], s.spoken[i]);
        o.lost += count == 0;
        o.doubled += count > 1;
    }
    ut_commit_destroy(p);
    return o;
}

static void test_random_stream_with_errors_only_at_the_edge_gives_each_word_once(void **state)
{
    (void)state;
    srand(11);
    for (int round = 0; round < 200; round++) {
        struct outcome o = run_stream(2, S, S * 9 / 10, 0);
        assert_int_equal(o.lost, 0);
        assert_int_equal(o.doubled, 0);
    }
}

static void test_random_stream_with_errors_anywhere_doubles_nothing(void **state)
{
    int lost = 0, doubled = 0;
    (void)state;
    srand(12);
    for (int round = 0; round < 200; round++) {
        struct outcome o = run_stream(2, S / 2, S / 2, 10);
        lost += o.lost;
        doubled += o.doubled;
    }
    /* Two hypotheses in a row must drop the same word to lose it: 3 % of 3 %, of 12,000 words, and
     * what a wrong neighbour takes with it. */
    assert_int_equal(doubled, 0);
    assert_in_range(lost, 0, 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_push_commits_what_two_hypotheses_agree_on),
        cmocka_unit_test(test_push_of_three_agreements_waits_for_the_third),
        cmocka_unit_test(test_push_holds_words_near_the_live_edge),
        cmocka_unit_test(test_push_compares_letters_not_spelling),
        cmocka_unit_test(test_push_when_committed_words_are_heard_otherwise_goes_on_behind_them),
        cmocka_unit_test(test_push_uses_times_where_letters_say_nothing),
        cmocka_unit_test(test_push_keeps_lone_punctuation_once),
        cmocka_unit_test(test_committed_times_never_go_back),
        cmocka_unit_test(test_push_past_the_bound_is_refused_and_changes_nothing),
        cmocka_unit_test(test_evidence_commits_a_sure_word_with_its_second_hypothesis),
        cmocka_unit_test(test_evidence_holds_a_doubtful_word),
        cmocka_unit_test(test_evidence_starts_anew_when_a_word_changes),
        cmocka_unit_test(test_evidence_commits_in_a_pause),
        cmocka_unit_test(test_attention_holds_words_that_look_at_the_edge),
        cmocka_unit_test(test_tail_shows_sure_words_at_once_and_others_when_agreed_on),
        cmocka_unit_test(test_policies_have_names),
        cmocka_unit_test(test_create_refuses_bad_options),
        cmocka_unit_test(test_random_stream_with_errors_only_at_the_edge_gives_each_word_once),
        cmocka_unit_test(test_random_stream_with_errors_anywhere_doubles_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
