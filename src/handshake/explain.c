#include "handshake/explain.h"

#include <stdio.h>
#include <string.h>

#include "cert/names.h"
#include "cert/words.h"
#include "handshake/wire.h"

enum { UNKNOWN_CA = 48 };

/* What the peer sent, as far as it can be read. */
struct sent {
    escertke_cert certs[ESCERTKE_CHAIN_MAX + 1];
    size_t count;
};

static void read_sent(escertke_span flight, struct sent *s)
{
    escertke_span der[ESCERTKE_CHAIN_MAX + 1];
    size_t count = esc_wire_certificates(flight, der, ESCERTKE_CHAIN_MAX + 1);

    s->count = 0;
    while (s->count < count && escertke_cert_parse(der[s->count], &s->certs[s->count], NULL) == ESCERTKE_OK)
        s->count++;
}

/* From the leaf up to the certificate whose issuer was not sent. Each step takes another certificate: it ends. */
static size_t top_of(const struct sent *s)
{
    bool used[ESCERTKE_CHAIN_MAX + 1] = { true };
    size_t at = 0, i = 1;

    while (i < s->count) {
        if (!used[i] && escertke_span_equal(s->certs[i].subject, s->certs[at].issuer)) {
            used[i] = true;
            at = i;
            i = 0;
        }
        i++;
    }
    return at;
}

static void explain_no_path(const struct sent *s, escertke_err err, escertke_detail *d)
{
    size_t top = top_of(s);
    const escertke_cert *cert = &s->certs[top];
    char found[288], issuer[160];
    const struct esc_refusal r = {
        cert,  top,
        0,     "a path to one of the trust anchors here (--trust)",
        found, "if its CA is to be trusted, add that CA's certificate to the --trust file; the peer must show all CAs below it"
    };

    esc_dn_text(cert->issuer, issuer, sizeof issuer);
    if (escertke_span_equal(cert->issuer, cert->subject))
        snprintf(found, sizeof found, "a self-signed certificate that is no trust anchor here");
    else
        snprintf(found, sizeof found, "issuer %s, of which no certificate that fits was sent or is trusted", issuer);
    esc_refusal_add(d, err, &r);
}

static void explain_key(const struct sent *s, escertke_err err, escertke_detail *d)
{
    const struct esc_refusal r = {
        &s->certs[0],
        0,
        0,
        "a public key on the named curve secp256r1 (P-256)",
        esc_key_kind(s->certs[0].spki),
        "make a new key on secp256r1 and have it certified, e.g. by: escertke pki issue DIR --ae-id ID "
        "--out PREFIX"
    };

    if (!s->certs[0].key_is_p256)
        esc_refusal_add(d, err, &r);
}

static void explain_signature(const struct sent *s, escertke_err err, escertke_detail *d)
{
    const struct esc_refusal path = {
        &s->certs[0],
        0,
        0,
        "signatures that hold, from here up to a trust anchor",
        d->backend,
        "do not trust it: it was changed, or another CA of that name issued it; have it issued again"
    };
    const struct esc_refusal proof = {
        &s->certs[0],
        0,
        0,
        "a signature by the key of this certificate",
        "another one",
        "the peer's --cert and --key must come from one pair; else somebody changes messages on the "
        "way"
    };

    esc_refusal_add(d, err, err == ESCERTKE_ERR_CERT ? &path : &proof);
}

void esc_explain(escertke_span flight, escertke_err err, escertke_detail *d)
{
    static const struct esc_refusal none = { .expected = "a certificate of the peer",
                                             .found = "none",
                                             .advice = "the peer must be started with its certificate and key: --cert, --key" };
    struct sent s;

    if (err == ESCERTKE_ERR_NO_CERT)
        esc_refusal_add(d, err, &none);
    read_sent(flight, &s);
    if (!s.count)
        return;
    switch (err) {
    case ESCERTKE_ERR_CERT: d->alert == UNKNOWN_CA ? explain_no_path(&s, err, d) : explain_signature(&s, err, d); break;
    case ESCERTKE_ERR_SIGNATURE: explain_signature(&s, err, d); break;
    case ESCERTKE_ERR_PROFILE:
    case ESCERTKE_ERR_NEGOTIATION: explain_key(&s, err, d); break;
    default: break;
    }
}
