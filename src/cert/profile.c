#include "cert/profile.h"

#include <stdio.h>

#include "cert/constraints.h"
#include "cert/fields.h"
#include "cert/names.h"
#include "cert/san.h"
#include "cert/words.h"

#define EXPIRES_SOON_S (30 * 86400)
#define SERIAL_OCTETS_MAX 20u

static const escertke_cert *cert_of(const struct esc_view *v)
{
    return &v->certs[v->at];
}

/* ---- key and algorithms ------------------------------------------------------------------------------------- */

static bool key_not_p256(const struct esc_view *v)
{
    return !cert_of(v)->key_is_p256;
}

static bool key_not_uncompressed(const struct esc_view *v)
{
    return cert_of(v)->key_is_p256 && !cert_of(v)->key_is_uncompressed;
}

static bool signature_foreign(const struct esc_view *v)
{
    return !cert_of(v)->sig_is_ecdsa_sha256;
}

/* SEQUENCE { r INTEGER, s INTEGER }, both greater than 0: not every library that verifies a signature looks at its form. */
static bool signature_not_der(const struct esc_view *v)
{
    struct esc_signed parts;
    struct der_tlv whole;
    escertke_span scalar;

    if (!cert_of(v)->sig_is_ecdsa_sha256)
        return false;
    if (!esc_signed(cert_of(v)->der, &parts) || !esc_der_only(parts.signature, DER_SEQUENCE, &whole))
        return true;
    struct der r = esc_der_init(whole.value);
    for (int i = 0; i < 2; i++)
        if (!esc_der_integer(&r, &scalar) || scalar.ptr[0] & 0x80)
            return true;
    return !esc_der_done(&r);
}

struct named_oid {
    const char *name;
    uint8_t len, oid[9];
};

/* Algorithms that people meet, so that a refusal can name what it found. */
static const char *oid_name(const struct named_oid *list, size_t count, escertke_span oid)
{
    for (size_t i = 0; i < count; i++)
        if (escertke_span_equal(oid, (escertke_span){ list[i].oid, list[i].len }))
            return list[i].name;
    return "another algorithm";
}

const char *esc_key_kind(escertke_span spki)
{
    static const struct named_oid keys[] = {
        { "RSA", 9, { 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01 } },
        { "Ed25519", 3, { 0x2B, 0x65, 0x70 } },
        { "Ed448", 3, { 0x2B, 0x65, 0x71 } },
        { "P-384", 5, { 0x2B, 0x81, 0x04, 0x00, 0x22 } },
        { "P-521", 5, { 0x2B, 0x81, 0x04, 0x00, 0x23 } },
        { "secp256k1", 5, { 0x2B, 0x81, 0x04, 0x00, 0x0A } },
        { "secp256r1", 8, { 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07 } },
    };
    static const uint8_t ec[] = { 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01 };
    struct der_tlv whole, alg, id, curve;

    if (!esc_der_only(spki, DER_SEQUENCE, &whole))
        return "no SubjectPublicKeyInfo";
    struct der r = esc_der_init(whole.value);
    if (!esc_der_take(&r, DER_SEQUENCE, &alg))
        return "no SubjectPublicKeyInfo";
    r = esc_der_init(alg.value);
    if (!esc_der_take(&r, DER_OID, &id))
        return "no SubjectPublicKeyInfo";
    bool is_ec = escertke_span_equal(id.value, (escertke_span){ ec, sizeof ec });
    if (is_ec && !esc_der_take(&r, DER_OID, &curve))
        return "a curve that is not given by name";
    return oid_name(keys, sizeof keys / sizeof *keys, is_ec ? curve.value : id.value);
}

static void key_found(const struct esc_view *v, char *out, size_t cap)
{
    snprintf(out, cap, "%s", esc_key_kind(cert_of(v)->spki));
}

static void point_found(const struct esc_view *v, char *out, size_t cap)
{
    snprintf(out, cap, "a point of %zu octets that begins with %02X", cert_of(v)->public_key.len,
             cert_of(v)->public_key.len ? cert_of(v)->public_key.ptr[0] : 0);
}

static void signature_found(const struct esc_view *v, char *out, size_t cap)
{
    static const struct named_oid signatures[] = {
        { "ecdsa-with-SHA1", 7, { 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x01 } },
        { "ecdsa-with-SHA384", 8, { 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x03 } },
        { "ecdsa-with-SHA512", 8, { 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x04 } },
        { "sha256WithRSAEncryption", 9, { 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0B } },
        { "two different algorithms or parameters", 8, { 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02 } },
    };
    struct der_tlv cert, body, alg, id;

    if (!esc_der_only(cert_of(v)->der, DER_SEQUENCE, &cert))
        return;
    struct der r = esc_der_init(cert.value);
    if (!esc_der_take(&r, DER_SEQUENCE, &body) || !esc_der_take(&r, DER_SEQUENCE, &alg))
        return;
    r = esc_der_init(alg.value);
    if (esc_der_take(&r, DER_OID, &id))
        snprintf(out, cap, "%s", oid_name(signatures, sizeof signatures / sizeof *signatures, id.value));
}

/* ---- form --------------------------------------------------------------------------------------------------- */

static bool version_not_3(const struct esc_view *v)
{
    return cert_of(v)->version != 3;
}

static bool serial_bad(const struct esc_view *v)
{
    escertke_span s = cert_of(v)->serial;

    return s.len > SERIAL_OCTETS_MAX || s.ptr[0] >= 0x80 || (s.len == 1 && s.ptr[0] == 0);
}

static void version_found(const struct esc_view *v, char *out, size_t cap)
{
    snprintf(out, cap, "version %d", cert_of(v)->version);
}

static void serial_found(const struct esc_view *v, char *out, size_t cap)
{
    escertke_span s = cert_of(v)->serial;

    snprintf(out, cap, "%s of %zu octets",
             s.ptr[0] >= 0x80          ? "a negative number"
             : s.len == 1 && !s.ptr[0] ? "zero"
                                       : "a number",
             s.len);
}

static bool unknown_critical(const struct esc_view *v)
{
    return cert_of(v)->unknown_critical;
}

/* ---- validity ----------------------------------------------------------------------------------------------- */

static bool not_yet_valid(const struct esc_view *v)
{
    return v->unix_s < cert_of(v)->not_before;
}

static bool expired(const struct esc_view *v)
{
    return v->unix_s > cert_of(v)->not_after;
}

static bool expires_soon(const struct esc_view *v)
{
    return !expired(v) && cert_of(v)->not_after - v->unix_s < EXPIRES_SOON_S;
}

static void not_before_found(const struct esc_view *v, char *out, size_t cap)
{
    char date[64];

    esc_date_text(cert_of(v)->not_before, v->unix_s, date, sizeof date);
    snprintf(out, cap, "notBefore %s", date);
}

static void not_after_found(const struct esc_view *v, char *out, size_t cap)
{
    char date[64];

    esc_date_text(cert_of(v)->not_after, v->unix_s, date, sizeof date);
    snprintf(out, cap, "notAfter %s", date);
}

/* ---- what it may be used for -------------------------------------------------------------------------------- */

static bool no_digital_signature(const struct esc_view *v)
{
    return !(cert_of(v)->key_usage & ESCERTKE_KEY_USAGE_DIGITAL_SIGNATURE);
}

static void key_usage_found(const struct esc_view *v, char *out, size_t cap)
{
    if (cert_of(v)->has_key_usage)
        snprintf(out, cap, "keyUsage without it");
    else
        snprintf(out, cap, "no keyUsage");
}

static bool is_ca(const struct esc_view *v)
{
    return cert_of(v)->is_ca;
}

static bool leaf_signs_certificates(const struct esc_view *v)
{
    return !is_ca(v) && cert_of(v)->key_usage & ESCERTKE_KEY_USAGE_KEY_CERT_SIGN;
}

static bool leaf_constrains_names(const struct esc_view *v)
{
    return cert_of(v)->has_name_constraints;
}

static bool purpose_missing(const struct esc_view *v)
{
    const escertke_cert *c = cert_of(v);
    bool usable = v->purpose == ESC_CLIENT   ? c->eku_client
                  : v->purpose == ESC_SERVER ? c->eku_server
                                             : c->eku_client || c->eku_server;
    return c->has_eku && !usable;
}

static bool one_purpose_only(const struct esc_view *v)
{
    return cert_of(v)->eku_client != cert_of(v)->eku_server;
}

static void purpose_found(const struct esc_view *v, char *out, size_t cap)
{
    bool client = cert_of(v)->eku_client, server = cert_of(v)->eku_server;

    snprintf(out, cap, "%s", client ? "clientAuth only" : server ? "serverAuth only" : "other purposes");
}

static bool not_a_ca(const struct esc_view *v)
{
    return !cert_of(v)->is_ca;
}

static bool no_cert_sign(const struct esc_view *v)
{
    return !(cert_of(v)->key_usage & ESCERTKE_KEY_USAGE_KEY_CERT_SIGN);
}

static bool no_crl_sign(const struct esc_view *v)
{
    return cert_of(v)->has_key_usage && !(cert_of(v)->key_usage & ESCERTKE_KEY_USAGE_CRL_SIGN);
}

/* An anchor is trusted as it is; it must only not say of itself that it is none (it may be older than version 3). */
static bool anchor_denies_ca(const struct esc_view *v)
{
    return (cert_of(v)->has_basic_constraints && not_a_ca(v)) || (cert_of(v)->has_key_usage && no_cert_sign(v));
}

static int intermediates_below(const struct esc_view *v)
{
    int below = 0;

    for (size_t i = 1; i < v->at; i++)
        below += !esc_cert_self_issued(&v->certs[i]);
    return below;
}

static bool path_too_long(const struct esc_view *v)
{
    return cert_of(v)->path_len >= 0 && intermediates_below(v) > cert_of(v)->path_len;
}

static void path_len_found(const struct esc_view *v, char *out, size_t cap)
{
    snprintf(out, cap, "%d below it, pathLenConstraint %d", intermediates_below(v), cert_of(v)->path_len);
}

/* The host part of an AE-ID's URI is to satisfy them (10.1.1.5): constraints of other names say nothing of it. */
static bool issuer_constrains_no_uri(const struct esc_view *v)
{
    return v->at == 1 && esc_san_names_ae(&v->certs[0]) &&
           (!cert_of(v)->has_name_constraints || !esc_constraints_permit_uris(cert_of(v)));
}

static void constraints_found(const struct esc_view *v, char *out, size_t cap)
{
    if (!cert_of(v)->has_name_constraints)
        snprintf(out, cap, "no nameConstraints");
    else if (!esc_constraints_text(cert_of(v), false, out, cap) || !*out)
        snprintf(out, cap, "nameConstraints without a permitted URI");
}

/* ---- the table ---------------------------------------------------------------------------------------------- */

#define ALL (ESC_LEAF | ESC_CA | ESC_ANCHOR)
#define BELOW (ESC_LEAF | ESC_CA) /* what the anchor vouches for */
#define ERROR ESCERTKE_LINT_ERROR
#define WARN ESCERTKE_LINT_WARN
#define NOTE ESCERTKE_LINT_NOTE
#define CERT ESCERTKE_ERR_CERT
#define PROFILE ESCERTKE_ERR_PROFILE
#define VALIDITY ESCERTKE_ERR_VALIDITY
#define BAD ALERT_BAD_CERTIFICATE
#define UNSUPPORTED ALERT_UNSUPPORTED_CERTIFICATE
#define EXPIRED ALERT_CERTIFICATE_EXPIRED
#define EVERY_PEER "every peer"
#define STRICT_PEERS "peers with strict_profile"
#define OTHER_MAKES "peers of other makes that are stricter than this library"

/* What to do, where several rules want the same. */
#define NEW_KEY "make a new key on secp256r1 and have it certified, e.g. by: escertke pki issue DIR --ae-id ID --out PREFIX"
#define SIGN_AGAIN "have its CA, with a key on secp256r1, sign it again with ecdsa-with-SHA256; escertke pki issue does"
#define ISSUE_AGAIN                                                                                                              \
    "have it issued again in the profile of TS-0003 10.1.1, e.g. by: escertke pki issue DIR --ae-id ID --out PREFIX"
#define CA_AGAIN "the CA has to be made again; escertke pki init makes a root and an issuing CA in the profile of TS-0003 10.1.1"
#define RENEW                                                                                                                    \
    "renew it, e.g. by: escertke pki issue DIR --ae-id ID --out PREFIX; if the date is still to come, set this machine's clock"

const struct esc_rule esc_rules[] = {
    { ALL, ERROR, ERROR, PROFILE, UNSUPPORTED, "TS-0003 10.1.1.1", key_not_p256,
      "public key must be on the named curve secp256r1", EVERY_PEER, key_found,
      "a public key on the named curve secp256r1 (P-256)", NULL, NEW_KEY },
    { ALL, ERROR, ERROR, PROFILE, UNSUPPORTED, "TS-0003 10.1.1.1", key_not_uncompressed,
      "public key must be an uncompressed point of 65 octets", EVERY_PEER, point_found,
      "an uncompressed point, 65 octets that begin with 04", NULL,
      "write the same public key uncompressed (openssl ec -conv_form uncompressed) and have it certified again" },
    { BELOW, ERROR, ERROR, PROFILE, UNSUPPORTED, "TS-0003 10.1.1.3", signature_foreign, "signature must be ecdsa-with-SHA256",
      EVERY_PEER, signature_found, "signature algorithm ecdsa-with-SHA256, in both places and without parameters", NULL,
      SIGN_AGAIN },
    { BELOW, ERROR, ERROR, CERT, BAD, "RFC 5758 3.2", signature_not_der, "signature must be an Ecdsa-Sig-Value in DER",
      EVERY_PEER, NULL, "two INTEGERs greater than 0 in a SEQUENCE, each as short as it can be", NULL, SIGN_AGAIN },
    { ESC_ANCHOR, NOTE, WARN, PROFILE, UNSUPPORTED, "TS-0003 10.1.1.3", signature_foreign,
      "self-signature should be ecdsa-with-SHA256, though nobody needs to verify an anchor's",
      "peers that read the profile to the letter", signature_found, NULL, NULL, NULL },
    { BELOW, ERROR, ERROR, PROFILE, BAD, "RFC 5280 4.1.2.1", version_not_3, "certificate must be version 3", EVERY_PEER,
      version_found, "version 3", NULL, ISSUE_AGAIN },
    { BELOW, ERROR, ERROR, PROFILE, BAD, "RFC 5280 4.1.2.2", serial_bad,
      "serial number must be positive and of 20 octets at most", EVERY_PEER, serial_found,
      "a serial number that is positive and has 20 octets at most", NULL, ISSUE_AGAIN },
    { ALL, ERROR, ERROR, CERT, BAD, "RFC 5280 4.2", unknown_critical, "a critical extension that is not known", EVERY_PEER, NULL,
      "critical extensions among keyUsage, subjectAltName, basicConstraints, nameConstraints and extKeyUsage only",
      "another critical extension", "have it issued again without the extension, or with it not critical" },
    { ALL, ERROR, ERROR, VALIDITY, EXPIRED, "RFC 5280 4.1.2.5", not_yet_valid, "not yet valid", "every peer, until then",
      not_before_found, "a certificate that is valid now", NULL,
      "set this machine's clock if it is slow; else wait until then, or use a certificate that is valid now" },
    { ALL, ERROR, ERROR, VALIDITY, EXPIRED, "RFC 5280 4.1.2.5", expired, "expired", EVERY_PEER, not_after_found,
      "a certificate that is valid now", NULL, RENEW },
    { ALL, NOTE, NOTE, VALIDITY, EXPIRED, "RFC 5280 4.1.2.5", expires_soon, "expires within 30 days", "every peer, from then on",
      not_after_found, NULL, NULL, NULL },

    { ESC_LEAF, ERROR, ERROR, PROFILE, BAD, "TS-0003 10.1.1.1", no_digital_signature,
      "keyUsage must be present with digitalSignature", EVERY_PEER, key_usage_found, "keyUsage with digitalSignature", NULL,
      ISSUE_AGAIN },
    { ESC_LEAF, ERROR, ERROR, PROFILE, BAD, "RFC 5280 4.2.1.9", is_ca, "a CA certificate is no end-point's certificate",
      EVERY_PEER, NULL, "an end-point's own certificate", "a CA certificate (basicConstraints CA)",
      "the peer must show a certificate that a CA issued to it, e.g. by: escertke pki issue DIR --ae-id ID --out PREFIX" },
    { ESC_LEAF, WARN, WARN, PROFILE, BAD, "RFC 5280 4.2.1.3", leaf_signs_certificates,
      "keyCertSign in a certificate that is not a CA's", OTHER_MAKES, NULL, NULL, NULL, NULL },
    { ESC_LEAF, WARN, WARN, PROFILE, BAD, "RFC 5280 4.2.1.10", leaf_constrains_names,
      "nameConstraints belong in CA certificates only", OTHER_MAKES, NULL, NULL, NULL, NULL },
    { ESC_LEAF, ERROR, ERROR, PROFILE, BAD, "RFC 5280 4.2.1.12", purpose_missing,
      "extKeyUsage, where present, must allow the TLS role", EVERY_PEER, purpose_found,
      "no extKeyUsage, or one with clientAuth for an initiator and serverAuth for a terminator", NULL,
      "have it issued again without extKeyUsage, as escertke pki issue does, or with both clientAuth and serverAuth" },
    { ESC_LEAF, WARN, WARN, PROFILE, BAD, "RFC 5280 4.2.1.12", one_purpose_only,
      "extKeyUsage allows one TLS role only (initiator clientAuth, terminator serverAuth)", "every peer, in the other role",
      purpose_found, NULL, NULL, NULL },

    { ESC_CA, ERROR, ERROR, CERT, BAD, "RFC 5280 4.2.1.9", not_a_ca, "an issuer must be a CA by its basicConstraints", EVERY_PEER,
      NULL, "an issuer with basicConstraints CA", "a certificate that is no CA's",
      "the peer's certificate must come from a CA; this issuer may not issue any" },
    { ESC_CA, ERROR, ERROR, CERT, BAD, "RFC 5280 4.2.1.3", no_cert_sign, "a CA must have keyUsage with keyCertSign", EVERY_PEER,
      key_usage_found, "keyUsage with keyCertSign", NULL, CA_AGAIN },
    { ESC_CA, NOTE, ERROR, PROFILE, BAD, "TS-0003 10.1.1.1", no_digital_signature,
      "keyUsage of a CA lacks digitalSignature, which the text demands", STRICT_PEERS, NULL,
      "keyUsage of a CA with digitalSignature too (strict profile)", "keyUsage without it",
      "make the CA again with escertke pki init, or do without --strict-profile here" },
    { ESC_CA | ESC_ANCHOR, NOTE, NOTE, PROFILE, BAD, "RFC 5280 4.2.1.3", no_crl_sign,
      "keyUsage of a CA lacks cRLSign, so a CRL of it counts for nothing", "peers that require a CRL (--require-crl)", NULL, NULL,
      NULL, CA_AGAIN },
    { ESC_ANCHOR, ERROR, ERROR, CERT, BAD, "RFC 5280 4.2.1.9", anchor_denies_ca,
      "basicConstraints or keyUsage of the trust anchor forbid it to sign certificates", EVERY_PEER, NULL,
      "a trust anchor that may sign certificates", "basicConstraints or keyUsage that forbid it",
      "take the CA's own certificate as trust anchor (--trust), not one of an end-point" },
    { ESC_CA | ESC_ANCHOR, ERROR, ERROR, CERT, BAD, "RFC 5280 4.2.1.9", path_too_long,
      "more intermediate certificates below it than its pathLenConstraint allows", EVERY_PEER, path_len_found,
      "no more intermediate certificates below it than its pathLenConstraint", NULL,
      "issue end-point certificates from a CA higher up, or make this CA again with a greater pathLenConstraint" },
    { ESC_CA, WARN, ERROR, PROFILE, BAD, "TS-0003 10.1.1.5", issuer_constrains_no_uri,
      "the CA that issues AE-ID certificates must carry nameConstraints that permit URIs", STRICT_PEERS, constraints_found,
      "nameConstraints with a permitted URI in the CA that issues AE-ID certificates (strict profile)", NULL,
      "make the CA again with escertke pki init --sp DOMAIN, or do without --strict-profile here" },
};
const size_t esc_rule_count = sizeof esc_rules / sizeof *esc_rules;

/* ---- use ---------------------------------------------------------------------------------------------------- */

bool esc_cert_self_issued(const escertke_cert *cert)
{
    return escertke_span_equal(cert->issuer, cert->subject);
}

enum esc_place esc_place(const escertke_cert *certs, size_t count, size_t at)
{
    if (at == 0)
        return ESC_LEAF;
    return at == count - 1 && esc_cert_self_issued(&certs[at]) ? ESC_ANCHOR : ESC_CA;
}

const char *esc_place_name(enum esc_place place)
{
    return place == ESC_LEAF ? "leaf certificate" : place == ESC_CA ? "CA certificate" : "trust anchor";
}

bool esc_rule_broken(const struct esc_rule *rule, const struct esc_view *v)
{
    return rule->places & v->place && rule->broken(v);
}

void esc_rule_text(const struct esc_rule *rule, const struct esc_view *v, char *out, size_t cap)
{
    char found[80] = "";

    if (rule->found)
        rule->found(v, found, sizeof found);
    snprintf(out, cap, "%s %zu: %s%s%s%s", esc_place_name(v->place), v->at, rule->text, *found ? " (found: " : "", found,
             *found ? ")" : "");
}

void esc_rule_found(const struct esc_rule *rule, const struct esc_view *v, char *out, size_t cap)
{
    snprintf(out, cap, "%s", rule->instead ? rule->instead : "");
    if (rule->found)
        rule->found(v, out, cap);
}
