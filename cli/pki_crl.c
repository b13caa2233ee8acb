#include "pki_crl.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/fail.h"
#include "files.h"

#define DAY_S 86400
#define CLOCK_SKEW_S 300 /* a device whose clock is a little behind takes a list made just now */

/* CRLReason; removeFromCRL is for delta CRLs alone. */
static const struct {
    const char *word;
    int code;
} reasons[] = {
    { "unspecified", 0 },        { "keyCompromise", 1 },      { "cACompromise", 2 },
    { "affiliationChanged", 3 }, { "superseded", 4 },         { "cessationOfOperation", 5 },
    { "certificateHold", 6 },    { "privilegeWithdrawn", 9 }, { "aACompromise", 10 },
};

int pki_reason_parse(const char *word)
{
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (strcmp(word, reasons[i].word) == 0)
            return reasons[i].code;
    return -1;
}

const char *pki_reason_words(void)
{
    return "unspecified, keyCompromise, cACompromise, affiliationChanged, superseded, cessationOfOperation, certificateHold, "
           "privilegeWithdrawn, aACompromise";
}

/* Has it expired, and has a list made after that held it? */
static bool is_over(const json_t *entry, int64_t last_list)
{
    int64_t expires = pki_db_time(entry, "expires");
    return last_list > expires && last_list > pki_db_time(entry, "at");
}

static bool set_reason(X509_REVOKED *r, int code)
{
    ASN1_ENUMERATED *reason =
        code > 0 ? ASN1_ENUMERATED_new() : NULL; /* unspecified is said by saying nothing (RFC 5280 5.3.1) */
    bool ok = code <= 0 || (reason && ASN1_ENUMERATED_set(reason, code) == 1 &&
                            X509_REVOKED_add1_ext_i2d(r, NID_crl_reason, reason, 0, 0) == 1);

    ASN1_ENUMERATED_free(reason);
    return ok;
}

static X509_REVOKED *new_entry(const char *serial, const json_t *entry)
{
    X509_REVOKED *r = X509_REVOKED_new();
    BIGNUM *n = NULL;
    ASN1_INTEGER *number = NULL;
    ASN1_TIME *at = ASN1_TIME_set(NULL, (time_t)pki_db_time(entry, "at"));
    const char *reason = json_string_value(json_object_get(entry, "reason"));
    bool ok = r && at && BN_hex2bn(&n, serial) > 0 && (number = BN_to_ASN1_INTEGER(n, NULL)) != NULL &&
              X509_REVOKED_set_serialNumber(r, number) == 1 && X509_REVOKED_set_revocationDate(r, at) == 1 &&
              set_reason(r, pki_reason_parse(reason ? reason : ""));

    BN_free(n);
    ASN1_INTEGER_free(number);
    ASN1_TIME_free(at);
    if (ok)
        return r;
    X509_REVOKED_free(r);
    return NULL;
}

static bool add_entries(struct pki_crl *crl, enum pki_ca place, const struct pki_db *db, int64_t last_list)
{
    const char *key, *serial;
    json_t *entry;

    json_object_foreach(db->certs, key, entry)
    {
        if (!pki_db_key(key, place, &serial) || !pki_db_is_revoked(entry) || is_over(entry, last_list))
            continue;
        X509_REVOKED *r = new_entry(serial, entry);
        if (!r || X509_CRL_add0_revoked(crl->list, r) != 1) {
            X509_REVOKED_free(r);
            return false;
        }
        crl->entries++;
    }
    return X509_CRL_sort(crl->list) == 1;
}

static bool add_number(X509_CRL *list, json_int_t number)
{
    ASN1_INTEGER *n = ASN1_INTEGER_new();
    bool ok = n && ASN1_INTEGER_set_int64(n, number) == 1 && X509_CRL_add1_ext_i2d(list, NID_crl_number, n, 0, 0) == 1;

    ASN1_INTEGER_free(n);
    return ok;
}

static bool add_key_identifier(X509_CRL *list, X509 *ca)
{
    X509V3_CTX ctx;

    X509V3_set_ctx(&ctx, ca, NULL, NULL, list, 0);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, NID_authority_key_identifier, "keyid:always");
    bool ok = ext && X509_CRL_add_ext(list, ext, -1) == 1;
    X509_EXTENSION_free(ext);
    return ok;
}

static bool set_dates(struct pki_crl *crl, int64_t now, long days)
{
    ASN1_TIME *from = ASN1_TIME_set(NULL, (time_t)(now - CLOCK_SKEW_S));
    crl->next_update = now + (int64_t)days * DAY_S;
    ASN1_TIME *to = ASN1_TIME_set(NULL, (time_t)crl->next_update);
    bool ok = from && to && X509_CRL_set1_lastUpdate(crl->list, from) == 1 && X509_CRL_set1_nextUpdate(crl->list, to) == 1;

    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
    return ok;
}

escertke_err pki_crl_make(const struct pki_pair *ca, enum pki_ca place, struct pki_db *db, long days, struct pki_crl *out,
                          escertke_detail *d)
{
    int64_t now = time(NULL), last_list = db->crls[place].at;
    escertke_err err;

    *out = (struct pki_crl){ .list = X509_CRL_new() };
    if ((err = pki_db_next_crl(db, place, now, &out->number, d)) != ESCERTKE_OK)
        return err;
    if (out->list && X509_CRL_set_version(out->list, X509_CRL_VERSION_2) == 1 &&
        X509_CRL_set_issuer_name(out->list, X509_get_subject_name(ca->cert)) == 1 && set_dates(out, now, days) &&
        add_entries(out, place, db, last_list) && add_key_identifier(out->list, ca->cert) && add_number(out->list, out->number) &&
        X509_CRL_sign(out->list, ca->key, EVP_sha256()) > 0)
        return ESCERTKE_OK;
    return pki_fail(d, "making a CRL");
}

escertke_err pki_crl_write(const char *path, X509_CRL *const *lists, escertke_detail *d)
{
    BIO *bio = BIO_new(BIO_s_mem());
    escertke_err err = ESCERTKE_OK;
    char *at;

    for (; err == ESCERTKE_OK && *lists; lists++)
        if (!bio || PEM_write_bio_X509_CRL(bio, *lists) != 1)
            err = pki_fail(d, "writing a CRL");
    if (err == ESCERTKE_OK) {
        long len = BIO_get_mem_data(bio, &at);
        err = file_write(path, (escertke_span){ (const uint8_t *)at, (size_t)len }, 0644, true, d);
    }
    BIO_free(bio);
    return err;
}
