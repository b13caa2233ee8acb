#include "bench/bench.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pki.h"

static char *pem_text(BIO *bio)
{
    char *data, *text;
    long len = BIO_get_mem_data(bio, &data);

    text = len > 0 ? malloc((size_t)len + 1) : NULL;
    if (text) {
        memcpy(text, data, (size_t)len);
        text[len] = '\0';
    }
    BIO_free(bio);
    return text;
}

static char *cert_pem(X509 *cert, X509 *issuer)
{
    BIO *bio = BIO_new(BIO_s_mem());

    if (bio)
        PEM_write_bio_X509(bio, cert);
    if (bio && issuer)
        PEM_write_bio_X509(bio, issuer);
    return bio ? pem_text(bio) : NULL;
}

static char *key_pem(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());

    if (bio)
        PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    return bio ? pem_text(bio) : NULL;
}

/* @param issuer  NULL: a root */
static escertke_err issue_ca(const struct pki_pair *issuer, const char *name, struct pki_pair *ca, escertke_detail *d)
{
    const struct pki_subject subject = { .common_name = name, .issuer = issuer, .days = 30 };
    escertke_err err;

    if ((err = pki_new_key(ca, d)) != ESCERTKE_OK || (err = pki_new_cert(&subject, ca, d)) != ESCERTKE_OK ||
        (err = pki_add_extension(ca->cert, NID_basic_constraints, "critical,CA:TRUE", d)) != ESCERTKE_OK ||
        (err = pki_add_extension(ca->cert, NID_key_usage, "critical,keyCertSign,cRLSign,digitalSignature", d)) != ESCERTKE_OK)
        return err;
    return pki_sign(ca->cert, issuer ? issuer->key : ca->key, d);
}

static escertke_err issue_person(const struct pki_pair *ca, bool show_ca, struct person *who, escertke_detail *d)
{
    const struct pki_subject subject = { .common_name = "bench", .issuer = ca, .days = 20 };
    struct pki_pair pair = { NULL, NULL };
    char san[96];
    escertke_err err;

    snprintf(san, sizeof san, "URI:%s", who->id);
    if ((err = pki_new_key(&pair, d)) == ESCERTKE_OK && (err = pki_new_cert(&subject, &pair, d)) == ESCERTKE_OK &&
        (err = pki_add_extension(pair.cert, NID_key_usage, "critical,digitalSignature", d)) == ESCERTKE_OK &&
        (err = pki_add_extension(pair.cert, NID_subject_alt_name, san, d)) == ESCERTKE_OK &&
        (err = pki_sign(pair.cert, ca->key, d)) == ESCERTKE_OK) {
        who->chain = cert_pem(pair.cert, show_ca ? ca->cert : NULL);
        who->key = key_pem(pair.key);
        err = who->chain && who->key ? ESCERTKE_OK : ESCERTKE_ERR_NOMEM;
    }
    pki_pair_free(&pair);
    return err;
}

escertke_err people_make(size_t count, bool issuing_ca, struct people *out, escertke_detail *d)
{
    struct pki_pair root = { NULL, NULL }, ca = { NULL, NULL };

    *out = (struct people){ .all = calloc(count, sizeof *out->all), .count = count };
    escertke_err err = out->all ? issue_ca(NULL, "bench root", &root, d) : ESCERTKE_ERR_NOMEM;
    if (err == ESCERTKE_OK && issuing_ca)
        err = issue_ca(&root, "bench issuing CA", &ca, d);
    if (err == ESCERTKE_OK && !(out->trust = cert_pem(root.cert, NULL)))
        err = ESCERTKE_ERR_NOMEM;
    for (size_t i = 0; err == ESCERTKE_OK && i < count; i++) {
        snprintf(out->all[i].id, sizeof out->all[i].id, "//m2m.example.org/in1/Cb%zu", i);
        err = issue_person(issuing_ca ? &ca : &root, issuing_ca, &out->all[i], d);
    }
    pki_pair_free(&root);
    pki_pair_free(&ca);
    return err;
}

void people_free(struct people *p)
{
    for (size_t i = 0; p->all && i < p->count; i++) {
        if (p->all[i].key)
            escertke_wipe(p->all[i].key, strlen(p->all[i].key));
        free(p->all[i].chain);
        free(p->all[i].key);
    }
    free(p->all);
    free(p->trust);
}

escertke_err people_credential(const struct people *p, size_t index, const escertke_tls_ops *tls, bool raw, size_t path_cache,
                               void **credential, escertke_detail *d)
{
    escertke_credential_source src = { .raw = raw,
                                       .chain = escertke_span_str(raw ? NULL : p->all[index].chain),
                                       .key = escertke_span_str(p->all[index].key),
                                       .trust = escertke_span_str(raw ? NULL : p->trust),
                                       .unix_s = time(NULL),
                                       .path_cache = path_cache };

    return tls->credential_new(&src, credential, d);
}
