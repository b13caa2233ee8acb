/* pki_check_other.c - pki check of what is no certificate: requests and public keys. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "pki.h"
#include "pki_check.h"
#include "pki_request.h"

/* ---- requests ------------------------------------------------------------------------------------------------ */

static void hear(void *ctx, escertke_lint_level level, escertke_err err, const char *clause, const char *text)
{
    (void)err;
    pki_report_add(
        ctx, &(escertke_finding){ .level = level,
                                  .clause = clause,
                                  .text = text,
                                  .refused_by = level == ESCERTKE_LINT_ERROR ? "every CA that keeps to the profile" : NULL });
}

escertke_err pki_check_request(const char *file, escertke_span content, struct pki_report *r, escertke_detail *d)
{
    X509_REQ *req;
    struct pki_name name;
    char text[PKI_NAME_MAX + 80];
    escertke_err err = pki_request_parse(file, content, &req, d);

    if (err != ESCERTKE_OK)
        return err;
    r->things = "request";
    if (pki_request_judge(req, ESCERTKE_FLAVOUR_BY_ID, hear, r, &name) == ESCERTKE_OK) {
        snprintf(text, sizeof text, "%s: asks for a certificate of flavour %s", name.text, escertke_flavour_name(name.flavour));
        pki_report_add(r,
                       &(escertke_finding){ .level = ESCERTKE_LINT_NOTE,
                                            .clause = "TS-0003 8.1.2.1",
                                            .text = text,
                                            .refused_by = "CAs of another domain, if their name constraints do not allow it" });
    }
    X509_REQ_free(req);
    return ESCERTKE_OK;
}

/* ---- keys ---------------------------------------------------------------------------------------------------- */

/* The first PEM block; freed with OPENSSL_free, each. */
static bool first_block(escertke_span content, char **label, uint8_t **der, long *len)
{
    BIO *bio = BIO_new_mem_buf(content.ptr, (int)content.len);
    char *header = NULL;
    bool ok = bio && PEM_read_bio(bio, label, &header, der, len) == 1;

    OPENSSL_free(header);
    BIO_free(bio);
    ERR_clear_error();
    return ok;
}

bool pki_check_is_key(escertke_span content, escertke_span *der)
{
    char *label = NULL;
    uint8_t *octets = NULL;
    long len = 0;
    bool pem = first_block(content, &label, &octets, &len);
    const uint8_t *at = pem ? octets : content.ptr;
    const uint8_t *end = at + (pem ? (size_t)len : content.len);
    bool ok = !pem || strcmp(label, PEM_STRING_PUBLIC) == 0;
    const uint8_t *start = at;
    X509_PUBKEY *key = ok ? d2i_X509_PUBKEY(NULL, &at, end - at) : NULL;

    ok = key && at == end && (*der = (escertke_span){ OPENSSL_memdup(start, (size_t)(end - start)), (size_t)(end - start) }).ptr;
    X509_PUBKEY_free(key);
    OPENSSL_free(label);
    OPENSSL_free(octets);
    ERR_clear_error();
    return ok;
}

static void add(struct pki_report *r, escertke_lint_level level, const char *clause, const char *text, const char *who)
{
    pki_report_add(r, &(escertke_finding){ .level = level, .clause = clause, .text = text, .refused_by = who });
}

static bool point_is_on_curve(escertke_span spki)
{
    const uint8_t *at = spki.ptr;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)spki.len);

    EVP_PKEY_free(key);
    ERR_clear_error();
    return key != NULL;
}

void pki_check_key(escertke_span spki, struct pki_report *r)
{
    static const char no_raw[] = "peers whose TLS back end has no raw public keys (OpenSSL before 3.2, Mbed TLS)";
    char id[72], text[160];
    uint8_t digest[32];
    escertke_expect expect = { .flavour = ESCERTKE_FLAVOUR_RAW, .pin = id };
    escertke_detail d;
    int alert;

    escertke_detail_init(&d);
    r->things = "public key";
    if (pki_key_identifier(spki, id, &d) != ESCERTKE_OK ||
        EVP_Digest(spki.ptr, spki.len, digest, NULL, EVP_sha256(), NULL) != 1) {
        pki_report_failure(r, "TS-0003 10.1.2", &d, ESCERTKE_ERR_BACKEND, "every peer");
        return;
    }
    escertke_err err = escertke_cert_check_raw(spki, &expect, digest, &alert, &d);
    if (err != ESCERTKE_OK)
        pki_report_failure(r, "TS-0003 10.1.1.1", &d, err, "every peer");
    else if (!point_is_on_curve(spki))
        add(r, ESCERTKE_LINT_ERROR, "TS-0003 10.1.1.1", "the point is not on the curve", "every peer");
    snprintf(text, sizeof text, "%s: raw public key", id);
    add(r, ESCERTKE_LINT_NOTE, "TS-0003 10.1.2", text, "peers without a rule flavour=raw for this identifier");
    add(r, ESCERTKE_LINT_NOTE, "TS-0003 10.1.1.2", "it goes as it is into the TLS Certificate message (RFC 7250)", no_raw);
}

/* ---- other things -------------------------------------------------------------------------------------------- */

const char *pki_check_other(escertke_span content)
{
    static const struct {
        const char *label, *words;
    } others[] = {
        { PEM_STRING_PKCS8INF, "a private key; check the certificate, the request or the public key that belongs to it" },
        { PEM_STRING_ECPRIVATEKEY, "a private key; check the certificate, the request or the public key that belongs to it" },
        { PEM_STRING_PKCS8, "an encrypted private key; check the certificate, the request or the public key that belongs to it" },
        { PEM_STRING_X509_CRL,
          "a CRL; it is looked at with the certificates that it may be about: pki check FILE --trust FILE --crl FILE" },
    };
    char *label = NULL;
    uint8_t *der = NULL;
    long len = 0;
    const char *words = NULL;

    if (first_block(content, &label, &der, &len))
        for (size_t i = 0; i < sizeof others / sizeof *others && !words; i++)
            words = strcmp(label, others[i].label) == 0 ? others[i].words : NULL;
    OPENSSL_free(label);
    OPENSSL_clear_free(der, (size_t)len);
    return words;
}
