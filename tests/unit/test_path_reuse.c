/*
 * Handshakes with a cache of verified paths, for every back end: a known path is used and changes nothing but the work; whatever is
 * not the same is not known; and what verify refuses is refused, known or not. Linked with --wrap=esc_path_cache_find.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "rawpeer.h"
#include "tls/path_cache.h"

#define CACHE 100000
#define DAY INT64_C(86400)

static const escertke_tls_ops *tls;

/* ---- what the back ends ask the cache ------------------------------------------------------------------------ */

static atomic_uint asked, known;

const struct esc_cached_path *__real_esc_path_cache_find(struct esc_path_cache *c, struct esc_path_query *q);
const struct esc_cached_path *__wrap_esc_path_cache_find(struct esc_path_cache *c, struct esc_path_query *q);

const struct esc_cached_path *__wrap_esc_path_cache_find(struct esc_path_cache *c, struct esc_path_query *q)
{
    const struct esc_cached_path *found = __real_esc_path_cache_find(c, q);

    if (c)
        atomic_fetch_add(&asked, 1);
    if (found)
        atomic_fetch_add(&known, 1);
    return found;
}

/* ---- one end of a handshake, with a verify of its own ---------------------------------------------------------- */

struct end {
    void *conn;
    const char *peer;
    int64_t unix_s;
    escertke_err say; /* in place of OK */
    unsigned times;   /* verify was asked */
    size_t count;     /* of the path */
    uint8_t path[32]; /* digest of all its octets */
    escertke_err err;
    bool done;
};

static escertke_err verify(void *ctx, const escertke_span *path, size_t count, int *alert)
{
    struct end *e = ctx;
    escertke_expect expect = { .id = e->peer };
    escertke_buf all;

    e->times++;
    e->count = count;
    escertke_buf_init(&all, 100000);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(escertke_buf_append(&all, path[i].ptr, path[i].len), ESCERTKE_OK);
    assert_int_equal(tls->sha256(escertke_buf_span(&all), e->path), ESCERTKE_OK);
    escertke_buf_free(&all);
    escertke_err err = escertke_cert_check_path(path, count, &expect, e->unix_s, alert, NULL);
    if (err == ESCERTKE_OK && e->say != ESCERTKE_OK) {
        *alert = 44;
        err = e->say;
    }
    return err;
}

static void end_open(struct end *e, const void *credential, escertke_role role, const char *peer, int64_t unix_s)
{
    escertke_tls_open cfg = { .role = role, .credential = credential, .verify = verify, .verify_ctx = e };

    e->peer = peer;
    e->unix_s = unix_s;
    assert_int_equal(tls->open(&cfg, &e->conn), ESCERTKE_OK);
}

static void end_step(struct end *e, const escertke_buf *in, escertke_buf *out)
{
    escertke_buf_reset(out);
    e->err = tls->step(e->conn, in ? escertke_buf_span(in) : (escertke_span){ NULL, 0 }, e->unix_s, out, &e->done);
}

static void *credential_of(const struct fixture *f, const struct party *who, size_t path_cache, const char *trust)
{
    escertke_credential_source src = { .chain = escertke_span_str(who->chain), .key = escertke_span_str(who->key),
                                       .trust = escertke_span_str(trust), .unix_s = f->now.unix_s, .path_cache = path_cache };
    void *credential;

    assert_int_equal(tls->credential_new(&src, &credential, NULL), ESCERTKE_OK);
    return credential;
}

/* Both ends to the end. @return the 48 octets are the same */
static bool run(struct end *i, struct end *t, const void *i_own, const void *t_own, int64_t unix_s)
{
    static const char label[] = ESCERTKE_EXPORT_LABEL;
    escertke_buf a, b;
    uint8_t i_key[48], t_key[48];

    escertke_buf_init(&a, 2 * ESCERTKE_MESSAGE_MAX);
    escertke_buf_init(&b, 2 * ESCERTKE_MESSAGE_MAX);
    end_open(i, i_own, ESCERTKE_INITIATOR, METER, unix_s);
    end_open(t, t_own, ESCERTKE_TERMINATOR, PANEL, unix_s);
    end_step(i, NULL, &a);
    while (i->err == ESCERTKE_OK && t->err == ESCERTKE_OK && !(i->done && t->done)) {
        end_step(t, &a, &b);
        if (t->err == ESCERTKE_OK)
            end_step(i, &b, &a);
    }
    bool same = i->done && t->done && tls->export_key(i->conn, label, (escertke_span){ NULL, 0 }, i_key, 48) == ESCERTKE_OK &&
                tls->export_key(t->conn, label, (escertke_span){ NULL, 0 }, t_key, 48) == ESCERTKE_OK &&
                memcmp(i_key, t_key, 48) == 0;
    tls->close(i->conn);
    tls->close(t->conn);
    escertke_buf_free(&a);
    escertke_buf_free(&b);
    return same;
}

/* ---- tests ----------------------------------------------------------------------------------------------------- */

static void known_at_the_second_time(void **state)
{
    const struct fixture *f = *state;
    void *i_own = credential_of(f, &f->panel, CACHE, f->trust), *t_own = credential_of(f, &f->meter, CACHE, f->trust);
    struct end i[3] = { { 0 } }, t[3] = { { 0 } };

    for (int k = 0; k < 3; k++) {
        asked = known = 0;
        assert_true(run(&i[k], &t[k], i_own, t_own, f->now.unix_s));
        assert_int_equal(asked, 2);
        assert_int_equal(known, k ? 2 : 0);
        assert_int_equal(i[k].times, 1); /* however it was found, verify is asked about the same path, once */
        assert_int_equal(t[k].times, 1);
        assert_int_equal(t[k].count, 3);
        assert_memory_equal(t[k].path, t[0].path, 32);
        assert_memory_equal(i[k].path, i[0].path, 32);
    }
    tls->credential_free(i_own);
    tls->credential_free(t_own);
}

static void without_a_cache(void **state)
{
    const struct fixture *f = *state;
    void *i_own = credential_of(f, &f->panel, 0, f->trust), *t_own = credential_of(f, &f->meter, 0, f->trust);
    struct end i[2] = { { 0 } }, t[2] = { { 0 } };

    asked = known = 0;
    for (int k = 0; k < 2; k++)
        assert_true(run(&i[k], &t[k], i_own, t_own, f->now.unix_s));
    assert_int_equal(asked, 0);
    tls->credential_free(i_own);
    tls->credential_free(t_own);
}

/* What is refused by verify is refused although the path is known, and known again when it is accepted again. */
static void refused_although_known(void **state)
{
    static const escertke_err errors[] = { ESCERTKE_ERR_REVOKED, ESCERTKE_ERR_STATUS, ESCERTKE_ERR_IDENTITY, ESCERTKE_ERR_VALIDITY };
    const struct fixture *f = *state;
    void *i_own = credential_of(f, &f->panel, 0, f->trust), *t_own = credential_of(f, &f->meter, CACHE, f->trust);

    for (size_t k = 0; k < sizeof errors / sizeof *errors; k++) {
        struct end i[3] = { { 0 } }, t[3] = { { 0 } };
        assert_true(run(&i[0], &t[0], i_own, t_own, f->now.unix_s));
        known = 0;
        t[1].say = errors[k];
        assert_false(run(&i[1], &t[1], i_own, t_own, f->now.unix_s));
        assert_int_equal(known, 1);
        assert_int_equal(t[1].err, errors[k]);
        assert_int_equal(t[1].times, 1);
        assert_true(run(&i[2], &t[2], i_own, t_own, f->now.unix_s));
    }
    tls->credential_free(i_own);
    tls->credential_free(t_own);
}

/* Only what verify has accepted is kept. */
static void refused_is_not_kept(void **state)
{
    const struct fixture *f = *state;
    void *i_own = credential_of(f, &f->panel, 0, f->trust), *t_own = credential_of(f, &f->meter, CACHE, f->trust);
    struct end i[2] = { { 0 } }, t[2] = { { .say = ESCERTKE_ERR_REVOKED } };

    known = 0;
    assert_false(run(&i[0], &t[0], i_own, t_own, f->now.unix_s));
    assert_true(run(&i[1], &t[1], i_own, t_own, f->now.unix_s));
    assert_int_equal(known, 0);
    tls->credential_free(i_own);
    tls->credential_free(t_own);
}

static void expired_although_known(void **state)
{
    static const int64_t later[] = { 0, 366 * DAY, 0, -2 * DAY, 0 };
    const struct fixture *f = *state;
    void *i_own = credential_of(f, &f->panel, 0, f->trust), *t_own = credential_of(f, &f->meter, CACHE, f->trust);

    for (size_t k = 0; k < sizeof later / sizeof *later; k++) {
        /* two runs each: the second would be known, were it good */
        for (int again = 0; again < 2; again++) {
            struct end i = { 0 }, t = { 0 };
            escertke_buf m[2];
            known = 0;
            escertke_buf_init(&m[0], 2 * ESCERTKE_MESSAGE_MAX);
            escertke_buf_init(&m[1], 2 * ESCERTKE_MESSAGE_MAX);
            end_open(&i, i_own, ESCERTKE_INITIATOR, METER, f->now.unix_s);
            end_open(&t, t_own, ESCERTKE_TERMINATOR, PANEL, f->now.unix_s + later[k]);
            end_step(&i, NULL, &m[0]);
            end_step(&t, &m[0], &m[1]);
            end_step(&i, &m[1], &m[0]);
            end_step(&t, &m[0], &m[1]);
            assert_int_equal(t.err, later[k] ? ESCERTKE_ERR_VALIDITY : ESCERTKE_OK);
            assert_int_equal(t.times, 1);
            assert_int_equal(known, !later[k] && again ? 1 : 0); /* dropped when its time was over */
            if (later[k])
                assert_true(m[1].len == 7 && m[1].ptr[6] == 45); /* certificate_expired */
            tls->close(i.conn);
            tls->close(t.conn);
            escertke_buf_free(&m[0]);
            escertke_buf_free(&m[1]);
        }
    }
    tls->credential_free(i_own);
    tls->credential_free(t_own);
}

/* ---- a stock client that sends what we say ---------------------------------------------------------------------- */

static escertke_err client_sends(const void *t_own, const char *chain, const char *key, int64_t unix_s)
{
    struct rawpeer_config cfg = { .chain = chain, .key = key };
    struct rawpeer *client = rawpeer_openssl(&cfg);
    struct end t = { 0 };
    escertke_buf a, b;

    escertke_buf_init(&a, 2 * ESCERTKE_MESSAGE_MAX);
    escertke_buf_init(&b, 2 * ESCERTKE_MESSAGE_MAX);
    end_open(&t, t_own, ESCERTKE_TERMINATOR, PANEL, unix_s);
    do {
        escertke_buf_reset(&a);
        assert_true(rawpeer_step(client, escertke_buf_span(&b), &a) >= 0);
        end_step(&t, &a, &b);
    } while (t.err == ESCERTKE_OK && !t.done);
    tls->close(t.conn);
    rawpeer_free(client);
    escertke_buf_free(&a);
    escertke_buf_free(&b);
    return t.err;
}

/* The certificate with one octet changed, as libcrypto still reads it; NULL: it does not. */
static X509 *changed(const struct pki_cert *cert, size_t at)
{
    size_t len;
    uint8_t *der = pki_der(cert, &len);
    const uint8_t *p = der;

    der[at % len] ^= 1;
    X509 *x509 = d2i_X509(NULL, &p, (long)len);
    free(der);
    return x509;
}

static char *chain_with(const struct fixture *f, X509 *leaf, X509 *ca)
{
    struct pki_cert a = { .x509 = leaf ? leaf : f->panel.cert.x509 }, b = { .x509 = ca ? ca : f->pki.ca.x509 };

    return pki_chain_pem((const struct pki_cert *const[]){ &a, &b }, 2);
}

/* Signatures of leaf and CA, and the last octets of what is signed: never known, never accepted, before and after the good one. */
static void one_octet_is_enough(void **state)
{
    const struct fixture *f = *state;
    void *t_own = credential_of(f, &f->meter, CACHE, f->trust);
    const struct pki_cert *const certs[] = { &f->panel.cert, &f->pki.ca };

    for (int round = 0; round < 2; round++)
        for (size_t which = 0; which < 2; which++) {
            size_t len;
            free(pki_der(certs[which], &len));
            const size_t places[] = { len - 1, len - 20, len - 40, len - 60 };
            for (size_t k = 0; k < 2 * sizeof places / sizeof *places; k++) { /* each twice */
                X509 *x509 = changed(certs[which], places[k / 2]);
                assert_non_null(x509);
                char *chain = which ? chain_with(f, NULL, x509) : chain_with(f, x509, NULL);
                known = 0;
                escertke_err err = client_sends(t_own, chain, f->panel.key, f->now.unix_s);
                assert_true(err == ESCERTKE_ERR_CERT);
                assert_int_equal(known, 0);
                free(chain);
                X509_free(x509);
            }
            known = 0;
            assert_int_equal(client_sends(t_own, f->panel.chain, f->panel.key, f->now.unix_s), ESCERTKE_OK);
            assert_int_equal(known, round || which);
        }
    tls->credential_free(t_own);
}

static void order_as_sent_counts(void **state)
{
    const struct fixture *f = *state;
    void *t_own = credential_of(f, &f->meter, CACHE, f->trust);
    const struct pki_cert *const orders[][3] = { { &f->panel.cert, &f->pki.ca, &f->pki.root },
                                                 { &f->panel.cert, &f->pki.root, &f->pki.ca },
                                                 { &f->panel.cert, &f->pki.ca, NULL } };

    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < 3; i++) {
            char *chain = pki_chain_pem(orders[i], orders[i][2] ? 3 : 2);
            known = 0;
            assert_int_equal(client_sends(t_own, chain, f->panel.key, f->now.unix_s), ESCERTKE_OK);
            assert_int_equal(known, round);
            free(chain);
        }
    tls->credential_free(t_own);
}

/* Another key under a known certificate: the path is known, the signature over the handshake is not made by it. */
static void known_path_without_its_key(void **state)
{
    const struct fixture *f = *state;
    void *t_own = credential_of(f, &f->meter, CACHE, f->trust), *i_own = credential_of(f, &f->panel, 0, f->trust);
    struct end i = { 0 }, t = { 0 };
    escertke_buf a, b;

    assert_int_equal(client_sends(t_own, f->panel.chain, f->panel.key, f->now.unix_s), ESCERTKE_OK);
    escertke_buf_init(&a, 2 * ESCERTKE_MESSAGE_MAX);
    escertke_buf_init(&b, 2 * ESCERTKE_MESSAGE_MAX);
    end_open(&i, i_own, ESCERTKE_INITIATOR, METER, f->now.unix_s);
    end_open(&t, t_own, ESCERTKE_TERMINATOR, PANEL, f->now.unix_s);
    end_step(&i, NULL, &a);
    end_step(&t, &a, &b);
    end_step(&i, &b, &a);
    /* CertificateVerify is the last whole handshake message before ChangeCipherSpec and the sealed Finished (46 octets, or more) */
    size_t at = a.len;
    for (size_t k = 0; k + 6 <= a.len; k++)
        if (memcmp(a.ptr + k, "\x14\x03\x03\x00\x01\x01", 6) == 0)
            at = k;
    assert_true(at < a.len);
    a.ptr[at - 1] ^= 1;
    known = 0;
    end_step(&t, &a, &b);
    assert_int_equal(known, 1);
    assert_int_equal(t.err, ESCERTKE_ERR_SIGNATURE);
    assert_false(t.done);
    tls->close(i.conn);
    tls->close(t.conn);
    escertke_buf_free(&a);
    escertke_buf_free(&b);
    tls->credential_free(i_own);
    tls->credential_free(t_own);
}

/* A reload makes a new credential: what the old one knew is gone with its trust; a run begun with the old one goes on with that. */
static void new_trust_knows_nothing(void **state)
{
    const struct fixture *f = *state;
    struct pki_simple others = pki_simple_make(NULL, NULL);
    char *other_trust = pki_simple_trust(&others);
    void *old = credential_of(f, &f->meter, CACHE, f->trust), *i_own = credential_of(f, &f->panel, 0, f->trust);
    struct end i = { 0 }, t = { 0 };
    escertke_buf a, b;

    assert_int_equal(client_sends(old, f->panel.chain, f->panel.key, f->now.unix_s), ESCERTKE_OK);
    escertke_buf_init(&a, 2 * ESCERTKE_MESSAGE_MAX);
    escertke_buf_init(&b, 2 * ESCERTKE_MESSAGE_MAX);
    end_open(&i, i_own, ESCERTKE_INITIATOR, METER, f->now.unix_s);
    end_open(&t, old, ESCERTKE_TERMINATOR, PANEL, f->now.unix_s);
    end_step(&i, NULL, &a);
    end_step(&t, &a, &b);
    tls->credential_free(old);
    void *fresh = credential_of(f, &f->meter, CACHE, other_trust);
    known = 0;
    assert_int_equal(client_sends(fresh, f->panel.chain, f->panel.key, f->now.unix_s), ESCERTKE_ERR_CERT);
    assert_int_equal(known, 0);
    end_step(&i, &b, &a);
    end_step(&t, &a, &b);
    assert_int_equal(t.err, ESCERTKE_OK);
    assert_true(t.done);
    assert_int_equal(known, 1);
    tls->close(i.conn);
    tls->close(t.conn);
    escertke_buf_free(&a);
    escertke_buf_free(&b);
    tls->credential_free(i_own);
    tls->credential_free(fresh);
    pki_simple_free(&others);
    free(other_trust);
}

/* ---- many at once ------------------------------------------------------------------------------------------------ */

struct shared {
    const struct fixture *f;
    void *i_own, *t_own;
    atomic_uint failures;
};

static void *run_some(void *p)
{
    struct shared *s = p;

    for (int k = 0; k < 8; k++) {
        struct end i = { 0 }, t = { 0 };
        if (!run(&i, &t, s->i_own, s->t_own, s->f->now.unix_s) || i.times != 1 || t.times != 1)
            atomic_fetch_add(&s->failures, 1);
    }
    return NULL;
}

static void by_many_threads(void **state)
{
    static const size_t caches[] = { CACHE, 2500 }; /* in the second one path takes the place of another */
    const struct fixture *f = *state;

    for (size_t k = 0; k < 2; k++) {
        struct shared s = { .f = f };
        pthread_t thread[4];
        s.i_own = credential_of(f, &f->panel, caches[k], f->trust);
        s.t_own = credential_of(f, &f->meter, caches[k], f->trust);
        for (size_t i = 0; i < 4; i++)
            assert_int_equal(pthread_create(&thread[i], NULL, run_some, &s), 0);
        for (size_t i = 0; i < 4; i++)
            pthread_join(thread[i], NULL);
        assert_int_equal(s.failures, 0);
        tls->credential_free(s.i_own);
        tls->credential_free(s.t_own);
    }
}

static int setup(void **state)
{
    tls = fixture_tls();
    return fixture_setup(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(known_at_the_second_time), cmocka_unit_test(without_a_cache),
                                        cmocka_unit_test(refused_although_known), cmocka_unit_test(refused_is_not_kept),
                                        cmocka_unit_test(expired_although_known), cmocka_unit_test(one_octet_is_enough),
                                        cmocka_unit_test(order_as_sent_counts), cmocka_unit_test(known_path_without_its_key),
                                        cmocka_unit_test(new_trust_knows_nothing), cmocka_unit_test(by_many_threads) };
    return cmocka_run_group_tests(tests, setup, fixture_teardown);
}
