/* Whole runs of ESCertKE over CoAP, with and without DTLS, and through a way that loses, repeats and reorders datagrams. */
#include "coap_support.h"

#include <poll.h>

#include "fixture.h"

/* ---- a bad way --------------------------------------------------------------------------------------------- */

/* Between a client, whichever wrote last, and a server; what happens to a datagram follows from the seed. */
struct way {
    int client_side, server_side;
    uint16_t port; /* for the client */
    struct sockaddr_in client;
    uint32_t chance;
    unsigned lost_percent, repeated_percent, late_percent;
    atomic_bool stop;
    unsigned passed, lost, repeated, late;
    uint8_t held[65536]; /* one datagram that is late: it goes behind the next */
    size_t held_len;
    bool held_to_client;
    pthread_t thread;
};

static unsigned chance(struct way *w)
{
    w->chance = w->chance * 1664525u + 1013904223u;
    return (w->chance >> 8) % 100;
}

static void pass(struct way *w, bool to_client, const uint8_t *bytes, size_t len)
{
    if (to_client)
        sendto(w->client_side, bytes, len, 0, (struct sockaddr *)&w->client, sizeof w->client);
    else
        send(w->server_side, bytes, len, 0);
}

static void carry(struct way *w, bool to_client, const uint8_t *bytes, size_t len)
{
    w->passed++;
    if (chance(w) < w->lost_percent) {
        w->lost++;
        return;
    }
    if (!w->held_len && chance(w) < w->late_percent) {
        memcpy(w->held, bytes, len);
        w->held_len = len;
        w->held_to_client = to_client;
        w->late++;
        return;
    }
    pass(w, to_client, bytes, len);
    if (chance(w) < w->repeated_percent) {
        w->repeated++;
        pass(w, to_client, bytes, len);
    }
    if (w->held_len)
        pass(w, w->held_to_client, w->held, w->held_len);
    w->held_len = 0;
}

static void *way_run(void *arg)
{
    struct way *w = arg;
    struct pollfd fds[2] = { { .fd = w->client_side, .events = POLLIN }, { .fd = w->server_side, .events = POLLIN } };
    uint8_t bytes[65536];

    while (!atomic_load(&w->stop)) {
        socklen_t len = sizeof w->client;
        ssize_t n;
        poll(fds, 2, 20);
        if (fds[0].revents &&
            (n = recvfrom(w->client_side, bytes, sizeof bytes, MSG_DONTWAIT, (struct sockaddr *)&w->client, &len)) > 0)
            carry(w, false, bytes, (size_t)n);
        if (fds[1].revents && (n = recv(w->server_side, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
            carry(w, true, bytes, (size_t)n);
    }
    return NULL;
}

static void way_start(struct way *w, uint16_t server)
{
    w->client_side = udp_socket(0, &w->port);
    w->server_side = udp_socket(server, NULL);
    assert_int_equal(pthread_create(&w->thread, NULL, way_run, w), 0);
}

static void way_stop(struct way *w)
{
    atomic_store(&w->stop, true);
    pthread_join(w->thread, NULL);
    close(w->client_side);
    close(w->server_side);
}

/* ---- both ends --------------------------------------------------------------------------------------------- */

struct hop_tls {
    char *cert, *key, *trust, *other_trust;
};

static struct hop_tls hop;

static struct pki_cert make_hop_cert(const struct pki_cert *root, const void *ip, size_t len, int eku)
{
    const struct pki_name name = { PKI_IP, ip, len };

    return pki_make(&(struct pki_params){ .cn = "hop", .issuer = root, .san = &name, .san_count = 1, .eku = eku });
}

static int make_hop(void **state)
{
    struct pki_cert root = pki_make(&(struct pki_params){ .cn = "hop root", .is_ca = true });
    struct pki_cert other = pki_make(&(struct pki_params){ .cn = "other root", .is_ca = true });
    struct pki_cert leaf = make_hop_cert(&root, "\x7f\0\0\1", 4, PKI_EKU_SERVER | PKI_EKU_CLIENT);
    const struct pki_cert *chain = &leaf, *anchor = &root, *wrong = &other;

    hop.cert = pki_chain_pem(&chain, 1);
    hop.key = pki_key_pem(&leaf);
    hop.trust = pki_chain_pem(&anchor, 1);
    hop.other_trust = pki_chain_pem(&wrong, 1);
    pki_cert_free(&leaf);
    pki_cert_free(&other);
    pki_cert_free(&root);
    return fixture_setup(state);
}

static int free_hop(void **state)
{
    free(hop.cert);
    free(hop.key);
    free(hop.trust);
    free(hop.other_trust);
    return fixture_teardown(state);
}

static void serve(void *ctx, const escertke_primitive *req, escertke_now now, escertke_primitive *rsp)
{
    escertke_notify_serve(ctx, req, now, rsp);
}

struct sender {
    escertke_coap_client *client;
    char base[64];
};

static escertke_err send_over(void *ctx, const escertke_primitive *req, escertke_primitive *rsp, escertke_detail *d)
{
    struct sender *s = ctx;

    return escertke_coap_send(s->client, s->base, true, req, rsp, d);
}

static void pause_until(void *ctx, uint64_t until_ms)
{
    uint64_t now = escertke_system_clock(ctx).mono_ms;

    if (until_ms > now)
        pause_ms((long)(until_ms - now));
}

static escertke_identity identity_of(const struct party *who, const char *id, escertke_store *store)
{
    return (escertke_identity){ .tls = fixture_tls(), .credential = who->credential, .id = id,
                                .ctx = { "//m2m.example.org", "/in1" }, .store = store };
}

static escertke_coap_client *client_of(bool dtls, const char *trust, bool certificate)
{
    escertke_coap_client_config cfg = { .ack_timeout_ms = 150, .timeout_ms = 20000 };
    escertke_coap_client *c = NULL;

    if (dtls) {
        cfg.tls_trust = text_span(trust);
        cfg.tls_cert = text_span(certificate ? hop.cert : "");
        cfg.tls_key = text_span(certificate ? hop.key : "");
    }
    assert_int_equal(escertke_coap_client_new(&cfg, &c), ESCERTKE_OK);
    return c;
}

static escertke_coap_server_config server_config(bool dtls, escertke_handler_fn handler, void *ctx)
{
    escertke_coap_server_config cfg = { .listen = "coap://127.0.0.1:0", .handler = handler, .handler_ctx = ctx };

    if (dtls) {
        cfg.listen = "coaps://127.0.0.1:0";
        cfg.tls_cert = text_span(hop.cert);
        cfg.tls_key = text_span(hop.key);
        cfg.tls_client_trust = text_span(hop.trust);
    }
    return cfg;
}

/* One run from panel to meter over this way; both ends hold the same key. */
static void run(struct fixture *f, bool dtls, struct way *way)
{
    escertke_store meter_store, panel_store;
    escertke_terminator *t;
    escertke_attempt *a;
    escertke_detail d;
    escertke_key_entry mine, theirs;
    struct sender sender;

    assert_int_equal(escertke_store_memory(16, &meter_store), ESCERTKE_OK);
    assert_int_equal(escertke_store_memory(16, &panel_store), ESCERTKE_OK);
    const escertke_terminator_config cfg = { .identity = identity_of(&f->meter, METER, &meter_store) };
    const escertke_identity own = identity_of(&f->panel, PANEL, &panel_store);
    assert_int_equal(escertke_terminator_new(&cfg, &t, NULL), ESCERTKE_OK);
    escertke_coap_server *server = start_with(server_config(dtls, serve, t));
    sender.client = client_of(dtls, hop.trust, true);
    way_start(way, port_of(escertke_coap_server_url(server)));
    snprintf(sender.base, sizeof sender.base, "coap%s://127.0.0.1:%u", dtls ? "s" : "", (unsigned)way->port);

    escertke_detail_init(&d);
    expect_err("attempt", escertke_attempt_new(&own, METER, NULL, escertke_system_clock(NULL), &a, &d), ESCERTKE_OK, &d);
    const escertke_notify_params carrier = { .to = "/in1/Cmeter", .from = "Cpanel", .send = send_over, .send_ctx = &sender,
                                             .clock = escertke_system_clock, .pause = pause_until };
    expect_err("run", escertke_notify_establish(a, &carrier, &d), ESCERTKE_OK, &d);
    assert_int_equal(escertke_attempt_entry(a, &mine), ESCERTKE_OK);
    assert_int_equal(meter_store.ops->get(meter_store.state, mine.key.id, mine.created_s, &theirs, NULL), ESCERTKE_OK);
    assert_memory_equal(mine.key.key, theirs.key.key, sizeof mine.key.key);
    escertke_key_entry_wipe(&mine);
    escertke_key_entry_wipe(&theirs);
    escertke_attempt_free(a);
    way_stop(way);
    escertke_coap_client_free(sender.client);
    escertke_coap_server_stop(server, 1000);
    escertke_terminator_free(t);
    escertke_store_close(&panel_store);
    escertke_store_close(&meter_store);
}

static void runs(void **state)
{
    struct way plain = { .chance = 1 }, dtls = { .chance = 1 };

    run(*state, false, &plain);
    print_message("datagrams of a run: %u", plain.passed);
    run(*state, true, &dtls);
    print_message(", with DTLS and its handshake: %u\n", dtls.passed);
}

/* A tenth is lost, a tenth comes twice, a tenth is overtaken. Seeds are fixed; threads decide which datagram meets which fate. */
static void runs_although_datagrams_are_lost(void **state)
{
    unsigned lost = 0, repeated = 0, late = 0;

    for (uint32_t seed = 1; seed <= 12; seed++) {
        struct way way = { .chance = seed * 7919, .lost_percent = 10, .repeated_percent = 10, .late_percent = 10 };
        run(*state, seed % 3 == 0, &way);
        lost += way.lost;
        repeated += way.repeated;
        late += way.late;
    }
    print_message("lost %u, repeated %u, late %u\n", lost, repeated, late);
    assert_true(lost && repeated && late);
}

/* ---- DTLS ---------------------------------------------------------------------------------------------------- */

static escertke_err ask(escertke_coap_client *c, const char *base, escertke_detail *d)
{
    escertke_primitive req, rsp;

    escertke_detail_init(d);
    escertke_primitive_init(&rsp);
    make_request(&req, ESCERTKE_OP_NOTIFY, "/in1/Cmeter", "r1", "{}");
    escertke_err err = escertke_coap_send(c, base, false, &req, &rsp, d);
    escertke_primitive_clear(&rsp);
    escertke_primitive_clear(&req);
    return err;
}

static void dtls_wants_the_right_certificates(void **state)
{
    escertke_coap_server *s = start_with(server_config(true, echo, NULL));
    char by_name[64];
    escertke_detail d;
    static const struct {
        const char *name;
        bool other_trust, no_certificate, by_name;
        escertke_err err;
    } rows[] = {
        { "good", false, false, false, ESCERTKE_OK },
        { "anchor of somebody else", true, false, false, ESCERTKE_ERR_UNREACHABLE },
        { "no certificate of the client", false, true, false, ESCERTKE_ERR_UNREACHABLE },
        { "another name", false, false, true, ESCERTKE_ERR_UNREACHABLE },
    };

    (void)state;
    snprintf(by_name, sizeof by_name, "coaps://localhost:%u", (unsigned)port_of(escertke_coap_server_url(s)));
    for (size_t i = 0; i < COUNT(rows); i++) {
        escertke_coap_client *c = client_of(true, rows[i].other_trust ? hop.other_trust : hop.trust, !rows[i].no_certificate);
        expect_err(rows[i].name, ask(c, rows[i].by_name ? by_name : escertke_coap_server_url(s), &d), rows[i].err, &d);
        assert_int_equal(d.reason[0] != '\0', rows[i].err != ESCERTKE_OK);
        escertke_coap_client_free(c);
    }
    assert_int_equal(atomic_load(&handled), 1);
    escertke_coap_server_stop(s, 0);
}

static void dtls_keeps_sessions(void **state)
{
    escertke_coap_server_config cfg = server_config(true, echo, NULL);
    escertke_coap_server *s = start_with(cfg);
    escertke_coap_client *c = client_of(true, hop.trust, true);
    char url[64];
    escertke_detail d;
    escertke_coap_stats stats;

    (void)state;
    snprintf(url, sizeof url, "%s", escertke_coap_server_url(s));
    for (int i = 0; i < 5; i++)
        expect_err("same session", ask(c, url, &d), ESCERTKE_OK, &d);
    pause_ms(50);
    assert_int_equal(ask(c, url, &d), ESCERTKE_OK);
    escertke_coap_server_get_stats(s, &stats);
    assert_int_equal(stats.sessions, 1);
    assert_int_equal(stats.requests, 6);
    /* the server is started again and knows nothing of the session: the client notices and begins another */
    escertke_coap_server_stop(s, 0);
    cfg.listen = url;
    s = start_with(cfg);
    expect_err("after a restart", ask(c, url, &d), ESCERTKE_OK, &d);
    escertke_coap_client_free(c);
    escertke_coap_server_stop(s, 0);
}

/* Past the limit the session that is silent longest gives way; datagrams that are no DTLS change nothing. */
static void dtls_bounds_sessions(void **state)
{
    escertke_coap_server_config cfg = server_config(true, echo, NULL);
    escertke_coap_client *c[3];
    escertke_coap_stats stats;
    escertke_detail d;

    (void)state;
    cfg.max_sessions = 2;
    escertke_coap_server *s = start_with(cfg);
    int fd = connect_to(s);
    for (int i = 0; i < 3; i++) {
        c[i] = client_of(true, hop.trust, true);
        expect_err("client", ask(c[i], escertke_coap_server_url(s), &d), ESCERTKE_OK, &d);
        assert_int_equal(send(fd, "\x16\xfe\xfd\0\0\0\0\0\0\0\0\0\1\1", 14, 0), 14);
        assert_int_equal(send(fd, "\x40\x01\0\1", 4, 0), 4);
        assert_int_equal(send(fd, "", 0, 0), 0);
        pause_ms(1100);
    }
    escertke_coap_server_get_stats(s, &stats);
    assert_int_equal(stats.sessions, 2);
    assert_int_equal(stats.sessions_lost, 1);
    assert_int_equal(stats.malformed, 0);
    expect_err("the first again", ask(c[0], escertke_coap_server_url(s), &d), ESCERTKE_OK, &d);
    for (int i = 0; i < 3; i++)
        escertke_coap_client_free(c[i]);
    close(fd);
    escertke_coap_server_stop(s, 0);
}

static void dtls_refuses_files(void **state)
{
    static const char junk[] = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n";
    escertke_coap_server *s = NULL;
    escertke_coap_client *c = NULL;
    escertke_detail d;

    (void)state;
    for (int i = 0; i < 4; i++) {
        escertke_coap_server_config cfg = server_config(true, echo, NULL);
        cfg.tls_cert = i == 0 ? text_span(junk) : i == 1 ? text_span("") : cfg.tls_cert;
        cfg.tls_key = i == 2 ? text_span(hop.cert) : cfg.tls_key;
        cfg.tls_client_trust = i == 3 ? text_span(junk) : cfg.tls_client_trust;
        escertke_detail_init(&d);
        expect_err("server", escertke_coap_server_start(&cfg, &s, &d), ESCERTKE_ERR_CREDENTIAL, &d);
        assert_true(d.reason[0]);
    }
    const escertke_coap_client_config bad = { .tls_cert = text_span(hop.cert), .tls_key = text_span(junk) };
    assert_int_equal(escertke_coap_client_new(&bad, &c), ESCERTKE_OK);
    expect_err("client", ask(c, "coaps://127.0.0.1:1", &d), ESCERTKE_ERR_CREDENTIAL, &d);
    assert_true(d.reason[0]);
    escertke_coap_client_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs),
        cmocka_unit_test(runs_although_datagrams_are_lost),
        cmocka_unit_test(dtls_wants_the_right_certificates),
        cmocka_unit_test(dtls_keeps_sessions),
        cmocka_unit_test(dtls_bounds_sessions),
        cmocka_unit_test(dtls_refuses_files),
    };

    return cmocka_run_group_tests(tests, make_hop, free_hop);
}
