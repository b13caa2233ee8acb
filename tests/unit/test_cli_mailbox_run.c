/* A handshake by letters through a CSE, both ends as the command makes them; what only delays it, and what ends it. */
#include "mailbox_run.h"
#include "mailbox_serve.h"
#include "mailbox_support.h"

#include <stdatomic.h>

struct ends {
    struct office *o;
    struct identity meter, panel;
    escertke_store stores[2];
    escertke_terminator *t;
    struct mailbox_server *server;
    atomic_int established, refused;
};

static void count(void *ctx, const escertke_event *event)
{
    struct ends *e = ctx;

    atomic_fetch_add(&e->established, event->kind == ESCERTKE_EVENT_ESTABLISHED);
    atomic_fetch_add(&e->refused, event->kind == ESCERTKE_EVENT_REFUSED);
}

static void open_server(struct ends *e)
{
    const struct mailbox box = { .exchange = office_exchange(e->o, "Cmeter"), .identity = &e->meter };
    struct capture out, err;
    escertke_detail d;

    escertke_detail_init(&d);
    assert_int_equal(mailbox_server_new(e->t, &box, &e->server, &d), ESCERTKE_OK);
    capture_begin(&err, stderr);
    capture_begin(&out, stdout);
    assert_int_equal(mailbox_server_open(e->server, NULL, &d), ESCERTKE_OK);
    capture_end(&out);
    capture_end(&err);
}

static int setup(void **state)
{
    struct ends *e = calloc(1, sizeof *e);

    e->o = office_new();
    e->meter = office_identity(METER, false);
    e->panel = office_identity(PANEL, false);
    e->meter.stem = "Cmeter";
    e->panel.stem = "Cpanel";
    for (int i = 0; i < 2; i++)
        assert_int_equal(escertke_store_memory(16, &e->stores[i]), ESCERTKE_OK);
    const escertke_terminator_config cfg = { .identity = { .tls = fixture_tls(),
                                                           .credential = e->o->f->meter.credential,
                                                           .id = METER,
                                                           .ctx = { "//m2m.example.org", "/in1" },
                                                           .store = &e->stores[0] },
                                             .on_event = count,
                                             .event_ctx = e };
    assert_int_equal(escertke_terminator_new(&cfg, &e->t, NULL), ESCERTKE_OK);
    open_server(e);
    *state = e;
    return 0;
}

static int teardown(void **state)
{
    struct ends *e = *state;

    mailbox_server_free(e->server);
    escertke_terminator_free(e->t);
    for (int i = 0; i < 2; i++)
        escertke_store_close(&e->stores[i]);
    office_free(e->o);
    free(e);
    return 0;
}

static escertke_err establish(struct ends *e, uint32_t patience_ms, escertke_detail *d)
{
    const escertke_identity self = { .tls = fixture_tls(),
                                     .credential = e->o->f->panel.credential,
                                     .id = PANEL,
                                     .ctx = { "//m2m.example.org", "/in1" },
                                     .store = &e->stores[1] };
    const escertke_attempt_params once = { .once = true };
    const struct exchange x = office_exchange(e->o, "Cpanel");
    escertke_notify_params params = { .clock = escertke_system_clock, .carrier = ESCERTKE_CARRIER_MAILBOX };
    struct mailbox_run run;
    escertke_attempt *a;
    escertke_key_entry mine, theirs;

    escertke_detail_init(d);
    escertke_err err = mailbox_run_open(&run, &x, &e->panel, METER, "/in1/Cmeter", patience_ms, &params, d);
    if (err != ESCERTKE_OK)
        return err;
    assert_string_equal(run.peer_box, "/in1/-/meter/escertke");
    assert_int_equal(escertke_attempt_new(&self, METER, &once, escertke_system_clock(NULL), &a, d), ESCERTKE_OK);
    err = escertke_notify_establish(a, &params, d);
    if (err == ESCERTKE_OK) {
        assert_int_equal(escertke_attempt_entry(a, &mine), ESCERTKE_OK);
        assert_int_equal(e->stores[0].ops->find(e->stores[0].state, METER, PANEL, ESCERTKE_USAGE_ESPRIM,
                                                escertke_system_clock(NULL).unix_s, &theirs, NULL),
                         ESCERTKE_OK);
        assert_memory_equal(&mine.key, &theirs.key, sizeof mine.key);
    }
    escertke_attempt_free(a);
    return err;
}

/* Looked into once a second; then again by an end-point that has been restarted, with all the old letters still there. */
static void by_letters(void **state)
{
    struct ends *e = *state;
    escertke_detail d;

    if (establish(e, 8000, &d) != ESCERTKE_OK)
        fail_msg("%s", d.reason);
    assert_int_equal(atomic_load(&e->established), 1);
    mailbox_server_free(e->server);
    open_server(e);
    if (establish(e, 8000, &d) != ESCERTKE_OK)
        fail_msg("after a restart: %s", d.reason);
    assert_int_equal(atomic_load(&e->established), 2);
}

/* What lies on top of the initiator's mailbox is nonsense for a while, and the peer's CSE is ill for a moment. */
static void a_way_with_stones(void **state)
{
    static const struct oddity stones[] = {
        { ESCERTKE_OP_RETRIEVE, "/panel/escertke/la", 2000, "<html>", 2 },
        { ESCERTKE_OP_RETRIEVE, "/meter/escertke/la", 2000, "{'m2m:cin':{'con':'{','cr':'Cpanel'}}", 1 },
        { ESCERTKE_OP_RETRIEVE, "/panel/escertke/la", 4004, NULL, 2 },
        { ESCERTKE_OP_RETRIEVE, "/panel/escertke/la", 2000, "{'m2m:cin':{'con':'{\\'rsc\\':2000,\\'rqi\\':\\'x\\'}','cr':'Cthief'}}", 2 },
    };
    struct ends *e = *state;
    escertke_detail d;

    for (size_t i = 0; i < COUNT(stones); i++)
        office_odd(e->o, i, stones[i]);
    if (establish(e, 10000, &d) != ESCERTKE_OK)
        fail_msg("%s", d.reason);
    assert_int_equal(atomic_load(&e->refused), 1);
}

/* What ends it: each with the error that names it. */
static void refused(void **state)
{
    static const struct {
        const char *name;
        struct oddity odd;
        escertke_err err;
    } rows[] = {
        { "the peer has no mailbox", { ESCERTKE_OP_CREATE, "/meter/escertke", 4004, NULL, -1 }, ESCERTKE_ERR_NOT_FOUND },
        { "the peer lets nobody write", { ESCERTKE_OP_CREATE, "/meter/escertke", 4103, NULL, -1 }, ESCERTKE_ERR_PRIVILEGE },
        { "no own mailbox", { ESCERTKE_OP_CREATE, "/-/panel", 5001, NULL, 1 }, ESCERTKE_ERR_UNSUPPORTED },
        { "the own one cannot be read", { ESCERTKE_OP_RETRIEVE, "/panel/escertke/la", 4103, NULL, -1 }, ESCERTKE_ERR_PRIVILEGE },
        { "nobody answers", { ESCERTKE_OP_RETRIEVE, "/meter/escertke/la", 4004, NULL, -1 }, ESCERTKE_ERR_DEADLINE },
    };
    struct ends *e = *state;
    escertke_detail d;

    for (size_t i = 0; i < COUNT(rows); i++) {
        office_odd(e->o, 0, rows[i].odd);
        escertke_err err = establish(e, 1500, &d);
        if (err != rows[i].err)
            fail_msg("%s: %s: %s", rows[i].name, escertke_err_name(err), d.reason);
    }
    assert_int_equal(atomic_load(&e->established), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(by_letters, setup, teardown),
        cmocka_unit_test_setup_teardown(a_way_with_stones, setup, teardown),
        cmocka_unit_test_setup_teardown(refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
