#include "pki_request.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "files.h"
#include "pki.h"

#define CSR_CLAUSE "TS-0003 10.1.4"
#define P256_POINT 65

static const char *const labels[] = { PEM_STRING_X509_REQ, PEM_STRING_X509_REQ_OLD };

/* ---- reading ------------------------------------------------------------------------------------------------- */

bool pki_request_is_pem(escertke_span file)
{
    BIO *bio = BIO_new_mem_buf(file.ptr, (int)file.len);
    char *name = NULL, *header = NULL;
    uint8_t *der = NULL;
    long len;
    bool ok = bio && PEM_read_bio(bio, &name, &header, &der, &len) == 1 &&
              (strcmp(name, labels[0]) == 0 || strcmp(name, labels[1]) == 0);

    ERR_clear_error();
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(der);
    BIO_free(bio);
    return ok;
}

static bool is_space(escertke_span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!s.ptr[i] || !strchr(" \t\r\n", s.ptr[i]))
            return false;
    return true;
}

/* One DER request, all of it. */
static X509_REQ *from_der(const uint8_t *der, size_t len)
{
    const uint8_t *at = der;
    X509_REQ *req = d2i_X509_REQ(NULL, &at, (long)len);

    if (req && at == der + len)
        return req;
    X509_REQ_free(req);
    return NULL;
}

/* What stands in front of the block is text for people (RFC 7468 2); behind it nothing is expected. */
static X509_REQ *from_pem(escertke_span file)
{
    BIO *bio = BIO_new_mem_buf(file.ptr, (int)file.len);
    char *name = NULL, *header = NULL;
    uint8_t *der = NULL;
    long len = 0;
    X509_REQ *req = NULL;

    if (bio && PEM_read_bio(bio, &name, &header, &der, &len) == 1 && !*header &&
        (strcmp(name, labels[0]) == 0 || strcmp(name, labels[1]) == 0)) {
        char *rest;
        long left = BIO_get_mem_data(bio, &rest);
        req = left <= 0 || is_space((escertke_span){ (const uint8_t *)rest, (size_t)left }) ? from_der(der, (size_t)len) : NULL;
    }
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(der);
    BIO_free(bio);
    return req;
}

escertke_err pki_request_parse(const char *path, escertke_span file, X509_REQ **out, escertke_detail *d)
{
    *out = from_pem(file);
    if (!*out)
        *out = from_der(file.ptr, file.len);
    ERR_clear_error();
    if (*out)
        return ESCERTKE_OK;
    return esc_fail(
        d, ESCERTKE_ERR_CREDENTIAL, "RFC 2986 4",
        "%s: expected one certificate request in PEM (-----BEGIN CERTIFICATE REQUEST-----) or DER, and nothing behind it", path);
}

escertke_err pki_request_read(const char *path, X509_REQ **out, escertke_detail *d)
{
    escertke_buf file;
    escertke_err err = file_read(path, &file, d);

    *out = NULL;
    if (err == ESCERTKE_OK)
        err = pki_request_parse(path, escertke_buf_span(&file), out, d);
    escertke_buf_free(&file);
    return err;
}

/* ---- judging ------------------------------------------------------------------------------------------------- */

struct judge {
    X509_REQ *req;
    STACK_OF(X509_EXTENSION) * exts; /* asked for; NULL = none */
    escertke_flavour wanted;
    pki_request_fn fn;
    void *ctx;
    escertke_err err;
    struct pki_name *name;
};

static void say(struct judge *j, escertke_err err, const char *clause, const char *text)
{
    if (j->fn)
        j->fn(j->ctx, err == ESCERTKE_OK ? ESCERTKE_LINT_NOTE : ESCERTKE_LINT_ERROR, err, clause, text);
    if (j->err == ESCERTKE_OK)
        j->err = err;
}

static bool key_is_p256(X509_REQ *req, bool *uncompressed)
{
    X509_PUBKEY *key = X509_REQ_get_X509_PUBKEY(req);
    X509_ALGOR *alg;
    const void *curve;
    const uint8_t *point;
    int type, len;

    *uncompressed = false;
    if (!key || X509_PUBKEY_get0_param(NULL, &point, &len, &alg, key) != 1)
        return false;
    X509_ALGOR_get0(NULL, &type, &curve, alg);
    *uncompressed = len == P256_POINT && point[0] == POINT_CONVERSION_UNCOMPRESSED;
    return OBJ_obj2nid(alg->algorithm) == NID_X9_62_id_ecPublicKey && type == V_ASN1_OBJECT &&
           OBJ_obj2nid(curve) == NID_X9_62_prime256v1;
}

static void judge_key(struct judge *j)
{
    bool uncompressed;

    if (!key_is_p256(j->req, &uncompressed))
        say(j, ESCERTKE_ERR_PROFILE, "TS-0003 10.1.1.1", "its public key must be on the named curve secp256r1");
    else if (!uncompressed)
        say(j, ESCERTKE_ERR_PROFILE, "TS-0003 10.1.1.1", "its public key must be an uncompressed point of 65 octets");
}

/* Who asks must hold the private key. */
static void judge_signature(struct judge *j)
{
    EVP_PKEY *key = X509_REQ_get0_pubkey(j->req);

    if (!key)
        say(j, ESCERTKE_ERR_PROFILE, "TS-0003 10.1.1.1",
            "its public key cannot be used: the point is not on the curve, or the "
            "algorithm is not known");
    else if (X509_REQ_verify(j->req, key) != 1)
        say(j, ESCERTKE_ERR_SIGNATURE, "RFC 2986 4.2",
            "its signature is not by its own key: it was changed on the way, or whoever made it does not hold the private key");
    else if (X509_REQ_get_signature_nid(j->req) != NID_ecdsa_with_SHA256)
        say(j, ESCERTKE_ERR_PROFILE, "TS-0003 10.1.1.1", "its signature must be ecdsa-with-SHA256");
    ERR_clear_error();
}

static void judge_ca(struct judge *j)
{
    int at = -2;
    BASIC_CONSTRAINTS *bc = X509V3_get_d2i(j->exts, NID_basic_constraints, &at, NULL);

    if (bc && bc->ca)
        say(j, ESCERTKE_ERR_PROFILE, "RFC 5280 4.2.1.9",
            "it asks for the certificate of a CA (basicConstraints CA:TRUE); an end-point's is none");
    else if (!bc && at != -1)
        say(j, ESCERTKE_ERR_PROFILE, "RFC 5280 4.2.1.9", "its basicConstraints cannot be read, or stand there twice");
    BASIC_CONSTRAINTS_free(bc);
}

static void judge_names(struct judge *j)
{
    int at = -2;
    char text[PKI_FINDING_MAX];
    escertke_detail d;
    GENERAL_NAMES *names = X509V3_get_d2i(j->exts, NID_subject_alt_name, &at, NULL);

    escertke_detail_init(&d);
    if (!names && at == -1) {
        say(j, ESCERTKE_ERR_PROFILE, CSR_CLAUSE, "it has no subjectAltName: the subject is no identity, so nobody is named");
    } else if (!names) {
        say(j, ESCERTKE_ERR_PROFILE, CSR_CLAUSE, "its subjectAltName cannot be read, or stands there twice");
    } else if (sk_GENERAL_NAME_num(names) != 1) {
        snprintf(text, sizeof text, "its subjectAltName must hold one name, found %d", sk_GENERAL_NAME_num(names));
        say(j, ESCERTKE_ERR_PROFILE, CSR_CLAUSE, text);
    } else {
        escertke_err err = pki_name_read(sk_GENERAL_NAME_value(names, 0), j->wanted, j->name, &d);
        if (err != ESCERTKE_OK)
            say(j, err, d.clause, d.reason);
    }
    GENERAL_NAMES_free(names);
    ERR_clear_error();
}

static void note_ignored(struct judge *j)
{
    char text[PKI_FINDING_MAX], oid[80];

    for (int i = 0; i < sk_X509_EXTENSION_num(j->exts); i++) {
        const ASN1_OBJECT *id = X509_EXTENSION_get_object(sk_X509_EXTENSION_value(j->exts, i));
        int nid = OBJ_obj2nid(id);
        if (nid == NID_subject_alt_name)
            continue;
        OBJ_obj2txt(oid, sizeof oid, id, 0);
        snprintf(text, sizeof text, "it asks for the extension \"%s\", which is the CA's to decide and is not taken over", oid);
        say(j, ESCERTKE_OK, CSR_CLAUSE, text);
    }
}

/* Attributes with extensions, under either name; two of them could be read in two ways. */
static int count_requests(const X509_REQ *req)
{
    static const int nids[] = { NID_ext_req, NID_ms_ext_req };
    int count = 0;

    for (size_t i = 0; i < sizeof nids / sizeof *nids; i++)
        for (int at = -1; (at = X509_REQ_get_attr_by_NID(req, nids[i], at)) >= 0;) {
            X509_ATTRIBUTE *attr = X509_REQ_get_attr(req, at);
            count += X509_ATTRIBUTE_count(attr) == 1 ? 1 : 2;
        }
    return count;
}

escertke_err pki_request_judge(X509_REQ *req, escertke_flavour wanted, pki_request_fn fn, void *ctx, struct pki_name *name)
{
    struct judge j = { .req = req, .wanted = wanted, .fn = fn, .ctx = ctx, .name = name };
    int requests = count_requests(req);

    if (X509_REQ_get_version(req) != X509_REQ_VERSION_1)
        say(&j, ESCERTKE_ERR_PROFILE, "RFC 2986 4.1", "its version must be 1 (the number 0)");
    judge_key(&j);
    judge_signature(&j);
    if (requests > 1) {
        say(&j, ESCERTKE_ERR_PROFILE, "RFC 2985 5.4.2", "it asks for extensions more than once");
        return j.err;
    }
    j.exts = X509_REQ_get_extensions(req);
    if (requests && !j.exts)
        say(&j, ESCERTKE_ERR_PROFILE, "RFC 2985 5.4.2", "the extensions that it asks for cannot be read");
    judge_ca(&j);
    judge_names(&j);
    note_ignored(&j);
    sk_X509_EXTENSION_pop_free(j.exts, X509_EXTENSION_free);
    return j.err;
}
