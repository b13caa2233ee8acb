#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void need(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "fixture: %s\n", what);
    abort();
}

const escertke_tls_ops *fixture_tls(void)
{
    const char *name = getenv("ENGINE");
    const escertke_tls_ops *ops = escertke_tls_by_name(name ? name : "openssl");

    need(ops != NULL, "no such ENGINE");
    return ops;
}

static void load(const struct fixture *f, struct party *p)
{
    escertke_credential_source src = { .chain = escertke_span_str(p->chain), .key = escertke_span_str(p->key),
                                       .trust = escertke_span_str(f->trust), .unix_s = f->now.unix_s };

    p->load_err = fixture_tls()->credential_new(&src, &p->credential, NULL);
}

struct party party_new(const struct fixture *f, const struct pki_params *params)
{
    struct pki_params with_issuer = *params;
    struct party p = { 0 };

    if (!with_issuer.issuer)
        with_issuer.issuer = &f->pki.ca;
    p.cert = pki_make(&with_issuer);
    p.key = pki_key_pem(&p.cert);
    if (with_issuer.issuer == &f->pki.ca)
        p.chain = pki_simple_chain(&f->pki, &p.cert);
    else
        p.chain = pki_chain_pem((const struct pki_cert *const[]){ &p.cert, with_issuer.issuer }, 2);
    load(f, &p);
    return p;
}

void party_free(struct party *p)
{
    fixture_tls()->credential_free(p->credential);
    pki_cert_free(&p->cert);
    free(p->chain);
    free(p->key);
}

static struct party good_party(const struct fixture *f, enum pki_name_type type, const char *name)
{
    struct pki_name san = { type, name, 0 };
    struct party p = party_new(f, &(struct pki_params){ .san = &san, .san_count = 1 });

    need(p.load_err == ESCERTKE_OK, escertke_err_name(p.load_err));
    return p;
}

struct fixture *fixture_new(void)
{
    struct fixture *f = calloc(1, sizeof *f);

    need(f != NULL, "memory");
    f->now = (escertke_now){ 1000, (int64_t)time(NULL) };
    f->pki = pki_simple_make(NULL, NULL);
    f->trust = pki_simple_trust(&f->pki);
    f->meter = good_party(f, PKI_URI, METER);
    f->panel = good_party(f, PKI_URI, PANEL);
    f->in1 = good_party(f, PKI_DNS, "in1.m2m.example.org");
    return f;
}

void fixture_free(struct fixture *f)
{
    party_free(&f->meter);
    party_free(&f->panel);
    party_free(&f->in1);
    pki_simple_free(&f->pki);
    free(f->trust);
    free(f);
}

int fixture_setup(void **state)
{
    *state = fixture_new();
    return 0;
}

int fixture_teardown(void **state)
{
    fixture_free(*state);
    return 0;
}

escertke_session *session_of(const struct fixture *f, const struct party *who, escertke_role role, const char *peer_id)
{
    escertke_session_config cfg = { .tls = fixture_tls(), .credential = who->credential, .role = role, .expect = { .id = peer_id } };
    escertke_session *s;

    (void)f;
    need(escertke_session_new(&cfg, &s) == ESCERTKE_OK, "session");
    return s;
}
