/* Letters: what is read and what is refused by which error, what a NOTIFY is, what a terminating end-point answers, and waiting. */
#include "m2m_support.h"

#include <stdio.h>

#include <escertke/mailbox.h>

#include "fixture.h"

static const escertke_id_context ctx = { "//m2m.example.org", "/in1" };

#define REQUEST "{\\\"op\\\":5,\\\"to\\\":\\\"/in1/Cmeter\\\",\\\"fr\\\":\\\"Cpanel\\\",\\\"rqi\\\":\\\"1\\\",\\\"rvi\\\":\\\"3\\\"}"
#define RESPONSE "{\\\"rsc\\\":2000,\\\"rqi\\\":\\\"1\\\",\\\"rvi\\\":\\\"3\\\"}"
#define CNF(which) "\"cnf\":\"application/vnd.onem2m-" which "+json:0\","
#define CIN(members) "{\"m2m:cin\":{" members "}}"

static void letters(void **state)
{
    static const struct {
        const char *name, *text;
        escertke_err err;
        const char *ri, *words;
    } rows[] = {
        { "a request", CIN("\"ri\":\"cin1\"," CNF("preq") "\"con\":\"" REQUEST "\",\"cr\":\"Cpanel\""), ESCERTKE_OK, "cin1", "" },
        { "cr SP-relative", CIN("\"con\":\"" REQUEST "\",\"cr\":\"/in1/Cpanel\""), ESCERTKE_OK, "", "" },
        { "cr Absolute", CIN("\"con\":\"" REQUEST "\",\"cr\":\"//m2m.example.org/in1/Cpanel\""), ESCERTKE_OK, "", "" },
        { "a response without fr", CIN(CNF("prsp") "\"con\":\"" RESPONSE "\",\"cr\":\"Cmeter\""), ESCERTKE_OK, "", "" },
        { "told by a subscription", "{\"m2m:sgn\":{\"nev\":{\"net\":3,\"rep\":" CIN("\"ri\":\"4-1,2\",\"con\":\"" REQUEST "\",\"cr\":\"Cpanel\"") "}}}",
          ESCERTKE_OK, "4-1,2", "" },
        { "no cr", CIN("\"ri\":\"c\",\"con\":\"" REQUEST "\""), ESCERTKE_ERR_CREATOR, "c", "without creator" },
        { "cr null", CIN("\"con\":\"" REQUEST "\",\"cr\":null"), ESCERTKE_ERR_CREATOR, "", "without creator" },
        { "written by somebody else", CIN("\"con\":\"" REQUEST "\",\"cr\":\"Cthief\""), ESCERTKE_ERR_CREATOR, "", "made by" },
        { "of the same stem at another CSE", CIN("\"con\":\"" REQUEST "\",\"cr\":\"/in2/Cpanel\""), ESCERTKE_ERR_CREATOR, "", "made by" },
        { "cr is no ID", CIN("\"con\":\"" REQUEST "\",\"cr\":\"?\\u001b[2J\""), ESCERTKE_ERR_ID, "", "cr of a letter" },
        { "con is no primitive", CIN("\"con\":\"hello\",\"cr\":\"Cpanel\""), ESCERTKE_ERR_JSON, "", "" },
        { "con is half a primitive", CIN("\"con\":\"{\\\"op\\\":5}\",\"cr\":\"Cpanel\""), ESCERTKE_ERR_PRIMITIVE, "", "" },
        { "con is an object", CIN("\"con\":{\"op\":5},\"cr\":\"Cpanel\""), ESCERTKE_ERR_PRIMITIVE, "", "con" },
        { "no con", CIN("\"cr\":\"Cpanel\""), ESCERTKE_ERR_PRIMITIVE, "", "con" },
        { "cnf of something else", CIN("\"cnf\":\"text/plain:0\",\"con\":\"" REQUEST "\",\"cr\":\"Cpanel\""), ESCERTKE_ERR_UNSUPPORTED, "", "cnf" },
        { "cnf in base64", CIN("\"cnf\":\"application/vnd.onem2m-preq+json:1\",\"con\":\"" REQUEST "\",\"cr\":\"Cpanel\""),
          ESCERTKE_ERR_UNSUPPORTED, "", "cnf" },
        { "cnf of a response", CIN(CNF("prsp") "\"con\":\"" REQUEST "\",\"cr\":\"Cpanel\""), ESCERTKE_ERR_UNSUPPORTED, "", "cnf says" },
        { "cnf is a number", CIN("\"cnf\":7,\"con\":\"" REQUEST "\",\"cr\":\"Cpanel\""), ESCERTKE_ERR_UNSUPPORTED, "", "cnf" },
        { "no contentInstance", "{\"m2m:cnt\":{}}", ESCERTKE_ERR_PRIMITIVE, "", "m2m:cin" },
        { "an ri that leads elsewhere", CIN("\"ri\":\"../../x\",\"con\":\"" REQUEST "\",\"cr\":\"Cpanel\""), ESCERTKE_OK, "", "" },
        { "not JSON", "hello", ESCERTKE_ERR_JSON, "", "" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        escertke_letter l;
        escertke_detail d;
        escertke_detail_init(&d);
        expect_err(rows[i].name, escertke_letter_read(ESCERTKE_FORMAT_JSON, escertke_span_str(rows[i].text), &ctx, &l, &d), rows[i].err);
        if (strcmp(l.ri, rows[i].ri) != 0 || !strstr(d.reason, rows[i].words))
            fail_msg("%s: ri \"%s\", reason \"%s\"", rows[i].name, l.ri, d.reason);
        if ((rows[i].err == ESCERTKE_OK) != (l.primitive.rqi != NULL))
            fail_msg("%s: the primitive", rows[i].name);
        escertke_letter_clear(&l);
    }
}

/* A con as large as there can be is refused by its size or its content, and nothing is kept. */
static void huge(void **state)
{
    static char text[ESCERTKE_PRIMITIVE_MAX + 100];
    escertke_letter l;

    (void)state;
    for (size_t len = ESCERTKE_PRIMITIVE_MAX - 200; len < sizeof text; len += 150) {
        snprintf(text, sizeof text, "{\"m2m:cin\":{\"cr\":\"Cpanel\",\"con\":\"");
        size_t head = strlen(text);
        memset(text + head, ' ', len - head - 3);
        memcpy(text + len - 4, "\"}}", 4);
        escertke_err err = escertke_letter_read(ESCERTKE_FORMAT_JSON, escertke_span_str(text), &ctx, &l, NULL);
        expect_err("huge", err, len - 1 > ESCERTKE_PRIMITIVE_MAX ? ESCERTKE_ERR_TOO_LARGE : ESCERTKE_ERR_JSON);
        escertke_letter_clear(&l);
    }
}

static void kinds(void **state)
{
    static const struct {
        const char *text;
        escertke_mail kind;
    } rows[] = {
        { "{\"m2m:sgn\":{\"vrq\":true,\"sur\":\"x\"}}", ESCERTKE_MAIL_VERIFICATION },
        { "{\"m2m:sgn\":{\"vrq\":true,\"nev\":{\"rep\":{\"m2m:sub\":{}}}}}", ESCERTKE_MAIL_VERIFICATION },
        { "{\"m2m:sgn\":{\"vrq\":\"true\"}}", ESCERTKE_MAIL_VERIFICATION },
        { "{\"m2m:sgn\":{\"vrq\":false,\"nev\":{\"rep\":{\"m2m:cin\":{}}}}}", ESCERTKE_MAIL_LETTER },
        { "{\"m2m:sgn\":{\"sud\":true,\"sur\":\"x\"}}", ESCERTKE_MAIL_ENDED },
        { "{\"m2m:sgn\":{\"nev\":{\"rep\":{\"m2m:cnt\":{}}}}}", ESCERTKE_MAIL_OTHER },
        { "{\"m2m:sgn\":{}}", ESCERTKE_MAIL_OTHER },
        { "{\"m2m:sgn\":{\"nev\":{\"rep\":{\"m2m:seci\":{}}}}}", ESCERTKE_MAIL_NONE },
        { "{\"m2m:seci\":{\"sit\":6}}", ESCERTKE_MAIL_NONE },
        { "{\"m2m:sgn\":7}", ESCERTKE_MAIL_NONE },
        { "x", ESCERTKE_MAIL_NONE },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (escertke_mail_look(ESCERTKE_FORMAT_JSON, escertke_span_str(rows[i].text)) != rows[i].kind)
            fail_msg("%s: expected %d", rows[i].text, rows[i].kind);
}

/* ---- two ends and a CSE that keeps letters ---------------------------------------------------------------------- */

struct post {
    struct fixture *f;
    escertke_store stores[2];
    escertke_terminator *t;
    escertke_now now;
    escertke_buf latest;   /* in the initiator's mailbox: a whole {"m2m:cin":...} */
    const char *creator;   /* cr that the CSE gives to the answers */
    int refuse, refusals;  /* rsc of the Create; events of the terminating end-point */
    bool silent, foreign;  /* the peer does not answer; a letter of somebody else lies on top */
    int stumbles, stumble;  /* so many looks fail, by this rsc, or 0: nobody is there */
    char why[400];
};

static void note(void *c, const escertke_event *event)
{
    struct post *w = c;

    if (event->kind == ESCERTKE_EVENT_REFUSED) {
        w->refusals++;
        snprintf(w->why, sizeof w->why, "%s", event->detail->reason);
    }
}

static escertke_now clock_of(void *c)
{
    return ((struct post *)c)->now;
}

static void pause_of(void *c, uint64_t until_ms)
{
    struct post *w = c;

    if (until_ms > w->now.mono_ms) {
        w->now.unix_s += (int64_t)(until_ms / 1000 - w->now.mono_ms / 1000);
        w->now.mono_ms = until_ms;
    }
}

/* cr as the CSE notes it, in place of null. */
static void with_creator(escertke_buf *out, escertke_span content, const char *cr)
{
    static const char tail[] = "\"cr\":null}}";
    char put[200];

    assert_true(content.len > sizeof tail);
    assert_memory_equal(content.ptr + content.len - sizeof tail + 1, tail, sizeof tail - 1);
    snprintf(put, sizeof put, "\"ri\":\"c1\",\"cr\":\"%s\"}}", cr);
    escertke_buf_reset(out);
    assert_int_equal(escertke_buf_append(out, content.ptr, content.len - sizeof tail + 1), ESCERTKE_OK);
    assert_int_equal(escertke_buf_append(out, put, strlen(put)), ESCERTKE_OK);
}

static void deliver(struct post *w, escertke_span content)
{
    escertke_buf told, reply;
    escertke_letter l;
    escertke_primitive rsp;

    escertke_buf_init(&told, ESCERTKE_PRIMITIVE_MAX);
    escertke_buf_init(&reply, ESCERTKE_PRIMITIVE_MAX);
    escertke_primitive_init(&rsp);
    with_creator(&told, content, "Cpanel");
    if (escertke_mailbox_serve(w->t, ESCERTKE_FORMAT_JSON, escertke_buf_span(&told), &ctx, METER, w->now, &l, &rsp, NULL) ==
        ESCERTKE_OK) {
        assert_string_equal(l.creator.text, PANEL);
        assert_int_equal(escertke_letter_write(ESCERTKE_FORMAT_JSON, &rsp, &reply), ESCERTKE_OK);
        with_creator(&w->latest, escertke_buf_span(&reply), w->creator);
    }
    escertke_letter_clear(&l);
    escertke_primitive_clear(&rsp);
    escertke_buf_free(&told);
    escertke_buf_free(&reply);
}

static escertke_err to_cse(void *c, const escertke_primitive *req, escertke_primitive *rsp, escertke_detail *d)
{
    struct post *w = c;
    static const char foreign[] = CIN("\"ri\":\"f\",\"con\":\"" RESPONSE "\",\"cr\":\"Cthief\"");

    (void)d;
    assert_string_equal(req->fr, "Cpanel");
    rsp->rsc = ESCERTKE_RSC_CREATED;
    if (req->op == ESCERTKE_OP_CREATE) {
        assert_string_equal(req->to, "/in1/-/meter/escertke");
        assert_int_equal(req->ty, 4);
        if (w->refuse)
            rsp->rsc = w->refuse;
        else if (!w->silent)
            deliver(w, escertke_buf_span(&req->content));
        return escertke_primitive_set(&rsp->rqi, escertke_span_str(req->rqi));
    }
    assert_int_equal(req->op, ESCERTKE_OP_RETRIEVE);
    assert_string_equal(req->to, "/in1/-/panel/escertke/la");
    if (w->stumbles && w->stumbles-- > 0) {
        rsp->rsc = w->stumble;
        return w->stumble ? ESCERTKE_OK : ESCERTKE_ERR_UNREACHABLE;
    }
    escertke_span found = w->foreign ? escertke_span_str(foreign) : escertke_buf_span(&w->latest);
    w->foreign = false;
    rsp->rsc = found.len ? ESCERTKE_RSC_OK : ESCERTKE_RSC_NOT_FOUND;
    return found.len ? escertke_buf_append(&rsp->content, found.ptr, found.len) : ESCERTKE_OK;
}

static int setup(void **state)
{
    struct post *w = calloc(1, sizeof *w);

    w->f = fixture_new();
    w->now = w->f->now;
    w->creator = "Cmeter";
    escertke_buf_init(&w->latest, ESCERTKE_PRIMITIVE_MAX);
    for (int i = 0; i < 2; i++)
        assert_int_equal(escertke_store_memory(16, &w->stores[i]), ESCERTKE_OK);
    escertke_terminator_config cfg = { .identity = { .tls = fixture_tls(), .credential = w->f->meter.credential, .id = METER, .ctx = ctx,
                                                     .store = &w->stores[0] },
                                       .on_event = note,
                                       .event_ctx = w };
    assert_int_equal(escertke_terminator_new(&cfg, &w->t, NULL), ESCERTKE_OK);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct post *w = *state;

    escertke_terminator_free(w->t);
    for (int i = 0; i < 2; i++)
        escertke_store_close(&w->stores[i]);
    escertke_buf_free(&w->latest);
    fixture_free(w->f);
    free(w);
    return 0;
}

static escertke_err establish(struct post *w, escertke_detail *d)
{
    const escertke_identity self = { .tls = fixture_tls(), .credential = w->f->panel.credential, .id = PANEL, .ctx = ctx,
                                     .store = &w->stores[1] };
    escertke_mailbox m = { .from = "Cpanel", .self = PANEL, .ctx = ctx, .tls = fixture_tls(), .send = to_cse, .send_ctx = w,
                           .own_box = "/in1/-/panel/escertke", .peer_box = "/in1/-/meter/escertke", .peer = METER,
                           .clock = clock_of, .clock_ctx = w, .pause = pause_of, .pause_ctx = w, .patience_ms = 5000 };
    const escertke_attempt_params once = { .once = true };
    const escertke_notify_params p = { .to = METER, .from = PANEL, .send = escertke_mailbox_send, .send_ctx = &m, .clock = clock_of,
                                       .clock_ctx = w, .pause = pause_of, .pause_ctx = w, .carrier = ESCERTKE_CARRIER_MAILBOX,
                                       .lifetime_s = 6 };
    escertke_attempt *a;
    escertke_key_entry mine, theirs;

    escertke_detail_init(d);
    assert_int_equal(escertke_attempt_new(&self, METER, &once, w->now, &a, d), ESCERTKE_OK);
    escertke_err err = escertke_notify_establish(a, &p, d);
    if (err == ESCERTKE_OK) {
        assert_int_equal(escertke_attempt_entry(a, &mine), ESCERTKE_OK);
        assert_int_equal(w->stores[0].ops->find(w->stores[0].state, METER, PANEL, ESCERTKE_USAGE_ESPRIM, w->now.unix_s, &theirs, NULL),
                         ESCERTKE_OK);
        assert_memory_equal(&mine.key, &theirs.key, sizeof mine.key);
    }
    escertke_attempt_free(a);
    return err;
}

static void by_letters(void **state)
{
    struct post *w = *state;
    escertke_detail d;

    w->foreign = true; /* somebody else's letter on top is passed over */
    expect_err("run", establish(w, &d), ESCERTKE_OK);
    expect_err("another", establish(w, &d), ESCERTKE_OK); /* with the old answers still there */
    assert_int_equal(w->refusals, 0);
}

/* A CSE that stumbles over a look while another letter comes in is looked at again; one that decides is believed. */
static void looks_that_fail(void **state)
{
    static const struct {
        int stumbles, rsc;
        escertke_err err;
        int detail;
    } rows[] = {
        { 1, 5000, ESCERTKE_OK, 0 },
        { 3, 5103, ESCERTKE_OK, 0 },
        { 2, 0, ESCERTKE_OK, 0 },
        { 1, 4103, ESCERTKE_ERR_PRIVILEGE, 4103 },
        { 1000, 5000, ESCERTKE_ERR_RSC, 5000 },
        { 1000, 0, ESCERTKE_ERR_UNREACHABLE, 0 },
    };
    struct post *w = *state;
    escertke_detail d;

    for (size_t i = 0; i < COUNT(rows); i++) {
        w->stumbles = rows[i].stumbles;
        w->stumble = rows[i].rsc;
        expect_err("looks that fail", establish(w, &d), rows[i].err);
        assert_int_equal(d.rsc, rows[i].detail);
    }
}

static void failures(void **state)
{
    struct post *w = *state;
    escertke_detail d;

    w->silent = true;
    expect_err("silent", establish(w, &d), ESCERTKE_ERR_DEADLINE);
    assert_non_null(strstr(d.reason, "/in1/-/meter/escertke"));
    w->silent = false;
    w->creator = "Cthief"; /* somebody who may write there answers in the peer's place */
    expect_err("answered by another", establish(w, &d), ESCERTKE_ERR_DEADLINE);
    w->refuse = ESCERTKE_RSC_NOT_FOUND;
    expect_err("no mailbox", establish(w, &d), ESCERTKE_ERR_NOT_FOUND);
    assert_int_equal(d.rsc, 4004);
    w->refuse = ESCERTKE_RSC_ORIGINATOR_HAS_NO_PRIVILEGE;
    expect_err("no right", establish(w, &d), ESCERTKE_ERR_PRIVILEGE);
}

static void not_answered(void **state)
{
#define LETTER(rest, cr) CIN("\"con\":\"{\\\"op\\\":5,\\\"to\\\":\\\"x\\\",\\\"fr\\\":\\\"Cpanel\\\",\\\"rqi\\\":\\\"1\\\"" rest "}\",\"cr\":\"" cr "\"")
    static const struct {
        const char *name, *text;
        escertke_err err;
        int refusals;
    } rows[] = {
        { "no rqet", LETTER("", "Cpanel"), ESCERTKE_ERR_DEADLINE, 1 },
        { "an old one, read again", LETTER(",\\\"rqet\\\":\\\"20200101T000000\\\"", "Cpanel"), ESCERTKE_ERR_DEADLINE, 1 },
        { "a relative rqet", LETTER(",\\\"rqet\\\":\\\"5000\\\"", "Cpanel"), ESCERTKE_ERR_PRIMITIVE, 1 },
        { "by somebody else", LETTER(",\\\"rqet\\\":\\\"20990101T000000\\\"", "Cthief"), ESCERTKE_ERR_CREATOR, 1 },
        { "a response", CIN("\"con\":\"" RESPONSE "\",\"cr\":\"Cpanel\""), ESCERTKE_ERR_STATE, 0 },
        { "no primitive", CIN("\"con\":\"x\",\"cr\":\"Cpanel\""), ESCERTKE_ERR_JSON, 1 },
    };
    struct post *w = *state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        escertke_letter l;
        escertke_primitive rsp;
        escertke_detail d;
        escertke_detail_init(&d);
        escertke_primitive_init(&rsp);
        w->refusals = 0;
        expect_err(rows[i].name,
                   escertke_mailbox_serve(w->t, ESCERTKE_FORMAT_JSON, escertke_span_str(rows[i].text), &ctx, METER, w->now, &l, &rsp, &d),
                   rows[i].err);
        if (w->refusals != rows[i].refusals || rsp.rsc || !d.reason[0])
            fail_msg("%s: %d refusals, rsc %d, \"%s\"", rows[i].name, w->refusals, rsp.rsc, d.reason);
        escertke_letter_clear(&l);
        escertke_primitive_clear(&rsp);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters),
        cmocka_unit_test(huge),
        cmocka_unit_test(kinds),
        cmocka_unit_test_setup_teardown(by_letters, setup, teardown),
        cmocka_unit_test_setup_teardown(looks_that_fail, setup, teardown),
        cmocka_unit_test_setup_teardown(failures, setup, teardown),
        cmocka_unit_test_setup_teardown(not_answered, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
