/* The stories of runs: told once, whole where their beginning is known, and never another's. */
#include "cli_support.h"

#include "event_book.h"

static struct event_story note(struct event_book *b, escertke_event_kind kind, uint64_t run, size_t in, size_t out, uint64_t now_ms)
{
    const escertke_detail detail = { .err = ESCERTKE_ERR_LIMIT };
    const escertke_event e = { .kind = kind, .run = run, .in_len = in, .out_len = out, .detail = &detail };

    return event_book_note(b, &e, now_ms);
}

static void expect_story(const struct event_story *s, uint64_t run, bool timed, uint64_t ms, const char *sizes)
{
    char text[100] = "";

    for (size_t i = 0; i < s->sizes_count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%zu", i ? " " : "", s->sizes[i]);
    if (s->run != run || s->timed != timed || (timed && s->duration_ms != ms) || strcmp(text, sizes) != 0)
        fail_msg("run %llu, timed %d, %llu ms, sizes \"%s\"", (unsigned long long)s->run, s->timed,
                 (unsigned long long)s->duration_ms, text);
}

static void tells_each_run_once(void **state)
{
    struct event_book *b = event_book_new(64);
    struct event_counts counts;
    struct event_story s;

    (void)state;
    note(b, ESCERTKE_EVENT_PENDING, 1, 90, 1200, 1000);
    note(b, ESCERTKE_EVENT_PENDING, 2, 91, 1201, 2000);
    s = note(b, ESCERTKE_EVENT_ESTABLISHED, 1, 1300, 51, 1042);
    expect_story(&s, 1, true, 42, "90 1200 1300 51");
    s = note(b, ESCERTKE_EVENT_REPLAYED, 1, 1300, 51, 1500);
    expect_story(&s, 1, false, 0, "1300 51");
    s = note(b, ESCERTKE_EVENT_REPLAYED, 2, 91, 1201, 2500); /* M1 again: the run goes on */
    expect_story(&s, 2, false, 0, "91 1201");
    s = note(b, ESCERTKE_EVENT_EXPIRED, 2, 0, 0, 62000);
    expect_story(&s, 2, true, 60000, "91 1201");
    s = note(b, ESCERTKE_EVENT_REFUSED, 0, 7, 0, 62000);
    expect_story(&s, 0, false, 0, "7");
    event_book_get_counts(b, &counts);
    assert_int_equal(counts.runs, 1);
    assert_int_equal(counts.runs_ms, 42);
    assert_int_equal(counts.refused[ESCERTKE_ERR_LIMIT], 1);
    assert_int_equal(counts.refused[ESCERTKE_ERR_CERT], 0);
    event_book_free(b);
}

/* Many at once need more places, and get them. */
static void keeps_as_many_as_promised(void **state)
{
    enum { MANY = 5000 };
    struct event_book *b = event_book_new(MANY);

    (void)state;
    for (uint64_t run = 1; run <= MANY; run++)
        note(b, ESCERTKE_EVENT_PENDING, run, (size_t)run, 5, run);
    for (uint64_t run = 1; run <= MANY; run++) {
        struct event_story s = note(b, ESCERTKE_EVENT_EXPIRED, run, 0, 0, run + 9);
        if (!s.timed || s.duration_ms != 9 || s.sizes[0] != run)
            fail_msg("run %llu", (unsigned long long)run);
    }
    event_book_free(b);
}

/* Past that a run may lose its beginning, but gets nobody else's; and nothing grows. */
static void forgets_rather_than_grows(void **state)
{
    struct event_book *b = event_book_new(8);
    size_t told = 0;

    (void)state;
    for (uint64_t run = 1; run <= 100000; run++)
        note(b, ESCERTKE_EVENT_PENDING, run, (size_t)(run % 1000 + 1), 5, run);
    for (uint64_t run = 1; run <= 100000; run++) {
        struct event_story s = note(b, ESCERTKE_EVENT_EVICTED, run, 0, 0, 200000);
        told += s.timed;
        if (s.timed && (s.duration_ms != 200000 - run || s.sizes[0] != run % 1000 + 1))
            fail_msg("run %llu has another's story", (unsigned long long)run);
    }
    assert_true(told >= 16 && told <= 2048);
    event_book_free(b);
    event_book_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(tells_each_run_once), cmocka_unit_test(keeps_as_many_as_promised),
                                        cmocka_unit_test(forgets_rather_than_grows) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
