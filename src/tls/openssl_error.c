/* openssl_error.c - from OpenSSL's error queue to one named error. */
#include "tls/openssl.h"

#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"

static const struct {
    int reason; /* SSL_R_... */
    escertke_err err;
} reasons[] = {
    { SSL_R_UNSUPPORTED_PROTOCOL, ESCERTKE_ERR_NEGOTIATION },
    { SSL_R_VERSION_TOO_LOW, ESCERTKE_ERR_NEGOTIATION },
    { SSL_R_VERSION_TOO_HIGH, ESCERTKE_ERR_NEGOTIATION },
    { SSL_R_WRONG_SSL_VERSION, ESCERTKE_ERR_NEGOTIATION },
    { SSL_R_BAD_PROTOCOL_VERSION_NUMBER, ESCERTKE_ERR_NEGOTIATION },
    { SSL_R_NO_SHARED_CIPHER, ESCERTKE_ERR_NEGOTIATION },
    { SSL_R_NO_SHARED_GROUPS, ESCERTKE_ERR_NEGOTIATION },
    { SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, ESCERTKE_ERR_NEGOTIATION },
    { SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, ESCERTKE_ERR_NEGOTIATION },
    { SSL_R_NO_SUITABLE_GROUPS, ESCERTKE_ERR_NEGOTIATION },
    { SSL_R_SIGNATURE_ALGORITHMS_ERROR, ESCERTKE_ERR_NEGOTIATION }, /* of CertificateRequest; OpenSSL takes it for its own */
    { SSL_R_WRONG_CIPHER_RETURNED, ESCERTKE_ERR_NEGOTIATION },
    { SSL_R_UNKNOWN_CIPHER_RETURNED, ESCERTKE_ERR_NEGOTIATION },
    { SSL_R_WRONG_SIGNATURE_TYPE, ESCERTKE_ERR_NEGOTIATION },
    { SSL_R_WRONG_CURVE, ESCERTKE_ERR_NEGOTIATION },
    { SSL_R_UNSUPPORTED_ELLIPTIC_CURVE, ESCERTKE_ERR_NEGOTIATION },
    { SSL_R_ILLEGAL_SUITEB_DIGEST, ESCERTKE_ERR_NEGOTIATION },
    { SSL_R_BAD_SIGNATURE, ESCERTKE_ERR_SIGNATURE },
    { SSL_R_DIGEST_CHECK_FAILED, ESCERTKE_ERR_SIGNATURE },
    { SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, ESCERTKE_ERR_SIGNATURE },
    { SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, ESCERTKE_ERR_NO_CERT },
    { SSL_R_NO_CERTIFICATES_RETURNED, ESCERTKE_ERR_NO_CERT },
    { SSL_R_MISSING_SIGNING_CERT, ESCERTKE_ERR_NO_CERT },
    { SSL_R_CERT_LENGTH_MISMATCH, ESCERTKE_ERR_CERT },
    { SSL_R_UNKNOWN_CERTIFICATE_TYPE, ESCERTKE_ERR_PROFILE },
    { SSL_R_WRONG_CERTIFICATE_TYPE, ESCERTKE_ERR_PROFILE },
};

void esc_openssl_words(char *out, size_t cap)
{
    const char *words = ERR_reason_error_string(ERR_peek_error());

    esc_printable(escertke_span_str(words), out, cap);
    ERR_clear_error();
}

void esc_openssl_forget_words(struct openssl_conn *conn)
{
    esc_release(conn->words);
    conn->words = NULL;
    conn->alert = -1;
}

void esc_openssl_keep_words(struct openssl_conn *conn, const char *words)
{
    if (!conn->words)
        conn->words = esc_strndup(words, strlen(words)); /* without memory the words are missing, nothing else */
}

static escertke_err by_alert(int alert)
{
    switch (alert) {
    case SSL_AD_HANDSHAKE_FAILURE:
    case SSL_AD_PROTOCOL_VERSION:
    case SSL_AD_INSUFFICIENT_SECURITY: return ESCERTKE_ERR_NEGOTIATION;
    case SSL_AD_DECRYPT_ERROR:
    case SSL_AD_BAD_RECORD_MAC: return ESCERTKE_ERR_SIGNATURE;
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNKNOWN_CA: return ESCERTKE_ERR_CERT;
    case SSL_AD_INTERNAL_ERROR: return ESCERTKE_ERR_BACKEND;
    default: return ESCERTKE_ERR_TLS;
    }
}

/* Where that cannot be read, its words are those of ASN.1, as they are for a name in CertificateRequest. */
static bool reads_certificate(const struct openssl_conn *conn)
{
    OSSL_HANDSHAKE_STATE at = SSL_get_state(conn->ssl);

    return at == TLS_ST_CR_CERT || at == TLS_ST_SR_CERT;
}

/* The first known reason wins: OpenSSL puts the cause before its consequences. */
static escertke_err by_queue(const struct openssl_conn *conn, escertke_err otherwise)
{
    unsigned long e;
    escertke_err err = otherwise;

    while ((e = ERR_get_error()) != 0) {
        if (err != otherwise)
            continue;
        if (ERR_GET_REASON(e) == ERR_R_MALLOC_FAILURE)
            err = ESCERTKE_ERR_NOMEM;
        else if (ERR_GET_LIB(e) == ERR_LIB_SSL && ERR_GET_REASON(e) == ERR_R_ASN1_LIB && reads_certificate(conn))
            err = ESCERTKE_ERR_CERT;
        for (size_t i = 0; ERR_GET_LIB(e) == ERR_LIB_SSL && i < sizeof reasons / sizeof *reasons; i++)
            if (reasons[i].reason == ERR_GET_REASON(e))
                err = reasons[i].err;
    }
    return err;
}

escertke_err esc_openssl_classify(struct openssl_conn *conn)
{
    const char *words = ERR_reason_error_string(ERR_peek_error());

    if (words)
        esc_openssl_keep_words(conn, words);
    escertke_err err = by_queue(conn, conn->alert_received ? ESCERTKE_ERR_ALERT : by_alert(conn->alert));
    if (err == ESCERTKE_ERR_CERT && conn->alert == SSL_AD_DECODE_ERROR)
        conn->alert = SSL_AD_BAD_CERTIFICATE; /* OpenSSL's client and server differ in this */
    if (conn->verify_err != ESCERTKE_OK)
        err = conn->verify_err;
    else if (conn->io_err != ESCERTKE_OK)
        err = conn->io_err;
    else if (conn->alert_received)
        err = ESCERTKE_ERR_ALERT;
    return err;
}

escertke_err esc_openssl_path_error(int x509_error, int *alert)
{
    switch (x509_error) {
    case X509_V_ERR_CERT_REVOKED: *alert = SSL_AD_CERTIFICATE_REVOKED; return ESCERTKE_ERR_CERT;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE: *alert = SSL_AD_UNKNOWN_CA; return ESCERTKE_ERR_CERT;
    case X509_V_ERR_OUT_OF_MEM: *alert = SSL_AD_INTERNAL_ERROR; return ESCERTKE_ERR_NOMEM;
    default: *alert = SSL_AD_BAD_CERTIFICATE; return ESCERTKE_ERR_CERT;
    }
}
