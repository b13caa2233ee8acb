/* gnutls_credential.c - an own credential for GnuTLS: chain, key and trust anchors, checked once. */
#include "tls/gnutls.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <limits.h>
#include <stdatomic.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "tls/gnutls_token.h"
#include "tls/own_chain.h"

/* 0xC02B, 0xC023, 0xC0AC, one group, one signature algorithm, TLS 1.2 (R-TL-2, R-TL-6, A-26...A-30), and nothing else. */
#define PROTOCOL                                                                                                                 \
    "NONE:+VERS-TLS1.2:+AES-128-GCM:+AES-128-CBC:+AES-128-CCM:+AEAD:+SHA256:+ECDHE-ECDSA:+GROUP-SECP256R1:"                      \
    "+SIGN-ECDSA-SHA256:+COMP-NULL:%SERVER_PRECEDENCE"

/* Type 2 is offered only where it is configured, on the side on which it is: [own raw][role][peer raw]. */
static const char *const protocols[2][2][2] = {
    { { PROTOCOL ":+CTYPE-X509", PROTOCOL ":+CTYPE-CLI-X509:+CTYPE-SRV-RAWPK" },
      { PROTOCOL ":+CTYPE-X509", PROTOCOL ":+CTYPE-SRV-X509:+CTYPE-CLI-RAWPK" } },
    { { PROTOCOL ":+CTYPE-CLI-RAWPK:+CTYPE-SRV-X509", PROTOCOL ":+CTYPE-RAWPK" },
      { PROTOCOL ":+CTYPE-SRV-RAWPK:+CTYPE-CLI-X509", PROTOCOL ":+CTYPE-RAWPK" } },
};

static escertke_err refuse(escertke_detail *d, escertke_err err, int code, const char *what)
{
    if (d && d->err == ESCERTKE_OK)
        esc_printable(escertke_span_str(gnutls_strerror(code)), d->backend, sizeof d->backend);
    return esc_fail(d, err, "TS-0003 8.1.2.3", "%s", what);
}

static gnutls_datum_t datum(escertke_span s)
{
    return (gnutls_datum_t){ (unsigned char *)(uintptr_t)s.ptr, s.len <= UINT_MAX ? (unsigned int)s.len : 0 };
}

static const char not_pem[] = "own private key cannot be read as an unencrypted PEM private key";
static const char not_fitting[] = "own private key is not the one of the own certificate";

static escertke_err use_pem_key(struct gnutls_credential *cred, const escertke_credential_source *src, gnutls_x509_crt_t *certs,
                                unsigned count, escertke_detail *d)
{
    gnutls_datum_t key = datum(src->key);
    gnutls_x509_privkey_t own = NULL;
    escertke_err err = ESCERTKE_OK;

    int code = gnutls_x509_privkey_init(&own);
    if (code < 0 || (code = key.size ? gnutls_x509_privkey_import2(own, &key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN)
                                     : GNUTLS_E_BASE64_DECODING_ERROR) < 0)
        err = refuse(d, ESCERTKE_ERR_CREDENTIAL, code, not_pem);
    else if ((code = gnutls_certificate_set_x509_key(cred->cred, certs, (int)count, own)) < 0)
        err = refuse(d, ESCERTKE_ERR_KEY_MISMATCH, code, not_fitting);
    gnutls_x509_privkey_deinit(own);
    return err;
}

/* Gives the token's key to the credentials; closes it after a failure. */
static int set_token_key(struct gnutls_credential *cred, struct esc_token_key *token, gnutls_pcert_st *shown, unsigned count)
{
    gnutls_privkey_t own;

    int code = esc_gnutls_token_privkey(token, &own);
    if (code < 0) {
        esc_token_key_close(token);
        return code;
    }
    /* Whose key it is has been looked at, and a token's signature may take long. */
    gnutls_certificate_set_flags(cred->cred, GNUTLS_CERTIFICATE_SKIP_KEY_CERT_MATCH);
    code = gnutls_certificate_set_key(cred->cred, NULL, 0, shown, (int)count, own);
    if (code < 0)
        gnutls_privkey_deinit(own);
    return code;
}

static bool fits_leaf(const struct esc_token_key *token, gnutls_x509_crt_t leaf)
{
    gnutls_datum_t spki = { NULL, 0 };
    gnutls_pubkey_t public_key;

    if (gnutls_pubkey_init(&public_key) < 0)
        return false;
    bool fits = gnutls_pubkey_import_x509(public_key, leaf, 0) == 0 &&
                gnutls_pubkey_export2(public_key, GNUTLS_X509_FMT_DER, &spki) == 0 &&
                esc_token_key_fits(token, (escertke_span){ spki.data, spki.size });
    gnutls_free(spki.data);
    gnutls_pubkey_deinit(public_key);
    return fits;
}

static escertke_err use_token_key(struct gnutls_credential *cred, const escertke_credential_source *src, gnutls_x509_crt_t *certs,
                                  unsigned count, escertke_detail *d)
{
    gnutls_pcert_st shown[ESCERTKE_CHAIN_MAX];
    struct esc_token_key *token;
    escertke_err err = esc_token_key_open(src->key_uri, src->pin, &token, d);

    if (err != ESCERTKE_OK)
        return err;
    if (!fits_leaf(token, certs[0])) {
        esc_token_key_close(token);
        return refuse(d, ESCERTKE_ERR_KEY_MISMATCH, 0, not_fitting);
    }
    int code = gnutls_pcert_import_x509_list(shown, certs, &count, GNUTLS_X509_CRT_LIST_SORT);
    if (code < 0) {
        esc_token_key_close(token);
        return refuse(d, ESCERTKE_ERR_CREDENTIAL, code, "own certificate chain cannot be used");
    }
    if ((code = set_token_key(cred, token, shown, count)) >= 0)
        return ESCERTKE_OK;
    for (unsigned i = 0; i < count; i++)
        gnutls_pcert_deinit(&shown[i]);
    return refuse(d, ESCERTKE_ERR_CREDENTIAL, code, "own private key cannot be used from its token");
}

static escertke_err load_chain_and_key(struct gnutls_credential *cred, const escertke_credential_source *src, escertke_detail *d)
{
    gnutls_datum_t chain = datum(src->chain);
    gnutls_x509_crt_t *certs = NULL;
    unsigned count = 0;
    escertke_err err;

    int code =
        chain.size ? gnutls_x509_crt_list_import2(&certs, &count, &chain, GNUTLS_X509_FMT_PEM, 0) : GNUTLS_E_NO_CERTIFICATE_FOUND;
    if (code < 0 || !count)
        err = refuse(d, ESCERTKE_ERR_CREDENTIAL, code, "own certificate chain cannot be read as PEM certificates");
    else if (count > ESCERTKE_CHAIN_MAX)
        err = refuse(d, ESCERTKE_ERR_CREDENTIAL, 0, "own chain is longer than 4 certificates");
    else
        err = (src->key_uri ? use_token_key : use_pem_key)(cred, src, certs, count, d);
    for (unsigned i = 0; i < count; i++)
        gnutls_x509_crt_deinit(certs[i]);
    gnutls_free(certs);
    return err;
}

static escertke_err keep_spki(struct gnutls_credential *cred, escertke_span spki, escertke_detail *d)
{
    return esc_own_raw_check(spki, esc_gnutls_sha256, &cred->leaf, &cred->leaf_len, d);
}

/* The public half of an own raw key. */
static escertke_err export_spki(struct gnutls_credential *cred, gnutls_privkey_t own, escertke_detail *d)
{
    gnutls_datum_t spki = { NULL, 0 };
    gnutls_pubkey_t public_key;

    int code = gnutls_pubkey_init(&public_key);
    if (code < 0)
        return ESCERTKE_ERR_NOMEM;
    escertke_err err;
    if ((code = gnutls_pubkey_import_privkey(public_key, own, GNUTLS_KEY_DIGITAL_SIGNATURE, 0)) < 0 ||
        (code = gnutls_pubkey_export2(public_key, GNUTLS_X509_FMT_DER, &spki)) < 0)
        err = refuse(d, ESCERTKE_ERR_CREDENTIAL, code, "public half of the own raw key cannot be written");
    else
        err = keep_spki(cred, (escertke_span){ spki.data, spki.size }, d);
    gnutls_pubkey_deinit(public_key);
    gnutls_free(spki.data);
    return err;
}

/* What is shown to the peer in place of a certificate. */
static int make_shown(const struct gnutls_credential *cred, gnutls_pcert_st *shown)
{
    gnutls_datum_t spki = datum((escertke_span){ cred->leaf, cred->leaf_len });

    memset(shown, 0, sizeof *shown);
    return gnutls_pcert_import_rawpk_raw(shown, &spki, GNUTLS_X509_FMT_DER, GNUTLS_KEY_DIGITAL_SIGNATURE, 0);
}

static escertke_err load_raw_key(struct gnutls_credential *cred, const escertke_credential_source *src, escertke_detail *d)
{
    gnutls_datum_t key = datum(src->key);
    gnutls_privkey_t own = NULL;
    gnutls_pcert_st shown;
    escertke_err err;

    int code = gnutls_privkey_init(&own);
    if (code < 0 || !key.size ||
        (code = gnutls_privkey_import_x509_raw(own, &key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN)) < 0) {
        err = refuse(d, ESCERTKE_ERR_CREDENTIAL, code, not_pem);
    } else if ((err = export_spki(cred, own, d)) == ESCERTKE_OK) {
        if ((code = make_shown(cred, &shown)) >= 0 &&
            (code = gnutls_certificate_set_key(cred->cred, NULL, 0, &shown, 1, own)) >= 0)
            own = NULL; /* the credentials have it now */
        if (code < 0)
            err = refuse(d, ESCERTKE_ERR_CREDENTIAL, code, "own raw key cannot be used");
    }
    if (own)
        gnutls_privkey_deinit(own);
    return err;
}

static escertke_err load_raw_token(struct gnutls_credential *cred, const escertke_credential_source *src, escertke_detail *d)
{
    struct esc_token_key *token;
    gnutls_pcert_st shown;
    escertke_span spki;
    escertke_err err = esc_token_key_open(src->key_uri, src->pin, &token, d);

    if (err != ESCERTKE_OK)
        return err;
    if ((err = esc_token_key_spki(token, &spki, d)) != ESCERTKE_OK || (err = keep_spki(cred, spki, d)) != ESCERTKE_OK) {
        esc_token_key_close(token);
        return err;
    }
    int code = make_shown(cred, &shown);
    if (code < 0)
        esc_token_key_close(token);
    else if ((code = set_token_key(cred, token, &shown, 1)) < 0)
        gnutls_pcert_deinit(&shown);
    return code < 0 ? refuse(d, ESCERTKE_ERR_CREDENTIAL, code, "own raw key cannot be used from its token") : ESCERTKE_OK;
}

static escertke_err load_trust(struct gnutls_credential *cred, const escertke_credential_source *src, escertke_detail *d)
{
    gnutls_datum_t trust = datum(src->trust);
    gnutls_x509_crt_t *anchors = NULL;
    unsigned count = 0;

    if (!trust.size && src->raw)
        return ESCERTKE_OK;
    int code = trust.size ? gnutls_x509_crt_list_import2(&anchors, &count, &trust, GNUTLS_X509_FMT_PEM, 0)
                          : GNUTLS_E_NO_CERTIFICATE_FOUND;
    if (code < 0 || !count)
        return refuse(d, ESCERTKE_ERR_CREDENTIAL, code, "trust anchors cannot be read as PEM certificates, or there is none");
    code = gnutls_x509_trust_list_add_cas(cred->trust, anchors, count, GNUTLS_TL_NO_DUPLICATES); /* takes the certificates over */
    gnutls_free(anchors);
    cred->has_trust = code > 0;
    return code > 0 ? ESCERTKE_OK : refuse(d, ESCERTKE_ERR_CREDENTIAL, code, "trust anchors cannot be used");
}

static bool init_priorities(struct gnutls_credential *cred)
{
    for (size_t role = 0; role < 2; role++)
        for (size_t peer_raw = 0; peer_raw < 2; peer_raw++)
            if (gnutls_priority_init(&cred->priority[role][peer_raw], protocols[cred->raw][role][peer_raw], NULL) < 0)
                return false;
    return true;
}

gnutls_priority_t esc_gnutls_priority(const struct gnutls_credential *cred, escertke_role role, bool peer_raw)
{
    return cred->priority[role == ESCERTKE_TERMINATOR][peer_raw];
}

escertke_err esc_gnutls_credential_new(const escertke_credential_source *src, void **credential, escertke_detail *d)
{
    struct gnutls_credential *cred = esc_zalloc(sizeof *cred);
    escertke_err err = ESCERTKE_OK;

    *credential = NULL;
    if (!cred)
        return ESCERTKE_ERR_NOMEM;
    cred->users = 1;
    cred->raw = src->raw;
    if (gnutls_certificate_allocate_credentials(&cred->cred) < 0 || gnutls_x509_trust_list_init(&cred->trust, 0) < 0 ||
        !init_priorities(cred))
        err = refuse(d, ESCERTKE_ERR_BACKEND, 0, "GnuTLS does not offer what ESCertKE needs");
    if (err == ESCERTKE_OK)
        err = !src->raw      ? load_chain_and_key(cred, src, d)
              : src->key_uri ? load_raw_token(cred, src, d)
                             : load_raw_key(cred, src, d);
    if (err == ESCERTKE_OK)
        err = load_trust(cred, src, d);
    if (err == ESCERTKE_OK && !src->raw)
        err = esc_own_chain_check(src, &cred->leaf, &cred->leaf_len, d);
    if (err == ESCERTKE_OK)
        err = esc_path_cache_new(src->path_cache, esc_gnutls_sha256, &cred->path_cache);
    if (err != ESCERTKE_OK) {
        esc_gnutls_credential_free(cred);
        return err;
    }
    gnutls_certificate_set_verify_function(cred->cred, esc_gnutls_verify_peer);
    gnutls_certificate_set_verify_limits(cred->cred, ESCERTKE_MESSAGE_MAX, ESCERTKE_CHAIN_MAX + 1);
    *credential = cred;
    return ESCERTKE_OK;
}

struct gnutls_credential *esc_gnutls_credential_share(const void *credential)
{
    struct gnutls_credential *cred = (struct gnutls_credential *)(uintptr_t)credential; /* only its count changes */

    atomic_fetch_add(&cred->users, 1);
    return cred;
}

void esc_gnutls_credential_free(void *credential)
{
    struct gnutls_credential *cred = credential;

    if (!cred || atomic_fetch_sub(&cred->users, 1) != 1)
        return;
    if (cred->cred)
        gnutls_certificate_free_credentials(cred->cred);
    if (cred->trust)
        gnutls_x509_trust_list_deinit(cred->trust, 1);
    for (size_t i = 0; i < 4; i++)
        if (cred->priority[i / 2][i % 2])
            gnutls_priority_deinit(cred->priority[i / 2][i % 2]);
    esc_path_cache_free(cred->path_cache);
    esc_release(cred->leaf);
    esc_release(cred);
}

escertke_span esc_gnutls_credential_cert(const void *credential)
{
    const struct gnutls_credential *cred = credential;

    return (escertke_span){ cred->leaf, cred->leaf_len };
}
