#include "endpoint/peers.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"

static void expect_of(const escertke_identity *identity, const escertke_peer *rule, const char *id, escertke_expect *out)
{
    *out = (escertke_expect){ .id = id, .strict = identity->strict };
    if (rule) {
        out->flavour = rule->flavour;
        out->san = rule->san;
        out->pin = rule->pin;
    }
}

/* Two CSEs that one certificate would fit could be taken for each other. */
static bool same_domain_name(const escertke_identity *identity, const escertke_peer *a, const escertke_peer *b)
{
    char x[ESCERTKE_ID_MAX + 1], y[ESCERTKE_ID_MAX + 1];
    escertke_expect ea, eb;

    expect_of(identity, a, a->id, &ea);
    expect_of(identity, b, b->id, &eb);
    return escertke_expect_domain_name(&ea, x) == ESCERTKE_OK && escertke_expect_domain_name(&eb, y) == ESCERTKE_OK &&
           strcmp(x, y) == 0;
}

escertke_err esc_peers_check(const escertke_identity *identity, escertke_detail *d)
{
    const escertke_peer *peers = identity->peers;
    escertke_id id;

    for (size_t i = 0; i < identity->peer_count; i++) {
        if (!peers[i].id || escertke_id_parse(escertke_span_str(peers[i].id), &id) != ESCERTKE_OK)
            return esc_fail(d, ESCERTKE_ERR_CONFIG, "R-HS-13", "peer rule %zu: \"%s\" is not an Absolute CSE-ID or AE-ID", i + 1,
                            peers[i].id ? peers[i].id : "");
        if (peers[i].flavour == ESCERTKE_FLAVOUR_RAW && !peers[i].pin)
            return esc_fail(d, ESCERTKE_ERR_CONFIG, "TS-0003 8.1.2.4", "peer %s is configured as a raw public key without a pin",
                            peers[i].id);
        for (size_t k = 0; k < i; k++) {
            if (strcmp(peers[i].id, peers[k].id) == 0)
                return esc_fail(d, ESCERTKE_ERR_CONFIG, "R-HS-13", "peer %s has two rules", peers[i].id);
            if (same_domain_name(identity, &peers[i], &peers[k]))
                return esc_fail(d, ESCERTKE_ERR_CONFIG, "A-20", "%s and %s would have the same domain name", peers[k].id,
                                peers[i].id);
        }
    }
    return ESCERTKE_OK;
}

escertke_err esc_peers_expect(const escertke_identity *identity, const char *id, escertke_expect *out)
{
    if (!identity->peer_count) {
        expect_of(identity, NULL, id, out);
        return ESCERTKE_OK;
    }
    for (size_t i = 0; i < identity->peer_count; i++)
        if (strcmp(identity->peers[i].id, id) == 0) {
            expect_of(identity, &identity->peers[i], id, out);
            return ESCERTKE_OK;
        }
    return ESCERTKE_ERR_PRIVILEGE;
}

int64_t esc_peers_overlap(const escertke_identity *identity)
{
    if (identity->key_overlap_s)
        return identity->key_overlap_s < 0 ? 0 : identity->key_overlap_s;
    return ESCERTKE_KEY_OVERLAP_S;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* BY_ID means that the certificate decided: which of the two was it? */
static escertke_flavour flavour_of(const escertke_expect *expect, const escertke_cert *cert)
{
    escertke_expect as_ae = *expect;

    if (expect->flavour != ESCERTKE_FLAVOUR_BY_ID)
        return expect->flavour;
    as_ae.flavour = ESCERTKE_FLAVOUR_AE;
    return escertke_cert_match_identity(cert, &as_ae, NULL) == ESCERTKE_OK ? ESCERTKE_FLAVOUR_AE : ESCERTKE_FLAVOUR_CSE;
}

escertke_err esc_peers_entry(const escertke_identity *identity, const escertke_expect *expect, escertke_session *session,
                             escertke_role role, escertke_now now, escertke_key_entry *out)
{
    int64_t lifetime = identity->key_lifetime_s ? identity->key_lifetime_s : ESCERTKE_KEY_LIFETIME_S;
    escertke_cert own = { .not_after = INT64_MAX }, peer = { 0 }; /* a raw key has no end */
    escertke_span der;
    escertke_err err;
    int64_t until;

    memset(out, 0, sizeof *out);
    if ((err = escertke_session_issued(session, out->issued, &out->issued_count, &until)) != ESCERTKE_OK ||
        (err = escertke_session_peer_cert(session, &der)) != ESCERTKE_OK ||
        (expect->flavour != ESCERTKE_FLAVOUR_RAW && (err = escertke_cert_parse(der, &peer, NULL)) != ESCERTKE_OK) ||
        (!identity->raw &&
         (err = escertke_cert_parse(identity->tls->credential_cert(identity->credential), &own, NULL)) != ESCERTKE_OK) ||
        (err = identity->tls->sha256(der, out->peer_fingerprint)) != ESCERTKE_OK ||
        (err = escertke_session_key(session, &out->key)) != ESCERTKE_OK)
        return err;
    snprintf(out->peer, sizeof out->peer, "%s", expect->id);
    snprintf(out->own, sizeof out->own, "%s", identity->id);
    snprintf(out->suite, sizeof out->suite, "%s", escertke_session_suite(session));
    snprintf(out->engine, sizeof out->engine, "%s", identity->tls->name);
    out->role = role;
    out->confirmed = role == ESCERTKE_INITIATOR; /* M4 has been verified */
    out->flavour = flavour_of(expect, &peer);
    out->usage = identity->usage ? identity->usage : ESCERTKE_USAGE_ESPRIM;
    out->created_s = now.unix_s;
    out->expires_s = earlier(now.unix_s + lifetime, earlier(own.not_after, until));
    return ESCERTKE_OK;
}
