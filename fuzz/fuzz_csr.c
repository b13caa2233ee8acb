/*
 * fuzz_csr.c - a certificate request as it comes from strangers: read, judged, and then judged once more under a key of ours, for
 * without that no mutated request gets past its signature. What is accepted names somebody, and the rule for it can be read back.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "peers.h"
#include "pki_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void hear(void *ctx, escertke_lint_level level, escertke_err err, const char *clause, const char *text)
{
    must((level == ESCERTKE_LINT_ERROR) == (err != ESCERTKE_OK) && *clause && *text && strlen(text) < PKI_FINDING_MAX);
    if (err != ESCERTKE_OK)
        ++*(size_t *)ctx;
}

/* What pki issue would go on with. */
static void use(const struct pki_name *name)
{
    char label[PKI_NAME_MAX + 8], rule[PKI_RULE_MAX], host[PKI_NAME_MAX + 1], why[320];
    struct pki_name again;
    GENERAL_NAMES *names = pki_name_list(name);

    must(names && sk_GENERAL_NAME_num(names) == 1 && *name->text);
    must(name->flavour >= ESCERTKE_FLAVOUR_DEVICE && name->flavour <= ESCERTKE_FLAVOUR_NODE);
    must(pki_name_read(sk_GENERAL_NAME_value(names, 0), name->flavour, &again, NULL) == ESCERTKE_OK &&
         pki_name_equal(name, &again));
    pki_name_label(name, label, sizeof label);
    (void)pki_name_host(name, host);
    if (pki_name_rule(name, rule) && *name->id)
        must(peers_check_rule(rule, why, sizeof why));
    GENERAL_NAMES_free(names);
}

static void judge(X509_REQ *req)
{
    static const escertke_flavour wanted[] = { ESCERTKE_FLAVOUR_BY_ID, ESCERTKE_FLAVOUR_AE, ESCERTKE_FLAVOUR_NODE };

    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        struct pki_name name = { .type = 0 };
        size_t wrong = 0;
        escertke_err err = pki_request_judge(req, wanted[i], hear, &wrong, &name);
        must((err == ESCERTKE_OK) == (wrong == 0));
        if (err == ESCERTKE_OK)
            use(&name);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static EVP_PKEY *key;
    escertke_span file = { data, size };
    X509_REQ *req = NULL;

    if (!key)
        must((key = EVP_EC_gen("P-256")) != NULL);
    (void)pki_request_is_pem(file);
    if (pki_request_parse("request", file, &req, NULL) == ESCERTKE_OK) {
        judge(req);
        if (X509_REQ_set_pubkey(req, key) == 1 && X509_REQ_sign(req, key, EVP_sha256()) > 0)
            judge(req);
    } else {
        must(req == NULL);
    }
    X509_REQ_free(req);
    ERR_clear_error();
    return 0;
}
