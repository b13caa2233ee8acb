/* What is said: events on stdout, words on stderr, and an exit code for each class of error. */
#include "cli_support.h"

#include "events.h"
#include "out.h"

static struct capture out, err;

static void begin(bool json)
{
    out_use_json(json);
    capture_begin(&out, stdout);
    capture_begin(&err, stderr);
}

static void end(void)
{
    capture_end(&err);
    capture_end(&out);
    out_use_json(false);
}

static void exit_codes(void **state)
{
    static const struct {
        escertke_err err;
        int code;
    } codes[] = {
        { ESCERTKE_ERR_NOMEM, EXIT_LOCAL },         { ESCERTKE_ERR_STORE_FULL, EXIT_LOCAL },
        { ESCERTKE_ERR_CONFIG, EXIT_USAGE },        { ESCERTKE_ERR_NO_CONTENT, EXIT_PEER },
        { ESCERTKE_ERR_NEGOTIATION, EXIT_PEER },    { ESCERTKE_ERR_CERT, EXIT_AUTH },
        { ESCERTKE_ERR_REFUSED_AUTH, EXIT_AUTH },   { ESCERTKE_ERR_DEADLINE, EXIT_NETWORK },
        { ESCERTKE_ERR_UNREACHABLE, EXIT_NETWORK },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(codes); i++) {
        begin(false);
        int code = out_failure(codes[i].err, NULL, "test");
        end();
        assert_int_equal(code, codes[i].code);
        assert_string_equal(out.text, "");
        expect_words("name", err.text, escertke_err_name(codes[i].err));
    }
}

static void failure_says_all_it_knows(void **state)
{
    static const char *const lines[] = {
        "escertke: test of x: certificate identity is not the expected one (IDENTITY)\n",
        "  reason:      expected a, found b\n",
        "  certificate: leaf, subject CN=x\n",
        "  expected:    URI a\n",
        "  found:       URI b\n",
        "  at:          message 2 of 4\n",
        "  rsc:         4106\n",
        "  alert:       bad_certificate\n",
        "  TLS:         own words\n",
        "  clause:      TS-0003 8.1.2.5\n",
        "  to do:       do this\n",
    };
    escertke_detail d = { .err = ESCERTKE_ERR_IDENTITY,
                          .message = 2,
                          .alert = 42,
                          .rsc = 4106,
                          .clause = "TS-0003 8.1.2.5",
                          .reason = "expected a, found b",
                          .backend = "own words",
                          .certificate = "leaf, subject CN=x",
                          .expected = "URI a",
                          .found = "URI b",
                          .advice = "do this" };

    (void)state;
    begin(false);
    assert_int_equal(out_failure(ESCERTKE_ERR_IDENTITY, &d, "test of %s", "x"), EXIT_AUTH);
    end();
    for (size_t i = 0; i < COUNT(lines); i++)
        expect_words("line", err.text, lines[i]);
    d.advice[0] = '\0'; /* then that of the error */
    begin(false);
    out_failure(ESCERTKE_ERR_IDENTITY, &d, "x");
    end();
    expect_words("advice of the error", err.text, "  to do:       check --to");
}

static void established_never_shows_the_key(void **state)
{
    escertke_key_entry e = {
        .peer = "//sp/in1/Cx", .role = ESCERTKE_TERMINATOR, .suite = "SUITE", .engine = "openssl", .expires_s = 1780315200
    };

    (void)state;
    memset(e.key.id, 0xAB, sizeof e.key.id);
    memset(e.key.key, 0xCD, sizeof e.key.key);
    begin(true);
    event_established(&e, NULL);
    end();
    assert_string_equal(out.text, "{\"event\":\"established\",\"role\":\"terminator\",\"peer\":\"//sp/in1/Cx\","
                                  "\"key_id\":\"ABABABABABABABABABABABABABABABAB\",\"suite\":\"SUITE\",\"engine\":\"openssl\","
                                  "\"expires\":\"2026-06-01T12:00:00Z\"}\n");
    begin(false);
    event_established(&e, NULL);
    end();
    assert_string_equal(out.text,
                        "established key ABABABABABABABABABABABABABABABAB with //sp/in1/Cx until 2026-06-01T12:00:00Z (SUITE)\n");
}

static void refused_as_in_the_contract(void **state)
{
    escertke_detail d = { .err = ESCERTKE_ERR_CERT, .message = 3, .alert = 48, .rsc = 4106, .clause = "C", .reason = "R",
                          .certificate = "leaf", .expected = "E", .found = "F\xff\n", .advice = "A" };
    const escertke_event e = { .kind = ESCERTKE_EVENT_REFUSED, .peer = "//sp/in1/C\xff\x01", .detail = &d };

    (void)state;
    begin(true);
    event_report(NULL, &e);
    end();
    assert_string_equal(out.text,
                        "{\"event\":\"refused\",\"peer\":\"//sp/in1/C??\",\"rsc\":4106,\"alert\":\"unknown_ca\",\"reason\":\"R\","
                        "\"clause\":\"C\",\"certificate\":\"leaf\",\"expected\":\"E\",\"found\":\"F??\",\"advice\":\"A\","
                        "\"error\":\"CERT\",\"message\":3}\n");
    strcpy(d.found, "F");
    begin(false);
    event_report(NULL, &(escertke_event){ .kind = ESCERTKE_EVENT_REFUSED, .peer = "p", .detail = &d });
    end();
    assert_string_equal(out.text, "refused p: R; alert unknown_ca (C)\n  certificate: leaf\n  expected:    E\n  found:       F\n"
                                  "  to do:       A\n");
    d = (escertke_detail){ .err = ESCERTKE_ERR_DEADLINE, .alert = -1 };
    begin(true);
    event_report(NULL, &e);
    end();
    assert_string_equal(out.text, "{\"event\":\"refused\",\"peer\":\"//sp/in1/C??\",\"reason\":\"deadline passed\","
                                  "\"advice\":\"try again, with a longer --timeout if the way is slow\",\"error\":\"DEADLINE\"}\n");
}

static void other_events(void **state)
{
    static const struct {
        escertke_event_kind kind;
        const char *expected;
    } kinds[] = {
        { ESCERTKE_EVENT_PENDING, "" },
        { ESCERTKE_EVENT_REPLAYED, "{\"event\":\"replayed\",\"peer\":\"p\"}\n" },
        { ESCERTKE_EVENT_EVICTED, "{\"event\":\"evicted\",\"peer\":\"p\"}\n" },
        { ESCERTKE_EVENT_EXPIRED, "{\"event\":\"expired\",\"peer\":\"p\"}\n" },
        { ESCERTKE_EVENT_ALERT,
          "{\"event\":\"alert\",\"peer\":\"p\",\"alert\":\"bad_certificate\",\"reason\":\"peer sent a TLS alert\","
          "\"advice\":\"the peer expects another identity, or refuses this certificate's form: escertke inspect shows both; its log says "
          "why\","
          "\"error\":\"ALERT\"}\n" },
    };
    escertke_detail d;

    (void)state;
    escertke_detail_init(&d);
    d.alert = 42;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        const escertke_event e = { .kind = kinds[i].kind, .peer = "p", .detail = &d };
        begin(true);
        event_report(NULL, &e);
        end();
        assert_string_equal(out.text, kinds[i].expected);
    }
}

/* The line that ends a run tells of its beginning too; how long it took is the machine's business. */
static void a_run_is_told_whole(void **state)
{
    struct event_book *book = event_book_new(8);
    const escertke_event begun = { .kind = ESCERTKE_EVENT_PENDING, .run = 7, .peer = "p", .in_len = 90, .out_len = 1200 };
    const escertke_event expired = { .kind = ESCERTKE_EVENT_EXPIRED, .run = 7, .peer = "p" };
    unsigned ms;
    int read = 0;

    (void)state;
    begin(true);
    event_report(book, &begun);
    event_report(book, &expired);
    end();
    assert_int_equal(sscanf(out.text, "{\"event\":\"expired\",\"peer\":\"p\",\"run\":7,\"duration_ms\":%u,\"sizes\":[90,1200]}%n", &ms, &read), 1);
    assert_string_equal(out.text + read, "\n");
    begin(false);
    event_report(book, &begun);
    event_report(book, &expired);
    event_report(book, &expired);
    end();
    assert_int_equal(sscanf(out.text, "expired p; run 7, %u ms%n", &ms, &read), 1);
    assert_string_equal(out.text + read, "\nexpired p; run 7\n");
    event_book_free(book);
}

static void failure_names(void **state)
{
    (void)state;
    assert_string_equal(event_failure_name(ESCERTKE_ERR_RSC), "refused");
    assert_string_equal(event_failure_name(ESCERTKE_ERR_IDENTITY), "refused");
    assert_string_equal(event_failure_name(ESCERTKE_ERR_UNREACHABLE), "failed");
    assert_string_equal(event_failure_name(ESCERTKE_ERR_STORE), "failed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exit_codes),
        cmocka_unit_test(failure_says_all_it_knows),
        cmocka_unit_test(established_never_shows_the_key),
        cmocka_unit_test(refused_as_in_the_contract),
        cmocka_unit_test(other_events),
        cmocka_unit_test(a_run_is_told_whole),
        cmocka_unit_test(failure_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
