/* Private keys in PKCS#11 tokens: what is taken, what is refused and why, how often a PIN is tried, and tokens that fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "faulty_token.h"
#include "fixture.h"
#include "softhsm.h"
#include "tls/gnutls_token.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define KEY(label) "pkcs11:token=ours;object=" label
#define FAULTY(label) "pkcs11:token=ours;object=" label ";library-description=" FAULTY_DESCRIPTION "?module-path=" FAULTY_MODULE
#define WRONG "0815-falsch"

static const escertke_tls_ops *tls;
static struct faulty_control *faulty;

static escertke_err load_as(const struct fixture *f, const char *chain, bool raw, const char *uri, const char *pin, void **credential,
                            escertke_detail *d)
{
    escertke_credential_source src = { .raw = raw, .chain = escertke_span_str(raw ? NULL : chain), .key_uri = uri, .pin = pin,
                                       .trust = escertke_span_str(f->trust), .unix_s = f->now.unix_s };

    escertke_detail_init(d);
    return tls->credential_new(&src, credential, d);
}

static void *meter_with(const struct fixture *f, const char *uri)
{
    escertke_detail d;
    void *credential;

    if (load_as(f, f->meter.chain, false, uri, SOFTHSM_PIN, &credential, &d) != ESCERTKE_OK)
        fail_msg("%s: %s (%s)", uri, d.reason, d.backend);
    return credential;
}

struct side {
    const escertke_tls_ops *tls;
    void *credential;
    const char *pin; /* that the other side expects of it; NULL = X.509 */
};

struct outcome {
    escertke_err i, t;
    bool same_key;
    char reason[320], words[160]; /* of the side that failed */
};

static escertke_session *session(const struct side *own, const struct side *other, escertke_role role)
{
    escertke_session_config cfg = { .tls = own->tls, .credential = own->credential, .role = role,
                                    .expect = { .id = role == ESCERTKE_INITIATOR ? METER : PANEL, .pin = other->pin } };
    escertke_session *s;

    if (other->pin)
        cfg.expect.flavour = ESCERTKE_FLAVOUR_RAW;
    assert_int_equal(escertke_session_new(&cfg, &s), ESCERTKE_OK);
    return s;
}

static struct outcome run(const struct fixture *f, const struct side *initiator, const struct side *terminator)
{
    escertke_session *i = session(initiator, terminator, ESCERTKE_INITIATOR), *t = session(terminator, initiator, ESCERTKE_TERMINATOR);
    struct outcome o = { 0 };
    escertke_span wire;
    escertke_key a, b;

    o.i = escertke_session_start(i, f->now, &wire);
    for (int m = 1; m <= 4 && o.i == ESCERTKE_OK && o.t == ESCERTKE_OK; m++) {
        escertke_span in = wire;
        *(m % 2 ? &o.t : &o.i) = escertke_session_step(m % 2 ? t : i, in, f->now, &wire);
    }
    o.same_key = escertke_session_key(i, &a) == ESCERTKE_OK && escertke_session_key(t, &b) == ESCERTKE_OK && memcmp(&a, &b, sizeof a) == 0;
    const escertke_detail *d = escertke_session_detail(o.t != ESCERTKE_OK ? t : i);
    snprintf(o.reason, sizeof o.reason, "%s", d->reason);
    snprintf(o.words, sizeof o.words, "%s", d->backend);
    escertke_session_free(i);
    escertke_session_free(t);
    return o;
}

static struct side panel_of(const struct fixture *f)
{
    return (struct side){ escertke_tls_openssl(), f->panel.credential, NULL };
}

static struct side meter_of(const struct fixture *f)
{
    return (struct side){ escertke_tls_openssl(), f->meter.credential, NULL };
}

static void counters_to_zero(void)
{
    faulty->logins = faulty->logins_each_time = faulty->signatures = faulty->most_at_once = 0;
}

static void both_roles(void **state)
{
    const struct fixture *f = *state;
    const char *const uris[] = { KEY("meter"), KEY("meter") ";type=private", "pkcs11:token=ours;id=%01",
                                 "PKCS11:object=meter;id=%01;token=ours" };

    for (size_t i = 0; i < COUNT(uris); i++) {
        struct side meter = { tls, meter_with(f, uris[i]), NULL }, panel = panel_of(f);
        assert_true(run(f, &panel, &meter).same_key);
        if (i == 0) { /* the meter's credential starts; both expect the other's name, so the roles' names are exchanged */
            escertke_detail d;
            struct side panel_token = { tls, NULL, NULL }, meter_file = meter_of(f);
            assert_int_equal(load_as(f, f->panel.chain, false, KEY("panel"), SOFTHSM_PIN, &panel_token.credential, &d), ESCERTKE_OK);
            assert_true(run(f, &panel_token, &meter_file).same_key);
            assert_true(run(f, &panel_token, &meter).same_key);
            tls->credential_free(panel_token.credential);
        }
        tls->credential_free(meter.credential);
    }
}

static void raw_keys(void **state)
{
    const struct fixture *f = *state;
    const char *const labels[] = { KEY("panel"), KEY("meter") };
    struct side sides[2];
    char pins[2][72];

    for (size_t i = 0; i < 2; i++) {
        uint8_t digest[32];
        escertke_detail d;
        sides[i] = (struct side){ tls, NULL, pins[i] };
        assert_int_equal(load_as(f, NULL, true, labels[i], SOFTHSM_PIN, &sides[i].credential, &d), ESCERTKE_OK);
        assert_int_equal(tls->sha256(tls->credential_cert(sides[i].credential), digest), ESCERTKE_OK);
        assert_int_equal(escertke_key_identifier(digest, 256, pins[i]), ESCERTKE_OK);
    }
    assert_true(run(f, &sides[0], &sides[1]).same_key);
    for (size_t i = 0; i < 2; i++)
        tls->credential_free(sides[i].credential);
}

static void pin_by_uri(void **state)
{
    const struct fixture *f = *state;
    char value[256], source[256], path[96];
    void *credential;
    escertke_detail d;

    snprintf(path, sizeof path, "%s/pin", softhsm_folder());
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(SOFTHSM_PIN "\nsecond line\n", file);
    fclose(file);
    snprintf(value, sizeof value, "%s?pin-value=%s", KEY("meter"), SOFTHSM_PIN);
    snprintf(source, sizeof source, "%s?pin-source=file:%s", KEY("meter"), path);
    const char *const uris[] = { value, source };
    for (size_t i = 0; i < COUNT(uris); i++) {
        assert_int_equal(load_as(f, f->meter.chain, false, uris[i], NULL, &credential, &d), ESCERTKE_OK);
        tls->credential_free(credential);
    }
    assert_int_equal(load_as(f, f->meter.chain, false, uris[0], WRONG, &credential, &d), ESCERTKE_ERR_CREDENTIAL); /* pin wins */
}

static const struct {
    const char *name, *uri, *pin;
    bool raw;
    escertke_err err;
    const char *reason;
} refused[] = {
    { "no PIN", KEY("meter"), NULL, false, ESCERTKE_ERR_CREDENTIAL, "the token wants a PIN and none is configured" },
    { "empty PIN", KEY("meter"), "", false, ESCERTKE_ERR_CREDENTIAL, "the PIN is empty" },
    { "wrong PIN", KEY("meter"), WRONG, false, ESCERTKE_ERR_CREDENTIAL, "does not accept the PIN; it was tried once" },
    { "wrong PIN in the URI", KEY("meter") "?pin-value=" WRONG, NULL, false, ESCERTKE_ERR_CREDENTIAL, "it was tried once" },
    { "no PIN file", KEY("meter") "?pin-source=/nowhere/pin", NULL, false, ESCERTKE_ERR_CREDENTIAL, "/nowhere/pin cannot be opened" },
    { "another token", "pkcs11:token=others;object=meter", SOFTHSM_PIN, false, ESCERTKE_ERR_CREDENTIAL, "no token fits" },
    { "tokens are named", "pkcs11:token=others;object=meter", SOFTHSM_PIN, false, ESCERTKE_ERR_CREDENTIAL, "ours" },
    { "two tokens", "pkcs11:token=pair;object=meter", SOFTHSM_PIN, false, ESCERTKE_ERR_CREDENTIAL, "2 tokens fit" },
    { "no such object", KEY("nobody"), SOFTHSM_PIN, false, ESCERTKE_ERR_CREDENTIAL, "no private key of that object or id" },
    { "no such id", "pkcs11:token=ours;id=%99", SOFTHSM_PIN, false, ESCERTKE_ERR_CREDENTIAL, "no private key of that object or id" },
    { "object and id of two keys", KEY("meter") ";id=%02", SOFTHSM_PIN, false, ESCERTKE_ERR_CREDENTIAL, "no private key of that" },
    { "two objects", KEY("twin"), SOFTHSM_PIN, false, ESCERTKE_ERR_CREDENTIAL, "several private keys" },
    { "RSA", KEY("rsa"), SOFTHSM_PIN, false, ESCERTKE_ERR_CREDENTIAL, "this one is RSA" },
    { "P-384", KEY("p384"), SOFTHSM_PIN, false, ESCERTKE_ERR_CREDENTIAL, "this one is on SECP384R1" },
    { "P-384, raw", KEY("p384"), SOFTHSM_PIN, true, ESCERTKE_ERR_CREDENTIAL, "this one is on SECP384R1" },
    { "P-384 without public half", KEY("lone384"), SOFTHSM_PIN, false, ESCERTKE_ERR_CREDENTIAL, "the signatures of this one are longer" },
    { "key of another certificate", KEY("panel"), SOFTHSM_PIN, false, ESCERTKE_ERR_KEY_MISMATCH, "is not the one of the own certificate" },
    { "raw without public half", KEY("wary"), SOFTHSM_PIN, true, ESCERTKE_ERR_CREDENTIAL, "does not tell the public half" },
    { "no module", KEY("meter") "?module-path=/nowhere/x.so", SOFTHSM_PIN, false, ESCERTKE_ERR_CREDENTIAL, "no PKCS#11 module" },
    { "a library that is no module", KEY("meter") "?module-path=" NO_MODULE, SOFTHSM_PIN, false, ESCERTKE_ERR_CREDENTIAL, "no PKCS#11 module" },
    { "no URI", "pkcs11", SOFTHSM_PIN, false, ESCERTKE_ERR_CREDENTIAL, "does not begin with" },
    { "no object", "pkcs11:token=ours", SOFTHSM_PIN, false, ESCERTKE_ERR_CREDENTIAL, "names a token but no key" },
};

static void refusals(void **state)
{
    const struct fixture *f = *state;

    for (size_t i = 0; i < COUNT(refused); i++) {
        void *credential;
        escertke_detail d;
        escertke_err err = load_as(f, f->meter.chain, refused[i].raw, refused[i].uri, refused[i].pin, &credential, &d);
        if (err != refused[i].err || credential || !strstr(d.reason, refused[i].reason))
            fail_msg("%s: %s, \"%s\" (%s)", refused[i].name, escertke_err_name(err), d.reason, d.backend);
        if (strstr(d.reason, WRONG) || strstr(d.backend, WRONG) || strstr(d.reason, SOFTHSM_PIN))
            fail_msg("%s: a PIN in \"%s\" (%s)", refused[i].name, d.reason, d.backend);
    }
}

static void other_engines(void **state)
{
    const struct fixture *f = *state;
    const escertke_tls_ops *const engines[] = { escertke_tls_openssl(), escertke_tls_mbedtls() };
    escertke_credential_source src = { .chain = escertke_span_str(f->meter.chain), .key_uri = KEY("meter"), .pin = SOFTHSM_PIN,
                                       .trust = escertke_span_str(f->trust), .unix_s = f->now.unix_s };

    assert_true(tls->token_keys);
    for (size_t i = 0; i < COUNT(engines); i++) {
        escertke_detail d;
        void *credential;
        if (!engines[i])
            continue;
        escertke_detail_init(&d);
        assert_false(engines[i]->token_keys);
        assert_int_equal(engines[i]->credential_new(&src, &credential, &d), ESCERTKE_ERR_UNSUPPORTED);
        assert_null(credential);
        assert_non_null(strstr(d.reason, "GnuTLS"));
    }
}

/* ---- through a module that counts and fails ---- */

static void pin_is_tried_once(void **state)
{
    const struct fixture *f = *state;
    void *credential;
    escertke_detail d;

    counters_to_zero();
    assert_int_equal(load_as(f, f->meter.chain, false, FAULTY("meter"), WRONG, &credential, &d), ESCERTKE_ERR_CREDENTIAL);
    assert_int_equal(faulty->logins, 1);
    assert_int_equal(load_as(f, f->meter.chain, false, FAULTY("meter"), NULL, &credential, &d), ESCERTKE_ERR_CREDENTIAL);
    assert_int_equal(faulty->logins, 1);
    faulty->final_try = true;
    assert_int_equal(load_as(f, f->meter.chain, false, FAULTY("meter"), SOFTHSM_PIN, &credential, &d), ESCERTKE_ERR_CREDENTIAL);
    faulty->final_try = false;
    assert_non_null(strstr(d.reason, "one more wrong PIN would lock the token"));
    assert_int_equal(faulty->logins, 1);
    faulty->pin_locked = true;
    assert_int_equal(load_as(f, f->meter.chain, false, FAULTY("meter"), SOFTHSM_PIN, &credential, &d), ESCERTKE_ERR_CREDENTIAL);
    faulty->pin_locked = false;
    assert_non_null(strstr(d.reason, "the token's PIN is locked"));
    assert_int_equal(faulty->logins, 2);
    credential = meter_with(f, FAULTY("meter"));
    assert_int_equal(faulty->logins, 3);
    void *second = meter_with(f, FAULTY("meter")); /* the token is open already */
    assert_int_equal(faulty->logins, 3);
    tls->credential_free(credential);
    tls->credential_free(second);
}

static void pin_at_every_signature(void **state)
{
    const struct fixture *f = *state;
    struct side meter = { tls, NULL, NULL }, panel = panel_of(f);

    counters_to_zero();
    meter.credential = meter_with(f, FAULTY("wary"));
    assert_int_equal(faulty->logins, 1);
    for (int i = 1; i <= 3; i++) {
        assert_true(run(f, &panel, &meter).same_key);
        assert_int_equal(faulty->logins_each_time, i + 1); /* one when it was loaded */
    }
    void *other = meter_with(f, FAULTY("meter")); /* holds the token open */
    faulty->device_error = true;
    assert_int_equal(run(f, &panel, &meter).t, ESCERTKE_ERR_BACKEND);
    faulty->device_error = false;
    counters_to_zero();
    assert_int_equal(run(f, &panel, &meter).t, ESCERTKE_ERR_BACKEND); /* the PIN has been given up: it might be another one by now */
    assert_int_equal(faulty->logins + faulty->logins_each_time, 0);
    tls->credential_free(meter.credential);
    tls->credential_free(other);
}

static void pin_that_was_changed(void **state)
{
    const struct fixture *f = *state;
    struct side meter = { tls, meter_with(f, FAULTY("wary")), NULL }, panel = panel_of(f);

    counters_to_zero();
    faulty->pin_changed = true;
    for (int i = 0; i < 3; i++)
        assert_int_equal(run(f, &panel, &meter).t, ESCERTKE_ERR_BACKEND);
    faulty->pin_changed = false;
    assert_int_equal(faulty->logins_each_time, 1);
    assert_int_equal(faulty->logins, 0);
    tls->credential_free(meter.credential);
}

static void fails_by(const struct fixture *f, atomic_bool *fault)
{
    struct side meter = { tls, meter_with(f, FAULTY("meter")), NULL }, panel = panel_of(f);

    counters_to_zero();
    *fault = true;
    alarm(60); /* if GnuTLS left its lock locked, the second one would wait for ever */
    for (int n = 0; n < 3; n++) {
        struct outcome o = run(f, &panel, &meter);
        assert_int_equal(o.t, ESCERTKE_ERR_BACKEND);
        assert_non_null(strstr(o.words, "the token with the own private key does not sign"));
    }
    alarm(0);
    *fault = false;
    assert_int_equal(faulty->logins, 0); /* without the PIN, which has been forgotten */
    assert_int_equal(run(f, &panel, &meter).t, ESCERTKE_ERR_BACKEND);
    struct side again = { tls, meter_with(f, FAULTY("meter")), NULL };
    assert_true(run(f, &panel, &again).same_key);
    assert_true(run(f, &panel, &meter).same_key); /* the token is open again */
    tls->credential_free(again.credential);
    tls->credential_free(meter.credential);
}

static void token_that_fails(void **state)
{
    fails_by(*state, &faulty->session_gone);
    fails_by(*state, &faulty->device_error);
}

/* A run of its own, which no tool watches: GnuTLS 3.7 loses its lock here, 40 octets, and leaves it locked. */
static void session_that_ends_when_it_is_to_sign(void **state)
{
    fails_by(*state, &faulty->session_going);
}

static void initiator_whose_token_fails(void **state)
{
    const struct fixture *f = *state;
    struct side panel = { tls, NULL, NULL }, meter = meter_of(f);
    escertke_detail d;

    assert_int_equal(load_as(f, f->panel.chain, false, FAULTY("panel"), SOFTHSM_PIN, &panel.credential, &d), ESCERTKE_OK);
    faulty->device_error = true;
    assert_int_equal(run(f, &panel, &meter).i, ESCERTKE_ERR_BACKEND);
    faulty->device_error = false;
    tls->credential_free(panel.credential);
}

enum { THREADS = 6, RUNS = 12 };

struct load {
    const struct fixture *f;
    void *credential;
    int good;
};

static void *work(void *ctx)
{
    struct load *l = ctx;
    struct side meter = { tls, l->credential, NULL }, panel = panel_of(l->f);

    for (int i = 0; i < RUNS; i++)
        l->good += run(l->f, &panel, &meter).same_key;
    return NULL;
}

/* Two keys, many handshakes at the same moment; and credentials come and go meanwhile. */
static void threads(void **state)
{
    const struct fixture *f = *state;
    struct load loads[THREADS];
    pthread_t ids[THREADS];
    void *credentials[] = { meter_with(f, FAULTY("meter")), meter_with(f, FAULTY("twin;id=%03")) };

    counters_to_zero();
    for (int i = 0; i < THREADS; i++) {
        loads[i] = (struct load){ f, credentials[i % 2], 0 };
        assert_int_equal(pthread_create(&ids[i], NULL, work, &loads[i]), 0);
    }
    for (int i = 0; i < 5; i++)
        tls->credential_free(meter_with(f, i % 2 ? FAULTY("wary") : FAULTY("meter")));
    for (int i = 0; i < THREADS; i++) {
        pthread_join(ids[i], NULL);
        assert_int_equal(loads[i].good, RUNS);
    }
    assert_int_equal(faulty->most_at_once, 1);
    assert_int_equal(faulty->logins, 0); /* the first credential keeps the token open */
    assert_in_range(faulty->signatures, THREADS * RUNS, THREADS * RUNS + 5);
    tls->credential_free(credentials[0]);
    tls->credential_free(credentials[1]);
}

/* ---- a token that leaves ---- */

static void leaves_and_comes_back(void **state)
{
    const struct fixture *f = *state;
    escertke_detail d;
    void *credential;

    assert_true(esc_token_restart()); /* no key is open; and the module of the tests before is forgotten */
    struct side meter = { tls, meter_with(f, KEY("meter")), NULL }, panel = panel_of(f);
    assert_false(esc_token_restart()); /* a key that signs is left alone */
    assert_true(run(f, &panel, &meter).same_key);
    softhsm_hide(true);
    assert_int_equal(run(f, &panel, &meter).t, ESCERTKE_ERR_BACKEND);
    assert_true(esc_token_restart());
    assert_int_equal(load_as(f, f->meter.chain, false, KEY("meter"), SOFTHSM_PIN, &credential, &d), ESCERTKE_ERR_CREDENTIAL);
    assert_int_equal(run(f, &panel, &meter).t, ESCERTKE_ERR_BACKEND);
    softhsm_hide(false);
    assert_true(esc_token_restart());
    struct side again = { tls, meter_with(f, KEY("meter")), NULL };
    assert_true(run(f, &panel, &again).same_key);
    tls->credential_free(meter.credential);
    tls->credential_free(again.credential);
}

/* ---- memory ---- */

static long countdown;

static void *fail_alloc(size_t size)
{
    return countdown >= 0 && countdown-- == 0 ? NULL : malloc(size);
}

static void *fail_resize(void *p, size_t size)
{
    return countdown >= 0 && countdown-- == 0 ? NULL : realloc(p, size);
}

static void every_allocation_may_fail(void **state)
{
    static const escertke_memory memory = { fail_alloc, fail_resize, free };
    const struct fixture *f = *state;
    escertke_err err = ESCERTKE_ERR_NOMEM;
    void *credential;
    escertke_detail d;

    for (int raw = 0; raw < 2; raw++) {
        long n = 0;
        for (err = ESCERTKE_ERR_NOMEM; err == ESCERTKE_ERR_NOMEM; n++) {
            escertke_memory_set(&memory);
            countdown = n;
            err = load_as(f, f->meter.chain, raw, KEY("meter") "?pin-value=" SOFTHSM_PIN, NULL, &credential, &d);
            countdown = -1;
            if (err == ESCERTKE_OK)
                tls->credential_free(credential);
            escertke_memory_set(NULL);
        }
        if (err != ESCERTKE_OK)
            fail_msg("allocation %ld: %s", n, escertke_err_name(err));
        assert_true(n > 5);
    }
}

/* Blocks of ours that are in use; what is given back is looked into. */
static struct {
    void *p;
    size_t size;
} blocks[256];
static bool pin_released;

static bool holds_pin(const void *p, size_t size)
{
    const size_t len = sizeof SOFTHSM_PIN - 1;

    for (size_t at = 0; p && at + len <= size; at++)
        if (memcmp((const char *)p + at, SOFTHSM_PIN, len) == 0)
            return true;
    return false;
}

static void *kept_alloc(size_t size)
{
    void *p = malloc(size);

    for (size_t i = 0; p && i < COUNT(blocks); i++)
        if (!blocks[i].p) {
            memset(p, 0, size);
            blocks[i].p = p;
            blocks[i].size = size;
            return p;
        }
    free(p);
    return NULL;
}

static void kept_release(void *p)
{
    for (size_t i = 0; i < COUNT(blocks); i++)
        if (blocks[i].p == p) {
            pin_released = pin_released || holds_pin(p, blocks[i].size);
            blocks[i].p = NULL;
        }
    free(p);
}

static void *kept_resize(void *p, size_t size)
{
    void *q = kept_alloc(size);

    for (size_t i = 0; q && p && i < COUNT(blocks); i++)
        if (blocks[i].p == p)
            memcpy(q, p, blocks[i].size < size ? blocks[i].size : size);
    if (q && p)
        kept_release(p);
    return q;
}

static size_t pins_in_memory(void)
{
    size_t count = 0;

    for (size_t i = 0; i < COUNT(blocks); i++)
        count += holds_pin(blocks[i].p, blocks[i].size);
    return count;
}

static void pin_is_wiped(void **state)
{
    static const escertke_memory memory = { kept_alloc, kept_resize, kept_release };
    const struct fixture *f = *state;
    const struct {
        const char *uri;
        const char *chain;
        size_t left; /* while the credential is open */
    } cases[] = { { KEY("meter") "?pin-value=" SOFTHSM_PIN, f->meter.chain, 0 },
                  { KEY("wary") "?pin-value=" SOFTHSM_PIN, f->meter.chain, 1 },
                  { KEY("meter") "?pin-value=" SOFTHSM_PIN, "no chain", 0 },
                  { KEY("meter") "?pin-value=" SOFTHSM_PIN, f->panel.chain, 0 },
                  { KEY("nobody") "?pin-value=" SOFTHSM_PIN, f->meter.chain, 0 } };

    escertke_memory_set(&memory);
    for (size_t i = 0; i < COUNT(cases); i++) {
        void *credential;
        escertke_detail d;
        escertke_err err = load_as(f, cases[i].chain, false, cases[i].uri, NULL, &credential, &d);
        assert_true((err == ESCERTKE_OK) == (i < 2));
        if (pins_in_memory() != cases[i].left)
            fail_msg("case %zu: the PIN is in %zu blocks", i, pins_in_memory());
        tls->credential_free(credential);
        assert_int_equal(pins_in_memory(), 0);
        assert_false(pin_released);
    }
    escertke_memory_set(NULL);
}

static int set_up(void **state)
{
    struct fixture *f;
    struct pki_cert rsa = pki_make(&(struct pki_params){ .key = PKI_RSA2048 }), p384 = pki_make(&(struct pki_params){ .key = PKI_P384 });
    char *rsa_pem = pki_key_pem(&rsa), *p384_pem = pki_key_pem(&p384);

    fixture_setup(state);
    f = *state;
    tls = escertke_tls_gnutls();
    softhsm_begin();
    softhsm_token("ours");
    softhsm_token("pair");
    softhsm_token("pair");
    softhsm_import("ours", "meter", "01", f->meter.key);
    softhsm_import("ours", "panel", "02", f->panel.key);
    softhsm_import("ours", "twin", "03", f->meter.key);
    softhsm_import("ours", "twin", "04", f->panel.key);
    softhsm_import("ours", "rsa", "05", rsa_pem);
    softhsm_import("ours", "p384", "06", p384_pem);
    softhsm_import_wary("ours", "wary", f->meter.key);
    softhsm_import_wary("ours", "lone384", p384_pem);
    void *module = dlopen(FAULTY_MODULE, RTLD_NOW | RTLD_LOCAL);
    faulty = module ? dlsym(module, "faulty_control") : NULL;
    assert_non_null(faulty);
    faulty->real = softhsm_module();
    free(rsa_pem);
    free(p384_pem);
    pki_cert_free(&rsa);
    pki_cert_free(&p384);
    return 0;
}

static int tear_down(void **state)
{
    softhsm_end();
    return fixture_teardown(state);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest ending[] = { cmocka_unit_test(session_that_ends_when_it_is_to_sign) };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_roles),
        cmocka_unit_test(raw_keys),
        cmocka_unit_test(pin_by_uri),
        cmocka_unit_test(refusals),
        cmocka_unit_test(other_engines),
        cmocka_unit_test(pin_is_tried_once),
        cmocka_unit_test(pin_at_every_signature),
        cmocka_unit_test(pin_that_was_changed),
        cmocka_unit_test(token_that_fails),
        cmocka_unit_test(initiator_whose_token_fails),
        cmocka_unit_test(threads),
        cmocka_unit_test(leaves_and_comes_back),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(pin_is_wiped),
    };
    if (!softhsm_is_there()) {
        printf("gnutls_token: SKIPPED: SoftHSM 2 or p11tool is not there\n");
        return 77;
    }
    if (argc > 1 && strcmp(argv[1], "ending") == 0)
        return cmocka_run_group_tests(ending, set_up, tear_down);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
