/*
 * M3 at the Terminating End-Point: it goes to the handshake that it belongs to, and what is no genuine M3 of a pending handshake
 * leaves that as it was, however much it looks like one.
 */
#include "endpoint_support.h"

#include <stdlib.h>
#include <unistd.h>

#include "m3_support.h"

static const escertke_terminator_config unlimited = { .rate_from = { .burst = ESCERTKE_NO_LIMIT } };

static size_t sealed_from(const struct copy *m3)
{
    const uint8_t *at = m3->octets;

    while (at[0] == 22)
        at += 5 + (at[3] << 8 | at[4]);
    return (size_t)(at - m3->octets);
}

static size_t pending_of(struct world *w)
{
    escertke_terminator_stats stats;

    escertke_terminator_get_stats(w->t, &stats);
    return stats.pending;
}

/* Refused, with a reason, and nothing has changed. */
static void refused(struct world *w, escertke_span m3, const char *what, size_t at)
{
    size_t before = pending_of(w);
    escertke_answer a = send(w, "Cpanel", m3);

    if (a.rsc == 2000 || !a.detail.reason[0] || pending_of(w) != before)
        fail_msg("%s %zu: rsc %d, %s", what, at, a.rsc, a.detail.reason);
    escertke_answer_clear(&a);
}

/* ---- what may happen to a genuine M3 on its way ------------------------------------------------------------------- */

/* All that is not encrypted, and the framing of what is: every bit. With Mbed TLS, which takes its time, a third of them. */
static void every_bit(void **state)
{
    size_t step = strcmp(fixture_tls()->name, "mbedtls") == 0 ? 3 : 1;
    struct world w;
    struct copy m1, m3;

    world_open(&w, *state, &unlimited);
    escertke_session *s = until_m3(&w, "Cpanel", &m1, &m3);
    size_t finished = sealed_from(&m3) + 6 + 5; /* behind ChangeCipherSpec and the header of the last record */
    for (size_t bit = 0; bit < 8 * finished; bit += step) {
        m3.octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
        refused(&w, span(&m3), "bit", bit);
        m3.octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    escertke_answer a = send(&w, "Cpanel", span(&m3));
    finish(&w, s, &a);
    world_close(&w);
}

static void every_length(void **state)
{
    struct world w;
    struct copy m1, m3;

    world_open(&w, *state, &unlimited);
    escertke_session *s = until_m3(&w, "Cpanel", &m1, &m3);
    for (size_t len = 0; len < m3.len; len++)
        refused(&w, (escertke_span){ m3.octets, len }, "length", len);
    escertke_answer a = send(&w, "Cpanel", span(&m3));
    finish(&w, s, &a);
    world_close(&w);
}

/*
 * Finished cannot be judged but by TLS, and TLS is spent by it. Who can deliver a genuine M3 with another Finished before the
 * genuine one has held it in his hands on its way, and could as well have kept it (D-162). It ends this run and no other.
 */
static void another_finished(void **state)
{
    struct world w;
    struct copy m1, m3, other_m1, other_m3;

    world_open(&w, *state, &unlimited);
    escertke_session *s = until_m3(&w, "Cpanel", &m1, &m3), *other = until_m3(&w, "Cpanel", &other_m1, &other_m3);
    m3.octets[m3.len - 1] ^= 1;
    expect_rsc("another Finished", send(&w, "Cpanel", span(&m3)), 4106, ESCERTKE_ERR_SIGNATURE, 20);
    assert_int_equal(w.last_run[ESCERTKE_EVENT_REFUSED], 1);
    m3.octets[m3.len - 1] ^= 1;
    expect_rsc("the genuine one", send(&w, "Cpanel", span(&m3)), 4106, ESCERTKE_ERR_SIGNATURE, 51);
    escertke_answer a = send(&w, "Cpanel", span(&other_m3));
    finish(&w, other, &a);
    escertke_session_free(s);
    world_close(&w);
}

static struct octets reframed(const struct copy *m3, size_t max)
{
    struct octets whole = { .len = 0 };

    append(&whole, m3->octets, m3->len);
    return in_other_records(&whole, max);
}

/* Records are packaging (RFC 5246 6.2.1): whoever breaks or joins them on the way has changed nothing (D-275). */
static void in_whatever_records(void **state)
{
    static const size_t sizes[] = { 1, 5, 100, 8000 };
    struct world w;
    struct copy m1, m3, m4;

    world_open(&w, *state, &unlimited);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        escertke_session *s = until_m3(&w, "Cpanel", &m1, &m3);
        struct octets other = reframed(&m3, sizes[i]), another = reframed(&m3, sizes[i] + 1);
        escertke_answer a = send(&w, "Cpanel", span_of(&other));
        keep(&m4, escertke_buf_span(&a.message));
        finish(&w, s, &a);
        const escertke_span again[] = { span(&m3), span_of(&other), span_of(&another) };
        for (size_t k = 0; k < 3; k++) {
            a = send(&w, "Cpanel", again[k]);
            assert_int_equal(a.rsc, 2000);
            assert_true(escertke_span_equal(escertke_buf_span(&a.message), span(&m4)));
            escertke_answer_clear(&a);
        }
        assert_int_equal(w.events[ESCERTKE_EVENT_ESTABLISHED], i + 1);
        assert_int_equal(w.events[ESCERTKE_EVENT_REPLAYED], 3 * (i + 1));
        pass(&w, 10);
    }
    world_close(&w);
}

/* ---- what a stranger may send -------------------------------------------------------------------------------------- */

/* With a certificate of this PKI that names somebody else, in a run that he has begun himself. */
static void anothers_own_run(void **state)
{
    struct fixture *f = *state;
    struct world w;
    struct copy m1, m3, his_m1, his_m3;
    struct party panel = f->panel;

    world_open(&w, f, NULL);
    escertke_session *s = until_m3(&w, "Cpanel", &m1, &m3);
    f->panel = f->in1;
    escertke_session *his = until_m3(&w, "Cpanel", &his_m1, &his_m3);
    f->panel = panel;
    expect_rsc("another's certificate", send(&w, "Cpanel", span(&his_m3)), 4106, ESCERTKE_ERR_IDENTITY, 49);
    escertke_answer a = send(&w, "Cpanel", span(&m3));
    finish(&w, s, &a);
    escertke_session_free(his);
    world_close(&w);
}

static void append_certificate(struct octets *list, const struct pki_cert *cert)
{
    size_t len;
    uint8_t *der = pki_der(cert, &len);

    append_number(list, len, 3);
    append(list, der, len);
    free(der);
}

/* An M3 to the victim's M1 and M2, made by somebody who has seen them: his certificate, his signature, the victim's share. */
static struct octets signed_by(const struct pki_cert *who, const struct pki_cert *ca, const struct octets seen[3])
{
    struct octets to_sign = clear_of(&seen[0]), flight = clear_of(&seen[1]), list = { .len = 0 }, clear = { .len = 0 };
    struct bodies b = take_apart(&seen[2]);

    append_certificate(&list, who);
    append_certificate(&list, ca);
    b.certificate.len = b.verify.len = 0;
    append_number(&b.certificate, list.len, 3);
    append(&b.certificate, list.at, list.len);
    append(&to_sign, flight.at, flight.len);
    append_message(&to_sign, CERTIFICATE, &b.certificate);
    append_message(&to_sign, EXCHANGE, &b.exchange);
    sign(who, &to_sign, &b.verify);
    put_together(&b, &clear);
    return sealed(&clear, 4096);
}

/* The signature holds, and the handshake is the victim's: what keeps him out is who he is, and finding that out costs it nothing. */
static void signed_by_who_has_seen_it(void **state)
{
    const struct fixture *f = *state;
    const struct pki_name victim = { PKI_URI, PANEL, 0 }, other = { PKI_URI, METER, 0 };
    const struct pki_params params[] = { { .san = &victim, .san_count = 1 },
                                         { .san = &other, .san_count = 1, .issuer = &f->pki.ca },
                                         { .san = &victim, .san_count = 1, .issuer = &f->pki.ca, .corrupt_signature = true },
                                         { .san = &victim, .san_count = 1, .issuer = &f->pki.ca, .not_before_s = -7200, .not_after_s = -3600 } };
    const escertke_err expected[] = { ESCERTKE_ERR_CERT, ESCERTKE_ERR_IDENTITY, ESCERTKE_ERR_CERT, ESCERTKE_ERR_VALIDITY };
    struct world w;
    struct copy m1, m3;
    struct octets seen[3] = { { .len = 0 } };

    world_open(&w, *state, &unlimited);
    escertke_session *s = until_m3(&w, "Cpanel", &m1, &m3);
    escertke_answer a = send(&w, "Cpanel", span(&m1));
    append(&seen[0], m1.octets, m1.len);
    append(&seen[1], a.message.ptr, a.message.len);
    append(&seen[2], m3.octets, m3.len);
    escertke_answer_clear(&a);
    for (size_t i = 0; i < sizeof params / sizeof *params; i++) {
        struct pki_cert his = pki_make(&params[i]);
        struct octets forged = signed_by(&his, &f->pki.ca, seen);
        assert_int_equal(pending_of(&w), 1);
        a = send(&w, "Cpanel", span_of(&forged));
        if (a.detail.err != expected[i] || a.rsc == 2000)
            fail_msg("%zu: %s, %s", i, escertke_err_name(a.detail.err), a.detail.reason);
        assert_int_equal(pending_of(&w), 1);
        escertke_answer_clear(&a);
        pki_cert_free(&his);
    }
    a = send(&w, "Cpanel", span(&m3));
    finish(&w, s, &a);
    world_close(&w);
}

/* M3 of an earlier run, of a run with another From, of a run with nobody here. */
static void genuine_elsewhere(void **state)
{
    struct world w;
    struct copy m1, m3, old_m1, old_m3, other_m1, other_m3;

    world_open(&w, *state, &unlimited);
    escertke_session *old = until_m3(&w, "Cpanel", &old_m1, &old_m3);
    pass(&w, ESCERTKE_TTL_MS + 1);
    escertke_terminator_tick(w.t, w.now);
    escertke_session *s = until_m3(&w, "Cpanel", &m1, &m3), *other = until_m3(&w, "Cother", &other_m1, &other_m3);
    expect_rsc("of an earlier run", send(&w, "Cpanel", span(&old_m3)), 4106, ESCERTKE_ERR_SIGNATURE, 51);
    expect_rsc("of another From", send(&w, "Cpanel", span(&other_m3)), 4106, ESCERTKE_ERR_SIGNATURE, 51);
    escertke_answer a = send(&w, "Cpanel", span(&m3));
    finish(&w, s, &a);
    escertke_session_free(old);
    escertke_session_free(other);
    world_close(&w);
}

/* ---- several of one From --------------------------------------------------------------------------------------------- */

/* Whichever of the four comes first: it is the one that completes, and the others go. */
static void any_of_four(void **state)
{
    for (size_t which = 0; which < 4; which++) {
        struct world w;
        struct copy m1[4], m3[4];
        escertke_session *s[4];
        escertke_terminator_stats stats;
        world_open(&w, *state, NULL);
        for (size_t i = 0; i < 4; i++)
            s[i] = until_m3(&w, "Cpanel", &m1[i], &m3[i]);
        assert_int_equal(pending_of(&w), 4);
        for (size_t i = 0; i < 4; i++) { /* a repetition finds its own */
            escertke_answer again = send(&w, "Cpanel", span(&m1[i]));
            assert_int_equal(again.rsc, 2000);
            assert_int_equal(w.last_run[ESCERTKE_EVENT_REPLAYED], i + 1);
            escertke_answer_clear(&again);
        }
        escertke_answer a = send(&w, "Cpanel", span(&m3[which]));
        finish(&w, s[which], &a);
        assert_int_equal(w.last_run[ESCERTKE_EVENT_ESTABLISHED], which + 1);
        assert_int_equal(w.events[ESCERTKE_EVENT_EVICTED], 3);
        expect_rsc("one of the others", send(&w, "Cpanel", span(&m3[(which + 1) % 4])), 4000, ESCERTKE_ERR_NO_PENDING, -1);
        escertke_terminator_get_stats(w.t, &stats);
        assert_int_equal(stats.superseded, 3);
        assert_int_equal(stats.unmatched, 1);
        assert_int_equal(stats.pending, 0);
        assert_int_equal(stats.pending_bytes, 0);
        for (size_t i = 0; i < 4; i++)
            if (i != which)
                escertke_session_free(s[i]);
        world_close(&w);
    }
}

/* A fifth is refused while all four are young, and takes the oldest one's place when that is not so any more. */
static void a_fifth(void **state)
{
    struct world w;
    struct copy m1[5], m3[5];
    escertke_session *s[5];

    world_open(&w, *state, &unlimited);
    for (size_t i = 0; i < 4; i++) {
        s[i] = until_m3(&w, "Cpanel", &m1[i], &m3[i]);
        pass(&w, 1000);
    }
    assert_null(try_m3(&w, "Cpanel", &m1[4], &m3[4]));
    assert_int_equal(w.events[ESCERTKE_EVENT_EVICTED], 0);
    pass(&w, 1000);
    s[4] = until_m3(&w, "Cpanel", &m1[4], &m3[4]);
    assert_int_equal(w.last_run[ESCERTKE_EVENT_EVICTED], 1);
    expect_rsc("the oldest", send(&w, "Cpanel", span(&m3[0])), 4106, ESCERTKE_ERR_SIGNATURE, 51);
    escertke_answer a = send(&w, "Cpanel", span(&m3[1]));
    finish(&w, s[1], &a);
    for (size_t i = 0; i < 5; i++)
        if (i != 1)
            escertke_session_free(s[i]);
    world_close(&w);
}

/* ---- exactly once ------------------------------------------------------------------------------------------------------ */

static void restart(struct world *w, bool reopen, const char *uri)
{
    escertke_terminator_config cfg = { .on_event = count_event, .event_ctx = w };

    escertke_terminator_free(w->t);
    if (reopen) {
        escertke_store_close(&w->store);
        assert_int_equal(escertke_store_open(uri, &w->store, NULL), ESCERTKE_OK);
    }
    cfg.identity = identity_of(w, &w->f->meter, METER);
    assert_int_equal(escertke_terminator_new(&cfg, &w->t, NULL), ESCERTKE_OK);
}

/* M4 was sent and lost, and the process is another one: the same M3 gets the same M4, and the key is the one that was stored. */
static void same_m4_after_restart(void **state)
{
    char folder[] = "/tmp/escertke-exchange-XXXXXX", uri[80];
    struct world w;
    struct copy m1, m3, m4, other;

    assert_non_null(mkdtemp(folder));
    snprintf(uri, sizeof uri, "sqlite:%s/keys", folder);
    for (int kind = 0; kind < 2; kind++) { /* a store in memory that outlives the end-point, and one in a file */
        world_open(&w, *state, NULL);
        if (kind == 1)
            restart(&w, true, uri);
        escertke_session *s = until_m3(&w, "Cpanel", &m1, &m3);
        escertke_answer a = send(&w, "Cpanel", span(&m3));
        keep(&m4, escertke_buf_span(&a.message));
        escertke_answer_clear(&a);
        restart(&w, kind == 1, uri);
        pass(&w, 30000);
        a = send(&w, "/in1/Cpanel", span(&m3));
        assert_int_equal(a.rsc, 2000);
        assert_true(escertke_span_equal(escertke_buf_span(&a.message), span(&m4)));
        assert_int_equal(w.last_run[ESCERTKE_EVENT_REPLAYED], 0);
        finish(&w, s, &a);
        other = m3;
        other.octets[other.len - 1] ^= 1;
        expect_rsc("another M3", send(&w, "Cpanel", span(&other)), 4000, ESCERTKE_ERR_NO_PENDING, -1);
        expect_rsc("another From", send(&w, "Cother", span(&m3)), 4000, ESCERTKE_ERR_NO_PENDING, -1);
        /* even while the peer has begun another run here */
        escertke_session *newer = until_m3(&w, "Cpanel", &m1, &other);
        a = send(&w, "Cpanel", span(&m3));
        assert_true(escertke_span_equal(escertke_buf_span(&a.message), span(&m4)));
        escertke_answer_clear(&a);
        assert_int_equal(pending_of(&w), 1);
        escertke_session_free(newer);
        pass(&w, 31000);
        escertke_terminator_tick(w.t, w.now);
        expect_rsc("after the window", send(&w, "Cpanel", span(&m3)), 4106, ESCERTKE_ERR_SIGNATURE, 51);
        world_close(&w);
    }
    snprintf(uri, sizeof uri, "rm -r %s", folder);
    assert_int_equal(system(uri), 0);
}

/* The answer of the last run is at hand; that of the one before is in the store. */
static void both_of_two_runs(void **state)
{
    struct world w;
    struct copy m1, m3[2], m4[2];

    world_open(&w, *state, NULL);
    for (int i = 0; i < 2; i++) {
        escertke_session *s = until_m3(&w, "Cpanel", &m1, &m3[i]);
        escertke_answer a = send(&w, "Cpanel", span(&m3[i]));
        keep(&m4[i], escertke_buf_span(&a.message));
        finish(&w, s, &a);
        pass(&w, 10);
    }
    for (int i = 0; i < 4; i++) {
        escertke_answer a = send(&w, "Cpanel", span(&m3[i % 2]));
        assert_true(escertke_span_equal(escertke_buf_span(&a.message), span(&m4[i % 2])));
        escertke_answer_clear(&a);
    }
    assert_int_equal(w.events[ESCERTKE_EVENT_REPLAYED], 4);
    assert_int_equal(w.events[ESCERTKE_EVENT_ESTABLISHED], 2);
    world_close(&w);
}

static escertke_err broken_get_reply(void *store, const char *own, const char *peer, const uint8_t m3_digest[32], int64_t unix_s,
                                     escertke_buf *m4, escertke_detail *d)
{
    (void)store, (void)own, (void)peer, (void)m3_digest, (void)unix_s, (void)m4, (void)d;
    return ESCERTKE_ERR_STORE;
}

/* "No pending handshake" would be a lie if nobody knows: 5000 says that it is worth asking again. */
static void store_that_cannot_say(void **state)
{
    struct world w;
    struct copy m1, m3;

    world_open(&w, *state, NULL);
    escertke_session *s = until_m3(&w, "Cother", &m1, &m3);
    const escertke_store_ops *ops = w.store.ops;
    escertke_store_ops broken = *ops;
    broken.get_reply = broken_get_reply;
    w.store.ops = &broken;
    expect_rsc("store is broken", send(&w, "Cpanel", span(&m3)), 5000, ESCERTKE_ERR_STORE, -1);
    w.store.ops = ops;
    escertke_session_free(s);
    world_close(&w);
}

/* A key of ours is not confirmed, and an older one of the peer gets its end. */
/* ---- a store that has no room for the key ------------------------------------------------------------------------------- */

static const escertke_store_ops *good_store;
static int puts_to_fail;

static escertke_err put_later(void *store, const escertke_key_entry *e, const escertke_put_options *o, escertke_detail *d)
{
    return puts_to_fail-- > 0 ? ESCERTKE_ERR_IO : good_store->put(store, e, o, d);
}

/* The handshake is not lost by it: the same M3, which an initiator sends again after 5000, is tried again until the deadline. */
static void key_is_stored_later(void **state)
{
    struct world w;
    struct copy m1, m3, other_m1, other_m3;
    escertke_answer a;

    world_open(&w, *state, &unlimited);
    escertke_store_ops ops = *w.store.ops;
    good_store = w.store.ops;
    ops.put = put_later;
    w.store.ops = &ops;
    escertke_session *s = until_m3(&w, "Cpanel", &m1, &m3);
    puts_to_fail = 2;
    expect_rsc("no room", send(&w, "Cpanel", span(&m3)), 5000, ESCERTKE_ERR_IO, -1);
    assert_int_equal(w.last_run[ESCERTKE_EVENT_REFUSED], 0); /* its run is not over */
    other_m3 = m3;
    other_m3.octets[other_m3.len - 1] ^= 1;
    expect_rsc("another M3", send(&w, "Cpanel", span(&other_m3)), 4000, ESCERTKE_ERR_NO_PENDING, -1);
    expect_rsc("another From", send(&w, "Cother", span(&m3)), 4000, ESCERTKE_ERR_NO_PENDING, -1);
    struct octets in_others = reframed(&m3, 100);
    expect_rsc("still no room", send(&w, "Cpanel", span_of(&in_others)), 5000, ESCERTKE_ERR_IO, -1);
    pass(&w, 20000);
    a = send(&w, "Cpanel", span(&m3));
    finish(&w, s, &a);
    assert_int_equal(w.last_run[ESCERTKE_EVENT_ESTABLISHED], 1);
    assert_int_equal(pending_of(&w), 0);

    s = until_m3(&w, "Cpanel", &m1, &m3); /* not after the deadline, and no longer than until another run has led to a key */
    escertke_session *other = until_m3(&w, "Cpanel", &other_m1, &other_m3);
    puts_to_fail = 1;
    expect_rsc("no room", send(&w, "Cpanel", span(&m3)), 5000, ESCERTKE_ERR_IO, -1);
    a = send(&w, "Cpanel", span(&other_m3));
    finish(&w, other, &a);
    expect_rsc("overtaken", send(&w, "Cpanel", span(&m3)), 4000, ESCERTKE_ERR_NO_PENDING, -1);
    escertke_session_free(s);
    s = until_m3(&w, "Cpanel", &m1, &m3);
    puts_to_fail = 1;
    expect_rsc("no room", send(&w, "Cpanel", span(&m3)), 5000, ESCERTKE_ERR_IO, -1);
    pass(&w, ESCERTKE_TTL_MS + 1);
    expect_rsc("too late", send(&w, "Cpanel", span(&m3)), 4000, ESCERTKE_ERR_NO_PENDING, -1);
    escertke_terminator_tick(w.t, w.now);
    assert_int_equal(pending_of(&w), 0);
    escertke_session_free(s);
    w.store.ops = good_store;
    world_close(&w);
}

static void what_is_stored(void **state)
{
    struct world w;
    struct copy m1, m3;
    escertke_key_entry entry;
    uint8_t first[ESCERTKE_KEY_ID_LEN];

    world_open(&w, *state, &(escertke_terminator_config){ .max_pending = 4 });
    for (int i = 0; i < 2; i++) {
        escertke_session *s = until_m3(&w, "Cpanel", &m1, &m3);
        escertke_answer a = send(&w, "Cpanel", span(&m3));
        finish(&w, s, &a);
        assert_int_equal(w.store.ops->find(w.store.state, METER, PANEL, ESCERTKE_USAGE_ESPRIM, w.now.unix_s, &entry, NULL), ESCERTKE_OK);
        assert_false(entry.confirmed);
        if (i == 0) {
            memcpy(first, entry.key.id, sizeof first);
            pass(&w, 5000);
        }
        escertke_key_entry_wipe(&entry);
    }
    assert_int_equal(w.store.ops->get(w.store.state, first, w.now.unix_s, &entry, NULL), ESCERTKE_OK);
    assert_in_range(entry.expires_s, w.now.unix_s + ESCERTKE_KEY_OVERLAP_S, w.now.unix_s + 3600);
    escertke_key_entry_wipe(&entry);
    world_close(&w);
}

/* ---- limits --------------------------------------------------------------------------------------------------------------- */

static void tries_are_limited(void **state)
{
    struct world w;
    struct copy m1, m3, forged;
    escertke_terminator_stats stats;

    world_open(&w, *state, NULL);
    escertke_session *s = until_m3(&w, "Cpanel", &m1, &m3);
    forged = m3;
    forged.octets[300] ^= 1;
    for (int i = 0; i < 8; i++)
        refused(&w, span(&forged), "forged", 0);
    expect_rsc("one too many", send(&w, "Cpanel", span(&forged)), 5000, ESCERTKE_ERR_LIMIT, -1);
    expect_rsc("the genuine one, too", send(&w, "Cpanel", span(&m3)), 5000, ESCERTKE_ERR_LIMIT, -1);
    escertke_terminator_get_stats(w.t, &stats);
    assert_int_equal(stats.limited, 2);
    pass(&w, 500); /* and it comes again */
    escertke_answer a = send(&w, "Cpanel", span(&m3));
    finish(&w, s, &a);
    world_close(&w);
}

/* Where it is known who brings a message, a stranger uses up his own tries. */
static void tries_of_a_stranger(void **state)
{
    struct world w;
    struct copy m1, m3, forged;
    escertke_answer a;

    world_open(&w, *state, NULL);
    escertke_session *s = until_m3(&w, "Cpanel", &m1, &m3);
    forged = m3;
    forged.octets[300] ^= 1;
    for (int i = 0; i < 20; i++) {
        escertke_delivery his = { .from = escertke_span_str("Cpanel"), .message = span(&forged), .source = escertke_span_str("192.0.2.9") };
        escertke_answer_init(&a);
        escertke_terminator_take(w.t, &his, w.now, &a);
        assert_int_equal(a.detail.err == ESCERTKE_ERR_LIMIT, i >= 8);
        escertke_answer_clear(&a);
    }
    a = send(&w, "Cpanel", span(&m3));
    finish(&w, s, &a);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_bit), cmocka_unit_test(every_length), cmocka_unit_test(another_finished),
        cmocka_unit_test(in_whatever_records),
        cmocka_unit_test(anothers_own_run), cmocka_unit_test(signed_by_who_has_seen_it), cmocka_unit_test(genuine_elsewhere), cmocka_unit_test(any_of_four),
        cmocka_unit_test(a_fifth), cmocka_unit_test(same_m4_after_restart), cmocka_unit_test(both_of_two_runs),
        cmocka_unit_test(store_that_cannot_say), cmocka_unit_test(what_is_stored), cmocka_unit_test(key_is_stored_later), cmocka_unit_test(tries_are_limited),
        cmocka_unit_test(tries_of_a_stranger),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
