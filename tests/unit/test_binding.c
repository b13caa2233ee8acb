/* The table of bindings. Each binding's own tests try what it does; here it is which one is asked, and brokers that come and go. */
#include "binding/binding.h"

#include "mqtt_support.h"

#include <pthread.h>
#include <time.h>
#include <unistd.h>

static const struct {
    const char *url;
    escertke_err err;
} urls[] = {
    { "http://127.0.0.1:8080/notify", ESCERTKE_OK },
    { "https://cse.example.org", ESCERTKE_OK },
    { "mqtt://broker", ESCERTKE_OK },
    { "mqtts://broker:8884/plant", ESCERTKE_OK },
#ifdef ESCERTKE_COAP
    { "coap://127.0.0.1:5683/notify", ESCERTKE_OK },
    { "coaps://[::1]", ESCERTKE_OK },
    { "coap://", ESCERTKE_ERR_ARG },
#else
    { "coap://127.0.0.1:5683/notify", ESCERTKE_ERR_UNSUPPORTED },
#endif
    { "http://", ESCERTKE_ERR_ARG },
    { "mqtt://broker/#", ESCERTKE_ERR_ARG },
    { "ftp://broker", ESCERTKE_ERR_ARG },
    { "", ESCERTKE_ERR_ARG },
    { NULL, ESCERTKE_ERR_ARG },
#ifdef ESCERTKE_WS
    { "ws://cse", ESCERTKE_OK },
#else
    { "ws://cse", ESCERTKE_ERR_UNSUPPORTED },
#endif
};

static void knows_its_urls(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(urls); i++) {
        escertke_detail d;
        escertke_detail_init(&d);
        expect_err(urls[i].url ? urls[i].url : "(null)", esc_url_check(urls[i].url, &d), urls[i].err, &d);
        assert_int_equal(d.reason[0] != '\0', urls[i].err != ESCERTKE_OK);
    }
}

static struct esc_hops *new_hops(const char *self)
{
    const struct esc_hops_config cfg = { .self = self, .timeout_ms = PATIENCE_MS };
    struct esc_hops *h = NULL;
    escertke_detail d;

    escertke_detail_init(&d);
    expect_err("hops", esc_hops_new(&cfg, &h, &d), ESCERTKE_OK, &d);
    return h;
}

static void listen_at(struct esc_hops *h, const char *url, struct esc_listener *l)
{
    const struct esc_listen cfg = { .url = url, .handler = echo, .threads = 1, .workers = 1 };
    escertke_detail d;

    escertke_detail_init(&d);
    expect_err(url, esc_hops_listen(h, &cfg, l, &d), ESCERTKE_OK, &d);
    expect_err(url, esc_listener_ready(l, PATIENCE_MS, &d), ESCERTKE_OK, &d);
}

static escertke_err ask_as(const char *from, struct esc_hops *h, const char *url, const char *receiver, escertke_detail *d)
{
    const struct esc_next next = { .url = url, .receiver = receiver, .to_ae = true };
    escertke_primitive req, rsp;

    make_request(&req, ESCERTKE_OP_NOTIFY, "/in1/Cmeter", "r1", "{\"m2m:dbg\":\"x\"}");
    set(&req.fr, from);
    escertke_primitive_init(&rsp);
    escertke_detail_init(d);
    escertke_err err = esc_hops_send(h, &next, &req, &rsp, d);
    if (err == ESCERTKE_OK)
        assert_int_equal(rsp.rsc, 2000);
    escertke_primitive_clear(&req);
    escertke_primitive_clear(&rsp);
    return err;
}

static escertke_err ask(struct esc_hops *h, const char *url, const char *receiver, escertke_detail *d)
{
    return ask_as("Cpanel", h, url, receiver, d);
}

static void each_url_finds_its_binding(void **state)
{
    struct broker *b = broker_start();
    struct esc_hops *meter = new_hops(METER), *panel = new_hops(PANEL);
    struct esc_listener at[2];
    escertke_detail d;

    (void)state;
    listen_at(meter, "http://127.0.0.1:0", &at[0]);
    listen_at(meter, broker_url(b), &at[1]);
    assert_non_null(at[0].http);
    assert_non_null(at[1].mqtt);
    expect_text("URL", esc_listener_url(&at[1]), broker_url(b));
    for (size_t i = 0; i < COUNT(at); i++)
        expect_err("send", ask(panel, esc_listener_url(&at[i]), METER, &d), ESCERTKE_OK, &d);
    expect_err("no receiver", ask(panel, broker_url(b), NULL, &d), ESCERTKE_ERR_ARG, &d);
    expect_err("no binding", ask(panel, "gopher://127.0.0.1", METER, &d), ESCERTKE_ERR_ARG, &d);
    expect_err("no URL", ask(panel, NULL, METER, &d), ESCERTKE_ERR_ARG, &d);
    for (size_t i = 0; i < COUNT(at); i++)
        esc_listener_stop(&at[i], 1000);
    esc_listener_stop(&at[0], 0); /* nothing to do any more */
    esc_hops_free(panel);
    esc_hops_free(meter);
    broker_stop(b);
}

/* What is sent to a broker that is listened at goes over the same connection; to another, over a connection of another name. */
static void one_connection_to_each_broker(void **state)
{
    struct broker *first = broker_start(), *second = broker_start();
    struct esc_hops *both = new_hops(METER), *panel = new_hops(PANEL);
    struct esc_listener l, m;
    escertke_detail d;

    (void)state;
    listen_at(both, broker_url(first), &l);
    listen_at(panel, broker_url(second), &m);
    expect_err("itself", ask_as("Cmeter", both, broker_url(first), METER, &d), ESCERTKE_OK, &d);
    assert_int_equal(seen(first).connects, 1);
    expect_text("Client Identifier", seen(first).client_id, "A::/in1/Cmeter");
    expect_err("the other", ask_as("Cmeter", both, broker_url(second), PANEL, &d), ESCERTKE_OK, &d);
    expect_text("Client Identifier", seen(second).client_id, "A::/in1/Cmeter::2");
    expect_err("twice", esc_hops_listen(both, &(struct esc_listen){ .url = broker_url(first), .handler = echo }, &m, &d),
               ESCERTKE_ERR_ARG, &d);
    esc_listener_stop(&l, 1000);
    esc_hops_free(both);
    esc_hops_free(panel);
    broker_stop(first);
    broker_stop(second);
}

/* Whoever says where he is reached could else make a connection for each of his names. */
static void connections_are_bounded(void **state)
{
    struct broker *b = broker_start();
    const struct esc_hops_config cfg = { .self = PANEL, .timeout_ms = 1 };
    struct esc_hops *h;
    escertke_detail d;
    char url[100];

    (void)state;
    escertke_detail_init(&d);
    expect_err("hops", esc_hops_new(&cfg, &h, &d), ESCERTKE_OK, &d);
    for (int i = 0; i < 40; i++) {
        snprintf(url, sizeof url, "%s/p%d", broker_url(b), i);
        escertke_err err = ask(h, url, METER, &d);
        assert_true(err == ESCERTKE_ERR_DEADLINE || err == ESCERTKE_ERR_UNREACHABLE);
    }
    esc_hops_free(h);
    broker_stop(b);
}

static void nobody_cannot_use_mqtt(void **state)
{
    struct esc_hops *h = new_hops(NULL);
    escertke_detail d;

    (void)state;
    expect_err("nobody", ask(h, "mqtt://127.0.0.1", METER, &d), ESCERTKE_ERR_ARG, &d);
    esc_hops_free(h);
    esc_hops_free(NULL);
}

static void sockets_can_be_opened_before(void **state)
{
    struct esc_hops *h = new_hops(METER);
    struct esc_listen cfg = { .url = "http://127.0.0.1:0", .handler = echo, .threads = 1 };
    struct esc_listener l;
    escertke_detail d;

    (void)state;
    escertke_detail_init(&d);
    expect_err("http", esc_hops_reserve("http://127.0.0.1:0", &cfg.fd, &d), ESCERTKE_OK, &d);
    assert_true(cfg.fd > 0);
    expect_err("listen", esc_hops_listen(h, &cfg, &l, &d), ESCERTKE_OK, &d);
    expect_err("send", ask(h, esc_listener_url(&l), METER, &d), ESCERTKE_OK, &d);
    esc_listener_stop(&l, 1000);
    expect_err("mqtt", esc_hops_reserve("mqtt://broker", &cfg.fd, &d), ESCERTKE_OK, &d);
    assert_int_equal(cfg.fd, 0);
    expect_err("none", esc_hops_reserve("gopher://broker", &cfg.fd, &d), ESCERTKE_ERR_ARG, &d);
    esc_hops_free(h);
}

/* ---- patience: an exchange may have a time of its own, and be ended by another thread ---------------------------- */

static atomic_bool released;

static void hold(void *ctx, const escertke_primitive *req, escertke_now now, escertke_primitive *rsp)
{
    for (int i = 0; i < 300 && !atomic_load(&released); i++)
        usleep(20000);
    echo(ctx, req, now, rsp);
}

struct call {
    struct esc_hops *h;
    struct esc_next next;
    const char *rqet;
    escertke_err err;
    escertke_detail d;
    uint64_t took_ms;
};

static void *call(void *arg)
{
    struct call *c = arg;
    escertke_primitive req, rsp;
    uint64_t begun_ms = escertke_system_clock(NULL).mono_ms;

    make_request(&req, ESCERTKE_OP_NOTIFY, "/in1/Cmeter", "r1", "{\"m2m:dbg\":\"x\"}");
    set(&req.fr, "Cpanel");
    set(&req.rqet, c->rqet);
    escertke_primitive_init(&rsp);
    escertke_detail_init(&c->d);
    c->err = esc_hops_send(c->h, &c->next, &req, &rsp, &c->d);
    c->took_ms = escertke_system_clock(NULL).mono_ms - begun_ms;
    escertke_primitive_clear(&req);
    escertke_primitive_clear(&rsp);
    return NULL;
}

static void try_patience(const char *url, struct esc_hops *h)
{
    atomic_bool stop = false;
    struct call c = { .h = h, .next = { .url = url, .receiver = METER, .to_ae = true, .patience = { 300, &stop } } };
    pthread_t thread;

    call(&c);
    if (c.err != ESCERTKE_ERR_UNREACHABLE) /* over CoAP nothing need have come back yet */
        expect_err(url, c.err, ESCERTKE_ERR_DEADLINE, &c.d);
    assert_true(c.took_ms >= 300 && c.took_ms < 3000);

    c.next.patience.timeout_ms = 0;
    assert_int_equal(pthread_create(&thread, NULL, call, &c), 0);
    usleep(300000);
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
    expect_err(url, c.err, ESCERTKE_ERR_UNREACHABLE, &c.d);
    assert_true(c.took_ms < 300 + 1500);
    atomic_store(&stop, false);

    /* rqet in two seconds, an answer later than that, and who waits longer than that hears it */
    char rqet[16];
    escertke_timestamp_format(escertke_system_clock(NULL).unix_s + 2, rqet);
    c.rqet = rqet;
    call(&c);
    expect_err(url, c.err, ESCERTKE_ERR_DEADLINE, &c.d);
    escertke_timestamp_format(escertke_system_clock(NULL).unix_s + 2, rqet);
    c.next.patience.timeout_ms = PATIENCE_MS;
    assert_int_equal(pthread_create(&thread, NULL, call, &c), 0);
    sleep(3);
    atomic_store(&released, true);
    pthread_join(thread, NULL);
    expect_err(url, c.err, ESCERTKE_OK, &c.d);
    atomic_store(&released, false);
}

static void one_exchange_has_its_own_patience(void **state)
{
    struct broker *b = broker_start();
    const char *const urls_of[] = { "http://127.0.0.1:0",
#ifdef ESCERTKE_COAP
                                    "coap://127.0.0.1:0",
#endif
                                    broker_url(b) };
    (void)state;
    for (size_t i = 0; i < COUNT(urls_of); i++) {
        struct esc_hops *meter = new_hops(METER), *panel = new_hops(PANEL);
        struct esc_listen cfg = { .url = urls_of[i], .handler = hold, .threads = 1, .workers = 8 };
        struct esc_listener l;
        escertke_detail d;

        escertke_detail_init(&d);
        expect_err(cfg.url, esc_hops_listen(meter, &cfg, &l, &d), ESCERTKE_OK, &d);
        expect_err(cfg.url, esc_listener_ready(&l, PATIENCE_MS, &d), ESCERTKE_OK, &d);
        try_patience(esc_listener_url(&l), panel);
        atomic_store(&released, true);
        esc_listener_stop(&l, PATIENCE_MS);
        atomic_store(&released, false);
        esc_hops_free(panel);
        esc_hops_free(meter);
    }
    broker_stop(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_its_urls),          cmocka_unit_test(each_url_finds_its_binding),
        cmocka_unit_test(one_connection_to_each_broker), cmocka_unit_test(connections_are_bounded),
        cmocka_unit_test(nobody_cannot_use_mqtt),  cmocka_unit_test(sockets_can_be_opened_before),
        cmocka_unit_test(one_exchange_has_its_own_patience),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
