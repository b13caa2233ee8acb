/*
 * inspect.h - escertke inspect: what a file, a text or a message says, in words. Each thing found is one JSON object, from which
 * the readable lines are made too. Nothing is trusted: input is bounded, and whatever is shown is made printable.
 */
#ifndef ESCERTKE_CLI_INSPECT_H
#define ESCERTKE_CLI_INSPECT_H

#include <escertke/cert.h>

#include <jansson.h>

/** Largest input, octets; most certificates of one input that are explained. */
#define INSPECT_MAX (16u << 20)
#define INSPECT_CERTS_MAX 64u
/** Stands in a --peer rule for an identity that nothing says. */
#define INSPECT_ANY_AE "//SP/CSE/Cname"

/** What is asked, and what has come of it so far. */
struct inspect {
    const char *name;             /* of the input, for texts */
    const char *trust, *id, *key; /* options, NULL = not given */
    int64_t now_s;
    size_t things; /* explained so far */
    bool refused;  /* a question that the options ask has the answer no */
};

/** Certificates in the order of the input. Spans borrow. */
struct inspect_certs {
    escertke_span der[INSPECT_CERTS_MAX];
    size_t count;
    size_t left_off;
};

/* ---- saying (inspect_say.c) ---------------------------------------------------------------------------------- */

/** Say one thing: its JSON object, or @p heading and a line for each member. Takes the object over. */
void inspect_say(struct inspect *in, json_t *thing, const char *heading);
/** Append printable text to an array. */
void inspect_add(json_t *array, const char *fmt, ...) ESCERTKE_PRINTF(2, 3);
/** Seconds since 1970 as RFC 3339. */
void inspect_date(json_t *thing, const char *name, int64_t unix_s);
/** The fields of a refusal that are for people. */
void inspect_refusal(json_t *thing, const escertke_detail *d);

/* ---- things. All: OK, or an error with the reason in d ------------------------------------------------------- */

/** A certificate alone, or a chain: each certificate, then how they hang together and what the options ask (inspect_cert.c,
 * inspect_chain.c). */
ESCERTKE_CHECKED escertke_err inspect_certificates(struct inspect *in, const struct inspect_certs *certs, escertke_detail *d);
/** One certificate; @p place: "leaf", "intermediate 1"... */
ESCERTKE_CHECKED escertke_err inspect_certificate(struct inspect *in, escertke_span der, size_t at, const char *place,
                                                  escertke_detail *d);
/** The --peer rules that accept this leaf, as texts (inspect_rule.c). */
json_t *inspect_peer_rules(const struct inspect *in, const escertke_cert *leaf);
/** A SubjectPublicKeyInfo (inspect_key.c). */
ESCERTKE_CHECKED escertke_err inspect_public_key(struct inspect *in, escertke_span spki, escertke_detail *d);
/** A private key, PEM or DER: its kind and public half, and never anything else of it. */
ESCERTKE_CHECKED escertke_err inspect_private_key(struct inspect *in, escertke_span octets, bool pem, escertke_detail *d);
/** "ni:///sha-256;...". */
ESCERTKE_CHECKED escertke_err inspect_identifier(struct inspect *in, const char *text, escertke_detail *d);
/** The public key of a file: private or public key or certificate, PEM or DER; its SubjectPublicKeyInfo is appended. */
ESCERTKE_CHECKED escertke_err inspect_read_spki(const char *path, escertke_buf *spki, escertke_detail *d);
/** A PKCS#10 request and a CRL (inspect_signed.c). */
ESCERTKE_CHECKED escertke_err inspect_request(struct inspect *in, escertke_span der, escertke_detail *d);
ESCERTKE_CHECKED escertke_err inspect_crl(struct inspect *in, escertke_span der, escertke_detail *d);
/** An ESCertKE message, base64 removed, and the certificates in it (inspect_tls.c). */
ESCERTKE_CHECKED escertke_err inspect_message(struct inspect *in, escertke_span message, escertke_detail *d);
/** A primitive or a content in JSON, and the ESCertKE message in it (inspect_json.c). */
ESCERTKE_CHECKED escertke_err inspect_json(struct inspect *in, escertke_span text, escertke_detail *d);

/* ---- helpers ------------------------------------------------------------------------------------------------- */

/** SHA-256. */
bool inspect_sha256(escertke_span in, uint8_t out[32]);
/** "ni:///sha-256;..." of a SubjectPublicKeyInfo, with so many bits; at least 72 characters. */
void inspect_ni(escertke_span spki, int bits, char out[72]);

/* ---- TLS, for inspect_tls.c and the fuzz target (inspect_hello.c) --------------------------------------------- */

/** Explain the body of a ClientHello or ServerHello into @p thing. */
void inspect_hello(escertke_span body, bool client, json_t *thing);
/** "secp256r1" of a named group, "ecdsa_secp256r1_sha256" of a signature algorithm; static storage or @p room. */
const char *inspect_group(unsigned number, char room[16]);
const char *inspect_signature(unsigned number, char room[16]);
/** The whole message as one object; the certificates in it go to @p certs, borrowed from @p flight, which must be kept. */
json_t *inspect_message_object(escertke_span message, escertke_buf *flight, struct inspect_certs *certs, escertke_detail *d);

#endif
