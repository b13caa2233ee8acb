/* mbedtls_credential.c - an own credential for Mbed TLS: chain, key and trust anchors, checked once, and a configuration for each
 * role. */
#include "tls/mbedtls.h"

#include <string.h>

#include <mbedtls/aes.h>
#include <mbedtls/entropy_poll.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/pem.h"
#include "tls/own_chain.h"

/* Trust anchors in one credential. */
#define ANCHORS_MAX 1000u

static escertke_err refuse(escertke_detail *d, escertke_err err, int code, const char *what)
{
    int alert;

    if (code && esc_mbedtls_classify(code, -1, &alert) == ESCERTKE_ERR_NOMEM)
        return ESCERTKE_ERR_NOMEM;
    if (code && d && d->err == ESCERTKE_OK)
        esc_mbedtls_words(code, d->backend, sizeof d->backend);
    return esc_fail(d, err, "TS-0003 8.1.2.3", "%s", what);
}

int esc_mbedtls_rng(void *unused, unsigned char *out, size_t len)
{
    (void)unused;
    while (len) {
        size_t got = 0;
#if defined(MBEDTLS_ENTROPY_HARDWARE_ALT)
        int code = mbedtls_hardware_poll(NULL, out, len, &got);
#else
        int code = mbedtls_platform_entropy_poll(NULL, out, len, &got);
#endif
        if (code || !got || got > len)
            return code ? code : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
        out += got;
        len -= got;
    }
    return 0;
}

/* ---- reading ------------------------------------------------------------------------------------------------ */

/* PEM certificates into a list, at most @p max. */
static escertke_err load_certs(escertke_span text, mbedtls_x509_crt *list, size_t max, const char *what, escertke_detail *d)
{
    escertke_buf der;
    escertke_err err;
    size_t count = 0;
    int code = 0;

    escertke_buf_init(&der, ESCERTKE_MESSAGE_MAX);
    while ((err = esc_pem_next(&text, "CERTIFICATE", &der)) == ESCERTKE_OK && count < max && !code) {
        code = esc_mbedtls_add_cert(list, escertke_buf_span(&der));
        escertke_buf_reset(&der);
        count++;
    }
    escertke_buf_free(&der);
    if (err == ESCERTKE_ERR_NOMEM)
        return err;
    return code || err != ESCERTKE_ERR_NOT_FOUND || !count ? refuse(d, ESCERTKE_ERR_CREDENTIAL, code, what) : ESCERTKE_OK;
}

static escertke_err load_key(struct mbedtls_credential *cred, escertke_span text, escertke_detail *d)
{
    uint8_t *pem;
    int code;

    if (text.len > ESCERTKE_MESSAGE_MAX)
        return refuse(d, ESCERTKE_ERR_CREDENTIAL, 0, "own private key is too large for one");
    pem = esc_alloc(text.len + 1); /* the library wants the NUL, and counts it */
    if (!pem)
        return ESCERTKE_ERR_NOMEM;
    if (text.len)
        memcpy(pem, text.ptr, text.len);
    pem[text.len] = '\0';
    code = mbedtls_pk_parse_key(&cred->key, pem, text.len + 1, NULL, 0);
    esc_release_wiped(pem, text.len + 1);
    if (code)
        return refuse(d, ESCERTKE_ERR_CREDENTIAL, code, "own private key cannot be read as an unencrypted PEM private key");
    code = mbedtls_pk_check_pair(&cred->chain.pk, &cred->key);
    return code ? refuse(d, ESCERTKE_ERR_KEY_MISMATCH, code, "own private key is not the one of the own certificate")
                : ESCERTKE_OK;
}

/* ---- configuring -------------------------------------------------------------------------------------------- */

/* 0xC02B, 0xC023, 0xC0AC, one group, one signature algorithm, TLS 1.2 (R-TL-2, R-TL-6, A-26...A-30), and nothing else. */
static int pin_protocol(struct mbedtls_credential *cred, mbedtls_ssl_config *conf, int endpoint)
{
    static const int suites[] = { MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                                  MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256, MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CCM, 0 };
    static const mbedtls_ecp_group_id groups[] = { MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_NONE };
    static const int hashes[] = { MBEDTLS_MD_SHA256, MBEDTLS_MD_NONE };
    int code = mbedtls_ssl_config_defaults(conf, endpoint, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);

    if (code)
        return code;
    mbedtls_ssl_conf_min_version(conf, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_max_version(conf, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_ciphersuites(conf, suites);
    mbedtls_ssl_conf_curves(conf, groups);
    mbedtls_ssl_conf_sig_hashes(conf, hashes);
    mbedtls_ssl_conf_extended_master_secret(conf, MBEDTLS_SSL_EXTENDED_MS_ENABLED);
    mbedtls_ssl_conf_authmode(conf, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_rng(conf, esc_mbedtls_rng, NULL);
#if defined(MBEDTLS_SSL_SESSION_TICKETS) && defined(MBEDTLS_SSL_CLI_C)
    mbedtls_ssl_conf_session_tickets(conf, MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
#endif
#if defined(MBEDTLS_SSL_RENEGOTIATION)
    mbedtls_ssl_conf_renegotiation(conf, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
#endif
#if defined(MBEDTLS_SSL_SRV_C)
    mbedtls_ssl_conf_cert_req_ca_list(conf, MBEDTLS_SSL_CERT_REQ_CA_LIST_DISABLED);
#endif
    return mbedtls_ssl_conf_own_cert(conf, &cred->chain, &cred->key);
}

static escertke_err configure(struct mbedtls_credential *cred, escertke_detail *d)
{
    mbedtls_aes_context aes;
    static const uint8_t any[16];
    int code;

    /* The library makes its AES tables at the first use, without a lock: let that be before any thread has a connection. */
    mbedtls_aes_init(&aes);
    code = mbedtls_aes_setkey_enc(&aes, any, 128);
    mbedtls_aes_free(&aes);
    if (!code)
        code = pin_protocol(cred, &cred->initiator, MBEDTLS_SSL_IS_CLIENT);
    if (!code)
        code = pin_protocol(cred, &cred->terminator, MBEDTLS_SSL_IS_SERVER);
    return code ? refuse(d, ESCERTKE_ERR_BACKEND, code, "Mbed TLS does not offer what ESCertKE needs") : ESCERTKE_OK;
}

/* ---- the vtable's functions --------------------------------------------------------------------------------- */

escertke_err esc_mbedtls_credential_new(const escertke_credential_source *src, void **credential, escertke_detail *d)
{
    struct mbedtls_credential *cred;
    escertke_err err;

    *credential = NULL;
    if (src->raw)
        return esc_fail(d, ESCERTKE_ERR_UNSUPPORTED, "R-TL-4",
                        "the Mbed TLS engine has no raw public keys; the GnuTLS engine does");
    if (src->key_uri)
        return esc_fail(d, ESCERTKE_ERR_UNSUPPORTED, "RFC 7512",
                        "the Mbed TLS engine has no private keys in a token; the GnuTLS engine does");
    cred = esc_zalloc(sizeof *cred);
    if (!cred)
        return ESCERTKE_ERR_NOMEM;
    cred->users = 1;
    mbedtls_ssl_config_init(&cred->initiator);
    mbedtls_ssl_config_init(&cred->terminator);
    mbedtls_x509_crt_init(&cred->chain);
    mbedtls_x509_crt_init(&cred->trust);
    mbedtls_pk_init(&cred->key);
    if ((err = load_certs(src->chain, &cred->chain, ESCERTKE_CHAIN_MAX,
                          "own certificate chain cannot be read as 1 to 4 PEM certificates", d)) != ESCERTKE_OK ||
        (err = load_key(cred, src->key, d)) != ESCERTKE_OK ||
        (err = load_certs(src->trust, &cred->trust, ANCHORS_MAX,
                          "trust anchors cannot be read as PEM certificates, or there is none", d)) != ESCERTKE_OK ||
        (err = configure(cred, d)) != ESCERTKE_OK ||
        (err = esc_own_chain_check(src, &cred->leaf, &cred->leaf_len, d)) != ESCERTKE_OK ||
        (err = esc_path_cache_new(src->path_cache, esc_mbedtls_sha256, &cred->path_cache)) != ESCERTKE_OK) {
        esc_mbedtls_credential_free(cred);
        return err;
    }
    *credential = cred;
    return ESCERTKE_OK;
}

struct mbedtls_credential *esc_mbedtls_credential_share(const void *credential)
{
    struct mbedtls_credential *cred = (struct mbedtls_credential *)(uintptr_t)credential; /* only its count changes */

    atomic_fetch_add(&cred->users, 1);
    return cred;
}

void esc_mbedtls_credential_free(void *credential)
{
    struct mbedtls_credential *cred = credential;

    if (!cred || atomic_fetch_sub(&cred->users, 1) != 1)
        return;
    mbedtls_ssl_config_free(&cred->initiator);
    mbedtls_ssl_config_free(&cred->terminator);
    mbedtls_x509_crt_free(&cred->chain);
    mbedtls_x509_crt_free(&cred->trust);
    mbedtls_pk_free(&cred->key);
    esc_path_cache_free(cred->path_cache);
    esc_release(cred->leaf);
    esc_release_wiped(cred, sizeof *cred);
}

escertke_span esc_mbedtls_credential_cert(const void *credential)
{
    const struct mbedtls_credential *cred = credential;

    return (escertke_span){ cred->leaf, cred->leaf_len };
}
