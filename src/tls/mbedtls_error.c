/* mbedtls_error.c - from an error of Mbed TLS to one named error, an alert and words. */
#include "tls/mbedtls.h"

#include <stdio.h>

#include <mbedtls/dhm.h>
#include <mbedtls/error.h>
#include <mbedtls/pem.h>

#include "base/fail.h"

/* RFC 5246 7.2; 0 in the table: the alert that the library has chosen, or handshake_failure. */
enum {
    UNEXPECTED_MESSAGE = 10,
    BAD_RECORD_MAC = 20,
    HANDSHAKE_FAILURE = 40,
    BAD_CERTIFICATE = 42,
    ILLEGAL_PARAMETER = 47,
    UNKNOWN_CA = 48,
    DECODE_ERROR = 50,
    DECRYPT_ERROR = 51,
    PROTOCOL_VERSION = 70,
    INSUFFICIENT_SECURITY = 71,
    INTERNAL_ERROR = 80
};

static const struct {
    int code;
    escertke_err err;
    int alert;
} codes[] = {
    { MBEDTLS_ERR_SSL_BAD_HS_PROTOCOL_VERSION, ESCERTKE_ERR_NEGOTIATION, PROTOCOL_VERSION },
    { MBEDTLS_ERR_SSL_NO_CIPHER_CHOSEN, ESCERTKE_ERR_NEGOTIATION, HANDSHAKE_FAILURE },
    { MBEDTLS_ERR_SSL_NO_USABLE_CIPHERSUITE, ESCERTKE_ERR_NEGOTIATION, HANDSHAKE_FAILURE },
    { MBEDTLS_ERR_SSL_BAD_INPUT_DATA, ESCERTKE_ERR_NEGOTIATION, ILLEGAL_PARAMETER }, /* ServerHello: a suite that nobody knows */
    { MBEDTLS_ERR_SSL_INVALID_MAC, ESCERTKE_ERR_SIGNATURE, BAD_RECORD_MAC },
    { MBEDTLS_ERR_SSL_BAD_HS_FINISHED, ESCERTKE_ERR_SIGNATURE, DECRYPT_ERROR },
    { MBEDTLS_ERR_SSL_BAD_HS_CERTIFICATE_VERIFY, ESCERTKE_ERR_SIGNATURE, DECRYPT_ERROR },
    { MBEDTLS_ERR_ECP_VERIFY_FAILED, ESCERTKE_ERR_SIGNATURE, DECRYPT_ERROR },
    { MBEDTLS_ERR_ECP_SIG_LEN_MISMATCH, ESCERTKE_ERR_SIGNATURE, DECRYPT_ERROR },
    { MBEDTLS_ERR_PK_SIG_LEN_MISMATCH, ESCERTKE_ERR_SIGNATURE, DECRYPT_ERROR },
    { MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE, ESCERTKE_ERR_NO_CERT, HANDSHAKE_FAILURE },
    { MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE, ESCERTKE_ERR_TLS, UNEXPECTED_MESSAGE },
    { MBEDTLS_ERR_SSL_INVALID_RECORD, ESCERTKE_ERR_TLS, DECODE_ERROR },
    { MBEDTLS_ERR_SSL_FEATURE_UNAVAILABLE, ESCERTKE_ERR_TLS, DECODE_ERROR },
    { MBEDTLS_ERR_SSL_INTERNAL_ERROR, ESCERTKE_ERR_BACKEND, INTERNAL_ERROR },
    { MBEDTLS_ERR_SSL_HW_ACCEL_FAILED, ESCERTKE_ERR_BACKEND, INTERNAL_ERROR },
    { MBEDTLS_ERR_SSL_ALLOC_FAILED, ESCERTKE_ERR_NOMEM, INTERNAL_ERROR },
    { MBEDTLS_ERR_X509_ALLOC_FAILED, ESCERTKE_ERR_NOMEM, INTERNAL_ERROR },
    { MBEDTLS_ERR_PK_ALLOC_FAILED, ESCERTKE_ERR_NOMEM, INTERNAL_ERROR },
    { MBEDTLS_ERR_ECP_ALLOC_FAILED, ESCERTKE_ERR_NOMEM, INTERNAL_ERROR },
    { MBEDTLS_ERR_MD_ALLOC_FAILED, ESCERTKE_ERR_NOMEM, INTERNAL_ERROR },
    { MBEDTLS_ERR_CIPHER_ALLOC_FAILED, ESCERTKE_ERR_NOMEM, INTERNAL_ERROR },
    { MBEDTLS_ERR_PEM_ALLOC_FAILED, ESCERTKE_ERR_NOMEM, INTERNAL_ERROR },
    { MBEDTLS_ERR_DHM_ALLOC_FAILED, ESCERTKE_ERR_NOMEM, INTERNAL_ERROR },
};

static escertke_err by_alert(int alert)
{
    switch (alert) {
    case HANDSHAKE_FAILURE:
    case PROTOCOL_VERSION:
    case INSUFFICIENT_SECURITY: return ESCERTKE_ERR_NEGOTIATION;
    case DECRYPT_ERROR:
    case BAD_RECORD_MAC: return ESCERTKE_ERR_SIGNATURE;
    case BAD_CERTIFICATE:
    case UNKNOWN_CA: return ESCERTKE_ERR_CERT;
    case INTERNAL_ERROR: return ESCERTKE_ERR_BACKEND;
    default: return ESCERTKE_ERR_TLS;
    }
}

/* An error is the sum of a module's and of a cause below it. */
escertke_err esc_mbedtls_classify(int code, int sent, int *alert)
{
    int module = -(-code & 0x7F80), cause = -(-code & 0x7F);

    *alert = INTERNAL_ERROR;
    if (cause == MBEDTLS_ERR_ASN1_ALLOC_FAILED || cause == MBEDTLS_ERR_MPI_ALLOC_FAILED)
        return ESCERTKE_ERR_NOMEM;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if (codes[i].code != module)
            continue;
        *alert = codes[i].alert;
        return codes[i].err;
    }
    *alert = sent >= 0 ? sent : DECODE_ERROR;
    return by_alert(*alert);
}

bool esc_mbedtls_is_bad_input(int code)
{
    return -(-code & 0x7F80) == MBEDTLS_ERR_ECP_BAD_INPUT_DATA;
}

void esc_mbedtls_words(int code, char *out, size_t cap)
{
    char words[160];

#if defined(MBEDTLS_ERROR_C)
    mbedtls_strerror(code, words, sizeof words);
#else /* a device may save its texts */
    snprintf(words, sizeof words, "Mbed TLS error -0x%04X", (unsigned)-code);
#endif
    esc_printable(escertke_span_str(words), out, cap);
}

int esc_mbedtls_refuse(struct mbedtls_conn *conn, escertke_err err, int alert, const char *words)
{
    conn->refused = err;
    conn->alert = alert;
    if (!conn->words[0])
        esc_printable(escertke_span_str(words), conn->words, sizeof conn->words);
    return MBEDTLS_ERR_SSL_BAD_HS_CERTIFICATE;
}
