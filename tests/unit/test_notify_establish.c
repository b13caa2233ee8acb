/* A whole ESCertKE by primitives: the good run, and every answer a CSE or a peer can give that is not the one asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

/* How the way between the two ends treats one response. */
struct fault {
    int at;              /* which request: 1, 2, ...; 0 = none */
    int rsc;             /* replace the code */
    const char *content; /* replace the content; "" = none */
    const char *rqi;     /* replace rqi */
    escertke_err send;   /* the send itself fails */
};

struct world {
    struct fixture *f;
    escertke_store meter_store, panel_store;
    escertke_terminator *t;
    struct fault fault;
    escertke_attempt_params params;
    int sent;
    char last_content[64]; /* beginning of the last request's content */
    int progress[5];
    char rqi[8][24];
};

static escertke_err send(void *ctx, const escertke_primitive *req, escertke_primitive *rsp, escertke_detail *d)
{
    struct world *w = ctx;
    const struct fault *fault = &w->fault;

    (void)d;
    snprintf(w->rqi[w->sent % 8], sizeof w->rqi[0], "%s", req->rqi);
    w->sent++;
    snprintf(w->last_content, sizeof w->last_content, "%.*s", (int)req->content.len, (const char *)req->content.ptr);
    assert_string_equal(req->to, "/in1/Cmeter");
    assert_string_equal(req->fr, "Cpanel");
    assert_string_equal(req->rvi, "3");
    if (fault->at == w->sent && fault->send)
        return fault->send;
    escertke_notify_serve(w->t, req, w->f->now, rsp);
    if (fault->at != w->sent)
        return ESCERTKE_OK;
    if (fault->rsc)
        rsp->rsc = fault->rsc;
    if (fault->content) {
        escertke_buf_reset(&rsp->content);
        assert_int_equal(escertke_buf_append(&rsp->content, fault->content, strlen(fault->content)), ESCERTKE_OK);
    }
    if (fault->rqi)
        assert_int_equal(escertke_primitive_set(&rsp->rqi, escertke_span_str(fault->rqi)), ESCERTKE_OK);
    return ESCERTKE_OK;
}

static escertke_now clock_of(void *ctx)
{
    return ((struct world *)ctx)->f->now;
}

static void note_progress(void *ctx, int message, size_t len)
{
    ((struct world *)ctx)->progress[message] = (int)len;
}

static void world_open(struct world *w, struct fixture *f)
{
    memset(w, 0, sizeof *w);
    w->f = f;
    assert_int_equal(escertke_store_memory(16, &w->meter_store), ESCERTKE_OK);
    assert_int_equal(escertke_store_memory(16, &w->panel_store), ESCERTKE_OK);
    escertke_terminator_config cfg = { .identity = { .tls = fixture_tls(), .credential = f->meter.credential, .id = METER,
                                                     .ctx = { "//m2m.example.org", "/in1" }, .store = &w->meter_store } };
    assert_int_equal(escertke_terminator_new(&cfg, &w->t, NULL), ESCERTKE_OK);
}

static void world_close(struct world *w)
{
    escertke_terminator_free(w->t);
    escertke_store_close(&w->meter_store);
    escertke_store_close(&w->panel_store);
}

static escertke_err establish(struct world *w, const char *to, escertke_detail *d, escertke_key_entry *entry)
{
    escertke_identity identity = { .tls = fixture_tls(), .credential = w->f->panel.credential, .id = PANEL,
                                   .ctx = { "//m2m.example.org", "/in1" }, .store = &w->panel_store };
    escertke_notify_params p = { .to = "/in1/Cmeter", .from = "Cpanel", .send = send, .send_ctx = w, .clock = clock_of, .clock_ctx = w,
                                 .progress = note_progress, .progress_ctx = w };
    escertke_attempt *i;

    escertke_detail_init(d);
    assert_int_equal(escertke_attempt_new(&identity, to, &w->params, w->f->now, &i, d), ESCERTKE_OK);
    escertke_err err = escertke_notify_establish(i, &p, d);
    assert_int_equal(d->err, err);
    assert_int_equal(escertke_attempt_entry(i, entry), err == ESCERTKE_OK ? ESCERTKE_OK : ESCERTKE_ERR_STATE);
    escertke_attempt_free(i);
    return err;
}

static void good_run(void **state)
{
    struct world w;
    escertke_detail d;
    escertke_key_entry a, b;

    world_open(&w, *state);
    assert_int_equal(establish(&w, METER, &d, &a), ESCERTKE_OK);
    assert_int_equal(w.meter_store.ops->get(w.meter_store.state, a.key.id, w.f->now.unix_s, &b, NULL), ESCERTKE_OK);
    assert_memory_equal(&a.key, &b.key, sizeof a.key);
    assert_int_equal(w.sent, 2); /* exactly two NOTIFYs (R-HS-20) */
    assert_string_not_equal(w.rqi[0], w.rqi[1]);
    for (int m = 1; m <= 4; m++)
        assert_true(w.progress[m] > 0);
    escertke_key_entry_wipe(&a);
    escertke_key_entry_wipe(&b);
    world_close(&w);
}

static void faults(void **state)
{
    static const char bad_alert[] = "{\"m2m:seci\":{\"sit\":6,\"eckm\":\"FQMDAAICKg==\"}}";
    static const struct {
        const char *name;
        struct fault fault;
        escertke_err err;
        int message, rsc, alert;
    } cases[] = {
        { "2000 and nothing for M1", { .at = 1, .content = "" }, ESCERTKE_ERR_NO_CONTENT, 1, 0, -1 },
        { "2000 and nothing for M3", { .at = 2, .content = "" }, ESCERTKE_ERR_NO_CONTENT, 3, 0, -1 },
        { "another rqi", { .at = 1, .rqi = "other" }, ESCERTKE_ERR_RQI, 1, 0, -1 },
        { "4106 with an alert", { .at = 2, .rsc = 4106, .content = bad_alert }, ESCERTKE_ERR_REFUSED_AUTH, 3, 4106, 42 },
        { "4102 with an alert", { .at = 1, .rsc = 4102, .content = bad_alert }, ESCERTKE_ERR_RSC, 1, 4102, 42 },
        { "4103", { .at = 1, .rsc = 4103, .content = "" }, ESCERTKE_ERR_PRIVILEGE, 1, 4103, -1 },
        { "4004", { .at = 1, .rsc = 4004, .content = "" }, ESCERTKE_ERR_NOT_FOUND, 1, 4004, -1 },
        { "4008", { .at = 2, .rsc = 4008, .content = "" }, ESCERTKE_ERR_DEADLINE, 3, 4008, -1 },
        { "5103", { .at = 1, .rsc = 5103, .content = "" }, ESCERTKE_ERR_UNREACHABLE, 1, 5103, -1 },
        { "5001", { .at = 1, .rsc = 5001, .content = "{\"m2m:dbg\":\"no\"}" }, ESCERTKE_ERR_UNSUPPORTED, 1, 5001, -1 },
        { "4000", { .at = 1, .rsc = 4000, .content = "{\"m2m:dbg\":\"not a NOTIFY request\"}" }, ESCERTKE_ERR_RSC, 1, 4000, -1 },
        { "1001: accepted, later", { .at = 1, .rsc = 1001, .content = "" }, ESCERTKE_ERR_RSC, 1, 1001, -1 },
        { "a code nobody knows", { .at = 1, .rsc = 4999, .content = "" }, ESCERTKE_ERR_RSC, 1, 4999, -1 },
        { "content is not JSON", { .at = 1, .content = "<html>" }, ESCERTKE_ERR_JSON, 1, 0, -1 },
        { "content is another object", { .at = 1, .content = "{\"m2m:cin\":{}}" }, ESCERTKE_ERR_SECINFO, 1, 0, -1 },
        { "sit 4", { .at = 1, .content = "{\"m2m:seci\":{\"sit\":3}}" }, ESCERTKE_ERR_SECINFO, 1, 0, -1 },
        { "eckm is not base64", { .at = 1, .content = "{\"m2m:seci\":{\"sit\":6,\"eckm\":\"$\"}}" }, ESCERTKE_ERR_BASE64, 1, 0, -1 },
        { "M2 is garbage", { .at = 1, .content = "{\"m2m:seci\":{\"sit\":6,\"eckm\":\"FgMDAAQC\"}}" }, ESCERTKE_ERR_FORMAT, 2, 0, -1 },
        { "an alert with 2000", { .at = 1, .content = bad_alert }, ESCERTKE_ERR_ALERT, 2, 0, 42 },
        { "M4 is an alert", { .at = 2, .content = bad_alert }, ESCERTKE_ERR_ALERT, 4, 0, 42 },
        { "nobody there", { .at = 1, .send = ESCERTKE_ERR_UNREACHABLE }, ESCERTKE_ERR_UNREACHABLE, 1, 0, -1 },
        { "too late", { .at = 2, .send = ESCERTKE_ERR_DEADLINE }, ESCERTKE_ERR_DEADLINE, 3, 0, -1 },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world w;
        escertke_detail d;
        escertke_key_entry e;
        world_open(&w, *state);
        w.fault = cases[i].fault;
        escertke_err err = establish(&w, METER, &d, &e);
        if (err != cases[i].err || d.message != cases[i].message || d.rsc != cases[i].rsc || d.alert != cases[i].alert || !d.reason[0])
            fail_msg("%s: %s at M%d, rsc %d, alert %d, \"%s\"", cases[i].name, escertke_err_name(err), d.message, d.rsc, d.alert, d.reason);
        /* no key on this side, whatever happened (R-HS-35) */
        assert_int_equal(w.panel_store.ops->find(w.panel_store.state, PANEL, METER, ESCERTKE_USAGE_ESPRIM, w.f->now.unix_s, &e, NULL),
                         ESCERTKE_ERR_NOT_FOUND);
        world_close(&w);
    }
}

/* The peer is not who we want: it is told so by one NOTIFY with an alert (R-PR-40). */
static void alert_is_sent(void **state)
{
    struct world w;
    escertke_detail d;
    escertke_key_entry e;

    world_open(&w, *state);
    assert_int_equal(establish(&w, IN1, &d, &e), ESCERTKE_ERR_IDENTITY);
    assert_int_equal(d.message, 2);
    assert_int_equal(w.sent, 2);
    assert_non_null(strstr(w.last_content, "FQMDAAIC")); /* an alert record */
    world_close(&w);
}

/* The words name what to do when a CSE drops the content of responses (R-IO-9). */
static void no_content_says_what_to_do(void **state)
{
    struct world w;
    escertke_detail d;
    escertke_key_entry e;

    world_open(&w, *state);
    w.fault = (struct fault){ .at = 1, .content = "" };
    assert_int_equal(establish(&w, METER, &d, &e), ESCERTKE_ERR_NO_CONTENT);
    assert_non_null(strstr(d.reason, "mailbox"));
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(good_run), cmocka_unit_test(faults), cmocka_unit_test(alert_is_sent),
                                        cmocka_unit_test(no_content_says_what_to_do) };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
